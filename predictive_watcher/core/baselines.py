"""What a network has to beat: simple ways to look ahead.

Each is a `forecast.Forecaster` with the same quantiles: a guess plus the
errors that the same guess made over the last day, or, for the histogram, the
day itself.  None of them knows a chance of its own: it is read off the
quantiles of the maximum.
"""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import forecast
from predictive_watcher.core import usage as usage_module


_DAY_S = 86400
_HOUR_S = 3600
_HALF_LIFE_S = 86400.0  # as the Kubernetes Vertical Pod Autoscaler has it
_AHEAD = 3  # steps in 900 s at 300 s
_EVERY = tuple(range(len(forecast.TARGETS)))
_LEVELS = forecast.LEVELS


def weighted_quantiles(
    values: np.ndarray, weights: np.ndarray, levels: tuple[float, ...]
) -> np.ndarray:
    """Quantiles along the last axis; NaN are left out.

    The smallest value at which the weights reach the level's share of their
    sum; of shape (..., levels), NaN where there is no value.

    >>> v = np.array([3.0, np.nan, 1.0, 2.0])
    >>> weighted_quantiles(v, np.ones(4), (0.5, 0.9)).tolist()
    [2.0, 3.0]
    """
    if values.shape[-1] == 0:
        return np.full((*values.shape[:-1], len(levels)), np.nan)
    order = np.argsort(values, axis=-1)  # NaN go last
    ordered = np.take_along_axis(values, order, -1)
    weight = np.broadcast_to(weights, values.shape)
    weight = np.take_along_axis(weight, order, -1)
    total = np.cumsum(np.where(np.isnan(ordered), 0.0, weight), axis=-1)
    most = np.isfinite(ordered).sum(axis=-1) - 1
    out = []
    for level in levels:
        # a hair below, against the rounding of the sums
        at = (total < (level - 1e-9) * total[..., -1:]).sum(axis=-1)
        at = np.clip(np.minimum(at, most), 0, None)
        out.append(np.take_along_axis(ordered, at[..., None], -1)[..., 0])
    return np.stack(out, axis=-1)


