"""Who is kept together or apart, and where a plan sends whom."""

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import groups
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


NODES = tuple(data.node(f'n{number}', 16) for number in (1, 2, 3))
INDEX = {node.name: index for index, node in enumerate(NODES)}
RISING = {'cpu': (1.95, 0.01)}


def group(policy, *members):
    return fleet_module.ServerGroup(
        id='g', policy=policy, members=frozenset(members)
    )


def three(policy, *where):
    """Instances a, b, c on these nodes, in one group."""
    instances = [
        data.instance(name, node)
        for name, node in zip('abc', where, strict=True)
    ]
    return data.a_fleet(
        *instances, nodes=NODES, groups=(group(policy, *'abc'),)
    )


def allowed(policy, *where):
    made = groups.Groups(three(policy, *where), INDEX)
    return made.allowed(0, where).tolist()


def test_hard_policies_leave_no_choice():
    assert allowed('anti-affinity', 'n1', 'n2', 'n2') == [True, False, True]
    assert allowed('affinity', 'n1', 'n2', 'n2') == [False, True, False]
    assert allowed('affinity', 'n1', 'n2', 'n3') == [False] * 3


def test_soft_policies_forbid_nothing_and_prefer():
    where = ('n1', 'n2', 'n2')
    assert allowed('soft-anti-affinity', *where) == [True] * 3
    apart = groups.Groups(three('soft-anti-affinity', *where), INDEX)
    assert apart.dislike(0, where).tolist() == [0, 2, 0]
    together = groups.Groups(three('soft-affinity', *where), INDEX)
    assert together.dislike(0, where).tolist() == [0, -2, 0]


def test_a_member_on_a_node_that_nobody_lists_does_not_count():
    where = ('n1', 'elsewhere', 'n2')
    made = groups.Groups(three('soft-affinity', *where), INDEX)
    assert made.dislike(0, where).tolist() == [0, -1, 0]


def chosen(fleet, expected, **rules):
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(expected),
        leases=(),
        policy=Policy(**rules),
        now=data.NOW,
    )
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


def test_room_is_found_where_a_soft_group_likes_it():
    together = three('soft-affinity', 'n1', 'n3', 'n3')
    assert chosen(together, {'a': RISING})['a'].node == 'n3'
    apart = three('soft-anti-affinity', 'n1', 'n2', 'n2')
    assert chosen(apart, {'a': RISING})['a'].node == 'n3'


def test_a_plan_goes_round_nodes_that_it_has_burdened_enough():
    instances = [data.instance(f'i{n}', f'n{1 + n % 3}') for n in range(6)]
    fleet = data.a_fleet(*instances, nodes=NODES)
    found = chosen(
        fleet,
        {one.id: RISING for one in instances},
        max_actions=9,
        max_actions_per_node=5,
    )
    done = [one for one in found.values() if isinstance(one, Resize)]
    assert len(done) == 6
    assert np.unique([one.node for one in done]).size > 1
