"""What keeps a plan small: budgets, age, restarts, shared causes."""

from collections import Counter
import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import brakes
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.brakes import Earlier
from predictive_watcher.core.budgets import Spent
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.policy import Reaction
from predictive_watcher.core.rules import Match
from predictive_watcher.core.rules import Rule
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


RISING = {'cpu': (1.95, 0.01)}  # of 2 vCPUs: surely above 1.8
NODES = tuple(data.node(f'n{n}', 64) for n in range(6))


def many(count, *, projects=1, nodes=6, **more):
    """Instances over the nodes and projects in turn."""
    return data.a_fleet(
        *(
            data.instance(
                f'i{n}',
                f'n{n % nodes}',
                project_id=f'p{n % projects}',
                **more,
            )
            for n in range(count)
        ),
        nodes=NODES,
    )


def decisions(fleet, expected=None, **given):
    proposal = proposed(fleet, expected, **given)
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


def proposed(fleet, expected=None, *, leases=(), now=data.NOW, **given):
    known = ('rules', 'spent', 'earlier', 'anomalies', 'recent')
    told = {key: given.pop(key) for key in known if key in given}
    expected = (
        {i.id: RISING for i in fleet.instances}
        if expected is None
        else expected
    )
    return pipeline.propose(
        fleet=fleet,
        window=data.window(fleet, end=now),
        forecaster=FakeForecaster(expected),
        leases=leases,
        policy=Policy(
            **{'max_actions': 99, 'max_actions_per_node': 99, **given}
        ),
        now=now,
        **told,
    )


def acted(found):
    return [
        name
        for name, one in found.items()
        if not isinstance(one, Hold | Confirm)
    ]


def rule(settings, **match):
    return Rule(name='r', match=Match(**match), settings=settings)


def attempt(instance='i0', *, ago=600, project='p0', kind=Kind.RESIZE):
    return Attempt(
        instance_id=instance,
        kind=kind,
        at=data.NOW - ago,
        failed=False,
        text='',
        project_id=project,
    )


# -------------------------------------------------------------------- budgets
def test_what_was_done_within_an_hour_counts():
    spent = Spent.of([attempt(ago=3599), attempt(ago=3600)], data.NOW)
    found = decisions(many(4), spent=spent, max_actions_per_hour=3)
    assert len(acted(found)) == 2
    held = [one for one in found.values() if isinstance(one, Hold)]
    assert {one.reason for one in held} == {Reason.BUDGET}
    assert 'max_actions_per_hour = 3 is used up' in held[0].text


def test_a_project_has_its_own_budget():
    spent = Spent.of([attempt(project='p1')], data.NOW)
    found = decisions(
        many(6, projects=2), spent=spent, max_actions_per_project_hour=2
    )
    assert Counter(int(name[1:]) % 2 for name in acted(found)) == {0: 2, 1: 1}


@pytest.mark.parametrize(
    ('ago', 'setting'),
    [
        (3599, 'max_actions_per_instance_hour'),
        (86399, 'max_actions_per_instance_day'),
    ],
)
def test_an_instance_has_its_own_budget(ago, setting):
    spent = Spent.of([attempt(ago=ago)], data.NOW)
    assert acted(decisions(many(2), spent=spent, **{setting: 1})) == ['i1']
    spent = Spent.of([attempt(ago=ago + 1)], data.NOW)
    assert len(acted(decisions(many(2), spent=spent, **{setting: 1}))) == 2


def test_a_confirmation_is_no_action_of_its_own():
    spent = Spent.of([attempt(kind=Kind.CONFIRM)], data.NOW)
    assert spent == Spent()


def test_a_budget_of_a_rule_is_kept_by_those_that_come_later():
    # the heavy ones are served first, and their budget is two
    small = rule(
        {'max_actions_per_hour': 2, 'weight_factor': 9.0}, project=('p0',)
    )
    found = decisions(many(6, projects=2), rules=[small])
    assert len(acted(found)) == 2


budgets = st.integers(0, 3)
policies = st.fixed_dictionaries(
    {},
    optional={
        'max_actions': budgets,
        'max_actions_per_node': budgets,
        'max_actions_per_hour': budgets,
        'max_actions_per_project_hour': budgets,
        'max_actions_per_instance_hour': budgets,
        'max_actions_per_instance_day': budgets,
    },
)
attempts = st.lists(
    st.builds(
        attempt,
        st.sampled_from(['i0', 'i1', 'i2', 'i3']),
        ago=st.integers(0, 90000),
        project=st.sampled_from(['p0', 'p1']),
    ),
    max_size=4,
)


