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
_LEVELS = np.array(forecast.LEVELS, np.float32)[:, None, None]
_UNPASSED = _LEVELS - 1
# By how many forecasts of a cell were settled: large steps at first, so that
# a young instance is soon in order, small and constant ones later.  (They
# decay in Angelopoulos, Barber and Bates, "Online conformal prediction with
# decaying step sizes", ICML 2024; ours have to go on following changes.)
_SETTLED = 100
_RATES = np.maximum(
    0.01, 0.1 / np.sqrt(np.maximum(np.arange(_SETTLED + 1), 1))
).astype(np.float32)


# Quantiles wait as whole numbers of a 2048th of z: half the memory of
# float32, fast to make and to read, and precise to what nobody sees.
_UNITS = np.float32(2048)
_FARTHEST = np.float32(15.99)  # of z, either way
_NEVER = np.int16(-(2**15))  # no forecast

# Memory has the levels before the instances, because numpy is fast along
# what is long; what is given and returned looks the other way.
_OUTWARD = ((0, 1), (2, 3))


class Calibration:
    """Offsets, and the forecasts that wait for what comes.

    At every step `advance` takes what came; `correct` may then be asked for
    the forecasts of that step.  Arrays are float32: ``offset`` (targets,
    levels, instances, resources), ``settled`` (targets, instances, resources;
    uint8) how many were settled, up to 100; for each target ``waiting`` (lead,
    levels, instances, resources; int16), quantiles before they are sorted;
    and ``last`` and ``scale`` (3, instances, resources) of the newest steps,
    and ``samples`` of the newest two.  About 1.5 KB an instance.
    """

    def __init__(self, instances: int, resources: int) -> None:
        """Begin with nothing settled: offsets of 0."""
        cells, levels = (instances, resources), len(_LEVELS)

        def unknown(*lead: int) -> np.ndarray:
            return np.full((*lead, *cells), np.nan, np.float32)

        self.count = 0  # number of the newest step
        self.offset = np.zeros((len(LEADS), levels, *cells), np.float32)
        self.settled = np.zeros((len(LEADS), *cells), np.uint8)
        self.waiting = [
            np.full((lead, levels, *cells), _NEVER, np.int16) for lead in LEADS
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
        return {name: np.moveaxis(a, -2, 0) for name, a in named.items()}

    def among(self, rows: slice) -> 'Calibration':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        for name in ('offset', 'settled', 'samples', 'last', 'scale'):
            setattr(some, name, getattr(self, name)[..., rows, :])
        some.waiting = [array[..., rows, :] for array in self.waiting]
        return some

    def forget(self, which: np.ndarray) -> None:
        """Begin anew for the instances of a mask, bool (instances,)."""
        self.offset[..., which, :] = 0.0
        self.settled[..., which, :] = 0
        for array in (self.samples, self.last, self.scale):
            array[..., which, :] = np.nan

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
        self, target: int, resources: int | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The forecasts that the newest step settles: quantiles (levels,
        instances, resources) as they were issued, before they were sorted,
        in 2048ths of z; and ``last`` and ``scale`` of then.

        :param resources: so many of the first; None: all.
        """
        lead = LEADS[target]
        origin = (self.count - lead) % _LONGEST
        issued = self.waiting[target][self.count % lead]
        some = slice(resources)
        return (
            issued[..., some],
            self.last[origin][:, some],
            self.scale[origin][:, some],
        )

    def _learn(self, target: int, came: np.ndarray) -> None:
        issued, last, scale = self.settling(target)
        z = np.arcsinh((came - last) / scale)
        known = np.isfinite(z) & (issued != _NEVER).all(axis=0)
        settled = np.minimum(self.settled[target] + known, _SETTLED)
        self.settled[target] = settled
        rate = np.where(known, _RATES[settled], np.float32(0))
        # + rate x level where passed, else - rate x (1 - level)
        change = (z * _UNITS > issued) + _UNPASSED
        change *= rate
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
        # each level learns from its own quantile: in their sorted order an
        # offset could run away, because it moves another level's quantile
        inward = np.moveaxis(z, *_OUTWARD[::-1])
        for target, lead in enumerate(LEADS):
            self.waiting[target][self.count % lead] = _whole(
                inward[target] + self.offset[target]
            )
        # as they are remembered, so that it does not matter who asks when
        return self.newest()

    def newest(self) -> np.ndarray:
        """What `correct` returned for the newest step."""
        found = np.empty(self.offset.shape, np.float32)
        for target, lead in enumerate(LEADS):
            in_z(self.waiting[target][self.count % lead], out=found[target])
        return forecast.ascending(np.moveaxis(found, *_OUTWARD))


def _whole(z: np.ndarray) -> np.ndarray:
    """In 2048ths, (levels, ...)."""
    never = np.isnan(z)
    found = np.clip(z, -_FARTHEST, _FARTHEST, out=z)
    found *= _UNITS
    np.rint(found, out=found)
    if never.any():
        found[never] = _NEVER
    return found.astype(np.int16)


def in_z(whole: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """What waits, as z; NaN where there is no forecast."""
    found = np.multiply(whole, 1 / _UNITS, out=out)
    never = whole == _NEVER
    if never.any():
        found[never] = np.nan
    return np.asarray(found)
