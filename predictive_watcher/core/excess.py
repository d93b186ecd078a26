"""How long usage stays above a level once it has passed it, for any level.

Levels are a geometric grid, eight in each doubling, which is the same for
everybody; each instance and resource has those of four doublings up to the
largest use that was seen.  So a level of today's limit, of a larger flavor's
or of another ceiling can be asked for, and a resize changes nothing here.
"""

from collections.abc import Mapping
import copy

import numpy as np

from predictive_watcher.core import ladder
from predictive_watcher.core import usage as usage_module


PRIOR_EXCESS_S = 1800.0
PRIOR_RUNS = 1.0
GAP = 3  # steps without a sample that end no run
_DAY_S = 86400.0
_ENOUGH_S = 2.5 * _DAY_S  # before it is told how often a level is passed
LEVELS = 32
_PER_DOUBLING = 8
_ROOM = 4  # levels above the first sample
# vCPUs, MiB, B/s, B/s: below these nothing is told apart
_LOWEST = np.array([1e-3, 1.0, 1024.0, 256.0], np.float32)


def _place(amount: np.ndarray) -> np.ndarray:
    """Where on the grid amounts lie, float32; whole numbers are levels."""
    ratio = np.maximum(amount / _LOWEST, np.float32(1))
    return np.asarray(_PER_DOUBLING * np.log2(ratio), np.float32)


