"""Risk: the chance that a limit will be passed, of instances and nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage
from predictive_watcher.core.forecast import Target


HORIZONS_S = forecast_module.HORIZONS_S
_HORIZONS = (Target.S300, Target.S600, Target.S900)
_CALM = 0.05  # below this risk no time is told at which it would come
# cpu and memory: what the instances of a node take from one another and for
# which the capacity of a node is known
NODE_RESOURCES = 2
_SHRINK = 0.8  # of correlations, towards 0: they come from one day
_CORRELATION_STEPS = 288
_SLACK = np.array([1.1, 1.0])  # recorded cpu passes its limit, see `forecast`


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLoad:
    """What each instance will take from its node.

    ``mean`` and ``sd`` are (horizons, instances, NODE_RESOURCES) moments of
    usage 300, 600 and 900 s ahead, NaN where unknown; ``limit`` (instances,
    NODE_RESOURCES) bounds them; ``moves[resource, instance, time]`` are
    recent changes of usage scaled to unit length, so that products of rows
    are correlations.
    """

    mean: np.ndarray
    sd: np.ndarray
    limit: np.ndarray
    moves: np.ndarray

    def chances(
        self,
        members: Sequence[int],
        capacity: np.ndarray,
        *,
        ceiling: float,
        extra: np.ndarray,
        unknown_is_full: bool = False,
    ) -> np.ndarray:
        """P(the sum over ``members`` > ceiling x capacity).

        Shape (horizons, NODE_RESOURCES), 0 where the capacity is unknown.
        The sum is taken as normal: means add, and so do variances, with the
        correlations of the last day's changes.  A member without a forecast
        counts as nothing; with ``unknown_is_full`` it counts with its limit,
        for judging a node that is to take one more.

        :param capacity: (resources,) as `Node.capacity` gives it.
        :param extra: (instances, NODE_RESOURCES) that they will take beyond
            their forecast, because the plan lets them.
        """
        total, deviation = self.sums(
            members, extra=extra, unknown_is_full=unknown_is_full
        )
        chances = np.zeros((len(HORIZONS_S), NODE_RESOURCES))
        for r in range(NODE_RESOURCES):
            if not members or not np.isfinite(capacity[r]):
                continue
            threshold = ceiling * float(capacity[r])
            for h in range(len(HORIZONS_S)):
                chances[h, r] = _normal_tail(
                    threshold - float(total[h, r]), float(deviation[h, r])
                )
        return chances

    def sums(
        self,
        members: Sequence[int],
        *,
        extra: np.ndarray,
        unknown_is_full: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the sum over ``members``.

        Both (horizons, NODE_RESOURCES), 0 without members; the arguments are
        those of `chances`.
        """
        rows = list(members)
        mean = self.means(rows, unknown_is_full=unknown_is_full).sum(axis=1)
        together, apart = self.spreads(rows)
        total = mean + extra[rows].sum(axis=0)
        return total, np.sqrt(variance(together, apart))

    def means(
        self, rows: Sequence[int], *, unknown_is_full: bool = False
    ) -> np.ndarray:
        """The mean of each, (horizons, rows, NODE_RESOURCES), never NaN."""
        mean = self.mean[:, rows]
        stand_in = self.limit[rows] if unknown_is_full else 0.0
        return np.where(np.isfinite(mean), mean, stand_in)

    def spreads(self, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """What `variance` makes the variance of the sum of: the part in which
        they move together, (horizons, NODE_RESOURCES, time), and the part
        that each has for itself, (horizons, NODE_RESOURCES).

        Both add: two crowds in one have the sums of theirs.
        """
        sd = np.where(np.isfinite(self.mean[:, rows]), self.sd[:, rows], 0.0)
        moves = self.moves[:, rows]
        together = np.stack(
            [sd[:, :, r] @ moves[r] for r in range(NODE_RESOURCES)], axis=1
        )
        length = np.einsum('rit,rit->ir', moves, moves)
        own = sd * sd * (1.0 - _SHRINK * length)
        return together, own.sum(axis=1)

    def spread(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of one instance, faster."""
        sd = np.where(np.isfinite(self.mean[:, row]), self.sd[:, row], 0.0)
        moves = self.moves[:, row]
        length = (moves * moves).sum(axis=1)
        return sd[:, :, None] * moves, sd * sd * (1.0 - _SHRINK * length)


def variance(together: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The variance of a sum, from `NodeLoad.spreads`.

    With correlations r = s m_i m_j (i not j) of moves m and shrinkage s, the
    sum over i and j of sd_i r sd_j is s |sum of sd_i m_i|^2 + the sum of
    sd_i^2 (1 - s |m_i|^2): the work grows with the members, not with their
    square.

    :param together: (..., time); the result has the shape of ``apart``.
    """
    common = np.einsum('...t,...t->...', together, together)
    return np.asarray(np.maximum(_SHRINK * common + apart, 0.0))


def node_load(
    forecast: forecast_module.Forecast,
    window: usage.UsageWindow,
    limits: np.ndarray,
) -> NodeLoad:
    """The moments of each instance's usage, from its quantiles.

    Mean and spread of a normal through the quantiles .05, .5 and .95, bounded
    by the limit: more than its limit an instance cannot take.
    """
    limit = limits[:, :NODE_RESOURCES]
    bound = np.where(np.isfinite(limit), _SLACK * limit, np.inf)
    low, middle, high = (
        np.stack(
            [
                np.minimum(
                    forecast.level(target, level)[:, :NODE_RESOURCES], bound
                )
                for target in _HORIZONS
            ]
        ).astype(np.float64)
        for level in (0.05, 0.5, 0.95)
    )
    recent = window.usage[:, -_CORRELATION_STEPS:]
    return NodeLoad(
        mean=0.5 * middle + 0.25 * (low + high),
        sd=(high - low) / (2 * 1.6449),
        limit=np.where(np.isfinite(limit), limit, 0.0),
        moves=np.stack(
            [_moves(recent[..., r]) for r in range(NODE_RESOURCES)]
        ),
    )


def _moves(used: np.ndarray) -> np.ndarray:
    """Changes from step to step, about their mean and of unit length.

    What is not known did not change.  float32, which is enough for
    correlations and takes half of the memory.

    :param used: (instances, time) of one resource.
    """
    moves = np.diff(used, axis=1)
    seen = np.isfinite(moves)
    moves[~seen] = 0.0
    counted = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    moves -= moves.sum(axis=1, keepdims=True, dtype=np.float64) / counted
    moves[~seen] = 0.0
    length = np.sqrt(np.einsum('it,it->i', moves, moves))
    moves /= np.where(length > 0, length, 1.0)[:, None]
    return np.asarray(moves)


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


def _normal_tail(gap: float, deviation: float) -> float:
    """P(x > gap) of a normal with mean 0."""
    if deviation <= 0:
        return float(gap < 0)
    return tail(gap / deviation)


def tail(far: float) -> float:
    """P(x > far) of the standard normal distribution."""
    return 0.5 * math.erfc(far / math.sqrt(2.0))
