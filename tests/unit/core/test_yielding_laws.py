"""What holds of leases that yield, whatever the fleet."""

import dataclasses
import re

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np

from predictive_watcher.core import pipeline
from predictive_watcher.core import weights
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


WEIGHTS = ('0.5', '1', '2', '4')
FLAVORS = {
    weight: tuple(
        data.flavor(f'w{weight}x{n}', n, 4, weight=weight) for n in (4, 8)
    )
    for weight in WEIGHTS
}
UNTOUCHABLE = (
    {'locked': True},
    {'task_state': 'rebooting'},
    {'status': 'SHUTOFF'},
    {'metadata': {'predictive:optout': 'true'}},
)
# weight, and use of 4 vCPUs
SEEKERS = st.lists(
    st.tuples(st.sampled_from(WEIGHTS), st.floats(3.7, 4.0)), min_size=1,
    max_size=3,
)  # fmt: skip
# weight, use, and whether nobody may touch it (below 0: anyone may)
LEASED = st.lists(
    st.tuples(
        st.sampled_from(WEIGHTS),
        st.floats(2.5, 3.9),
        st.integers(-6, len(UNTOUCHABLE) - 1),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


def a_cloud(seekers, leased, spare):
    """Each on a node of its own that has no vCPU left; one has a few."""
    made, needs, leases = [], {}, []
    for n, (weight, used) in enumerate(seekers):
        flavor = FLAVORS[weight][0]
        made.append(data.instance(f's{n}', f'n{n}', flavor=flavor))
        needs[f's{n}'] = {'cpu': (used, 0.05)}
    for n, (weight, used, state) in enumerate(leased):
        small, large = FLAVORS[weight]
        more = UNTOUCHABLE[state] if state >= 0 else {}
        made.append(data.instance(f'l{n}', f'm{n}', flavor=large, **more))
        needs[f'l{n}'] = {'cpu': (used, 0.08)}
        leases.append(
            data.lease(
                f'l{n}',
                origin_flavor_name=small.name,
                flavor_name=large.name,
                since=data.NOW - 3600,
            )
        )
    nodes = [
        data.node(one.node, one.flavor.vcpus, cpu_ratio=1.0) for one in made
    ]
    nodes.append(data.node('spare', spare, cpu_ratio=1.0))
    return made, nodes, needs, leases


def plan(made, nodes, needs, leases, **rules):
    fleet = data.a_fleet(
        *made,
        nodes=tuple(nodes),
        flavors=tuple(one for pair in FLAVORS.values() for one in pair),
    )
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(needs),
        leases=leases,
        policy=Policy(
            **{
                'max_actions': 20,
                'max_actions_per_node': 20,
                'cooldown_s': 0,
                **rules,
            }
        ),
        now=data.NOW,
    )
    return {v.instance.id: v for v in found.verdicts}


def yielded(verdicts):
    return {
        name
        for name, one in verdicts.items()
        if one.adjustment.reason is Reason.ROOM_FOR_HEAVIER
    }


def told_of(verdicts):
    """Who was told that a lease ends early for it, by whose lease."""
    found = {}
    for name, one in verdicts.items():
        said = re.search('the lease of (.*) ends early', one.adjustment.text)
        if said:
            found[said[1]] = name
    return found


def test_the_heaviest_gets_the_room_of_the_lightest():
    """That the clouds of this module are about something."""
    leased = [('2', 3.7, -1), ('0.5', 3.7, -1), ('1', 3.7, -1)]
    found = plan(*a_cloud([('4', 3.95)], leased, 6))
    assert yielded(found) == {'l1'}
    assert told_of(found) == {'l1': 's0'}


@settings(max_examples=20, deadline=None)
@given(SEEKERS, LEASED, st.sampled_from([0, 4, 6, 12]))
def test_only_the_lighter_yield_and_only_for_someone(seekers, leased, spare):
    cloud = a_cloud(seekers, leased, spare)
    found = plan(*cloud)
    for_whom = told_of(found)
    # nobody yields unless somebody is promised the room
    assert set(for_whom) == yielded(found)
    assert len(set(for_whom.values())) == len(for_whom)
    for light, heavy in for_whom.items():
        least = found[heavy].weight / weights.HEAVIER
        assert found[light].weight <= least
        assert found[heavy].adjustment.reason is Reason.NO_NODE


@settings(max_examples=20, deadline=None)
@given(SEEKERS, LEASED, st.sampled_from([4, 12]))
def test_who_must_not_be_touched_never_yields(seekers, leased, spare):
    found = plan(*a_cloud(seekers, leased, spare))
    for n, (_, _, state) in enumerate(leased):
        if state >= 0:
            assert not isinstance(found[f'l{n}'].adjustment, Release)


@settings(max_examples=20, deadline=None)
@given(SEEKERS, LEASED, st.sampled_from([4, 12]), st.randoms())
def test_who_yields_does_not_depend_on_the_order_of_the_input(
    seekers, leased, spare, random
):
    made, nodes, needs, leases = a_cloud(seekers, leased, spare)
    first = plan(made, nodes, needs, leases)
    for one in (made, nodes, leases):
        random.shuffle(one)
    second = plan(made, nodes, needs, leases)
    assert {n: v.adjustment for n, v in first.items()} == {
        n: v.adjustment for n, v in second.items()
    }


@settings(max_examples=20, deadline=None)
@given(SEEKERS, LEASED, st.integers(1, 4), st.integers(1, 2))
def test_leases_that_yield_count_in_budgets(seekers, leased, most, per_node):
    found = plan(
        *a_cloud(seekers, leased, 12),
        max_actions=most,
        max_actions_per_node=per_node,
    )
    acted = [
        one for one in found.values() if hasattr(one.adjustment, 'node')
    ]
    assert len(acted) <= most
    burdened = [
        node
        for one in acted
        for node in {
            one.instance.node, one.adjustment.node or one.instance.node
        }  # fmt: skip
    ]
    assert all(burdened.count(node) <= per_node for node in burdened)


@settings(max_examples=20, deadline=None)
@given(SEEKERS, LEASED)
def test_nobody_yields_who_has_nowhere_to_go(seekers, leased):
    made, nodes, needs, leases = a_cloud(seekers, leased, 12)
    shut = [dataclasses.replace(one, enabled=False) for one in nodes]
    assert yielded(plan(made, shut, needs, leases)) == set()


@settings(max_examples=30, deadline=None)
@given(st.floats(3.65, 4.0), st.floats(0.0, 0.3), st.sampled_from(WEIGHTS))
def test_more_risk_or_more_weight_never_asks_for_less(used, more, weight):
    """Alone on an empty node: the amount, and the flavor that is leased."""

    def asked(weight, used):
        flavor = FLAVORS[weight][0]
        one = data.instance('a', 'big', flavor=flavor)
        node = data.node('big', 64)
        found = plan([one], [node], {'a': {'cpu': (used, 0.05)}}, [])['a']
        return float(found.amount[0]), found.highest_risk

    amount, risk = asked(weight, used)
    later, later_risk = asked(weight, used + more)
    assert later >= amount and later_risk >= risk
    heavier = WEIGHTS[min(WEIGHTS.index(weight) + 1, len(WEIGHTS) - 1)]
    assert asked(heavier, used)[0] >= amount
    assert np.isfinite(amount)