def ahead(usage: np.ndarray, steps: int) -> np.ndarray:
    """What came, for every step: (..., time, target) from (..., time).

    The usage 1, 2 and 3 shares of 900 s later, and the largest until then;
    NaN where it lies beyond the end or a sample is missing.
    """
    unit = max(1, steps // _AHEAD)
    later = []
    for k in range(1, steps + 1):
        moved = np.full_like(usage, np.nan)
        moved[..., :-k] = usage[..., k:]
        later.append(moved)
    stacked = np.stack(later, axis=-1)
    picks = [stacked[..., min(k * unit, steps) - 1] for k in (1, 2, 3)]
    return np.stack([*picks, stacked.max(axis=-1)], axis=-1)


def _newest(usage: np.ndarray) -> np.ndarray:
    """The newest value not older than `forecast.MAX_AGE` steps, else NaN."""
    out = np.full(usage.shape[:-1], np.nan)
    for k in range(min(forecast.MAX_AGE + 1, usage.shape[-1]), 0, -1):
        value = usage[..., -k]
        out = np.where(np.isnan(value), out, value)
    return out


def _mean(usage: np.ndarray, steps: int) -> np.ndarray:
    """The mean of the last ``steps`` samples that exist, for each step."""
    there = np.isfinite(usage)
    sums = np.cumsum(np.where(there, usage, 0.0), axis=-1)
    counts = np.cumsum(there, axis=-1)
    if usage.shape[-1] > steps:
        sums[..., steps:] -= sums[..., :-steps].copy()
        counts[..., steps:] -= counts[..., :-steps].copy()
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _before(usage: np.ndarray, steps: int) -> np.ndarray:
    """What was ``steps`` earlier, for each step; NaN before the beginning."""
    out = np.full_like(usage, np.nan)
    if usage.shape[-1] > steps:
        out[..., steps:] = usage[..., :-steps]
    return out


class _Guess:
    """A point guess with the quantiles of its own errors over a day."""

    name = 'guess'
    history_s = _DAY_S + _HOUR_S

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast.Forecast:
        """Look ahead from the window's end; limits bound nothing here."""
        quantiles = self.quantiles(window)
        known = np.isfinite(_newest(np.moveaxis(window.usage, 1, 2)))
        return _forecast(window, self.name, quantiles, known)

    def quantiles(
        self,
        window: usage_module.UsageWindow,
        targets: tuple[int, ...] = _EVERY,
        levels: tuple[float, ...] = _LEVELS,
    ) -> np.ndarray:
        """Of some targets and levels only: (instances, resources, targets,
        levels), which may be below 0.
        """
        steps = max(1, 900 // window.step_s)
        usage = np.moveaxis(window.usage, 1, 2).astype(np.float64)
        guess = self._guesses(usage, window.step_s)[..., list(targets)]
        day = _DAY_S // window.step_s
        errors = ahead(usage, steps)[..., list(targets)] - guess
        errors = errors[..., -day:, :]
        spread = weighted_quantiles(
            np.moveaxis(errors, -2, -1), np.ones(errors.shape[-2]), levels
        )
        # without a past to learn from, the guess itself is all there is
        spread = np.nan_to_num(spread, nan=0.0)
        if not usage.shape[-1]:
            return np.asarray(spread)
        return np.asarray(guess[..., -1, :, None] + spread)

    def _guesses(self, usage: np.ndarray, step_s: int) -> np.ndarray:
        """(instances, resources, time, target); at the end never unknown
        where the newest sample is known.
        """
        raise NotImplementedError


class Persistence(_Guess):
    """It stays as it is."""

    name = 'persistence'

    def _guesses(self, usage: np.ndarray, step_s: int) -> np.ndarray:
        return _every_target(_carried(usage))


class HourMean(_Guess):
    """It will be the mean of the last 60 minutes."""

    name = 'mean60'

    def _guesses(self, usage: np.ndarray, step_s: int) -> np.ndarray:
        return _every_target(_mean(usage, max(1, _HOUR_S // step_s)))


class SeasonalNaive(_Guess):
    """It will be as it was at that time yesterday."""

    name = 'seasonal'
    history_s = 2 * _DAY_S + _HOUR_S

    def _guesses(self, usage: np.ndarray, step_s: int) -> np.ndarray:
        steps = max(1, 900 // step_s)
        day = _DAY_S // step_s
        unit = max(1, steps // _AHEAD)
        shifts = [min(k * unit, steps) for k in (1, 2, 3)]
        past = [_before(usage, day - k) for k in range(1, steps + 1)]
        guesses = np.stack(
            [*(past[k - 1] for k in shifts), np.fmax.reduce(past)], axis=-1
        )
        still = _every_target(_carried(usage))
        return np.where(np.isnan(guesses), still, guesses)


def _carried(usage: np.ndarray) -> np.ndarray:
    """Gaps of up to `forecast.MAX_AGE` steps filled with what was before."""
    out = usage
    for k in range(1, forecast.MAX_AGE + 1):
        out = np.where(np.isnan(out), _before(usage, k), out)
    return out


def _every_target(guess: np.ndarray) -> np.ndarray:
    return np.repeat(guess[..., None], len(forecast.TARGETS), axis=-1)


@dataclass(frozen=True, slots=True)
class DecayingHistogram:
    """It will be as it was, the last day counting twice the one before.

    The weights of the Kubernetes Vertical Pod Autoscaler's recommender,
    without its rounding to buckets.
    """

    half_life_s: float = _HALF_LIFE_S
    name: str = 'histogram'
    history_s: int = 3 * _DAY_S

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast.Forecast:
        """Look ahead from the window's end; limits bound nothing here."""
        steps = max(1, 900 // window.step_s)
        usage = np.moveaxis(window.usage, 1, 2).astype(np.float64)
        most = usage.copy()
        for k in range(1, steps):
            most = np.fmax(most, _before(usage, k))
        length = usage.shape[-1]
        age_s = (length - 1 - np.arange(length)) * window.step_s
        weights = 0.5 ** (age_s / self.half_life_s)
        one = weighted_quantiles(usage, weights, forecast.LEVELS)
        high = weighted_quantiles(most, weights, forecast.LEVELS)
        quantiles = np.stack([one, one, one, high], axis=-2)
        known = np.isfinite(_newest(usage))
        return _forecast(window, self.name, quantiles, known)


def _forecast(
    window: usage_module.UsageWindow,
    name: str,
    quantiles: np.ndarray,
    known: np.ndarray,
) -> forecast.Forecast:
    quantiles = np.maximum(quantiles, 0.0)
    quantiles = np.where(known[..., None, None], quantiles, np.nan)
    return forecast.Forecast(
        instances=window.instances,
        origin=window.end,
        model=name,
        quantiles=quantiles.astype(np.float32),
    )


BASELINES: tuple[forecast.Forecaster, ...] = (
    Persistence(),
    SeasonalNaive(),
    HourMean(),
    DecayingHistogram(),
)
