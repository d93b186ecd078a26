"""Runtime conditions: when it is where the people are who use an instance.

The core knows no time zones: whoever builds it says since when which
distance from UTC holds, and daylight saving is two such lines a year.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


DAY_S = 86400
SLOT_S = 1800  # a time of day is told to half an hour
SLOTS = DAY_S // SLOT_S
THIRDS = 8  # of the days around a month's end, three hours each
_FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A time zone as data.

    From ``since[k]`` (Unix seconds, ascending) local time is UTC plus
    ``offset_s[k]``; what is earlier than all takes the first offset.
    """

    name: str
    since: tuple[int, ...]
    offset_s: tuple[int, ...]

    def offset(self, time: int) -> int:
        """Seconds by which local time is ahead of UTC.

        >>> Zone(name='X', since=(0, 100), offset_s=(0, 3600)).offset(100)
        3600
        """
        found = bisect.bisect_right(self.since, time) - 1
        return self.offset_s[max(found, 0)]


UTC = Zone(name='UTC', since=(0,), offset_s=(0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where in the local day, week and month each instance is.

    Arrays of shape (instances,): ``slot`` 0 to 47 on working days and 48 to
    95 at weekends; ``weekday`` 0 (Monday) to 6; ``month_end``, whether this
    is the last day of a month or the first of the next; ``third``, three
    hours of the day, 0 to 7.
    """

    slot: np.ndarray
    weekday: np.ndarray
    month_end: np.ndarray
    third: np.ndarray


class Calendar:
    """The local time of each instance of a fleet."""

    def __init__(
        self, instances: int, zones: Sequence[Zone] = (), of: object = None
    ) -> None:
        """All in UTC, unless zones are given.

        :param of: (instances,) the index into ``zones`` of each.
        """
        self.zones = tuple(zones) or (UTC,)
        self._of = (
            np.zeros(instances, np.int64)
            if of is None
            else np.asarray(of, np.int64)
        )
        if self._of.shape != (instances,):
            raise ValueError(
                f'zones are given for {self._of.shape} instances, not for '
                f'{instances}'
            )

    def among(self, rows: np.ndarray) -> 'Calendar':
        """That of some of the instances."""
        return Calendar(len(rows), self.zones, self._of[rows])

    def at(self, time: int) -> Moment:
        """Where the step that ends at ``time`` (Unix seconds) belongs, for
        each instance.
        """
        last = time - 1  # the step ends then: at midnight it was yesterday
        found = [_moment(last + zone.offset(last)) for zone in self.zones]
        slot, weekday, month_end, third = np.array(found, np.int64).T
        return Moment(
            slot=slot[self._of],
            weekday=weekday[self._of],
            month_end=month_end[self._of].astype(bool),
            third=third[self._of],
        )


def _moment(local_s: int) -> tuple[int, int, int, int]:
    day, second = divmod(local_s, DAY_S)
    weekday = (day + _FIRST_WEEKDAY) % 7
    slot = second // SLOT_S + (SLOTS if weekday >= 5 else 0)
    third = second // (DAY_S // THIRDS)
    return slot, weekday, int(_is_month_end(day)), third


def _is_month_end(day: int) -> bool:
    """Whether the month is another one the day before or the day after.

    >>> [_is_month_end(d) for d in (29, 30, 31, 32)]  # January 1970
    [False, True, True, False]
    """
    before, here, after = (
        np.datetime64(d, 'D').astype('datetime64[M]')
        for d in (day - 1, day, day + 1)
    )
    return bool(before != here or here != after)
