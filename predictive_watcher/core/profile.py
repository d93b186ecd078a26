"""The behavioural profile: what is normal for each instance, and when.

Level, spread and season of each resource, regimes found in the data
(`segments`), and how long an excess above any level lasts (`excess`).  What
is older counts half as much each `HALF_LIFE_S`.  Each step costs the same,
however long the history is; an instance takes 9 KB.
"""

from collections.abc import Mapping
import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from predictive_watcher.core import activity
from predictive_watcher.core import conditions
from predictive_watcher.core import decay
from predictive_watcher.core import excess
from predictive_watcher.core import fleet
from predictive_watcher.core import ladder
from predictive_watcher.core import scale
from predictive_watcher.core import season
from predictive_watcher.core import segments
from predictive_watcher.core import usage as usage_module


IDENTITY = 'profile 3'  # of what is remembered
HALF_LIFE_S = 14 * 86400
PRIOR_EXCESS_S = excess.PRIOR_EXCESS_S
_MOST_SEEN_S = 8 * 86400.0
_ENOUGH = 12.0  # samples before limits of normal are told
_NEVER = np.float32(1e6)
_NO_USAGE = np.float32(1e30)  # or more is garbage, and overflows
_BLOCK = 4096  # instances that take a step together


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """The limits of normal of the regime that holds, in the units of usage.

    Arrays of shape (instances, resources), NaN where too little was seen:
    ``low`` and ``high`` are passed by 1 % of the samples each, ``usual`` is
    the median.  ``segment`` (instances,) is the regime's index, -1 where
    none is known.
    """

    low: np.ndarray
    usual: np.ndarray
    high: np.ndarray
    segment: np.ndarray


class _Fading(Protocol):
    def fade(self, factor: np.float32) -> None: ...