@hypothesis.given(policies, policies, attempts, st.integers(2, 7), st.data())
@hypothesis.settings(deadline=None, max_examples=150)
def test_no_plan_passes_any_budget(base, own, done, count, draw):
    fleet = many(count, projects=2, nodes=3)
    busy = draw.draw(st.sets(st.sampled_from([i.id for i in fleet.instances])))
    expected = dict.fromkeys(busy, RISING)
    given = [rule(own, project=('p1',))]
    found = decisions(
        fleet,
        expected,
        rules=given,
        spent=Spent.of(done, data.NOW),
        **base,
    )
    everything = {'max_actions': 99, 'max_actions_per_node': 99}
    limits = {
        'p0': {**everything, **base},
        'p1': {**everything, **base, **own},
    }
    for name in ('max_actions', 'max_actions_per_node'):
        limits['p1'][name] = min(limits['p0'][name], limits['p1'][name])
    planned = acted(found)
    where = {i.id: i for i in fleet.instances}
    hour = [one for one in done if one.at > data.NOW - 3600]
    day = [one for one in done if one.at > data.NOW - 86400]
    for name in planned:
        one, limit = where[name], limits[where[name].project_id]
        mine = [n for n in planned if where[n].project_id == one.project_id]
        counts = {
            'max_actions': len(planned),
            'max_actions_per_hour': len(planned) + len(hour),
            'max_actions_per_project_hour': len(mine)
            + sum(d.project_id == one.project_id for d in hour),
            'max_actions_per_instance_hour': 1
            + sum(d.instance_id == name for d in hour),
            'max_actions_per_instance_day': 1
            + sum(d.instance_id == name for d in day),
            'max_actions_per_node': max(
                sum(node in {where[n].node, found[n].node} for n in planned)
                for node in {one.node, found[name].node}
            ),
        }
        for budget, most in limit.items():
            assert counts[budget] <= most, budget


# ------------------------------------------------------------ new instances
def test_a_new_instance_is_observed_before_it_is_touched():
    young = many(1, created_at=data.NOW - 3599)
    chosen = decisions(young)['i0']
    assert chosen.reason is Reason.OBSERVING
    assert 'the instance is 3599 s old' in chosen.text
    old = many(1, created_at=data.NOW - 3600)
    assert isinstance(decisions(old)['i0'], Resize)


def test_a_new_instance_is_not_moved_off_its_node_either():
    fleet = data.a_fleet(
        *(data.instance(i, created_at=data.NOW - 60) for i in 'abcde'),
        nodes=(data.node('n1', 8), data.node('n2', 16)),
    )
    expected = {i: {'cpu': (1.6, 0.05)} for i in 'abcde'}
    assert acted(decisions(fleet, expected)) == []
    assert len(acted(decisions(fleet, expected, observation_s=60))) == 1


# ------------------------------------------------------- restarts and gaps
def test_after_a_restart_or_a_gap_one_instance_is_acted_upon():
    fleet = many(6)
    found = decisions(fleet, earlier=Earlier(risk={}))
    assert len(acted(found)) == 1
    assert 'no audit looked at of late' in found['i5'].text
    seen = Earlier(risk={i.id: 1.0 for i in fleet.instances})
    assert len(acted(decisions(fleet, earlier=seen))) == 6


def test_who_was_watched_is_not_held_by_those_who_were_not():
    seen = Earlier(risk={'i3': 1.0, 'i4': 1.0})
    found = acted(decisions(many(6), earlier=seen))
    assert {'i3', 'i4'} < set(found)
    assert len(found) == 3


# ---------------------------------------------------------- shared anomalies
def seen_before(fleet, risk=0.0):
    return Earlier(risk={i.id: risk for i in fleet.instances})


def test_half_a_fleet_that_comes_to_be_at_risk_at_once_is_not_resized():
    fleet = many(24)
    expected = {f'i{n}': RISING for n in range(12)}
    found = decisions(fleet, expected, earlier=seen_before(fleet))
    assert acted(found) == []
    assert found['i0'].reason is Reason.ANOMALY
    assert '12 of 24 instances of the fleet' in found['i0'].text
    assert found['i20'].reason is Reason.LOW_RISK


@pytest.mark.parametrize(
    'rules', [{'begin_threshold': 0.2}, {'weight_urgency': 0.5}]
)
def test_where_leases_begin_earlier_so_does_what_is_shared(rules):
    heavy = data.flavor('heavy', 2, 4, weight='9')
    fleet = many(24)
    fleet = dataclasses.replace(
        fleet,
        instances=tuple(
            dataclasses.replace(one, flavor=heavy) for one in fleet.instances
        ),
        flavors=(heavy, data.flavor('more', 4, 8, weight='9')),
    )
    doubtful = {f'i{n}': {'cpu': (1.75, 0.06)} for n in range(12)}  # .3
    found = decisions(
        fleet, doubtful, earlier=seen_before(fleet, 0.1), **rules
    )
    assert acted(found) == []
    assert '12 of 24 instances of the fleet' in found['i0'].text
    assert acted(decisions(fleet, doubtful, **rules))


