"""What is expected: quantiles, and the chance to pass any threshold."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
import enum
from typing import Any
from typing import Protocol

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module


class Target(enum.StrEnum):
    """What a quantile speaks of: usage after so many seconds, or the largest
    usage within the next 900 s.
    """

    S300 = '300'
    S600 = '600'
    S900 = '900'
    MAX900 = 'max900'


TARGETS: tuple[Target, ...] = tuple(Target)
HORIZONS_S = (300, 600, 900)
LEVELS: tuple[float, ...] = (
    0.05,
    0.1,
    0.25,
    0.5,
    0.75,
    0.9,
    0.95,
    0.975,
    0.99,
)
# Steps that a sample may be old before nothing is known any more.
MAX_AGE = 2
_WIDEST = 12.0  # in asinh units: e^12 / 2 mean steps, beyond any use
# Nothing can use more of these than its limit.
_BOUNDED = np.array(
    [r in (fleet.Resource.CPU, fleet.Resource.MEMORY) for r in fleet.RESOURCES]
)
# CPU time is counted between two samples whose distance is not exactly known,
# and a processor may run faster than its name says: recorded cpu passes its
# limit by some percent.
_SLACK = np.where(np.array(fleet.RESOURCES) == fleet.Resource.CPU, 1.1, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceedance:
    """P(maximum over the next 900 s > threshold), for any threshold.

    A mixture of logistic distributions of z = asinh((y - last) / scale);
    it falls strictly as the threshold rises, whatever the parameters.
    ``weight``, ``mean`` and ``spread`` have shape (instances, resources, K),
    ``last`` and ``scale`` (instances, resources) in the units of usage.
    ``bias`` (instances, resources) is added to the log odds; None: nothing.

    ``beside`` are quantiles of the maximum that somebody else tells, in the
    units of usage, (instances, resources, levels), NaN where nobody does, and
    ``share`` (instances, resources) is how much of the chance is read off
    them; a convex combination of two chances that fall.
    """

    weight: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    last: np.ndarray
    scale: np.ndarray
    bias: np.ndarray | None = None
    beside: np.ndarray | None = None
    share: np.ndarray | None = None

    def only(
        self, rows: slice | tuple[slice, slice] | np.ndarray
    ) -> 'Exceedance':
        """That of some of the instances, and of some of the resources."""
        names = (one.name for one in fields(self))
        return Exceedance(**{n: _some(getattr(self, n), rows) for n in names})

    def alone(self) -> 'Exceedance':
        """The mixture, without what was learned of it and stands beside."""
        return Exceedance(
            weight=self.weight,
            mean=self.mean,
            spread=self.spread,
            last=self.last,
            scale=self.scale,
        )

    def probability(self, threshold: np.ndarray) -> np.ndarray:
        """P of shape (instances, resources); NaN where anything is unknown.

        :param threshold: in the units of usage, (instances, resources).
        """
        z = np.arcsinh((threshold - self.last) / self.scale)
        score = (z[..., None] - self.mean) / self.spread
        tail = 0.5 * (1.0 - np.tanh(0.5 * score))  # 1 - logistic CDF
        chance = np.asarray(np.sum(self.weight * tail, axis=-1))
        if self.bias is not None:
            chance = with_bias(chance, self.bias)
        if self.beside is None or self.share is None:
            return chance
        more = self.share * (exceeds(self.beside, threshold) - chance)
        return np.where(np.isnan(more), chance, chance + more)


def _some(array: np.ndarray | None, rows: Any) -> Any:
    return None if array is None else array[rows]


def with_bias(chance: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Chances whose log odds are moved by ``bias``: rises with both.

    >>> with_bias(np.array([0.0, 0.5, 1.0]), np.log(3)).round(6).tolist()
    [0.0, 0.75, 1.0]
    """
    chance = np.clip(chance, 0.0, 1.0)
    # of both ways to write it, the one that cannot overflow
    grown = chance * np.exp(np.minimum(bias, 0.0))
    left = (1.0 - chance) * np.exp(np.minimum(-bias, 0.0))
    return np.asarray(grown / np.maximum(grown + left, 1e-300))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Quantiles of usage, seen from ``origin``.

    ``quantiles[instance, resource, target, level]`` is float32 in the units
    of usage, ascending along the levels; NaN means that there is none.
    ``exceedance`` is None where the model has no such head: then the chance
    is read off the quantiles of the maximum.

    ``plain`` marks cells, bool (instances, resources), whose chance is read
    off the quantiles all the same: somebody stands in for the model there.
    ``raised`` marks those whose quantiles were raised: there the chance is at
    least what they tell.
    ``models`` are the models by instance, where they are not all ``model``;
    ``notes`` says by instance id what is out of the ordinary.  ``rungs`` is
    int8 by instance, how much history the forecast stands on, on the steps
    of `ladder.Rung`; None: nobody asked.
    """

    instances: tuple[str, ...]
    origin: int  # Unix seconds of the newest step that was used
    model: str
    quantiles: np.ndarray
    exceedance: Exceedance | None = None
    plain: np.ndarray | None = None
    raised: np.ndarray | None = None
    models: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    rungs: np.ndarray | None = None

    def model_of(self, row: int) -> str:
        """The model that an instance was asked of."""
        return self.models[row] if self.models else self.model

    def of(self, rows: np.ndarray) -> 'Forecast':
        """That of some of the instances, by their indices."""
        return Forecast(
            instances=tuple(self.instances[row] for row in rows),
            origin=self.origin,
            model=self.model,
            quantiles=self.quantiles[rows],
            exceedance=self.exceedance and self.exceedance.only(rows),
            plain=_some(self.plain, rows),
            raised=_some(self.raised, rows),
            models=tuple(self.models[row] for row in rows)
            if self.models
            else (),
            notes=self.notes,
            rungs=_some(self.rungs, rows),
        )

    def level(self, target: Target, level: float) -> np.ndarray:
        """The quantile of shape (instances, resources)."""
        return np.asarray(
            self.quantiles[:, :, TARGETS.index(target), LEVELS.index(level)]
        )

    def probability(self, threshold: np.ndarray) -> np.ndarray:
        """P(maximum over the next 900 s > threshold).

        Shape (instances, resources); NaN where unknown.
        """
        most = self.quantiles[:, :, TARGETS.index(Target.MAX900)]
        if self.exceedance is None:
            return exceeds(most, threshold)
        chance = self.exceedance.probability(threshold)
        if self.plain is not None:
            chance = np.where(self.plain, exceeds(most, threshold), chance)
        if self.raised is not None:
            least = np.where(self.raised, exceeds(most, threshold), chance)
            chance = np.maximum(chance, least)
        return chance


def exceeds(
    quantiles: np.ndarray,
    threshold: np.ndarray,
    levels: tuple[float, ...] = LEVELS,
) -> np.ndarray:
    """P(y > threshold) from quantiles at ``levels`` (last axis).

    Linear between the levels, exponential beyond the outer two.

    >>> q = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8])
    >>> [round(float(exceeds(q, np.float64(t))), 3) for t in (3, 6, 99)]
    [0.5, 0.05, 0.0]
    """
    at = np.array(levels)
    q = np.asarray(quantiles, np.float64)
    t = np.broadcast_to(np.asarray(threshold, np.float64), q.shape[:-1])
    below = (q <= t[..., None]).sum(axis=-1)
    i = np.clip(below, 1, len(at) - 1)
    lo = np.take_along_axis(q, i[..., None] - 1, -1)[..., 0]
    hi = np.take_along_axis(q, i[..., None], -1)[..., 0]
    part = np.clip((t - lo) / np.maximum(hi - lo, 1e-12), 0.0, 1.0)
    inside = 1.0 - (at[i - 1] + part * (at[i] - at[i - 1]))
    width = np.maximum(q[..., -1] - q[..., 0], 1e-9)
    tail_scale = width / np.log((1 - at[0]) / (1 - at[-1]))
    above = (1 - at[-1]) * np.exp(
        -np.clip((t - q[..., -1]) / tail_scale, 0.0, 60.0)
    )
    under = 1.0 - at[0] * np.exp(
        -np.clip((q[..., 0] - t) / tail_scale, 0.0, 60.0)
    )
    p = np.where(
        t >= q[..., -1], above, np.where(t < q[..., 0], under, inside)
    )
    unknown = np.isnan(t) | np.isnan(q).any(axis=-1)
    return np.where(unknown, np.nan, p)


def ascending(quantiles: np.ndarray) -> np.ndarray:
    """Quantiles sorted along the last axis, in place: few are not.

    Sorting crossed quantiles never makes them worse (Chernozhukov,
    Fernández-Val and Galichon, Econometrica 78, 2010).
    """
    crossed = (quantiles[..., 1:] < quantiles[..., :-1]).any(axis=-1)
    if crossed.any():
        quantiles[crossed] = np.sort(quantiles[crossed], axis=-1)
    return quantiles


def in_units(
    z: np.ndarray, last: np.ndarray, scale: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """Undo z = asinh((y - last) / scale) and keep to what is possible.

    Nothing is below 0; memory stays below its limit and cpu below 1.1 times
    its limit, or below ``last`` where that is above.  NaN in ``last`` gives
    NaN.

    :param z: (instances, resources, targets, levels).
    :param last: like ``scale`` and ``limits``, (instances, resources).
    """
    bounded = _BOUNDED & np.isfinite(limits)
    most = np.where(bounded, np.fmax(_SLACK * limits, last), np.inf)
    # in place, because fresh memory costs more than the arithmetic
    y = np.clip(z, -_WIDEST, _WIDEST).astype(np.float32, copy=False)
    np.sinh(y, out=y)
    y *= scale.astype(np.float32)[..., None, None]
    y += last.astype(np.float32)[..., None, None]
    np.minimum(y, most.astype(np.float32)[..., None, None], out=y)
    np.maximum(y, 0, out=y)
    return ascending(np.asarray(y))  # rounding may have let one fall


class Forecaster(Protocol):
    """Anything that looks ahead: a model, or a baseline."""

    @property
    def name(self) -> str:
        """How it is called in verdicts, tables and metrics."""

    @property
    def history_s(self) -> int:
        """How many seconds of usage it likes to see."""

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> Forecast:
        """Look ahead from the window's end.

        :param limits: (instances, resources) in the units of usage; NaN
            where there is none.
        """
