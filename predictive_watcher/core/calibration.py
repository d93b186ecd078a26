"""Quantiles corrected, online, by what came of earlier ones.

Each instance, resource, target and level has an offset in units of
z = asinh((y - last) / scale).  When a forecast is settled, the offset of a
quantile that was passed rises by rate x level, that of one that was not falls
by rate x (1 - level): a step of online gradient descent on the quantile loss.
In the long run the share of the forecasts below a quantile is then its level,
whatever the data do (Gibbs and Candès, "Adaptive Conformal Inference Under
Distribution Shift", NeurIPS 2021, proposition 4.1; Angelopoulos, Candès and
Tibshirani, "Conformal PID Control for Time Series Prediction", NeurIPS 2023,
section 2.1).  Because z has no unit, one rate serves all instances.
"""

from collections.abc import Callable
import copy

import numpy as np

from predictive_watcher.core import forecast


# Steps from an origin until all that a target speaks of has come.
LEADS = (1, 2, 3, 3)
_LONGEST = max(LEADS)
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
_LEVELS = np.array(forecast.LEVELS, np.float32)
# By how many forecasts of a cell were settled: large steps at first, so that
# a young instance is soon in order, small and constant ones later.  (They
# decay in Angelopoulos, Barber and Bates, "Online conformal prediction with
# decaying step sizes", ICML 2024; ours have to go on following changes.)
_SETTLED = 100
_RATES = np.maximum(
    0.01, 0.1 / np.sqrt(np.maximum(np.arange(_SETTLED + 1), 1))
).astype(np.float32)


class Calibration:
    """Offsets, and the forecasts that wait for what comes.

    At every step `advance` takes what came; `correct` may then be asked for
    the forecasts of that step.  Arrays are float32: ``offset`` (targets,
    instances, resources, levels), ``settled`` (targets, instances, resources;
    uint8) how many were settled, up to 100; for each target ``waiting`` (lead,
    instances, resources, levels; float16), quantiles before they are sorted;
    and ``last`` and ``scale`` (3, instances, resources) of the newest steps,
    and ``samples`` of the newest two.  About 1.5 KB an instance.
    """

    def __init__(self, instances: int, resources: int) -> None:
        """Begin with nothing settled: offsets of 0."""
        cells = (instances, resources)

        def unknown(*lead: int, trail: tuple[int, ...] = ()) -> np.ndarray:
            return np.full((*lead, *cells, *trail), np.nan, np.float32)

        levels = (len(_LEVELS),)
        self.count = 0  # number of the newest step
        self.offset = np.zeros((len(LEADS), *cells, *levels), np.float32)
        self.settled = np.zeros((len(LEADS), *cells), np.uint8)
        self.waiting = [
            unknown(lead, trail=levels).astype(np.float16) for lead in LEADS
        ]
        self.samples = unknown(_LONGEST - 1)
        self.last = unknown(_LONGEST)
        self.scale = unknown(_LONGEST)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        named: dict[str, np.ndarray] = {
            'offset': self.offset,
            'settled': self.settled,
            **{f'waiting{k}': array for k, array in enumerate(self.waiting)},
            'samples': self.samples,
            'origin_last': self.last,
            'origin_scale': self.scale,
        }
        return {name: np.moveaxis(a, 1, 0) for name, a in named.items()}

    def among(self, rows: slice) -> 'Calibration':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        for name in ('offset', 'settled', 'samples', 'last', 'scale'):
            setattr(some, name, getattr(self, name)[:, rows])
        some.waiting = [array[:, rows] for array in self.waiting]
        return some

    def forget(self, which: np.ndarray) -> None:
        """Begin anew for the instances of a mask, bool (instances,)."""
        self.offset[:, which] = 0.0
        self.settled[:, which] = 0
        for array in (self.samples, self.last, self.scale):
            array[:, which] = np.nan

    def advance(
        self,
        sample: np.ndarray,
        step: int,
        also: Callable[[np.ndarray], None] = lambda _: None,
    ) -> np.ndarray:
        """Take the sample of a step, and learn from what it settles.

        Returns the highest of the newest three samples, NaN where one of
        them is unknown.

        :param sample: (instances, resources) in the units of usage; NaN
            where there is none: what depends on it is not settled.
        :param step: its number, one more than that of the step before.
        :param also: hears the highest while all that is settled is there.
        """
        self.count = step
        highest = np.maximum(self.samples.max(axis=0), sample)
        self.samples[self.count % len(self.samples)] = sample
        for target in range(len(LEADS)):
            self._learn(target, highest if target == _MAX else sample)
        also(np.asarray(highest))
        self.last[self.count % _LONGEST] = np.nan  # no forecast, until asked
        return np.asarray(highest)

    def settling(
        self, target: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The forecasts that the newest step settles: quantiles as they were
        issued, before they were sorted, and ``last`` and ``scale`` of then.
        """
        lead = LEADS[target]
        origin = (self.count - lead) % _LONGEST
        issued = self.waiting[target][self.count % lead]
        return issued, self.last[origin], self.scale[origin]

    def _learn(self, target: int, came: np.ndarray) -> None:
        issued, last, scale = self.settling(target)
        z = np.arcsinh((came - last) / scale)
        known = np.isfinite(z)
        if not np.isfinite(issued).all():  # seldom, and slow by cell
            known &= np.isfinite(issued).all(axis=-1)
        settled = np.minimum(self.settled[target] + known, _SETTLED)
        self.settled[target] = settled
        rate = np.where(known, _RATES[settled], np.float32(0))
        # + rate x level where passed, else - rate x (1 - level)
        change = _LEVELS - 1 + (z[..., None] > issued)
        change *= rate[..., None]
        self.offset[target] += change

    def correct(
        self, z: np.ndarray, last: np.ndarray, scale: np.ndarray
    ) -> np.ndarray:
        """Corrected quantiles of the newest step, ascending along the levels.

        Where nothing was settled yet they are as they were.

        :param z: (instances, resources, targets, levels), ascending.
        :param last: (instances, resources), as ``scale`` in the units of
            usage; NaN where there is no forecast.
        """
        now = self.count % _LONGEST
        self.last[now], self.scale[now] = last, scale
        out = z + np.moveaxis(self.offset, 0, 2)
        # each level learns from its own quantile: in their sorted order an
        # offset could run away, because it moves another level's quantile
        for target, lead in enumerate(LEADS):
            self.waiting[target][self.count % lead] = out[:, :, target]
        # as they are remembered: in float16, a thousandth of what they are
        return self.newest()

    def newest(self) -> np.ndarray:
        """What `correct` returned for the newest step."""
        pairs = zip(self.waiting, LEADS, strict=True)
        now = [waiting[self.count % lead] for waiting, lead in pairs]
        return ascending(np.stack(now, axis=2, dtype=np.float32))


def ascending(quantiles: np.ndarray) -> np.ndarray:
    """Quantiles sorted along the last axis, in place: few are not.

    Sorting crossed quantiles never makes them worse (Chernozhukov,
    Fernández-Val and Galichon, Econometrica 78, 2010).
    """
    levels = quantiles.shape[-1]
    row = quantiles.reshape(-1)  # compared in one row: much faster
    falls = row[1:] < row[:-1]
    falls[levels - 1 :: levels] = False  # from one cell to the next
    cells = quantiles.reshape(-1, levels)
    crossed = np.unique(np.flatnonzero(falls) // levels)
    cells[crossed] = np.sort(cells[crossed], axis=-1)
    return quantiles