class Excess:
    """Runs above each level, and the seconds in them, with forgetting.

    ``base`` (instances, resources) is the lowest level on the grid;
    ``seconds`` and ``runs`` (instances, resources, levels) are weighted;
    ``before`` is the place of the newest sample, -1 where it is none, or of
    long ago: what is lacking for a few steps ends no run.
    """

    def __init__(self, instances: int, resources: int) -> None:
        shape = (instances, resources)
        self.base = np.full(shape, -1, np.int32)
        self.before = np.full(shape, -1, np.float32)
        self.seconds = np.zeros((*shape, LEVELS), np.float32)
        self.runs = np.zeros((*shape, LEVELS), np.float32)

    def parts(self) -> Mapping[str, np.ndarray]:
        """All that is remembered."""
        return {
            'excess.base': self.base,
            'excess.before': self.before,
            'excess.seconds': self.seconds,
            'excess.runs': self.runs,
        }

    def among(self, rows: slice) -> 'Excess':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.base, some.before = self.base[rows], self.before[rows]
        some.seconds, some.runs = self.seconds[rows], self.runs[rows]
        return some

    def take(
        self, amount: np.ndarray, present: np.ndarray, gain: np.float32,
        step_s: int,
    ) -> None:  # fmt: skip
        """Learn the sample of a step.

        :param amount: (instances, resources) in the units of usage, finite.
        :param present: where there is one.
        :param gain: what it weighs.
        """
        place = np.where(present, _place(amount), np.float32(-1))
        self._make_room(place, present)
        levels = np.arange(LEVELS, dtype=np.float32)
        above = (place - self.base)[..., None] > levels
        began = above & ~((self.before - self.base)[..., None] > levels)
        self.seconds += above * np.float32(gain * step_s)
        self.runs += began * gain
        self.before[...] = np.where(present, place, self.before)

    def _make_room(self, place: np.ndarray, present: np.ndarray) -> None:
        """Move the levels of whoever passes all of them."""
        first = present & (self.base < 0)
        start = np.ceil(place) + _ROOM - LEVELS
        self.base[first] = np.maximum(start, 0)[first].astype(np.int32)
        short = place - self.base - LEVELS
        cells = np.argwhere(present & (short > 0))
        for row, column in cells:
            up = int(np.ceil(short[row, column]))
            self.base[row, column] += up
            for kept in (self.seconds, self.runs):
                old = kept[row, column].copy()
                kept[row, column] = 0
                kept[row, column, : max(LEVELS - up, 0)] = old[up:]

    def fade(self, factor: np.float32) -> None:
        """Let all that was seen weigh less."""
        self.seconds *= factor
        self.runs *= factor

    def above(
        self, level: np.ndarray, gain: np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        """Seconds above a level and runs there, as many as still count.

        Between two levels of the grid it is in between; below the lowest one
        what is known of that.  0 where the level is unknown or was never
        passed.

        :param level: (instances, resources) in the units of usage.
        :param gain: what a sample of now weighs.
        """
        known = np.isfinite(level) & (self.base >= 0)
        place = _place(np.where(known, level, 0)) - self.base
        place = np.maximum(place, 0)
        low = np.minimum(np.floor(place), LEVELS - 1).astype(np.int64)
        high = np.minimum(low + 1, LEVELS - 1)
        part = np.clip(place - low, 0, 1).astype(np.float32)
        never = ~known | (place > LEVELS - 1)
        found = []
        for kept in (self.seconds, self.runs):
            one, other = (
                np.take_along_axis(kept, k[..., None], -1)[..., 0]
                for k in (low, high)
            )
            value = (one + part * (other - one)) / gain
            found.append(np.where(never, 0, value).astype(np.float64))
        return found[0], found[1]

    def highest(self) -> np.ndarray:
        """The largest use that counts, (instances, resources) in the units
        of usage, to a twelfth; NaN where nothing was seen.
        """
        some = self.runs > 1e-3
        place = LEVELS - 1 - some[..., ::-1].argmax(axis=-1)
        place = np.where(some.any(axis=-1), place, 0) + self.base
        found = _LOWEST * 2.0 ** (place / _PER_DOUBLING)
        return np.where(self.base >= 0, found, np.nan)


def mean_among_kin(
    seconds: np.ndarray, runs: np.ndarray, kin: ladder.Groups | None
) -> np.ndarray:
    """The mean length (s) of a run, shrunk towards that of the group, and the
    group's towards `PRIOR_EXCESS_S`.

    :param kin: None: everybody stands alone.
    """
    prior: np.ndarray | float = PRIOR_EXCESS_S
    if kin is not None:
        with np.errstate(invalid='ignore', divide='ignore'):
            own = np.where(runs > 0, seconds / runs, np.nan)
        mean, others = kin.others(own, runs)
        mean = np.where(others > 0, mean, 0)
        prior = mean_s(mean * others, others, PRIOR_EXCESS_S)
    return mean_s(seconds, runs, prior)


def runs_a_day(runs: np.ndarray, seen_s: np.ndarray) -> np.ndarray:
    """How often a day a level is passed, as if a day without had been seen
    before all else; 0 where less than two and a half days were seen.

    >>> seen = np.array([259200.0, 86400.0])
    >>> runs_a_day(np.array([4.0, 4.0]), seen).tolist()
    [1.0, 0.0]
    """
    rate = runs / (1.0 + seen_s / _DAY_S)
    return np.where(seen_s < _ENOUGH_S, 0.0, rate)


def between_s(
    above_s: np.ndarray, runs: np.ndarray, seen_s: np.ndarray
) -> np.ndarray:
    """The mean time (s) between two runs, as if a day and a run after it had
    been seen before all else; NaN where less than two and a half days were.

    >>> seen, none = np.array([259200.0, 86400.0]), np.zeros(2)
    >>> between_s(none, np.array([3.0, 3.0]), seen).tolist()
    [86400.0, nan]
    """
    below_s = np.maximum(seen_s - above_s, 0.0) + _DAY_S
    return np.where(seen_s < _ENOUGH_S, np.nan, below_s / (1.0 + runs))


def mean_s(
    seconds: np.ndarray, runs: np.ndarray, prior_s: np.ndarray | float
) -> np.ndarray:
    """The mean length of a run, shrunk towards ``prior_s`` as if one run of
    that length had been seen.

    >>> float(mean_s(np.array(1200.0), np.array(2.0), 1800.0))
    1000.0
    """
    found = (prior_s * PRIOR_RUNS + seconds) / (PRIOR_RUNS + runs)
    return np.asarray(found)

def of_window(
    window: usage_module.UsageWindow, threshold: np.ndarray
) -> np.ndarray:
    """The same as `profile.BehaviouralProfile.excess_s`, from a window alone.

    For whoever has no profile: reads all of the window each time.

    :param threshold: (instances, resources) in the units of usage; NaN where
        there is none.
    :returns: (instances, resources), seconds.

    >>> import numpy as np
    >>> used = np.zeros((1, 12, 4), np.float32)
    >>> used[0, 3:5, 0] = used[0, 8:10, 0] = 1
    >>> w = usage_module.UsageWindow(
    ...     instances=('a',), start=0, step_s=300, usage=used
    ... )
    >>> of_window(w, np.full((1, 4), 0.5))[0].tolist()
    [1000.0, 1800.0, 1800.0, 1800.0]
    """
    above = window.usage > threshold[:, None, :]
    steps = np.zeros(threshold.shape)
    runs = np.zeros(threshold.shape)
    # most instances never pass: only the others are counted
    rows = np.flatnonzero(above.any(axis=(1, 2)))
    above = above[rows]
    steps[rows] = above.sum(axis=1)
    begins = above.copy()
    begins[:, 1:] &= ~above[:, :-1]
    runs[rows] = begins.sum(axis=1)
    return mean_s(steps * float(window.step_s), runs, PRIOR_EXCESS_S)
