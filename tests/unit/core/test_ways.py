"""Leases leave one another a node to end on."""

import dataclasses
import itertools

import hypothesis
from hypothesis import strategies as st
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


RISING = {'cpu': (1.95, 0.01)}  # of SMALL's 2 vCPUs
NEEDED = {'cpu': (3.0, 0.01)}  # of MEDIUM's 4, and SMALL would not do


def node(name, vcpus, cpu_ratio=1.0):
    return data.node(name, vcpus, cpu_ratio=cpu_ratio)


def weighing(weight):
    return [
        data.flavor(f'w.{vcpus}', vcpus, 4, weight=weight) for vcpus in (2, 4)
    ]


def proposal(
    second, third, *, first=6, of_old='n1', where='n1', leased=True,
    weight='1', own=data.SMALL, flavors=data.FLAVORS, **rules,
):  # fmt: skip
    """`old` has a lease of MEDIUM, `new` needs one; the nodes n1, n2 and n3
    have so many vCPUs.
    """
    old = data.instance('old', of_old, flavor=data.MEDIUM)
    if weight != '1':
        flavors = (*flavors, *weighing(weight))
        own = flavors[-2]
    new = data.instance('new', where, flavor=own)
    fleet = data.a_fleet(
        old,
        new,
        nodes=(node('n1', first), node('n2', second), node('n3', third)),
        flavors=flavors,
    )
    return pipeline.propose(
        fleet=fleet,
        window=data.window(fleet, {'old': 3.0, 'new': 1.9}),
        forecaster=FakeForecaster({'old': NEEDED, 'new': RISING}),
        leases=[data.lease('old')] if leased else [],
        policy=Policy(**rules),
        now=data.NOW,
    )


def chosen(*room, **given):
    [found] = [
        verdict.adjustment
        for verdict in proposal(*room, **given).verdicts
        if verdict.instance.id == 'new'
    ]
    return found


def test_a_lease_does_not_take_the_last_way_back_of_another():
    # MEDIUM, 4 vCPUs, fits on n2 alone, and SMALL nowhere else then
    held = chosen(4, 1)
    assert isinstance(held, Hold) and held.reason is Reason.NO_NODE
    assert 'n2 is the only way back of a lease' in held.text


@pytest.mark.parametrize('room', [(6, 1), (4, 2)])
def test_it_is_granted_where_the_other_can_still_return(room):
    granted = chosen(*room)
    assert isinstance(granted, Resize) and granted.node == 'n2'


def test_without_leases_all_room_may_be_taken():
    assert isinstance(chosen(4, 1, leased=False), Resize)


def test_where_nova_may_choose_the_last_way_back_the_server_goes_on():
    # `old` is on n2 itself and n1 has promised too much: only n3 is a way
    granted = chosen(8, 4, first=1, of_old='n2')
    assert isinstance(granted, Resize) and granted.node == 'n2'
    assert granted.unfit == ('n3',)
    assert chosen(8, 6, first=1, of_old='n2').unfit == ()
    without = chosen(8, 4, first=1, of_old='n2', allow_migrate=False)
    assert without.unfit == ()


def test_who_leaves_makes_the_way_it_takes():
    # from n2, where SMALL has its place then
    assert isinstance(chosen(2, 4, where='n2'), Resize)


def test_who_weighs_twice_as_much_does_not_wait_for_that():
    assert isinstance(chosen(4, 1, weight='1.9'), Hold)
    assert isinstance(chosen(4, 1, weight='2'), Resize)


def test_a_lease_that_cannot_end_needs_no_way():
    gone = tuple(f for f in data.FLAVORS if f is not data.SMALL)
    own = data.flavor('own', 2, 4)
    served = chosen(4, 1, flavors=(own, *gone), own=own)
    assert isinstance(served, Resize)
    off = dataclasses.replace(data.SMALL, disabled=True)
    disabled = chosen(4, 1, flavors=(own, off, *gone), own=own)
    assert isinstance(disabled, Resize)


def test_a_migration_off_a_node_at_risk_does_not_wait_for_that():
    # n1 is too small for all that is used on it, and who leaves it makes less
    # room than the lease needs
    tiny = data.flavor('tiny', 1, 2)
    crowd = [data.instance(f'c{n}', 'n1', flavor=tiny) for n in range(4)]
    leased = data.instance('old', 'n3', flavor=data.MEDIUM)
    fleet = data.a_fleet(
        *crowd,
        leased,
        nodes=(node('n1', 3, cpu_ratio=4 / 3), node('n2', 2), node('n3', 4)),
    )
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(
            fleet, {'old': 3.0, **{one.id: 0.8 for one in crowd}}
        ),
        forecaster=FakeForecaster(
            {'old': NEEDED, **{c.id: {'cpu': (0.8, 0.01)} for c in crowd}}
        ),
        leases=[data.lease('old')],
        policy=Policy(),
        now=data.NOW,
    )
    actions = [verdict.adjustment for verdict in found.verdicts]
    assert any(isinstance(one, Migrate) for one in actions)


