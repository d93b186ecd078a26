import numpy as np
import pytest

from benchmarks import ets
from predictive_watcher.core import forecast
from tests.unit.training import made


pytest.importorskip('statsforecast')
MAX = forecast.TARGETS.index(forecast.Target.MAX900)
MEDIAN = forecast.LEVELS.index(0.5)


def test_a_steady_climb_goes_on():
    noise = np.random.default_rng(0).normal(0, 0.2, 100)
    found = ets.quantiles(np.arange(100.0) + 5 + noise, seed=0)
    assert found[:, MEDIAN] == pytest.approx([105, 106, 107, 107], abs=0.4)


def test_the_maximum_is_above_each_step():
    rng = np.random.default_rng(0)
    found = ets.quantiles(rng.gamma(4.0, size=200), seed=0)
    assert (found[MAX] >= found[:MAX].max(axis=0)).all()
    assert (np.diff(found, axis=-1) >= 0).all()


def test_gaps_are_filled_with_what_was_before():
    series = np.full(100, 3.0)
    holes = series.copy()
    holes[[0, 1, 40, 41, 99]] = np.nan
    found = ets.quantiles(holes, seed=0)
    assert found == pytest.approx(ets.quantiles(series, seed=0), abs=0.01)


@pytest.mark.parametrize('last', [10, 96])
def test_of_a_series_that_is_short_or_over_nothing_is_said(last):
    series = np.full(100, np.nan)
    series[: last + 1] = 1.0
    assert np.isnan(ets.quantiles(series, seed=0)).all()


def test_only_some_series_are_asked():
    window, limits = made.window(), made.limits()
    at = np.arange(100, 150)
    found = ets.replayed(
        window, limits, at, 0.9, 4, [0, 2], np.random.default_rng(0)
    )
    assert len(found.origins) == 4
    asked = np.isfinite(found.quantiles).all(axis=(3, 4))
    assert asked.sum(axis=(0, 1)).tolist() == [4, 0, 4, 0]
    assert (np.isfinite(found.risk[..., 0]) == asked[..., 0]).all()