def test_what_was_at_risk_before_is_no_news():
    fleet = many(24)
    expected = {f'i{n}': RISING for n in range(12)}
    found = decisions(fleet, expected, earlier=seen_before(fleet, 0.6))
    assert len(acted(found)) == 12


def test_a_few_at_once_are_no_anomaly():
    fleet = many(24)
    expected = {f'i{n}': RISING for n in range(6)}
    found = decisions(fleet, expected, earlier=seen_before(fleet))
    assert len(acted(found)) == 6


def test_a_node_is_judged_by_itself():
    fleet = many(48)
    expected = {f'i{n}': RISING for n in range(0, 48, 6)}  # all of n0
    found = decisions(fleet, expected, earlier=seen_before(fleet))
    assert found['i0'].reason is Reason.ANOMALY
    assert '8 of 8 instances of node n0' in found['i0'].text


@pytest.mark.parametrize('left_s', [1, 600, brakes.HOLD_S])
def test_what_came_at_once_is_held_for_a_stated_time(left_s):
    fleet = many(24)
    expected = {f'i{n}': RISING for n in range(12)}
    first = proposed(fleet, expected, earlier=seen_before(fleet))
    [began] = first.outbreaks
    assert began.until == data.NOW + brakes.HOLD_S
    # the audits after it know them to be at risk: they are no news
    until = data.NOW + left_s
    later = Earlier(
        risk=seen_before(fleet, 0.6).risk,
        outbreaks=(dataclasses.replace(began, until=until),),
    )
    proposal = proposed(fleet, expected, earlier=later)
    found = {v.instance.id: v.adjustment for v in proposal.verdicts}
    assert acted(found) == []
    assert f'for {left_s} s more' in found['i0'].text
    assert proposal.outbreaks == ()


def test_after_that_time_what_is_shared_is_held_no_more():
    fleet = many(24)
    expected = {f'i{n}': RISING for n in range(12)}
    [began] = proposed(fleet, expected, earlier=seen_before(fleet)).outbreaks
    over = dataclasses.replace(began, until=data.NOW)
    later = Earlier(risk=seen_before(fleet, 0.6).risk, outbreaks=(over,))
    assert len(acted(decisions(fleet, expected, earlier=later))) == 12


def test_an_outbreak_of_a_node_holds_nobody_elsewhere():
    fleet = many(48)
    earlier = Earlier(
        risk=seen_before(fleet, 0.6).risk,
        outbreaks=(
            brakes.Outbreak(
                kind='node', subject='n0', until=data.NOW + 60, text='odd'
            ),
        ),
    )
    expected = {'i0': RISING, 'i1': RISING}
    found = decisions(fleet, expected, earlier=earlier)
    assert found['i0'].text.endswith('odd, for 60 s more')
    assert acted(found) == ['i1']


def test_a_policy_may_allow_what_is_shared():
    fleet = many(24)
    both = {'anomalies.fleet': Reaction.ALLOW, 'anomalies.node': 'allow'}
    found = decisions(
        fleet,
        {f'i{n}': RISING for n in range(12)},
        earlier=seen_before(fleet),
        rules=[rule(both)],
    )
    assert len(acted(found)) == 12


@pytest.mark.parametrize('allowed', ['fleet', 'node'])
def test_what_is_allowed_of_one_kind_leaves_the_brake_of_the_other(allowed):
    fleet = many(24)
    text = {'fleet': 'all are odd', 'node': 'n0 is odd'}
    later = Earlier(
        risk=seen_before(fleet, 0.6).risk,
        outbreaks=tuple(
            brakes.Outbreak(
                kind=kind,
                subject=subject,
                until=data.NOW + 60,
                text=text[kind],
            )
            for kind, subject in (('node', 'n0'), ('fleet', ''))
        ),
    )
    found = decisions(
        fleet,
        {'i0': RISING, 'i1': RISING},
        earlier=later,
        rules=[rule({f'anomalies.{allowed}': Reaction.ALLOW})],
    )
    held = {
        name: one.text
        for name, one in found.items()
        if one.reason is Reason.ANOMALY
    }
    [other] = set(text) - {allowed}
    assert set(held) == ({'i0'} if allowed == 'fleet' else {'i0', 'i1'})
    assert held['i0'].endswith(f'{text[other]}, for 60 s more')


