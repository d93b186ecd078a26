"""States that last longer than they ever did: silence, stuck, at the limit.

A run is news when it is half as long again as the longest one before, a
value that does not move when it is twice as long.  How
surprising that is: what did not happen in n samples has a chance of about
1 / n.

Silence is another matter: a source of telemetry that was down for once must
not make it a habit.  It is news after three steps, as long as such gaps are
rare: what happened m times in n samples has a chance of about (m + 1) / n.
"""

import copy
import enum

import numpy as np

from predictive_watcher.core import fleet


class Run(enum.IntEnum):
    """What lasts; indices of the last axis."""

    SILENCE = 0  # no sample of any resource
    FULL = 1  # cpu near its limit
    STUCK = 2  # the same value again: the first of the resources


RUNS = Run.STUCK + len(fleet.RESOURCES)
CPU = fleet.RESOURCES.index(fleet.Resource.CPU)
NEAR = 0.9  # share of the limit from which cpu is full
# Samples from which on a run is told.
_LEAST = np.array([3, 3, *[24] * len(fleet.RESOURCES)], np.uint16)
_RARE = 6.0  # -ln of the chance of a gap, from which on it is told
_LONGER = 1.5
_STUCK = 2.0  # the same, for a value that does not move
_KNOWN = 288  # samples that have to be seen before anything is told
_FORGET = np.float32(np.exp(-1 / 17_280))  # of a record, by sample: 60 days
_MANY = 60_000
_SAME = 1e-6  # relative difference of values that are the same


class Runs:
    """How long each state lasts, and how long it ever did.

    ``length`` (instances, RUNS) in samples, now; ``record`` the longest
    before, for silence how many there were, fading; ``seen`` (instances,)
    how many samples there were; ``last`` (instances, resources) the newest
    values; ``least`` and ``most`` (instances,) of cpu in the present run at
    the limit.
    """

    def __init__(self, instances: int, resources: int) -> None:
        """Begin with nothing seen."""
        count = Run.STUCK + resources
        self.length = np.zeros((instances, count), np.uint16)
        self.record = np.zeros((instances, count), np.float32)
        self.seen = np.zeros(instances, np.uint16)
        self.last = np.full((instances, resources), np.nan, np.float32)
        self.least = np.full(instances, np.nan, np.float32)
        self.most = np.full(instances, np.nan, np.float32)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, views with the instances first."""
        return {f'runs_{name}': a for name, a in vars(self).items()}

    def among(self, rows: slice) -> 'Runs':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        for name, array in vars(self).items():
            setattr(some, name, array[rows])
        return some

    def advance(self, sample: np.ndarray, limits: np.ndarray) -> np.ndarray:
        """Take a sample.

        :param sample: (instances, resources); NaN where there is none.
        :param limits: like ``sample``; NaN where nothing limits.
        :returns: -ln p of each run, (instances, RUNS); 0 where it is none,
            or not longer than it was before.
        """
        known = np.isfinite(sample)
        any_known = known.any(axis=1)
        on = np.zeros(self.length.shape, bool)
        on[:, Run.SILENCE] = ~any_known & (self.seen > 0)
        cpu = sample[:, CPU]
        on[:, Run.FULL] = cpu >= NEAR * limits[:, CPU]
        same = np.abs(sample - self.last) <= _SAME * np.abs(sample)
        on[:, Run.STUCK :] = same & (sample != 0)
        heard = np.ones(self.length.shape, bool)
        heard[:, Run.FULL] = known[:, CPU]
        heard[:, Run.STUCK :] = known
        self._learn(on, heard)
        self._range(cpu, on[:, Run.FULL], known[:, CPU])
        np.copyto(self.last, sample, where=known)
        self.seen += any_known & (self.seen < _MANY)
        least = _LEAST[: self.length.shape[1]]
        longer = np.full(len(least), _LONGER, np.float32)
        longer[Run.STUCK :] = _STUCK
        long = self.length >= np.maximum(longer * self.record, least)
        gaps = self.record[:, Run.SILENCE]
        seen = np.maximum(self.seen, 1).astype(np.float32)
        rare = np.repeat(np.log(seen)[:, None], len(least), axis=1)
        rare[:, Run.SILENCE] -= np.log1p(gaps)
        long[:, Run.SILENCE] = (
            self.length[:, Run.SILENCE] >= least[Run.SILENCE]
        ) & (rare[:, Run.SILENCE] >= _RARE)
        # what never varied is not stuck
        varied = 2 * self.length[:, Run.STUCK :] < self.seen[:, None]
        long[:, Run.STUCK :] &= varied
        told = on & long & (self.seen >= _KNOWN)[:, None]
        return np.where(told, rare, np.float32(0))

    def _learn(self, on: np.ndarray, heard: np.ndarray) -> None:
        ended = heard & ~on & (self.length > 0)
        self.record *= _FORGET
        longest = np.maximum(self.record, self.length)
        gap = self.length[:, Run.SILENCE] >= _LEAST[Run.SILENCE]
        longest[:, Run.SILENCE] = self.record[:, Run.SILENCE] + gap
        np.copyto(self.record, longest, where=ended)
        longer = np.minimum(self.length, _MANY) + 1
        length = np.where(on, longer, np.where(heard, 0, self.length))
        self.length[...] = length

    def _range(
        self, cpu: np.ndarray, full: np.ndarray, known: np.ndarray
    ) -> None:
        nothing = np.float32(np.nan)
        least = np.where(full, np.fmin(self.least, cpu), nothing)
        most = np.where(full, np.fmax(self.most, cpu), nothing)
        np.copyto(self.least, least, where=known)
        np.copyto(self.most, most, where=known)
