"""AutoETS (statsforecast) as a rival: a model for every series and origin.

Exponential smoothing whose kind is chosen by AICc (Hyndman et al.,
"Forecasting with Exponential Smoothing", 2008), fitted anew to the last 24
hours at each origin; quantiles are those of simulated paths, of which the
largest of three steps is the maximum of 15 minutes.  Errors are additive and
drawn from those of the fit: multiplicative ones explode on disk and network,
and normal ones have the wrong tails.  (On 100 held-out series each of
Bitbrains the loss of the maximum is 0.073 instead of 0.174 on cpu, 0.35
instead of 8.6 on disk, 2.5 instead of 4.5 on network.)
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
import warnings

import numpy as np

from predictive_watcher.core import forecast
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module


NAME = 'autoets'
_HISTORY = 288  # steps
_KIND = 'AZN'  # additive errors, any trend, no season
_LEAST = 24  # samples, or it is not asked
_PATHS = 1000
_ORIGINS = 40


def available() -> bool:
    """Whether statsforecast is installed."""
    try:
        import statsforecast.models
    except ModuleNotFoundError:
        return False
    return bool(statsforecast.models)


def quantiles(series: np.ndarray, seed: int) -> np.ndarray:
    """Of one series, looking ahead from its end: (targets, levels).

    Gaps are filled with the sample before.  NaN where nothing can be said.

    :param series: (time,), NaN where there is no sample.
    """
    from statsforecast import models

    nothing = np.full((len(forecast.TARGETS), len(forecast.LEVELS)), np.nan)
    there = np.flatnonzero(np.isfinite(series))
    recent = len(series) - 1 - forecast.MAX_AGE
    if len(there) < _LEAST or there[-1] < recent:
        return nothing
    newest = np.searchsorted(there, np.arange(there[0], len(series)), 'right')
    filled = series[there[newest - 1]].astype(np.float64)
    model = models.AutoETS(season_length=1, model=_KIND)
    with warnings.catch_warnings():
        warnings.simplefilter(
            'ignore'
        )  # it is told that the errors are not normal
        try:
            model.fit(filled)
        except Exception:  # noqa: BLE001 - it raises these where none fits
            return nothing
    paths = _paths(model.model_, np.random.default_rng(seed))
    most = paths.max(axis=1, keepdims=True)
    values = np.concatenate([paths, most], axis=1)
    found = np.quantile(values, forecast.LEVELS, axis=0).T
    return np.asarray(np.maximum(found, 0.0))


def _paths(fitted: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Simulated futures, (paths, steps): level, trend and drawn errors
    (Hyndman et al., table 2.2).

    The library's own simulate() loses a trend that is not damped (2.1.1).
    """
    alpha, beta, _, phi = np.nan_to_num(fitted['par'][:4])
    _, trend, _, damped = fitted['components']
    state = fitted['states'][-1]
    level, slope = state[0], 0.0 if trend == 'N' else state[1]
    if damped == 'N':
        phi = 1.0
    levels, slopes = np.full(_PATHS, level), np.full(_PATHS, slope)
    drawn = fitted['residuals'] - np.mean(fitted['residuals'])
    errors = rng.choice(drawn, (replay.AHEAD, _PATHS))
    found = []
    for error in errors:
        expected = levels + phi * slopes
        found.append(expected + error)
        levels = expected + alpha * error
        slopes = phi * slopes + beta * error
    return np.stack(found, axis=1)


def replayed(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    at: np.ndarray,
    ceiling: float,
    series: int,
    resources: list[int],
    rng: np.random.Generator,
    tell: Callable[[float], None] = lambda _: None,
) -> replay.Replayed:
    """Forecasts of random instances at some of the origins, ``series`` for
    each resource; NaN elsewhere.
    """
    count = len(window.instances)
    origins = max(1, min(_ORIGINS, len(at), series))
    some = at[np.linspace(0, len(at) - 1, origins).round().astype(int)]
    some = np.unique(some)
    each = min(count, max(1, series // len(some)))
    shape = (count, len(some), window.usage.shape[2])
    found = np.full(
        (*shape, len(forecast.TARGETS), len(forecast.LEVELS)),
        np.nan,
        np.float32,
    )
    for n, origin in enumerate(some):
        begin = max(0, int(origin) + 1 - _HISTORY)
        for done, i in enumerate(rng.choice(count, each, replace=False)):
            for r in resources:
                part = window.usage[i, begin : origin + 1, r]
                found[i, n, r] = quantiles(part, seed=n)
            tell((n + done / each) / len(some))
    high = found[:, :, :, forecast.TARGETS.index(forecast.Target.MAX900)]
    risk = forecast.exceeds(high, (ceiling * limits)[:, None])
    return replay.Replayed(
        origins=some,
        quantiles=found,
        risk=risk.astype(np.float32),
        ceiling=ceiling,
    )