def test_telemetry_that_fails_for_most_stops_resizes_and_releases():
    fleet = many(24, flavor=data.SMALL)
    silent = {f'gone{n}': 0.0 for n in range(3)}
    window = data.window(fleet)
    used = window.usage.copy()
    used[4:] = float('nan')
    window = dataclasses.replace(window, usage=used)
    proposal = pipeline.propose(
        fleet=fleet,
        window=window,
        forecaster=FakeForecaster({'i0': RISING}),
        leases=(),
        policy=Policy(),
        now=data.NOW,
        earlier=Earlier(risk={**silent, **seen_before(fleet).risk}),
    )
    found = {v.instance.id: v.adjustment for v in proposal.verdicts}
    assert found['i0'].reason is Reason.ANOMALY
    assert '20 of 24 instances that had a forecast' in found['i0'].text


# ------------------------------------------------------ anomalies of instances
def test_an_odd_instance_is_held_where_its_policy_says_so():
    hold = rule({'anomalies.runaway': Reaction.HOLD})
    told = {'anomalies': {'i0': 'runaway'}}
    found = decisions(many(2), rules=[hold], **told)
    assert found['i0'].reason is Reason.ANOMALY
    assert acted(found) == ['i1']
    assert acted(decisions(many(2), **told)) == ['i0', 'i1']


@pytest.mark.parametrize(
    ('reaction', 'note'), [('notify', 'it behaves oddly: leak'), ('allow', '')]
)
def test_what_is_only_odd_is_told_or_not(reaction, note):
    fleet = many(1)
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster({}),
        leases=(),
        policy=Policy(anomalies={'leak': Reaction(reaction)}),
        now=data.NOW,
        anomalies={'i0': 'leak'},
    )
    assert proposal.verdicts[0].note == note


# ---------------------------------------------------- a day without to and fro
def a_day(level, noise, seed):
    """What is done about six instances whose load wavers about a level."""
    rng = np.random.default_rng(seed)
    flavor = {f'i{n}': data.SMALL for n in range(6)}
    leases, done = {}, []
    for step in range(288):
        now = data.NOW + 300 * step
        fleet = data.a_fleet(
            *(
                data.instance(name, f'n{n}', flavor=flavor[name])
                for n, name in enumerate(flavor)
            ),
            nodes=NODES,
        )
        expected = {
            name: {'cpu': (level + rng.normal(0, noise), 0.05)}
            for name in flavor
        }
        found = decisions(
            fleet,
            expected,
            leases=tuple(leases.values()),
            recent={one.instance_id: one for one in done},
            spent=Spent.of(done, now),
            now=now,
        )
        for name in acted(found):
            chosen = found[name]
            flavor[name] = chosen.flavor
            grows = isinstance(chosen, Resize)
            leases.pop(name, None)
            if grows:
                leases[name] = data.lease(
                    name,
                    flavor_name=chosen.flavor.name,
                    since=now,
                    expires_at=chosen.expires_at,
                )
            kind = Kind.RESIZE if grows else Kind.RELEASE
            done.append(attempt(name, kind=kind, ago=data.NOW - now))
    return done


@pytest.mark.parametrize(
    ('level', 'noise'), [(1.75, 0.08), (1.75, 0.04), (1.7, 0.08), (1.8, 0.05)]
)
def test_a_day_of_load_that_wavers_about_a_limit_is_no_to_and_fro(
    level, noise
):
    done = a_day(level, noise, seed=1)
    begun = [one for one in done if one.kind is Kind.RESIZE]
    # one that comes again within a day stays for a day
    assert max(Counter(one.instance_id for one in begun).values()) <= 2
    for name in {one.instance_id for one in done}:
        mine = [one.at for one in done if one.instance_id == name]
        assert len(mine) < 3 or mine[1] - mine[0] >= 900
        assert len(mine) < 4 or mine[3] - mine[2] >= 86400


def test_a_lease_that_lasts_longer_says_why():
    lease = data.lease('a', since=data.NOW - 1800)
    fleet = data.a_fleet(data.instance('a', flavor=data.MEDIUM))
    ended = [attempt('a', ago=7200, kind=Kind.RELEASE)]
    assert isinstance(decisions(fleet, {}, leases=[lease])['a'], Release)
    kept = decisions(
        fleet, {}, leases=[lease], spent=Spent.of(ended, data.NOW)
    )['a']
    assert kept.reason is Reason.LEASE_KEPT
    assert 'another lease of it ended within a day' in kept.text
    assert 'gone for 86400 s' in kept.text