def test_no_lease_ends_in_vain_for_one_that_would_still_be_barred():
    """`light` could make room on n1 for `heavy`, but that is then the only
    way back of `mate`, which weighs as much as the heavy one.
    """

    def ended(mate_is_leased):
        weight = {'light': '1', 'heavy': '4', 'mate': '4'}
        flavors = {
            name: [
                data.flavor(f'{name}.{vcpus}', vcpus, 4, weight=weight[name])
                for vcpus in (2, 4)
            ]
            for name in weight
        }
        fleet = data.a_fleet(
            data.instance('light', 'n1', flavor=flavors['light'][1]),
            data.instance('heavy', 'n3', flavor=flavors['heavy'][0]),
            data.instance('mate', 'n3', flavor=flavors['mate'][1]),
            nodes=(node('n1', 8, 0.5), node('n2', 8, 0.25), node('n3', 6)),
            flavors=tuple(itertools.chain(*flavors.values())),
        )
        leased = ['light', *(['mate'] if mate_is_leased else [])]
        found = pipeline.propose(
            fleet=fleet,
            window=data.window(
                fleet, {'light': 1.0, 'heavy': 1.9, 'mate': 3.0}
            ),
            forecaster=FakeForecaster(
                {
                    'light': {'cpu': (1.5, 0.3)},
                    'heavy': RISING,
                    'mate': NEEDED,
                }
            ),
            leases=[
                data.lease(
                    name,
                    origin_flavor_name=f'{name}.2',
                    flavor_name=f'{name}.4',
                    since=data.NOW - 7200,
                )
                for name in leased
            ],
            policy=Policy(release_threshold=0.01),
            now=data.NOW,
        )
        return [
            v.adjustment.reason
            for v in found.verdicts
            if isinstance(v.adjustment, Release)
        ]

    assert ended(False) == [Reason.ROOM_FOR_HEAVIER]
    assert ended(True) == []


# --------------------------------------------------------------------- laws
@st.composite
def clouds(draw):
    nodes = [
        node(f'n{n}', draw(st.integers(2, 14)))
        for n in range(draw(st.integers(2, 4)))
    ]
    instances, leased = [], []
    room = {one.name: one.vcpus for one in nodes}
    for k in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from(sorted(room)))
        flavor = draw(st.sampled_from(data.FLAVORS[:2]))
        if room[name] < flavor.vcpus:
            continue
        room[name] -= flavor.vcpus
        instances.append(data.instance(f'i{k}', name, flavor=flavor))
        if flavor is data.MEDIUM:
            leased.append(f'i{k}')
    return nodes, instances, leased


def with_way(fleet, leases, node_of, flavor_of):
    """Who could have its own flavor on another node, if all was done."""
    free = {one.name: one.vcpus for one in fleet.nodes}
    for one in fleet.instances:
        free[node_of[one.id]] -= flavor_of[one.id].vcpus
    return {
        name
        for name in leases
        if any(
            left >= data.SMALL.vcpus
            for node, left in free.items()
            if node != node_of[name]
        )
    }


@hypothesis.given(clouds())
@hypothesis.settings(deadline=None)
def test_whoever_has_a_way_back_has_one_after_the_plan(cloud):
    nodes, instances, leased = cloud
    hypothesis.assume(instances)
    fleet = data.a_fleet(*instances, nodes=tuple(nodes))
    need = {
        one.id: NEEDED if one.id in leased else RISING for one in instances
    }
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet, {i: v['cpu'][0] for i, v in need.items()}),
        forecaster=FakeForecaster(need),
        leases=[data.lease(name) for name in leased],
        policy=Policy(
            max_actions=99, max_actions_per_node=99, max_unwatched_actions=99
        ),
        now=data.NOW,
    )
    node_of = {one.id: one.node for one in instances}
    flavor_of = {one.id: one.flavor for one in instances}
    before = with_way(fleet, leased, node_of, flavor_of)
    grown = []
    for verdict in found.verdicts:
        action, name = verdict.adjustment, verdict.instance.id
        if isinstance(action, Resize | Release):
            flavor_of[name] = action.flavor
        if isinstance(action, Resize | Release | Migrate):
            node_of[name] = action.node or node_of[name]
        if isinstance(action, Resize):
            grown.append(name)
    after = with_way(fleet, leased, node_of, flavor_of)
    assert before <= after
    # and so have those that are new: the place that they left, or another
    new = [name for name in grown if name not in leased]
    assert set(new) <= with_way(fleet, new, node_of, flavor_of)
