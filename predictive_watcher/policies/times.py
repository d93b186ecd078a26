"""Times of policies: durations such as 1h30m, and windows by cron."""

from collections.abc import Iterator
from dataclasses import dataclass
import datetime
import functools
import itertools
import re
import zoneinfo

import cronsim

from predictive_watcher import exceptions


_UNITS_S = {'d': 86400, 'h': 3600, 'm': 60, 's': 1}
# more digits than these are no duration that anyone means
_DURATION = re.compile(
    ''.join(rf'(?:(\d{{1,12}}){unit})?' for unit in _UNITS_S)
)
LONGEST_S = 366 * 86400
_FIELDS = 5
_PAUSES = 10
_TWICE_S = 2 * 3600


def seconds(given: float | str) -> int:
    """A duration in seconds.

    :param given: a whole number, which JSON Schema takes 90.0 for, or text.

    :raises InvalidInput: where it is none.

    >>> seconds('1h30m'), seconds(90)
    (5400, 90)
    """
    if not isinstance(given, str):
        total = int(given)
    else:
        found = _DURATION.fullmatch(given.strip())
        if not found or not any(found.groups()):
            raise exceptions.InvalidInput(
                f'{given!r} is not a duration; write it as 90s, 30m, 8h, 2d '
                'or 1h30m'
            )
        total = sum(
            int(number or 0) * unit
            for number, unit in zip(
                found.groups(), _UNITS_S.values(), strict=True
            )
        )
    if total > LONGEST_S:
        raise exceptions.InvalidInput(
            f'{given!r} is longer than {LONGEST_S // 86400} days; choose a '
            'shorter one'
        )
    return total


def interval_s(given: str | None, now: int) -> float:
    """Seconds from one run of an audit to the next; 0 where it runs once.

    Of a cron expression the shortest of its next pauses: a night without
    runs is a gap.

    :param given: what Watcher takes: seconds, or a cron expression in UTC.

    >>> interval_s('300', 0), interval_s('*/20 8-17 * * *', 0)
    (300.0, 1200.0)
    """
    if not given:
        return 0.0
    if given.strip().isdecimal():
        return float(given)
    try:
        moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
        runs = list(itertools.islice(cronsim.CronSim(given, moment), _PAUSES))
    except cronsim.CronSimError:
        return 0.0  # Watcher's own parser knows a little more
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(runs)]
    return min(pauses, default=0.0)


def told(duration_s: float) -> str:
    """A duration for people.

    >>> told(5400), told(0)
    ('1h30m', '0s')
    """
    left, parts = int(duration_s), ''
    for unit, length in _UNITS_S.items():
        number, left = divmod(left, length)
        parts += f'{number}{unit}' if number else ''
    return parts or '0s'


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of this name.

    :raises InvalidInput: where there is none.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise exceptions.InvalidInput(
            f'time zone {name!r} is not known; write one of the IANA '
            'database, such as UTC or Europe/Berlin'
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CronWindow:
    """Begins whenever ``cron`` says, in its time zone, and lasts so long.

    The duration is real time.  A beginning that falls into the hour that
    daylight saving skips comes at the end of that hour; one in the hour that
    comes twice begins at the first.
    """

    cron: str
    duration_s: int
    timezone: str

    def __post_init__(self) -> None:
        if self.duration_s < 60:
            raise exceptions.InvalidInput(
                f'a window of {told(self.duration_s)} is too short; a minute '
                'is the least'
            )
        zone(self.timezone)
        if len(self.cron.split()) != _FIELDS:
            raise exceptions.InvalidInput(
                f'cron {self.cron!r} has {len(self.cron.split())} fields, '
                f'{_FIELDS} are needed: minute, hour, day of month, month, '
                'day of week'
            )
        try:
            cronsim.CronSim(self.cron, _EPOCH)
        except cronsim.CronSimError as error:
            raise exceptions.InvalidInput(
                f'cron {self.cron!r} has no meaning: {error}; see crontab(5)'
            ) from error
        if next(self.beginnings(_EPOCH.timestamp()), None) is None:
            raise exceptions.InvalidInput(
                f'cron {self.cron!r} never comes; correct its day or month'
            )

    def __str__(self) -> str:
        return f'"{self.cron}" {self.timezone} for {told(self.duration_s)}'

    @property
    def longest_s(self) -> float:
        """How many seconds it lasts."""
        return float(self.duration_s)

    def covers(self, at: int) -> bool:
        """Whether the Unix second ``at`` is in it."""
        return _covers(self, at)

    def beginnings(self, since: float) -> Iterator[int]:
        """When it begins, after ``since``; Unix seconds."""
        # begun within an hour that comes twice, it would not know that of
        # this hour's beginnings some were in the first
        start = datetime.datetime.fromtimestamp(
            since - _TWICE_S, zone(self.timezone)
        )
        for found in cronsim.CronSim(self.cron, start):
            if found.timestamp() > since:
                yield int(found.timestamp())


_EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@functools.lru_cache(maxsize=4096)
def _covers(window: CronWindow, at: int) -> bool:
    # the first beginning that could still last is the only one to ask for
    began = next(window.beginnings(at - window.duration_s), None)
    return began is not None and began <= at
