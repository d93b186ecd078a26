"""What is usual at this time of the day, the week and the month.

Half hours of a working day and of a weekend's have a level each; days of the
week and the ends of months add how far they lie from that, as far as the
history shows any.  All on the scale of `scale`.
"""

from collections.abc import Mapping
import copy

import numpy as np

from predictive_watcher.core import conditions
from predictive_watcher.core import decay


# A month has one end: it is forgotten seven times as slowly as the rest.
SLOWER = 7
_ENOUGH = np.float32(6.0)  # samples' worth of doubt in a difference


class Season:
    """Levels by time; `decay.Moments` of (instances, times, resources)."""

    def __init__(self, instances: int, resources: int) -> None:
        def empty(times: int) -> decay.Moments:
            return decay.Moments.empty(instances, times, resources)

        self.day = empty(2 * conditions.SLOTS)
        self.weekday = empty(7)
        self.month_end = empty(conditions.THIRDS)
        self._rows = np.arange(instances)

    def parts(self) -> Mapping[str, np.ndarray]:
        """All that is remembered."""
        return {
            **self.day.parts('day'),
            **self.weekday.parts('weekday'),
            **self.month_end.parts('month_end'),
        }

    def among(self, rows: slice) -> 'Season':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.day, some.weekday = self.day[rows], self.weekday[rows]
        some.month_end = self.month_end[rows]
        some._rows = np.arange(len(some.day.weight))
        return some

    def take(
        self,
        value: np.ndarray,
        gain: np.ndarray,
        slow_gain: np.ndarray,
        moment: conditions.Moment,
    ) -> None:
        """Learn a sample, after what it is told from.

        :param value: (instances, resources), finite.
        :param gain: what each weighs; 0 where there is no sample.
        :param slow_gain: the same, for what is forgotten slowly.
        """
        here = self.day[self._rows, moment.slot]
        known = here.weight > 0
        apart = np.where(known, value - here.mean, 0)
        self.weekday.take(apart, gain * known, (self._rows, moment.weekday))
        at_end = slow_gain * known * moment.month_end[:, None]
        if at_end.any():
            self.month_end.take(apart, at_end, (self._rows, moment.third))
        # the end of a month is none of the usual days
        usual = gain * ~moment.month_end[:, None]
        self.day.take(
            value, np.where(known, usual, gain), (self._rows, moment.slot)
        )

    def fade(self, factor: np.float32) -> None:
        """Let all but the ends of months weigh less."""
        self.day.fade(factor)
        self.weekday.fade(factor)

    def level(self, moment: conditions.Moment) -> np.ndarray:
        """What is usual then: (instances, resources), NaN where unknown."""
        found = self.day[self._rows, moment.slot].known()
        found = found + _shrunk(self.weekday[self._rows, moment.weekday])
        end = _shrunk(self.month_end[self._rows, moment.third])
        found += np.where(moment.month_end[:, None], end, 0)
        return np.asarray(found)

    def spread(self, moment: conditions.Moment) -> np.ndarray:
        """How far from the usual it is then, one standard deviation."""
        return self.day[self._rows, moment.slot].spread()


def _shrunk(apart: decay.Moments) -> np.ndarray:
    """A difference, as far as it is told from chance."""
    share = apart.weight / (apart.weight + _ENOUGH)
    return np.asarray(apart.mean * share)
