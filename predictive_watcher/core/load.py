"""What instances take from their nodes: moments, and the chance of a sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import math

import numpy as np

from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage
from predictive_watcher.core.forecast import HORIZONS_S
from predictive_watcher.core.forecast import Target


# cpu and memory: what the instances of a node take from one another and for
# which the capacity of a node is known
NODE_RESOURCES = 2
_HORIZONS = (Target.S300, Target.S600, Target.S900)
_SHRINK = 0.8  # of correlations, towards 0: they come from one day
_CORRELATION_STEPS = 288
_SLACK = np.array([1.1, 1.0])  # recorded cpu passes its limit, see `forecast`


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLoad:
    """What each instance will take from its node.

    ``mean`` and ``sd`` are (horizons, instances, NODE_RESOURCES) moments of
    usage 300, 600 and 900 s ahead, NaN where unknown; ``limit`` (instances,
    NODE_RESOURCES) bounds them; ``moves[resource, instance, time]`` are
    recent changes of usage scaled to unit length, so that products of rows
    are correlations.

    What a plan asks for again and again is worked out once: ``least`` is the
    mean where an instance without a forecast counts as nothing, ``most``
    where it counts with its limit; ``swing`` the standard deviation, and
    ``apart`` the variance that each has for itself, 0 without a forecast.
    """

    mean: np.ndarray
    sd: np.ndarray
    limit: np.ndarray
    moves: np.ndarray
    least: np.ndarray = field(init=False)
    most: np.ndarray = field(init=False)
    swing: np.ndarray = field(init=False)
    apart: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        known = np.isfinite(self.mean)
        swing = np.where(known, self.sd, 0.0)
        length = np.einsum('rit,rit->ir', self.moves, self.moves)
        for name, value in (
            ('least', np.where(known, self.mean, 0.0)),
            ('most', np.where(known, self.mean, self.limit)),
            ('swing', swing),
            ('apart', swing * swing * (1.0 - _SHRINK * length)),
        ):
            object.__setattr__(self, name, value)

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
        return (self.most if unknown_is_full else self.least)[:, rows]

    def spreads(self, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """What `variance` makes the variance of the sum of: the part in which
        they move together, (horizons, NODE_RESOURCES, time), and the part
        that each has for itself, (horizons, NODE_RESOURCES).

        Both add: two crowds in one have the sums of theirs.
        """
        swing, moves = self.swing[:, rows], self.moves[:, rows]
        together = np.stack(
            [swing[:, :, r] @ moves[r] for r in range(NODE_RESOURCES)], axis=1
        )
        return together, self.apart[:, rows].sum(axis=1)

    def spread(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of one instance, faster."""
        swing, moves = self.swing[:, row], self.moves[:, row]
        return swing[:, :, None] * moves, self.apart[:, row]


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


def of_forecast(
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


def _normal_tail(gap: float, deviation: float) -> float:
    """P(x > gap) of a normal with mean 0."""
    if deviation <= 0:
        return float(gap < 0)
    return tail(gap / deviation)


def tail(far: float) -> float:
    """P(x > far) of the standard normal distribution."""
    return 0.5 * math.erfc(far / math.sqrt(2.0))
