"""What actions were to bring, and what they brought."""

import hypothesis
from hypothesis import strategies as st
import numpy as np

from predictive_watcher.core import adjustment
from predictive_watcher.core import outcomes
from tests.fakes import cloud_data


seconds = st.lists(
    st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=50
)


@hypothesis.given(seconds)
def test_the_factor_is_bounded_and_says_on_which_side_it_came(pairs):
    told = np.array(pairs, float).reshape(-1, 2)
    factor = outcomes.benefit_factor(told[:, 0], told[:, 1])
    assert 0.25 <= factor <= 4
    less = told[:, 1].sum() - told[:, 0].sum()
    if told[:, 0].sum() > 0 and abs(less) > 1e-6:
        assert (factor - 1) * less >= 0


def test_a_benefit_that_did_not_come_is_believed_less():
    given = {
        'weight': 2.0, 'risk': 0.5, 'excess_s': 1000.0, 'lead_s': 300.0,
        'duration_s': 100.0, 'interruption_s': 60.0, 'cost_factor': 1.0,
    }  # fmt: skip
    assert adjustment.worth(**given) == (1000, 120)
    assert adjustment.worth(**given, benefit_factor=0.5) == (500, 120)


def expected(**other):
    values = {
        'instance_id': 'a', 'decided_at': 0, 'audit': 'u', 'kind': 'resize',
        'resource': 'cpu', 'ceiling': 0.9, 'limit_before': 2.0,
        'limit_after': 4.0, 'predicted': 2.0, 'risk': 0.8,
        'expected_s': 600.0, 'until': 1200,
    }  # fmt: skip
    return outcomes.Expected(**{**values, **other})


def window(*values):
    grid = np.full((1, len(values), 4), np.nan, np.float32)
    grid[0, :, 0] = values
    return cloud_data.usage.UsageWindow(
        instances=('a',), start=0, step_s=300, usage=grid
    )


def test_what_is_not_over_or_not_seen_stays_open():
    nan = float('nan')
    assert outcomes.settle([expected()], window(0, 2, 2, 2)) == [None]
    gone = [expected(instance_id='b')]
    assert outcomes.settle(gone, window(0, 2, 2, 2, 2)) == [None]
    gap = window(0, 2, nan, nan, nan)
    assert outcomes.settle([expected()], gap) == [None]


def test_a_peak_above_the_new_limit_is_left_over():
    [came] = outcomes.settle([expected()], window(9, 2, 3.7, 1, 1))
    assert came == outcomes.Came(
        peak=np.float32(3.7), came_s=600.0, left_s=300.0
    )
    assert came.averted_s == 300.0
