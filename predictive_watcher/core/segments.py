"""Regimes of behaviour, found in the data as it comes.

An instance that runs a batch at night and serves people by day has two
normal levels, and the mean of both is none.  Each instance has up to
`SEGMENTS` of them, normal distributions over the resources on the scale of
`scale`.  Which one holds is filtered as in a hidden Markov model whose
states last: belief of the step before, time of day, and the sample (Rabiner,
Proc. IEEE 1989).  Where usage stays far from all of them for `STRANGE` steps
a new one begins; where there is no room for it, or two have become alike,
the two that are most alike become one.
"""

from collections.abc import Mapping
import copy

import numpy as np

from predictive_watcher.core import conditions
from predictive_watcher.core import decay
from predictive_watcher.core import merging


SEGMENTS = 4
LEVELS = (0.01, 0.05, 0.5, 0.95, 0.99)  # of the limits of normal
STRANGE = 6  # steps
LOOK_S = 6 * 3600  # between two looks whether segments have become alike
_ALIKE = 0.5  # distance of Bhattacharyya: means two spreads apart
_FAR = np.float32(6.0)  # squared spreads of the resource that is furthest
_FURTHEST = np.float32(24.0)  # that one resource counts
_STAYS = np.float32(0.95)  # belief that the regime of a step goes on
_RATE = np.float32(0.03)  # of a quantile, in spreads
_FEW = np.float32(24.0)  # samples, from which no quantile is told
_TINY = np.float32(1e-12)
# the quantiles of the normal distribution at LEVELS
_Z = np.array([-2.326, -1.645, 0.0, 1.645, 2.326], np.float32)
_AT = np.array(LEVELS, np.float32)


