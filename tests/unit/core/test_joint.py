"""Sums over nodes, corrected by what came of them."""

import dataclasses

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import joint
from predictive_watcher.core import load as load_module
from predictive_watcher.core import usage
from tests.fakes import cloud_data


START, STEP_S = 1_700_000_100, 300
IDS = tuple('abcd')


def node(name):
    return fleet.Node(name=name, vcpus=16, memory_mib=65536, disk_gib=100)


def site(nodes=('n1', 'n1', 'n2', 'n2')):
    return fleet.Fleet(
        instances=tuple(
            cloud_data.instance(name, where)
            for name, where in zip(IDS, nodes, strict=True)
        ),
        nodes=(node('n1'), node('n2')),
        flavors=cloud_data.FLAVORS,
        groups=(),
        scope=frozenset(IDS),
    )


def load(sd=1.0, mean=10.0):
    shape = (3, len(IDS), load_module.NODE_RESOURCES)
    return load_module.NodeLoad(
        mean=np.full(shape, mean),
        sd=np.full(shape, sd),
        limit=np.full(shape[1:], 100.0),
        moves=np.zeros((load_module.NODE_RESOURCES, len(IDS), 8)),
    )


def window(used):
    """The last steps of some use, (instances, steps)."""
    grid = np.repeat(np.asarray(used, np.float32)[:, :, None], 4, axis=2)
    return usage.UsageWindow(
        instances=IDS, start=START, step_s=STEP_S, usage=grid
    )


def audits(used, given=None, every=1):
    joints = joint.Joints()
    judged = None
    for end in range(1, used.shape[1] + 1, every):
        judged = joints.judged(site(), given or load(), window(used[:, :end]))
    return joints, judged


def test_the_quantile_of_each_node_comes_to_be_passed_as_often_as_it_says():
    rng = np.random.default_rng(1)
    used = rng.normal(10.0, 1.0, (4, 6000))
    used[2:] = 10 + 2.0 * rng.normal(size=6000)  # they move as one
    joints, judged = audits(used, every=3)
    # of two that move together by 2 the sum has a deviation of 4, not 1.41
    sum_sd = np.sqrt((judged.sd[0, :, 0] ** 2).reshape(2, 2).sum(axis=1))
    assert np.allclose(sum_sd, [np.sqrt(2), 4.0], rtol=0.2)


def test_at_first_nothing_is_changed():
    _, judged = audits(np.full((4, 1), 10.0))
    assert np.array_equal(judged.sd, load().sd)


def test_a_missing_member_settles_nothing_and_is_given_up_in_the_end():
    used = np.full((4, 40), 10.0)
    used[0, 1:] = np.nan
    first = joint.Joints()
    first.judged(site(), load(), window(used[:, :1]))
    soon = joint.settle(first.joint, window(used[:, :5]))
    assert soon.settled.tolist() == [0, 1]
    assert (soon.origin >= 0).tolist() == [True, False]
    late = joint.settle(first.joint, window(used))
    assert (late.origin >= 0).tolist() == [False, False]


def test_sums_of_a_time_far_ahead_are_given_up():
    joints = joint.Joints()
    joints.judged(site(), load(), window(np.full((4, 40), 10.0)))
    back = joint.settle(joints.joint, window(np.full((4, 2), 10.0)))
    assert (back.origin == -1).all() and not back.settled.any()


def test_a_sum_is_settled_with_those_who_were_there():
    used = np.full((4, 4), 10.0)
    joints = joint.Joints()
    joints.judged(site(), load(), window(used[:, :1]))
    before = joints.joint
    moved = site(('n2', 'n1', 'n2', 'n2'))
    joints.judged(moved, load(), window(used))
    assert before.member.tolist() == list(IDS)
    # 20 came of 20 expected on both: the quantile was not passed
    assert np.allclose(joints.joint.shift, -0.3 * 0.05)


def test_nodes_that_go_are_forgotten_and_new_ones_begin_with_nothing():
    joints, _ = audits(np.full((4, 8), 30.0))
    assert (joints.joint.shift > 0).all()
    found = joints.joint.among(('n3', 'n2'))
    assert (found.shift[0] == 0).all()
    assert np.array_equal(found.shift[1], joints.joint.shift[1])
    assert set(found.member_node.tolist()) <= {1}
    assert dataclasses.replace(found, nodes=('n3', 'n2')) is not found


def test_instances_of_no_known_node_stay_as_they_are():
    joints, _ = audits(np.full((4, 8), 30.0))
    strays = site(('n9', 'n9', 'n2', 'n2'))
    judged = joints.judged(strays, load(), window(np.full((4, 9), 30.0)))
    assert (judged.sd[:, :2] == 1.0).all()
    assert (judged.sd[:, 2:] > 1.0).all()


def test_what_all_nodes_need_is_learned_from_all_of_them():
    rng = np.random.default_rng(1)
    used = 10 + 2.0 * rng.normal(size=(4, 600))  # twice as restless
    joints, _ = audits(used, every=3)
    assert (joints.joint.common > 0.1).any()
    new = joints.joint.among(('n9',))
    assert (new.shift == 0).all()
    assert np.array_equal(new.common, joints.joint.common)
    assert (new.stretch() > 1).any()


def test_the_spread_stays_positive_and_sober():
    low = dataclasses.replace(
        joint.nothing(('n',)),
        shift=np.full((1, 3, 2), -1.2),
        common=np.full((1, 3, 2), -1.2),
    )
    assert (low.stretch() > 0.2).all()
