"""Limits of flavors and nodes cut demand down to usage."""

from demo import physics
import numpy as np


def test_nobody_gets_more_than_his_limit():
    demand = np.array([[3.0, 500.0, 9.0, 9.0]])
    limits = np.array([[2.0, 1024.0, 5.0, 10.0]])
    used = physics.usage(demand, limits, ['a'])
    assert used.tolist() == [[2.0, 500.0, 5.0, 9.0]]


def test_a_full_node_shares_its_vcpus_and_another_node_does_not_care():
    demand = np.array([[12.0], [8.0], [10.0]])
    limits = np.full((3, 1), 16.0)
    used = physics.usage(demand, limits, ['a', 'a', 'b'])
    np.testing.assert_allclose(used.ravel(), [9.6, 6.4, 10.0])


def test_an_unknown_demand_stays_unknown_and_burdens_nobody():
    demand = np.array([[np.nan], [15.0]])
    used = physics.usage(demand, np.full((2, 1), 16.0), ['a', 'a'])
    assert np.isnan(used[0, 0])
    assert used[1, 0] == 15.0


def test_demand_is_not_changed():
    demand = np.array([[3.0]])
    physics.usage(demand, np.array([[2.0]]), ['a'])
    assert demand[0, 0] == 3.0


def test_only_demand_above_the_ceiling_violates():
    demand = np.array([[0.9, 0.91, np.nan]])
    violated = physics.violated(demand, np.ones((1, 3)))
    assert violated.tolist() == [[False, True, False]]
