"""A slow ramp of memory: half an hour after half an hour it rises.

The means of the newest twelve half hours are compared pair by pair (Mann,
"Nonparametric tests against trend", Econometrica 13, 1945).  A leak is told
where nearly all pairs rise and the rise is larger than those that were seen
before.
"""

import copy

import numpy as np


BLOCK_S = 1800
BLOCKS = 12  # six hours
_EARLIER, _LATER = np.triu_indices(BLOCKS, 1)
PAIRS = len(_EARLIER)
_RISING = 50  # pairs, of 66, less those that fall: one in 3,000 by chance
_SOMEWHAT = 40  # from which on a rise counts as one that was seen before
_LARGER = 1.25
_LEAST = 0.05  # of the limit, or of the mean where there is none
_HALF = 3  # blocks whose mean is the begin, or the end, of a rise
_KNOWN = 48  # blocks that have to be seen before anything is told: a day
_FORGET = np.float32(np.exp(-1 / 2880))  # of a record, by block: 60 days
_MANY = 60_000
_SAMPLES = 3  # that a block needs


class Leak:
    """The newest half hours of one resource of many instances.

    All arrays have the instances first; ``means`` (instances, BLOCKS), the
    newest last, NaN where unknown; ``rise`` is the present one, 0 where
    there is none; ``peak`` the largest of those that are not over yet, and
    ``record`` of those before.
    """

    def __init__(self, instances: int) -> None:
        """Begin with nothing seen."""
        self.total = np.zeros(instances, np.float32)
        self.count = np.zeros(instances, np.uint16)
        self.means = np.full((instances, BLOCKS), np.nan, np.float32)
        self.seen = np.zeros(instances, np.uint16)
        self.rise = np.zeros(instances, np.float32)
        self.peak = np.zeros(instances, np.float32)
        self.record = np.zeros(instances, np.float32)
        self.surprise = np.zeros(instances, np.float32)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, views with the instances first."""
        return {f'leak_{name}': a for name, a in vars(self).items()}

    def among(self, rows: slice) -> 'Leak':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        for name, array in vars(self).items():
            setattr(some, name, array[rows])
        return some

    def advance(
        self, sample: np.ndarray, time: int | np.ndarray, limit: np.ndarray
    ) -> np.ndarray:
        """Take a sample; at the end of a half hour, judge it.

        :param sample: (instances,); NaN where there is none.
        :param time: Unix seconds of the sample, one or (instances,).
        :param limit: like ``sample``; NaN where there is none.
        :returns: -ln p, (instances,); 0 where there is no leak.
        """
        known = np.isfinite(sample)
        self.total += np.where(known, sample, 0)
        self.count += known
        ended = np.broadcast_to(np.asarray(time) % BLOCK_S == 0, len(sample))
        if ended.any():
            self._judge(ended, limit)
        return self.surprise.copy()

    def _judge(self, ended: np.ndarray, limit: np.ndarray) -> None:
        enough = self.count >= _SAMPLES
        mean = np.where(
            enough, self.total / np.maximum(self.count, 1), np.float32(np.nan)
        )
        moved = np.concatenate([self.means[:, 1:], mean[:, None]], axis=1)
        np.copyto(self.means, moved, where=ended[:, None])
        self.total[ended] = 0
        self.count[ended] = 0
        self.seen += ended & enough & (self.seen < _MANY)
        means = self.means
        signs = np.sign(means[:, _LATER] - means[:, _EARLIER]).sum(axis=1)
        rise = means[:, -_HALF:].mean(axis=1) - means[:, :_HALF].mean(axis=1)
        level = np.where(np.isfinite(limit), limit, means.mean(axis=1))
        told = (
            (signs >= _RISING)
            & (rise >= _LEAST * level)
            & (rise >= _LARGER * self.record)
            & (self.seen >= _KNOWN)
        )
        # what is under way is no habit yet
        going = signs >= _SOMEWHAT
        record = self.record * _FORGET
        record = np.where(going, record, np.maximum(record, self.peak))
        peak = np.where(going, np.fmax(self.peak, rise), 0)
        np.copyto(self.peak, peak, where=ended)
        rare = np.log(np.maximum(self.seen, 1).astype(np.float32))
        np.copyto(self.record, record, where=ended)
        np.copyto(self.rise, np.where(told, rise, 0), where=ended)
        np.copyto(self.surprise, np.where(told, rare, 0), where=ended)
