import numpy as np
import pytest

from predictive_watcher.core import usage
from predictive_watcher.training import making
from predictive_watcher.training import mixing
from predictive_watcher.training import noise
from predictive_watcher.training import restless


def recorded(length=700, instances=6):
    rng = np.random.default_rng(1)
    values = rng.gamma(2.0, 1.0, (instances, length, 4)).astype(np.float32)
    values[0, 100:140] = np.nan
    values[1, :, 2] = np.nan
    limits = np.full((instances, 4), 20, np.float32)
    limits[:, 3] = np.nan
    window = usage.UsageWindow(
        instances=tuple(f'i{k}' for k in range(instances)),
        start=300 * 5,
        step_s=300,
        usage=values,
    )
    return window, limits


def test_noise_has_the_memory_it_was_asked_for():
    keep = np.array([-0.3, 0.0, 0.9])
    found = noise.autoregressive(np.random.default_rng(0), keep, 40000)
    assert found.shape == (3, 40000)
    again = [np.corrcoef(row[1:], row[:-1])[0, 1] for row in found]
    assert np.allclose(again, keep, atol=0.05)
    assert np.allclose(found.std(axis=1), 1, atol=0.2)


def test_restless_load_keeps_between_nothing_and_its_limit():
    rng = np.random.default_rng(2)
    window, limits = restless.window(rng, 12, 600)
    assert window.usage.shape == (12, 600, 4)
    known = np.isfinite(window.usage)
    assert 0.97 < known.mean() < 1
    assert (window.usage[known] >= 0).all()
    most = np.where(np.isfinite(limits), limits, np.inf)[:, None]
    assert (window.usage <= most * 1.0001)[known].all()
    assert np.isfinite(limits[:, :2]).all()
    assert np.isnan(limits[:, 2:]).any()


def test_of_restless_load_the_mean_says_more_than_the_newest_sample():
    window, limits = restless.window(np.random.default_rng(3), 96, 1200)
    cpu = window.usage[:, :, 0] / limits[:, :1]
    means = np.stack(
        [np.nanmean(cpu[:, t - 12 : t], axis=1) for t in range(12, 1199)], 1
    )
    by_mean = np.nanmean(np.abs(cpu[:, 12:1199] - means), axis=1)
    by_last = np.nanmean(np.abs(cpu[:, 12:1199] - cpu[:, 11:1198]), axis=1)
    assert (by_mean < by_last).mean() > 0.5
    assert (by_mean > by_last).mean() > 0.2  # but not always


def test_what_is_mixed_keeps_limits_gaps_and_the_clock():
    window, limits = recorded()
    rng = np.random.default_rng(4)
    found, known = mixing.window(rng, window, limits, 30, 300)
    assert found.usage.shape == (30, 300, 4)
    assert (found.start - window.start) % 86400 == 0
    there = np.isfinite(found.usage)
    assert (found.usage[there] >= 0).all()
    most = np.where(np.isfinite(known), known, np.inf)[:, None]
    assert (found.usage <= most)[there].all()
    assert np.isnan(found.usage[:, :, 2]).any()  # i1 has no disk


def test_what_is_mixed_differs_from_what_was_recorded():
    window, limits = recorded()
    found, _ = mixing.window(np.random.default_rng(5), window, limits, 30, 700)
    same = [
        any(
            np.array_equal(row[:, 0], other[:, 0], equal_nan=True)
            for other in window.usage
        )
        for row in found.usage
    ]
    assert 0 < sum(same) < 20


@pytest.mark.parametrize('length', [60, 700])
def test_all_that_is_made_has_the_share_it_was_promised(length):
    window, limits = recorded(length)
    told = []
    parts = making.parts(
        np.random.default_rng(6), window, limits, 60.0, told.append
    )
    made = sum(part.share for part in parts)
    assert made / (60 + made) == pytest.approx(making.SHARE)
    assert all(part.end == len(part.series.usage) for part in parts)
    assert told == sorted(told) and told[-1] <= 1
