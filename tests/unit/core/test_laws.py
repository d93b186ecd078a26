"""Laws of every plan, on clouds of any kind."""

import hypothesis
from hypothesis import strategies as st
import pytest

from predictive_watcher.core import landing
from predictive_watcher.core import pipeline
from predictive_watcher.core import placement
from predictive_watcher.core import quotas
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes import random_cloud
from tests.fakes.forecaster import FakeForecaster
from tests.unit.core import plain_placement


SEEDS = st.integers(0, 10**6)
BUDGETS = st.integers(0, 12)


def propose(cloud, quota=None, **rules):
    return pipeline.propose(
        fleet=cloud.fleet,
        window=cloud.window,
        forecaster=FakeForecaster(cloud.expected),
        leases=cloud.leases,
        policy=Policy(**rules),
        now=data.NOW,
        recent=cloud.recent,
        quotas=quota,
    )


def decisions(proposal):
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


def actions(proposal):
    return {
        name: chosen
        for name, chosen in decisions(proposal).items()
        if not isinstance(chosen, Hold)
    }


@pytest.mark.parametrize('seed', range(25))
def test_sums_that_are_kept_make_the_same_plan_as_sums_made_anew(
    monkeypatch, seed
):
    cloud = random_cloud.draw(seed, instances=30, nodes=6)
    kept = propose(cloud, max_actions=20, max_actions_per_node=6)
    monkeypatch.setattr(placement, 'Placement', plain_placement.PlainPlacement)
    monkeypatch.setattr(landing, 'Landings', plain_placement.PlainLandings)
    anew = propose(cloud, max_actions=20, max_actions_per_node=6)
    assert decisions(kept) == decisions(anew)
    assert kept.risk_after == pytest.approx(anew.risk_after, abs=1e-5)


@hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
@hypothesis.given(SEEDS, SEEDS, BUDGETS)
def test_no_plan_depends_on_the_order_of_its_input(seed, other, budget):
    cloud = random_cloud.draw(seed)
    one = propose(cloud, max_actions=budget)
    again = propose(random_cloud.shuffled(cloud, other), max_actions=budget)
    assert decisions(one) == decisions(again)


@hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
@hypothesis.given(SEEDS, BUDGETS, st.integers(1, 4))
def test_no_plan_exceeds_its_budgets(seed, budget, per_node):
    cloud = random_cloud.draw(seed)
    done = actions(
        propose(cloud, max_actions=budget, max_actions_per_node=per_node)
    )
    assert len(done) <= budget
    home = {one.id: one.node for one in cloud.fleet.instances}
    burden = {}
    for name, action in done.items():
        for node in {home[name], action.node or home[name]}:
            burden[node] = burden.get(node, 0) + 1
    assert max(burden.values(), default=0) <= per_node


@hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
@hypothesis.given(SEEDS)
def test_no_plan_touches_who_must_not_be_touched(seed):
    cloud = random_cloud.draw(seed)
    by_id = {one.id: one for one in cloud.fleet.instances}
    proposal = propose(cloud, max_actions=12, max_actions_per_node=12)
    names = [v.instance.id for v in proposal.verdicts]
    assert len(names) == len(set(names))
    assert set(names) == cloud.fleet.scope
    for name in actions(proposal):
        one = by_id[name]
        assert not one.locked and one.task_state is None
        assert one.status == 'ACTIVE'
        assert 'predictive:optout' not in one.metadata


@hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
@hypothesis.given(SEEDS)
def test_no_plan_exceeds_capacity_or_breaks_a_group(seed):
    cloud = random_cloud.draw(seed)
    done = actions(propose(cloud, max_actions=12, max_actions_per_node=12))
    by_id = {one.id: one for one in cloud.fleet.instances}
    taken = {one.name: [0, 0] for one in cloud.fleet.nodes}
    where = {}
    for one in cloud.fleet.instances:
        # what is left behind is free only when the move is over
        taken[one.node][0] += one.flavor.vcpus
        taken[one.node][1] += one.flavor.memory_mib
        where[one.id] = one.node
    for name, action in done.items():
        flavor = getattr(action, 'flavor', by_id[name].flavor)
        if action.node and action.node != by_id[name].node:
            taken[action.node][0] += flavor.vcpus
            taken[action.node][1] += flavor.memory_mib
            where[name] = action.node
    nodes = {one.name: one for one in cloud.fleet.nodes}
    for name in {where[moved] for moved in done}:
        if any(where[moved] == name != by_id[moved].node for moved in done):
            vcpus, memory_mib, _ = nodes[name].allocatable()
            assert taken[name][0] <= vcpus and taken[name][1] <= memory_mib
            assert nodes[name].enabled
    for group in cloud.fleet.groups:
        places = [where[one] for one in sorted(group.members)]
        if group.policy == 'affinity':
            assert len(set(places)) <= 1
        else:
            assert len(places) == len(set(places))


@hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
@hypothesis.given(SEEDS, st.integers(0, 8), st.integers(0, 16384))
def test_no_plan_exceeds_a_quota(seed, vcpus, memory_mib):
    cloud = random_cloud.draw(seed)
    left = {'p0': quotas.Quota(vcpus=vcpus, memory_mib=memory_mib)}
    proposal = propose(cloud, left, max_actions=12, max_actions_per_node=12)
    taken = [0, 0]
    for verdict in proposal.verdicts:
        chosen, one = verdict.adjustment, verdict.instance
        if isinstance(chosen, Resize) and one.project_id == 'p0':
            taken[0] += chosen.flavor.vcpus - one.flavor.vcpus
            taken[1] += chosen.flavor.memory_mib - one.flavor.memory_mib
    assert taken[0] <= vcpus and taken[1] <= memory_mib


@hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
@hypothesis.given(SEEDS)
def test_no_node_is_left_by_two_live_migrations_at_once(seed):
    # Nova's max_concurrent_live_migrations is 1 for each source by default
    cloud = random_cloud.draw(seed, instances=20)
    proposal = propose(cloud, max_actions=20, max_actions_per_node=20)
    left = [
        verdict.instance.node
        for verdict in proposal.verdicts
        if isinstance(verdict.adjustment, Migrate)
    ]
    assert len(left) == len(set(left))


@hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
@hypothesis.given(SEEDS, st.floats(0.1, 4.0), st.floats(0.0, 4.0))
def test_a_heavier_instance_never_asks_for_less(seed, weight, more):
    cloud = random_cloud.draw(seed)

    def asked(factor):
        found = propose(cloud, weight_factor=factor, max_actions=12)
        return {v.instance.id: v.amount for v in found.verdicts}

    less, heavier = asked(weight), asked(weight + more)
    assert all((heavier[one] >= less[one]).all() for one in less)
