"""What came, and how forecasts compare with it."""

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import feedback
from predictive_watcher.core import forecast
from predictive_watcher.core import usage


ORIGIN = 1_700_000_100
NEXT = forecast.TARGETS.index(forecast.Target.S300)
MAX = forecast.TARGETS.index(forecast.Target.MAX900)


def window(*values: float, step_s: int = 300) -> usage.UsageWindow:
    """CPU of the instance a; the first step ends at the origin."""
    grid = np.full((1, len(values), 4), np.nan, np.float32)
    grid[0, :, 0] = values
    return usage.UsageWindow(
        instances=('a',), start=ORIGIN, step_s=step_s, usage=grid
    )


def pending(
    target: int, origin: int = ORIGIN, instance: str = 'a'
) -> feedback.Pending:
    return feedback.Pending(
        instances=(instance,),
        origin=np.array([origin]),
        resource=np.array([0]),
        target=np.array([target]),
        q50=np.array([1.0]),
        q95=np.array([2.0]),
        risk=np.array([0.25]),
        limit=np.array([5.0]),
        ceiling=np.array([0.9]),
        rivals=np.full((1, 2, 2), np.nan),
        segment=('',),
    )


def test_a_horizon_is_settled_with_the_step_that_ends_there():
    assert feedback.actual(pending(NEXT), window(9, 5, 7)).tolist() == [5.0]


def test_a_maximum_is_the_largest_of_the_steps_after_the_origin():
    seen = window(99, 5, 7, 6, 98)
    assert feedback.actual(pending(MAX), seen).tolist() == [7.0]


@pytest.mark.parametrize('gap', [1, 2, 3])
def test_a_maximum_with_a_gap_is_unknown(gap):
    values = [0.0, 5.0, 7.0, 6.0]
    values[gap] = np.nan
    assert np.isnan(feedback.actual(pending(MAX), window(*values)))


@pytest.mark.parametrize('target', [NEXT, MAX])
@pytest.mark.parametrize(
    'changes',
    [
        {'instance': 'other'},
        {'origin': ORIGIN + 1},
        {'origin': ORIGIN + 900},
        {'origin': ORIGIN - 1200},
    ],
    ids=['another instance', 'off the grid', 'not over', 'before the window'],
)
def test_what_the_window_does_not_show_is_unknown(target, changes):
    seen = window(1, 2, 3, 4)
    assert np.isnan(feedback.actual(pending(target, **changes), seen))


def test_a_finer_grid_needs_more_steps():
    seen = window(*range(16), step_s=60)
    assert feedback.actual(pending(NEXT), seen).tolist() == [5.0]
    assert feedback.actual(pending(MAX), seen).tolist() == [15.0]


def test_a_grid_that_misses_the_horizon_settles_nothing():
    seen = window(*range(9), step_s=450)
    assert np.isnan(feedback.actual(pending(NEXT), seen))
    assert feedback.actual(pending(MAX), seen).tolist() == [2.0]


def test_the_summary_of_nothing_is_unknown():
    settled = feedback.summary(pending(NEXT), np.array([np.nan]))
    assert settled.n == 0
    assert np.isnan(settled.coverage)
    assert np.isnan(settled.mean_abs_error).all()


@hypothesis.given(
    values=st.lists(
        st.one_of(st.floats(0, 1e6, width=32), st.just(float('nan'))),
        min_size=4,
        max_size=4,
    )
)
def test_a_maximum_is_settled_exactly_where_every_step_is_known(values):
    came = feedback.actual(pending(MAX), window(*values))[0]
    if np.isnan(values[1:]).any():
        assert np.isnan(came)
    else:
        assert came == max(values[1:])
