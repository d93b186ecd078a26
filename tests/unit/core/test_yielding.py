"""A heavy instance may have the room that a light one's lease holds."""

import pytest

from predictive_watcher.core import budgets
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Match
from predictive_watcher.core.rules import Rule
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def family(prefix, weight):
    return tuple(data.flavor(f'{prefix}{n}', n, 4, weight=weight)
                 for n in (4, 8))  # fmt: skip


LIGHT, HEAVY = family('l', '1'), family('h', '4')
RISING = {'cpu': (3.95, 0.01)}


def decisions(
    *,
    light=LIGHT,
    heavy=HEAVY,
    expected=None,
    spare=6,
    recent=None,
    rule=None,
    ended=0,
    neighbour=0.0,
    **rules,
):
    """Of a heavy one at risk on n1 and a light one with a lease on n2, which
    has no vCPU left; n3 has a few.

    :param neighbour: vCPUs that another one uses on n2, which is twice as
        much promised then.
    """
    others, ratio = (), 1.0
    if neighbour:
        eight = data.flavor('n8', 8, 4)
        others, ratio = (data.instance('next', 'n2', flavor=eight),), 2.0
    fleet = data.a_fleet(
        data.instance('heavy', 'n1', flavor=heavy[0], project_id='h'),
        data.instance('light', 'n2', flavor=light[1]),
        *others,
        nodes=(
            data.node('n1', 4, cpu_ratio=1.0),
            data.node('n2', 8, cpu_ratio=ratio),
            data.node('n3', spare, cpu_ratio=1.0),
        ),
        flavors=(*light, *heavy),
    )
    lease = data.lease(
        'light',
        origin_flavor_name=light[0].name,
        flavor_name=light[1].name,
        since=data.NOW - 3600,
    )
    needs = {'heavy': RISING, 'light': {'cpu': (3.7, 0.08)}}
    needs['next'] = {'cpu': (neighbour, 0.01)}
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(needs if expected is None else expected),
        leases=[lease],
        policy=Policy(**rules),
        now=data.NOW,
        recent=recent,
        rules=[rule] if rule else (),
        spent=budgets.Spent(releases={'light': ended}),
    )
    return {v.instance.id: v.adjustment for v in found.verdicts}


def test_the_lease_of_the_light_one_ends_for_the_heavy_one():
    found = decisions()
    chosen = found['light']
    assert isinstance(chosen, Release)
    assert chosen.reason is Reason.ROOM_FOR_HEAVIER
    assert chosen.flavor == LIGHT[0] and chosen.node == 'n3'
    assert 'its room is needed for heavy, of weight 4' in chosen.text
    waiting = found['heavy']
    assert isinstance(waiting, Hold) and waiting.reason is Reason.NO_NODE
    assert 'the lease of light ends early for it' in waiting.text


def kept(**given):
    chosen = decisions(**given)['light']
    return isinstance(chosen, Hold) and chosen.reason is Reason.LEASE_KEPT


def test_among_equals_nobody_yields():
    assert kept(light=family('l', '4'))
    assert kept(light=family('l', '2.1'))
    assert not kept(light=family('l', '2'))


def test_nobody_yields_who_would_lose_more():
    # the heavy one is hardly at risk, the light one surely
    doubtful = {'heavy': {'cpu': (3.55, 0.1)}, 'light': {'cpu': (3.95, 0.01)}}
    twice = family('h', '2')
    assert kept(heavy=twice, expected=doubtful, risk_threshold=0.2)
    assert not kept(heavy=twice)


def test_nobody_yields_without_a_place_to_go_to():
    assert kept(spare=2)


def test_nobody_yields_for_someone_who_has_room():
    found = decisions(spare=16)
    assert isinstance(found['heavy'], Resize)
    assert found['light'].reason is Reason.LEASE_KEPT


def test_nobody_yields_right_after_another_action():
    last = Attempt(
        instance_id='light',
        kind=Kind.RESIZE,
        at=data.NOW - 600,
        failed=False,
        text='',
    )
    assert kept(recent={'light': last})


@pytest.mark.parametrize(
    'settings', [{'observe_only': True}, {'allow_resize': False}]
)
def test_nobody_yields_for_someone_who_will_not_be_resized(settings):
    rule = Rule(name='r', match=Match(project=('h',)), settings=settings)
    assert kept(rule=rule)


def test_nobody_yields_a_node_that_would_be_at_risk_with_the_heavy_one():
    assert not kept(neighbour=0.5)
    assert kept(neighbour=3.3)


def test_nobody_yields_twice_a_day():
    assert kept(ended=1)


def test_the_room_of_a_node_is_promised_to_one_of_the_heavy():
    fleet = data.a_fleet(
        data.instance('h1', 'n1', flavor=HEAVY[0]),
        data.instance('h2', 'n5', flavor=HEAVY[0]),
        data.instance('l1', 'n2', flavor=LIGHT[1]),
        data.instance('l2', 'n2', flavor=LIGHT[1]),
        nodes=(
            data.node('n1', 16, cpu_ratio=0.25),
            data.node('n2', 16, cpu_ratio=1.0),
            data.node('n5', 16, cpu_ratio=0.25),
            data.node('n3', 7, cpu_ratio=1.0),
            data.node('n4', 7, cpu_ratio=1.0),
        ),
        flavors=(*LIGHT, *HEAVY),
    )
    origin, leased = LIGHT[0].name, LIGHT[1].name
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(dict.fromkeys(('h1', 'h2'), RISING)
                                  | dict.fromkeys(('l1', 'l2'),
                                                  {'cpu': (3.7, 0.08)})),
        leases=[
            data.lease(name, origin_flavor_name=origin, flavor_name=leased,
                       since=data.NOW - 3600)
            for name in ('l1', 'l2')
        ],
        policy=Policy(),
        now=data.NOW,
    )  # fmt: skip
    kinds = [type(verdict.adjustment) for verdict in found.verdicts]
    assert kinds.count(Release) == 1


@pytest.mark.parametrize('rules', [{'max_actions': 0}, {'observe_only': True}])
def test_nothing_ends_that_the_audit_does_not_allow(rules):
    assert isinstance(decisions(**rules)['light'], Hold)


def test_the_heavy_one_is_served_when_the_room_is_there():
    fleet = data.a_fleet(
        data.instance('heavy', 'n1', flavor=HEAVY[0]),
        data.instance('light', 'n3', flavor=LIGHT[0]),
        nodes=(
            data.node('n1', 4, cpu_ratio=1.0),
            data.node('n2', 8, cpu_ratio=1.0),
            data.node('n3', 4, cpu_ratio=1.0),
        ),
        flavors=(*LIGHT, *HEAVY),
    )
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(dict.fromkeys(('heavy', 'light'), RISING)),
        leases=(),
        policy=Policy(),
        now=data.NOW,
    )
    chosen = {v.instance.id: v.adjustment for v in found.verdicts}
    assert isinstance(chosen['heavy'], Resize)
    assert chosen['heavy'].node == 'n2'
    assert isinstance(chosen['light'], Hold)
