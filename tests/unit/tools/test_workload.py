"""The demonstration's demand has a known future."""

from demo import fleet
from demo import workload
import numpy as np
import pytest


HISTORY = workload.HISTORY_STEPS
FUTURE = workload.FUTURE_STEPS
LIMITS = np.array([server.flavor.limits for server in fleet.SERVERS])
NAMES = [server.name for server in fleet.SERVERS]


@pytest.fixture(scope='module')
def demand():
    return workload.demand(fleet.SERVERS, np.random.default_rng(7))


def _share(demand, name, resource):
    row = NAMES.index(name)
    return demand[row, :, resource] / LIMITS[row, resource]


def _hot_node(demand):
    rows = [i for i, s in enumerate(fleet.SERVERS) if s.node == 'compute2']
    return demand[rows, :, fleet.CPU].sum(axis=0) / fleet.NODE_VCPUS


def test_the_same_seed_makes_the_same_demand(demand):
    again = workload.demand(fleet.SERVERS, np.random.default_rng(7))
    np.testing.assert_array_equal(demand, again)


def test_another_seed_makes_another_demand(demand):
    other = workload.demand(fleet.SERVERS, np.random.default_rng(8))
    assert not np.array_equal(demand, other)


def test_demand_is_there_at_every_step_and_never_negative(demand):
    assert demand.shape == (12, HISTORY + FUTURE, 4)
    assert np.isfinite(demand).all()
    assert (demand >= 0).all()


@pytest.mark.parametrize(
    ('name', 'resource'),
    [('shop', fleet.CPU), ('blog', fleet.CPU), ('cache', fleet.MEMORY)],
)
def test_a_rush_passes_the_ceiling_for_half_an_hour_and_falls_back(
    demand, name, resource
):
    future = _share(demand, name, resource)[HISTORY:]
    above = np.flatnonzero(future > fleet.CEILING)
    assert 30 <= len(above) * 5 <= 60
    assert (np.diff(above) == 1).all()
    assert future[0] < 0.6
    assert future[-1] < 0.6


@pytest.mark.parametrize('name', ['shop', 'blog'])
def test_a_rush_takes_half_an_hour_to_come(demand, name):
    future = _share(demand, name, fleet.CPU)[HISTORY:]
    begins = np.flatnonzero(future > 0.5)[0]
    passes = np.flatnonzero(future > fleet.CEILING)[0]
    assert 15 <= (passes - begins) * 5 <= 40


def test_a_node_is_overloaded_though_none_of_its_servers_is(demand):
    future = _hot_node(demand)[HISTORY:]
    assert (future > fleet.CEILING).sum() * 5 >= 25
    assert future[0] < 0.5
    assert future[-1] < 0.5
    for server in fleet.SERVERS:
        if server.node == 'compute2':
            share = _share(demand, server.name, fleet.CPU)
            assert share.max() < fleet.CEILING


def test_without_one_of_its_servers_the_node_has_enough(demand):
    rows = [i for i, s in enumerate(fleet.SERVERS) if s.node == 'compute2']
    left = demand[rows[:-1], :, fleet.CPU].sum(axis=0)
    assert left.max() < fleet.CEILING * fleet.NODE_VCPUS


def test_yesterday_was_like_today(demand):
    shop = _share(demand, 'shop', fleet.CPU)
    today = np.flatnonzero(shop[HISTORY:] > fleet.CEILING)[0]
    day = slice(HISTORY - workload.DAY_STEPS, HISTORY)
    yesterday = np.flatnonzero(shop[day] > fleet.CEILING)[0]
    assert abs(today - yesterday) <= 1


@pytest.mark.parametrize('name', ['database', 'wiki', 'spare', 'reports'])
def test_the_others_are_never_in_trouble(demand, name):
    row = NAMES.index(name)
    assert (demand[row] < fleet.CEILING * LIMITS[row]).all()


def test_a_family_gives_more_of_everything_with_size():
    sizes = [f for f in fleet.FLAVORS.values() if f.weight == 4]
    for smaller, larger in zip(sizes, sizes[1:], strict=False):
        assert (larger.limits > smaller.limits).all()
