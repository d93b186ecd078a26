import numpy as np
import pytest

from predictive_watcher.core import baselines
from predictive_watcher.core import forecast
from predictive_watcher.core import usage


MAX = forecast.TARGETS.index(forecast.Target.MAX900)
LIMITS = np.full((2, 4), np.nan)


def window(values):
    return usage.UsageWindow(
        instances=('a', 'b'), start=0, step_s=300, usage=values
    )


def made(steps):
    rng = np.random.default_rng(3)
    return rng.uniform(1, 2, (2, steps, 4)).astype(np.float32)


@pytest.fixture(params=baselines.BASELINES, ids=lambda b: b.name)
def baseline(request):
    return request.param


@pytest.mark.parametrize('steps', [1, 2, 5, 400])
def test_every_length_of_history_gives_ascending_quantiles(baseline, steps):
    found = baseline.forecast(window(made(steps)), LIMITS)
    assert found.quantiles.shape == (2, 4, 4, 9)
    assert found.quantiles.dtype == np.float32
    assert (np.diff(found.quantiles, axis=-1) >= 0).all()
    assert found.origin == (steps - 1) * 300
    assert found.model == baseline.name


def test_without_a_new_sample_there_is_no_forecast(baseline):
    values = made(40)
    values[0, -3:, 1] = np.nan
    values[1, -2:, 1] = np.nan
    found = baseline.forecast(window(values), LIMITS).quantiles
    assert np.isnan(found[0, 1]).all()
    assert np.isfinite(found[0, 0]).all()
    assert np.isfinite(found[1]).all()


def test_an_empty_window_has_no_forecast(baseline):
    found = baseline.forecast(window(made(0)), LIMITS).quantiles
    assert np.isnan(found).all()


def test_the_order_of_the_instances_does_not_matter(baseline):
    values = made(400)
    one = baseline.forecast(window(values), LIMITS).quantiles
    other = baseline.forecast(window(values[::-1].copy()), LIMITS).quantiles
    assert np.array_equal(one, other[::-1])


def test_persistence_of_what_stays_the_same_is_certain():
    values = np.full((2, 50, 4), 3.0, np.float32)
    found = baselines.Persistence().forecast(window(values), LIMITS)
    assert (found.quantiles == 3.0).all()


def test_the_season_repeats():
    wave = np.sin(np.arange(700) * 2 * np.pi / 288).astype(np.float32) + 2
    values = np.tile(wave[None, :, None], (2, 1, 4)).astype(np.float32)
    found = baselines.SeasonalNaive().forecast(
        window(values[:, :600].copy()), LIMITS
    )
    level = found.level(forecast.Target.S600, 0.5)
    assert level == pytest.approx(np.full((2, 4), wave[601]), abs=1e-4)
    most = found.level(forecast.Target.MAX900, 0.5)
    assert most == pytest.approx(
        np.full((2, 4), wave[600:603].max()), abs=1e-4
    )


def test_the_hour_mean_is_the_mean_of_twelve_samples():
    values = made(400)
    values[:, :-12] = values[:, -12:].mean(axis=1, keepdims=True)
    guess = values[:, -12:].mean(axis=1)
    found = baselines.HourMean().forecast(window(values), LIMITS)
    middle = found.level(forecast.Target.S300, 0.5)
    assert middle == pytest.approx(guess, abs=0.05)


def test_the_histogram_forgets_the_day_before_by_half():
    values = np.ones((2, 576, 4), np.float32)
    values[:, 288:] = 2.0
    found = baselines.DecayingHistogram().forecast(window(values), LIMITS)
    # the newer day weighs .667: the level .25 is old, the level .5 new
    assert (found.level(forecast.Target.S300, 0.25) == 1.0).all()
    assert (found.level(forecast.Target.S300, 0.5) == 2.0).all()


def test_the_maximum_is_never_below_the_steps_it_spans(baseline):
    found = baseline.forecast(window(made(400)), LIMITS).quantiles
    assert (found[:, :, MAX, 4:] >= found[:, :, 0, 4:] - 0.2).all()