class BehaviouralProfile:
    """The profiles of a fleet.

    ``level`` are moments (instances, resources) on the scale of `scale`;
    ``age`` is steps since the newest sample of each resource, ``seen`` how
    many steps with any sample count; ``time`` is the newest step's end, None
    before the first one.
    """

    def __init__(
        self,
        instances: int,
        step_s: int,
        calendar: conditions.Calendar | None = None,
        most_segments: int = segments.SEGMENTS,
    ) -> None:
        shape = (instances, len(fleet.RESOURCES))
        self.step_s = step_s
        self.calendar = calendar or conditions.Calendar(instances)
        self.time: int | None = None
        self.level = decay.Moments.empty(*shape)
        self.season = season.Season(*shape)
        self.segments = segments.Segments(*shape, most_segments)
        self.excess = excess.Excess(*shape)
        self.activity = activity.Activity(*shape)
        self.age = np.full(shape, _NEVER, np.float32)
        self.seen = np.zeros(instances, np.float32)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        return {
            **self.level.parts('level'),
            **self.season.parts(),
            **self.segments.parts(),
            **self.excess.parts(),
            **self.activity.parts(),
            'age': self.age,
            'seen': self.seen,
        }

    def resume(
        self, parts: Mapping[str, np.ndarray], rows: np.ndarray, time: int
    ) -> None:
        """Put what was remembered of instances into ``rows``.

        :param time: Unix seconds of the newest step that is in them.
        """
        for name, view in self.parts().items():
            view[rows] = parts[name]
        self.time = time

    def learn(self, window: usage_module.UsageWindow) -> None:
        """Take the steps of a window that are newer than what is known."""
        for k, time in enumerate(window.times()):
            if self.time is None or time > self.time:
                self.follow(window, k)

    def follow(
        self,
        window: usage_module.UsageWindow,
        step: int,
        rows: np.ndarray | slice = slice(None),
    ) -> None:
        """Take a step of a window, see `advance`."""
        active = window.condition(usage_module.Condition.ACTIVITY)
        self.advance(
            window.usage[rows, step],
            window.start + step * window.step_s,
            None if active is None else active[rows, step],
        )

    def advance(
        self, sample: np.ndarray, time: int, active: np.ndarray | None = None
    ) -> None:
        """Take the sample of the step that ends at ``time``.

        Steps that were left out since the newest one are silence.

        :param sample: (instances, resources) in the units of usage; NaN, or
            a number that no usage can be, where there is none.
        :param active: (instances,) what a metric of user activity shows.
        :raises ValueError: where ``time`` is not after the newest step.
        """
        if self.time is not None:
            if time <= self.time:
                raise ValueError(f'step {time} is not after {self.time}')
            silence = np.full_like(sample, np.nan)
            idle = None if active is None else np.full_like(active, np.nan)
            for missing in range(self.time + self.step_s, time, self.step_s):
                self._take(silence, missing, idle)
        self._take(sample, time, active)

    def _take(
        self, sample: np.ndarray, time: int, active: np.ndarray | None
    ) -> None:
        """A block of instances at a time: what is worked out on the way needs
        little memory, however large the cloud.
        """
        instances = len(self.seen)
        for begin in range(0, instances, _BLOCK):
            rows = slice(begin, min(begin + _BLOCK, instances))
            whole = rows == slice(0, instances)
            part = self if whole else self._among(rows)
            there = None if active is None else active[rows]
            part._step(sample[rows], time, there)
        self.time = time

    def _among(self, rows: slice) -> 'BehaviouralProfile':
        """Some of the instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.calendar = self.calendar.among(np.arange(rows.start, rows.stop))
        some.level = self.level[rows]
        some.season = self.season.among(rows)
        some.segments = self.segments.among(rows)
        some.excess = self.excess.among(rows)
        some.activity = self.activity.among(rows)
        some.age, some.seen = self.age[rows], self.seen[rows]
        return some

    def _step(
        self, sample: np.ndarray, time: int, active: np.ndarray | None
    ) -> None:
        self._fade(time)
        present = (sample >= 0) & (sample < _NO_USAGE)
        amount = np.where(present, sample, 0).astype(np.float32)
        some = present.any(axis=1)
        self.age[...] = np.where(present, 0, self.age + 1)
        lasting = np.float32(2.0 ** (-self.step_s / HALF_LIFE_S))
        most = np.float32(_MOST_SEEN_S / self.step_s)
        self.seen[...] = np.where(
            some, np.minimum(self.seen + 1, most), self.seen * lasting
        )
        one = decay.weight(time, HALF_LIFE_S)
        slow = decay.weight(time, season.SLOWER * HALF_LIFE_S)
        self.excess.before[self.age > excess.GAP] = -1
        self.excess.take(amount, present, one, self.step_s)
        moment = self.calendar.at(time)
        value, gain = scale.squeezed(amount), one * present
        self.level.take(value, gain)
        self.season.take(value, gain, slow * present, moment)
        self.segments.take(value, gain, moment)
        self.activity.take(value, gain, active)
        if time % segments.LOOK_S < self.step_s:
            self.segments.look()

    def _fade(self, time: int) -> None:
        """Halve what is a half-life older than before."""
        if self.time is None:
            return
        factor = decay.halved(self.time, time, HALF_LIFE_S)
        if factor < 1:
            for part in self._fading():
                part.fade(factor)
        slow = decay.halved(self.time, time, season.SLOWER * HALF_LIFE_S)
        if slow < 1:
            self.season.month_end.fade(slow)

    def _fading(self) -> tuple[_Fading, ...]:
        return (
            self.level,
            self.season,
            self.segments,
            self.excess,
            self.activity,
        )

    def pause(self, until: int) -> None:
        """Let time pass in which nobody looked, up to the step that ends at
        ``until``, at the cost of one step: silence, but that what was believed
        of regimes stays.
        """
        if self.time is None or until <= self.time:
            return
        self._fade(until)
        steps = (until - self.time) // self.step_s
        self.age += np.float32(steps)
        self.seen *= np.float32(2.0 ** (-steps * self.step_s / HALF_LIFE_S))
        self.excess.before[...] = -1
        self.time = until

    @property
    def age_s(self) -> np.ndarray:
        """Seconds since the newest sample of each instance; NaN: none."""
        age = self.age.min(axis=1)
        known = self.level.weight.any(axis=1)
        return np.where(known, age * float(self.step_s), np.nan)

    @property
    def seen_s(self) -> np.ndarray:
        """Seconds that were seen, 8 days at most; they fade in silence."""
        return np.asarray(self.seen * float(self.step_s))

    @property
    def rung(self) -> np.ndarray:
        """On which `ladder.Rung` each instance stands, int8."""
        return ladder.rungs(self.seen_s)

    def excess_s(
        self, level: np.ndarray, kin: ladder.Groups | None = None
    ) -> np.ndarray:
        """How long usage stays above a level once it has passed it.

        Seconds (instances, resources).  The mean of the own runs, as if one
        run as long as those of the group had been seen as well; the group's
        likewise, with one of `PRIOR_EXCESS_S`.

        :param level: in the units of usage; NaN where there is none.
        :param kin: None: everybody stands alone.
        """
        one = decay.weight(self.time or 0, HALF_LIFE_S)
        return excess.mean_among_kin(*self.excess.above(level, one), kin)

    def returns(self, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How often a day usage rises above a level, and the mean time (s)
        until it is above again; see `excess`.

        :param level: (instances, resources) in the units of usage; NaN where
            there is none.
        """
        one = decay.weight(self.time or 0, HALF_LIFE_S)
        above_s, runs = self.excess.above(level, one)
        seen_s = self.level.weight.astype(np.float64) / one * self.step_s
        seen_s = np.where(np.isfinite(level), seen_s, 0.0)
        return (
            excess.runs_a_day(runs, seen_s),
            excess.between_s(above_s, runs, seen_s),
        )

    def normal(self) -> Normal:
        """The limits of normal now."""
        now = self.segments.now
        rows = np.arange(len(now))
        one = decay.weight(self.time or 0, HALF_LIFE_S)
        weight = self.segments.usage.weight[rows, now] / one
        enough = (weight >= _ENOUGH) & (now >= 0)[:, None]
        levels = np.moveaxis(self.segments.limits()[rows, now], -1, 0)
        found = np.where(enough, scale.amount(levels), np.float32(np.nan))
        return Normal(
            low=found[0],
            usual=found[segments.LEVELS.index(0.5)],
            high=found[-1],
            segment=now,
        )
