"""Time zones, once, at the door: since when which distance from UTC holds."""

import datetime
import functools
import zoneinfo

from predictive_watcher import exceptions
from predictive_watcher.core import conditions


_DAY_S = 86400
_YEARS = 2  # beyond what is asked for, on either side


def zone(name: str, now: int) -> conditions.Zone:
    """The zone of that name for the two years before and after ``now``.

    :param name: of the IANA database, such as ``Europe/Berlin``.
    :param now: Unix seconds.
    :raises InvalidConfig: where there is no such zone.
    """
    return _zone(name, datetime.datetime.fromtimestamp(now, datetime.UTC).year)


@functools.lru_cache(maxsize=256)
def _zone(name: str, year: int) -> conditions.Zone:
    try:
        info = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise exceptions.InvalidConfig(
            f'time zone {name!r} is not known here; give a name of the IANA '
            'database, such as Europe/Berlin, and install the tzdata package '
            'where the system has none'
        ) from error
    begin, end = (
        int(datetime.datetime(y, 1, 1, tzinfo=datetime.UTC).timestamp())
        for y in (year - _YEARS, year + _YEARS + 1)
    )
    since, offsets = [begin], [_offset(info, begin)]
    for day in range(begin, end, _DAY_S):
        after = _offset(info, day + _DAY_S)
        if after != offsets[-1]:
            since.append(_change(info, day, day + _DAY_S))
            offsets.append(after)
    return conditions.Zone(
        name=name, since=tuple(since), offset_s=tuple(offsets)
    )


def _offset(info: zoneinfo.ZoneInfo, time: int) -> int:
    here = datetime.datetime.fromtimestamp(time, info)
    return int((here.utcoffset() or datetime.timedelta()).total_seconds())


def _change(info: zoneinfo.ZoneInfo, before: int, after: int) -> int:
    """The first second with the offset of ``after``."""
    new = _offset(info, after)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(info, middle) == new:
            after = middle
        else:
            before = middle
    return after
