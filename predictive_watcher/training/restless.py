"""Made load that never rests: it wavers about a level.

Of such load the newest sample says little and the mean of many says much;
recorded business load is seldom like that, that of shared hosts often.  A
level that stands still, wanders, jumps or follows the day; white, remembering
or heavy tailed noise; bursts at random or every few steps; some of it presses
against its limit.
"""

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module
from predictive_watcher.training import generated
from predictive_watcher.training import noise


_STEP_S = 300
_DAY_STEPS = 288
_WEEK_STEPS = 7 * _DAY_STEPS
_MISSING = 0.01  # share of the samples
_STILL = 0.5  # share of the series whose level does not move
_BURSTING = 0.35  # share of the series with bursts


def window(
    rng: np.random.Generator, instances: int, length: int
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """So many made instances on a grid of 300 s, and their limits."""
    resources = len(fleet.RESOURCES)
    shares = _shares(rng, instances * resources, length)
    shares = shares.reshape(instances, resources, length)
    limits = np.stack([generated.limits(rng) for _ in range(instances)])
    usage = (shares * limits[:, :, None]).swapaxes(1, 2).astype(np.float32)
    usage[rng.random(usage.shape[:2]) < _MISSING] = np.nan
    return usage_module.UsageWindow(
        instances=tuple(f'restless-{i}' for i in range(instances)),
        start=int(rng.integers(_WEEK_STEPS)) * _STEP_S,
        step_s=_STEP_S,
        usage=usage,
    ), generated.without_quotas(rng, limits)


def _shares(rng: np.random.Generator, series: int, length: int) -> np.ndarray:
    """Usage as shares of the limit, (series, length), between 0 and 1."""
    still = rng.random(series) < _STILL
    level = noise.log_uniform(rng, 0.01, 0.9, series)[:, None]
    level = level * np.exp(_moves(rng, series, length) * ~still[:, None])
    size = noise.log_uniform(rng, 0.02, 1.2, series)[:, None]
    white = still | (rng.random(series) < 0.5)
    shake = noise.autoregressive(rng, noise.keeps(rng, white), length)
    grows = (rng.random(series) < 0.5)[:, None]  # the noise with the level
    share = level * np.where(
        grows, np.exp(size * shake - size**2 / 2), 1 + size * shake
    )
    share = np.maximum(share, _bursts(rng, series, length))
    coarse = (rng.random(series) < 0.3)[:, None]  # whole percents
    share = np.where(coarse, np.round(share, 2), share)
    return np.asarray(np.clip(share, 0.0, 1.0))


def _moves(rng: np.random.Generator, series: int, length: int) -> np.ndarray:
    """Logarithms of what the levels are multiplied by, (series, length)."""

    def some(chance: float, size: np.ndarray) -> np.ndarray:
        return np.asarray((size * (rng.random(series) < chance))[:, None])

    slow = np.exp(-1 / noise.log_uniform(rng, 24, 2 * _DAY_STEPS, series))
    wander = some(0.6, noise.log_uniform(rng, 0.03, 0.6, series))
    move = wander * noise.autoregressive(rng, slow, length)
    day = np.arange(length) / _DAY_STEPS + rng.random((series, 1))
    wave = some(0.4, rng.uniform(0.1, 0.8, series))
    move = move + wave * np.sin(2 * np.pi * day)
    rate = some(0.5, noise.log_uniform(rng, 0.2, 4.0, series)) / _DAY_STEPS
    jumps = rng.random((series, length)) < rate
    height = rng.uniform(0.1, 1.0, (series, 1))
    leap = rng.standard_normal((series, length)) * height
    # what the newest jump added holds until the next one
    newest = np.maximum.accumulate(
        np.where(jumps, np.arange(length), -1), axis=1
    )
    held = np.take_along_axis(leap, np.maximum(newest, 0), axis=1)
    return np.asarray(move + np.where(newest >= 0, held, 0.0))


def _bursts(rng: np.random.Generator, series: int, length: int) -> np.ndarray:
    """Bursts of some of the series as shares of the limit, else 0."""
    out = np.zeros((series, length))
    for row in np.flatnonzero(rng.random(series) < _BURSTING):
        if rng.random() < 0.4:
            period = int(rng.integers(3, 150))
            starts = np.arange(rng.integers(period), length, period)
        else:
            rate = noise.log_uniform(rng, 0.003, 0.15, 1)
            starts = np.flatnonzero(rng.random(length) < rate)
        longest = int(noise.log_uniform(rng, 1.0, 18.0, 1)[0])
        height = rng.uniform(0.2, 1.3)
        for start in starts:
            end = start + 1 + int(rng.integers(longest + 1))
            top = height * rng.uniform(0.6, 1.1)
            out[row, start:end] = np.maximum(out[row, start:end], top)
    return out
