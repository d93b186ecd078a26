"""Risk: the chance that an instance passes its limit, and when."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import forecast as forecast_module


HORIZONS_S = forecast_module.HORIZONS_S
_CALM = 0.05  # below this risk no time is told at which it would come


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRisk:
    """P(maximum up to the horizon > ceiling x limit) of each instance.

    ``risk`` and ``lead_s`` have shape (instances, resources).  Risk is 0
    where nothing limits the resource and NaN where there is no forecast;
    ``horizons`` (horizons, instances, resources) has the chance after each
    of `HORIZONS_S`.  ``lead_s`` is the time until the violation is expected,
    less the data's age; it may be negative, and is NaN where the risk is NaN
    or negligible.
    """

    risk: np.ndarray
    lead_s: np.ndarray
    horizons: np.ndarray

    def worst(self) -> np.ndarray:
        """The resource at the highest risk, (instances,); cpu where nothing
        is known.
        """
        known = np.nan_to_num(self.risk, nan=-1.0)
        return np.asarray(known.argmax(axis=1))


def of_instances(
    forecast: forecast_module.Forecast,
    limits: np.ndarray,
    *,
    ceiling: np.ndarray | float,
    age_s: float,
    horizon_s: np.ndarray | int = HORIZONS_S[-1],
) -> InstanceRisk:
    """Risk of each instance against its own limits.

    :param limits: (instances, resources) in the units of usage; NaN where
        there is none.
    :param ceiling: like ``horizon_s``, one for all or of each instance.
    :param age_s: seconds that passed since the newest sample.
    """
    threshold = np.reshape(ceiling, (-1, 1)) * limits
    risk = with_limits(
        forecast, limits, ceiling=ceiling, horizon_s=horizon_s
    )
    chances = np.stack(
        [
            forecast_module.exceeds(forecast.quantiles[:, :, i], threshold)
            for i in range(len(HORIZONS_S))
        ]
    )
    lead = first_likely(chances, risk) - age_s
    return InstanceRisk(
        risk=risk,
        lead_s=np.where(risk >= _CALM, lead, np.nan),
        horizons=chances,
    )


def with_limits(
    forecast: forecast_module.Forecast,
    limits: np.ndarray,
    *,
    ceiling: np.ndarray | float,
    horizon_s: np.ndarray | int = HORIZONS_S[-1],
) -> np.ndarray:
    """P(maximum up to the horizon > ceiling x limit).

    0 where nothing limits the resource, NaN where there is no forecast.  The
    maximum is forecast over 900 s; of a nearer horizon the largest chance of
    its steps counts, and never more than that of the maximum.

    :param ceiling: like ``horizon_s``, one for all or of each instance.
    """
    known = np.isfinite(forecast.quantiles[..., -1]).all(axis=2)
    unlimited = np.isnan(limits) & known
    threshold = np.reshape(ceiling, (-1, 1)) * limits
    chance = forecast.probability(threshold)
    horizons = np.broadcast_to(np.reshape(horizon_s, -1), len(limits))
    near = np.flatnonzero(horizons < HORIZONS_S[-1])
    if near.size:
        steps = [
            np.where(
                at_s <= horizons[near, None],
                forecast_module.exceeds(
                    forecast.quantiles[near, :, i], threshold[near]
                ),
                0.0,
            )
            for i, at_s in enumerate(HORIZONS_S[:-1])
        ]
        chance[near] = np.minimum(chance[near], np.max(steps, axis=0))
    return np.where(unlimited, 0.0, chance)


def first_likely(chances: np.ndarray, risk: np.ndarray) -> np.ndarray:
    """Seconds until the first horizon whose own chance reaches half of the
    risk: a peak that is over sooner would be missed by asking for more.

    :param chances: (horizons, ...); ``risk`` (...).
    """
    soon = chances >= 0.5 * risk
    first = np.where(
        soon.any(axis=0), np.argmax(soon, axis=0), len(HORIZONS_S) - 1
    )
    return np.take(np.array(HORIZONS_S, float), first)