class Segments:
    """Up to ``most`` regimes of each instance.

    ``usage`` are moments (instances, segments, resources); ``mass`` and
    ``times`` are how long each held in all, and by half hours of a working
    day and a weekend's (instances, segments, 96); ``belief`` is how likely
    each holds now; ``quantiles`` (instances, segments, resources, LEVELS);
    ``strange`` counts the steps that were far from all, ``odd`` are their
    moments (instances, resources).
    """

    def __init__(
        self, instances: int, resources: int, most: int = SEGMENTS
    ) -> None:
        shape = (instances, most)
        self.usage = decay.Moments.empty(*shape, resources)
        self.odd = decay.Moments.empty(instances, resources)
        self.mass = np.zeros(shape, np.float32)
        self.times = np.zeros((*shape, 2 * conditions.SLOTS), np.float32)
        self.belief = np.zeros(shape, np.float32)
        self.quantiles = np.zeros((*shape, resources, len(LEVELS)), np.float32)
        self.strange = np.zeros(instances, np.float32)
        self._rows = np.arange(instances)

    def parts(self) -> Mapping[str, np.ndarray]:
        """All that is remembered."""
        return {
            **self.usage.parts('segments'),
            **self.odd.parts('odd'),
            'segments.mass': self.mass,
            'segments.times': self.times,
            'segments.belief': self.belief,
            'segments.quantiles': self.quantiles,
            'segments.strange': self.strange,
        }

    def among(self, rows: slice) -> 'Segments':
        """Those of some instances: what they learn, these know."""
        some = copy.copy(self)
        some.usage, some.odd = self.usage[rows], self.odd[rows]
        for name in ('mass', 'times', 'belief', 'quantiles', 'strange'):
            setattr(some, name, getattr(self, name)[rows])
        some._rows = np.arange(len(some.strange))
        return some

    @property
    def now(self) -> np.ndarray:
        """The index of the regime that most likely holds; -1: none is known.

        A segment keeps its index as long as it lives.
        """
        found = self.belief.argmax(axis=1)
        return np.where(self.mass.any(axis=1), found, -1)

    def limits(self) -> np.ndarray:
        """The quantiles at `LEVELS`, ascending; they learn one by one."""
        return np.sort(self.quantiles, axis=-1)

    def fade(self, factor: np.float32) -> None:
        """Let all that was seen weigh less."""
        self.usage.fade(factor)
        self.odd.fade(factor)
        self.mass *= factor
        self.times *= factor

    def take(
        self, value: np.ndarray, gain: np.ndarray, moment: conditions.Moment
    ) -> None:
        """Learn a sample.

        :param value: (instances, resources), finite.
        :param gain: what it weighs, 0 where there is none.
        """
        present = gain > 0
        some = np.asarray(present.any(axis=1))
        alive = self.mass > 0
        new = ~alive.any(axis=1)
        alive[:, 0] |= some & new  # the first sample begins a segment
        distance, doubt = self._distance(value, present)
        nearest = np.where(alive, distance, np.inf).min(axis=1)
        far = np.asarray(some & ~new & (nearest > _FAR))
        self._believe(doubt, alive, some, moment)
        self._wonder(value, gain, far, some & ~far)
        self._learn(value, gain, np.flatnonzero(some & ~far), moment)
        self._begin(np.flatnonzero(far & (self.strange >= STRANGE)))

    def _distance(
        self, value: np.ndarray, present: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Squared distance from each segment in the resource that is
        furthest, in spreads; and minus twice the log likelihood.  What is
        missing says nothing.
        """
        spread = merging.variance(self.usage)
        apart = (value[:, None] - self.usage.mean) ** 2 / spread
        apart = np.minimum(apart, _FURTHEST) * present[:, None]
        size = np.log(spread) * present[:, None]
        return apart.max(axis=2), (apart + size).sum(axis=2)

    def _believe(
        self,
        doubt: np.ndarray,
        alive: np.ndarray,
        some: np.ndarray,
        moment: conditions.Moment,
    ) -> None:
        """One step of the filter; without a sample the belief only ages."""
        usual = self.times[self._rows, :, moment.slot]
        usual = usual + np.float32(0.01) * self.mass
        usual = usual / np.maximum(usual.sum(axis=1, keepdims=True), _TINY)
        ahead = _STAYS * self.belief + (1 - _STAYS) * usual
        least = np.where(alive, doubt, np.float32(np.inf))
        least = np.nan_to_num(least.min(axis=1, keepdims=True), posinf=0.0)
        score = np.exp(-0.5 * np.clip(doubt - least, 0, 100))
        found = np.where(some[:, None], ahead * score, ahead)
        found = np.where(alive, np.maximum(found, _TINY), 0)
        total = np.maximum(found.sum(axis=1, keepdims=True), _TINY)
        self.belief[...] = found / total

    def _wonder(
        self,
        value: np.ndarray,
        gain: np.ndarray,
        far: np.ndarray,
        over: np.ndarray,
    ) -> None:
        """Count the steps far from all regimes, and remember them; those
        that were soon over belong to the regime that goes on.
        """
        back = np.flatnonzero(over & (self.strange > 0))
        if len(back):
            self._settle(back, self.belief[back].argmax(axis=1))
        self.strange += far
        if far.any():
            self.odd.take(value, gain * far[:, None])

    def _learn(
        self,
        value: np.ndarray,
        gain: np.ndarray,
        rows: np.ndarray,
        moment: conditions.Moment,
    ) -> None:
        """The sample belongs to the regime that most likely holds."""
        mine = self.belief[rows].argmax(axis=1)
        value, gain = value[rows], gain[rows]
        here = (rows, mine)
        self.usage.take(value, gain, here)
        most = gain.max(axis=1)
        self.mass[here] += most
        self.times[(*here, moment.slot[rows])] += most
        seen = self.usage[here]
        spread = np.sqrt(merging.variance(seen))[..., None]
        old = self.quantiles[here]
        moved = old + _RATE * spread * (_AT - (value[..., None] < old))
        # at first those of a normal distribution
        start = seen.mean[..., None] + spread * _Z
        new = np.where((seen.weight < _FEW)[..., None], start, moved)
        self.quantiles[here] = np.where((gain > 0)[..., None], new, old)

    def _begin(self, rows: np.ndarray) -> None:
        """What was strange for long is a regime of its own."""
        if not len(rows):
            return
        free = self.mass[rows] == 0
        place = free.argmax(axis=1)
        full = np.flatnonzero(~free.any(axis=1))
        place[full] = self._room(rows[full])
        self._settle(rows, place)
        self.belief[rows] = 0
        self.belief[rows, place] = 1

    def _settle(self, rows: np.ndarray, place: np.ndarray) -> None:
        """The strange samples of ``rows`` go into segments ``place``."""
        here = (rows, place)
        odd = self.odd[rows]
        fresh = self.mass[here] == 0
        self.usage.put(here, merging.joined(self.usage[here], odd))
        self.mass[here] += odd.weight.max(axis=1)
        spread = np.sqrt(merging.variance(odd))
        start = odd.mean[..., None] + spread[..., None] * _Z
        old = self.quantiles[here]
        self.quantiles[here] = np.where(fresh[:, None, None], start, old)
        self.strange[rows] = 0
        self.odd.clear(rows)

    def _room(self, rows: np.ndarray) -> np.ndarray:
        """Where the strange samples go if no segment is free: of all and
        them, the two that are most alike become one.
        """
        seen, odd = self.usage[rows], self.odd[rows]
        all_of_them = decay.Moments(
            *(
                np.concatenate([a, b[:, None]], axis=1)
                for a, b in (
                    (seen.weight, odd.weight),
                    (seen.mean, odd.mean),
                    (seen.scatter, odd.scatter),
                )
            )
        )
        low, high, _ = merging.closest(all_of_them)
        with_odd = high == seen.mean.shape[1]
        merge = np.flatnonzero(~with_odd)
        self._merge(rows[merge], low[merge], high[merge])
        return np.where(with_odd, low, high)

    def look(self) -> None:
        """Make one of two regimes that have become alike."""
        low, high, far = merging.closest(self.usage)
        rows = np.flatnonzero(far < _ALIKE)
        self._merge(rows, low[rows], high[rows])

    def _merge(
        self, rows: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> None:
        """Segments ``high`` become part of ``low`` and are free again."""
        one, other = (rows, low), (rows, high)
        self.usage.put(one, merging.joined(self.usage[one], self.usage[other]))
        self.usage.clear(other)
        mass = self.mass[one] + self.mass[other]
        share = (self.mass[other] / np.maximum(mass, _TINY))[:, None, None]
        old = self.quantiles[one]
        self.quantiles[one] = old + share * (self.quantiles[other] - old)
        for kept in (self.mass, self.times, self.belief):
            kept[one] += kept[other]
            kept[other] = 0
        self.quantiles[other] = 0
