"""What a window of usage knows about itself."""

import hypothesis
from hypothesis import strategies as st
import numpy as np

from predictive_watcher.core import contention
from predictive_watcher.core import excess
from predictive_watcher.core import usage
from tests.fakes import cloud_data as data


def window(used):
    return usage.UsageWindow(
        instances=tuple(f'i{row}' for row in range(len(used))),
        start=3000,
        step_s=300,
        usage=np.asarray(used, np.float32),
    )


def drawn(seed, share):
    """Usage of three instances; such a share of the samples is missing."""
    rng = np.random.default_rng(seed)
    used = rng.uniform(0, 2, (3, int(rng.integers(0, 9)), 4))
    used[rng.random(used.shape) < share] = np.nan
    return window(used)


WINDOWS = st.builds(drawn, st.integers(0, 10**6), st.floats(0, 1))


@hypothesis.settings(deadline=None, derandomize=True)
@hypothesis.given(WINDOWS)
def test_the_newest_sample_is_the_last_that_is_there(made):
    newest = made.newest_of_each()
    for row, column in np.ndindex(newest.shape):
        there = np.isfinite(made.usage[row, :, column])
        times = made.times()[there]
        assert newest[row, column] == (times[-1] if times.size else -1)
    assert made.newest().tolist() == newest.max(axis=1).tolist()


@hypothesis.settings(deadline=None, derandomize=True)
@hypothesis.given(WINDOWS)
def test_a_step_is_reported_where_any_resource_has_a_sample(made):
    plain = np.isfinite(made.usage).any(axis=2)
    assert (made.reported() == plain).all()


@hypothesis.settings(deadline=None, derandomize=True)
@hypothesis.given(WINDOWS, st.floats(0, 2))
def test_excess_is_the_mean_length_of_the_runs_above(made, level):
    found = excess.of_window(made, np.full((3, 4), level))
    for row, column in np.ndindex(found.shape):
        above = made.usage[row, :, column] > level
        runs = (np.diff(above.astype(int), prepend=0) > 0).sum()
        expected = (1800 + 300 * above.sum()) / (1 + runs)
        assert found[row, column] == expected


def test_a_node_is_busy_by_the_sum_of_those_that_are_on_it():
    rng = np.random.default_rng(0)
    fleet = data.a_fleet(
        *(data.instance(f'i{n}', f'n{n % 4}') for n in range(40)),
        nodes=(data.node('n0', 10), data.node('n1', 20), data.node('n2', 10)),
    )
    made = window(rng.uniform(0, 2, (40, 12, 4)))
    expected = {}
    for node in fleet.nodes:
        here = [one.node == node.name for one in fleet.instances]
        total = made.usage[here, :, 0].sum(axis=0)
        expected[node.name] = int((total >= 0.95 * node.vcpus).sum())
    assert contention.busy_steps(fleet, made) == expected
    assert expected['n0'] > 0 and expected['n1'] == 0
