import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.backtest import compare
from predictive_watcher.backtest import contention
from predictive_watcher.backtest import ladder
from predictive_watcher.backtest import scene
from predictive_watcher.core import fleet
from tests.unit.backtest import made


NAN = float('nan')


def family_of(limits, weight=1.0):
    built = ladder.build(np.array([limits], float), np.array([weight]))
    return built.flavors


def test_the_first_flavor_has_just_the_recorded_limits():
    own = family_of([2, 1024, 1e6, 5e5], weight=4)[0]
    assert own.limits().tolist() == [2, 1024, 1e6, 5e5]
    assert own.weight() == 4


def test_whole_vcpus_stay_whole_and_parts_are_quotas():
    assert {f.limits()[0] for f in family_of([2, 1024, NAN, NAN])} == {
        *(2, 3, 4, 6, 8),
    }
    half = family_of([0.5, 1024, NAN, NAN])[0]
    assert half.vcpus == 1
    assert half.limits()[0] == 0.5


def test_memory_that_the_trace_does_not_know_limits_nothing():
    for flavor in family_of([1, NAN, NAN, NAN]):
        assert np.isnan(flavor.limits()[1])
        assert flavor.memory_mib == 0


def test_families_are_told_apart_by_a_spec_that_has_to_be_the_same():
    limits = np.array([[2, 1024, NAN, NAN], [2, 2048, NAN, NAN]])
    built = ladder.build(limits, np.ones(2))
    one, other = (
        {
            flavor.extra_specs[fleet.FAMILY_SPEC]
            for flavor in built.flavors
            if flavor.name.startswith(name)
        }
        for name in built.origins
    )
    assert len(one) == len(other) == 1
    assert one != other


def test_an_instance_without_a_cpu_limit_is_refused():
    with pytest.raises(exceptions.InvalidTrace, match='no cpu limit'):
        family_of([NAN, 1024, NAN, NAN])


def test_weights_are_drawn_by_seed_and_evenly():
    one, same, other = (
        made.a_scene(made.demand(instances=9), seed=seed).weights.tolist()
        for seed in (1, 1, 2)
    )
    assert one == same != other
    assert sorted(one) == [1, 1, 1, 2, 2, 2, 4, 4, 4]


def test_everyone_has_a_place_and_the_room_is_there():
    built = made.a_scene(made.demand(instances=9), room=0.5)
    vcpus = np.array([built.flavors[i].vcpus for i in built.flavor_of])
    most = np.array([node.allocatable()[0] for node in built.nodes])
    used = np.bincount(built.node_of, vcpus, len(most))
    assert (used <= most).all()
    assert used.sum() <= 0.5 * most.sum()


def test_too_many_nodes_are_no_problem_and_large_instances_fit():
    built = made.a_scene(nodes=50)
    assert len(built.nodes) == 50
    assert scene.Site(nodes=1).overcommit == 1


def test_a_full_node_gives_all_it_has_and_nobody_more_than_it_wants():
    rng = np.random.default_rng(0)
    for _ in range(20):
        wanted = rng.random((6, 2)) * 4
        node_of = rng.integers(0, 2, 6)
        capacity = rng.random((2, 2)) * 8
        shares = rng.integers(1, 5, 6).astype(float)
        given = contention.delivered(wanted, node_of, capacity, shares)
        assert (given <= wanted + 1e-9).all()
        for r in range(2):
            asked = np.bincount(node_of, wanted[:, r], 2)
            got = np.bincount(node_of, given[:, r], 2)
            assert np.allclose(got, np.minimum(asked, capacity[:, r]))


def test_a_ratio_has_an_interval_over_instances():
    rng = np.random.default_rng(0)

    class Found:
        interrupted = actions_of = vcpu_hours = gib_hours = np.zeros(40)

        def __init__(self, violated):
            self.violated = violated

    rival = Found(rng.random(40) + 1)
    ours = Found(rival.violated / 2)
    found = compare.ratios(ours, rival, np.ones(40), seed=0)
    violated = found['weighted_violation_minutes']
    for key in ('ratio', 'low', 'high'):
        assert violated[key] == pytest.approx(0.5)
    assert found['actions']['ratio'] is None
