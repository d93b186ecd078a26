"""One instance's behavioural profile, for programs and for people."""

from collections.abc import Sequence
import datetime
from typing import Any

import numpy as np

from predictive_watcher.core import conditions
from predictive_watcher.core import decay
from predictive_watcher.core import fleet
from predictive_watcher.core import ladder
from predictive_watcher.core import profile
from predictive_watcher.core import scale
from predictive_watcher.core import segments


_DAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
_WHOSE = {'metric': 'the activity of its users', 'network': 'the network'}
_BARS = '▁▂▃▄▅▆▇█'
_A_WEEK_S = 3 * 3600  # of a bar in the picture of a week
_SHARES = (0.5, 0.7, 0.8, 0.9)  # of the largest usual use, for excesses


def of(known: profile.BehaviouralProfile, now: int) -> dict[str, Any]:
    """What is known of the only instance of a profile.

    Times are seconds, amounts the units of usage; None is unknown.

    :param now: Unix seconds, to tell the age of the data from.
    """
    end = known.time or 0
    rung = ladder.Rung(int(known.rung[0]))
    age = float(known.age_s[0])
    measured = bool(known.activity.measured[0])
    return {
        'activity': 'metric' if measured else 'network',
        'rung': rung.code,
        'seen_s': float(known.seen_s[0]),
        'as_of': end,
        'data_age_s': _number(now - end + age),
        'half_life_s': profile.HALF_LIFE_S,
        'resources': {
            str(resource): _resource(known, r, now - end)
            for r, resource in enumerate(fleet.RESOURCES)
        },
        'segments': _segments(known),
    }


def _resource(
    known: profile.BehaviouralProfile, r: int, since: int
) -> dict[str, Any]:
    mean, spread = known.level.known()[0, r], known.level.spread()[0, r]
    usual = known.activity.usual()[0][0, r]
    age = known.age[0, r] * float(known.step_s) + since
    day = scale.of_resource(known.season.day[0, :, r].known(), r)
    return {
        'unit': fleet.UNITS[fleet.RESOURCES[r]],
        'data_age_s': _number(age if np.isfinite(mean) else np.nan),
        'level': _number(scale.of_resource(mean, r)),
        'from': _number(scale.of_resource(mean - spread, r)),
        'to': _number(scale.of_resource(mean + spread, r)),
        'working_day': [_number(v) for v in day[: conditions.SLOTS]],
        'weekend': [_number(v) for v in day[conditions.SLOTS :]],
        'week': [_number(v) for v in _week(known, r)],
        'excess': _excess(known, r),
        'follows_activity': _number(known.activity.follows()[0, r]),
        'usual_at_activity': _number(scale.of_resource(usual, r)),
    }


def _week(known: profile.BehaviouralProfile, r: int) -> np.ndarray:
    """Three hours each, from Monday on."""
    monday = 4 * 86400  # 1970-01-05
    calendar = conditions.Calendar(1)
    every = range(monday + 1800, monday + 7 * 86400 + 1800, 1800)
    found = [known.season.level(calendar.at(t))[0, r] for t in every]
    slots = scale.of_resource(np.array(found), r)
    parts = slots.reshape(-1, _A_WEEK_S // 1800)
    some = np.isfinite(parts).any(axis=1)
    sums = np.nansum(parts, axis=1)
    count = np.maximum(np.isfinite(parts).sum(axis=1), 1)
    return np.where(some, sums / count, np.nan)


def _excess(
    known: profile.BehaviouralProfile, r: int
) -> list[dict[str, float]]:
    """How long usage stays above shares of the largest that was seen."""
    most = known.excess.highest()[0, r]
    if not np.isfinite(most):
        return []
    one = decay.weight(known.time or 0, profile.HALF_LIFE_S)
    found = []
    for share in _SHARES:
        level = np.full(known.level.mean.shape, share * most)
        seconds, runs = known.excess.above(level, one)
        found.append(
            {
                'above': float(share * most),
                'runs': round(float(runs[0, r]), 2),
                'lasts_s': round(float(known.excess_s(level)[0, r])),
            }
        )
    return found


def _segments(known: profile.BehaviouralProfile) -> list[dict[str, Any]]:
    """The regimes, the one that held longest first."""
    state = known.segments
    mass = state.mass[0]
    order = [int(k) for k in np.argsort(-mass, kind='stable') if mass[k] > 0]
    total = state.times[0].sum(axis=0)
    found = []
    for k in order:
        usual = state.times[0, k] > 0.5 * total
        usual &= total > 0
        found.append(
            {
                'segment': k,
                'holds_now': k == int(state.now[0]),
                'share': float(mass[k] / mass.sum()),
                'working_day': _ranges(usual[: conditions.SLOTS]),
                'weekend': _ranges(usual[conditions.SLOTS :]),
                'resources': {
                    str(resource): _limits(state, k, r)
                    for r, resource in enumerate(fleet.RESOURCES)
                },
            }
        )
    return found


def _limits(state: segments.Segments, k: int, r: int) -> dict[str, Any]:
    names = ('low', 'usual', 'high')
    if not state.usage.weight[0, k, r] > 0:
        return dict.fromkeys(names)
    places = (0, segments.LEVELS.index(0.5), -1)
    values = scale.of_resource(state.limits()[0, k, r], r)
    return {
        name: _number(values[place])
        for name, place in zip(names, places, strict=True)
    }


def _ranges(which: np.ndarray) -> list[str]:
    """Half hours as ranges of time.

    >>> _ranges(np.array([True, True, False, True]))
    ['00:00-01:00', '01:30-02:00']
    """
    padded = np.concatenate([[False], which, [False]]).astype(int)
    edges = np.flatnonzero(np.diff(padded))
    return [
        f'{_clock(begin)}-{_clock(end)}'
        for begin, end in edges.reshape(-1, 2).tolist()
    ]


def _clock(slot: int) -> str:
    minutes = slot * conditions.SLOT_S // 60
    return f'{minutes // 60:02}:{minutes % 60:02}'


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def spark(values: Sequence[float | None], most: float) -> str:
    """Bars from 0 to ``most``; a dot is unknown.

    >>> spark([0.0, 4.0, None, 8.0], 8.0)
    '▁▅·█'
    """
    return ''.join(
        '·'
        if value is None
        else _BARS[round(min(value / max(most, 1e-12), 1.0) * 7)]
        for value in values
    )


def text(found: dict[str, Any]) -> str:
    """The same for people."""
    at = datetime.datetime.fromtimestamp(found['as_of'], datetime.UTC)
    lines = [
        f'{found["name"]} ({found["instance"]})',
        f'rung      {found["rung"]}: {_span(found["seen_s"])} seen',
        f'data age  {_span(found["data_age_s"])}; learned until '
        f'{at:%Y-%m-%d %H:%M} UTC; times are {found["zone"]}',
    ]
    for name, resource in found['resources'].items():
        lines += ['', *_picture(name, resource, _WHOSE[found['activity']])]
    lines += ['', 'segments']
    for segment in found['segments']:
        lines += _regime(segment, found['resources'])
    if not found['segments']:
        lines.append('  none is known yet')
    return '\n'.join(lines)


def _picture(name: str, of_it: dict[str, Any], whose: str) -> list[str]:
    if of_it['level'] is None:
        return [f'{name}: no samples']
    unit = of_it['unit']
    known = [v for part in ('working_day', 'weekend', 'week')
             for v in of_it[part] if v is not None]  # fmt: skip
    most = max(known, default=0.0)
    eight = 86400 // _A_WEEK_S
    week = [of_it['week'][k : k + eight] for k in range(0, 56, eight)]
    days = ' '.join(f'{day:{eight}}' for day in _DAYS)
    lines = [
        f'{name}: usually {amount(of_it["level"], unit)}, '
        f'{amount(of_it["from"], unit)} to {amount(of_it["to"], unit)}; '
        f'a full bar is {amount(most, unit)}',
        f'  working day  {spark(of_it["working_day"], most)}',
        f'  weekend      {spark(of_it["weekend"], most)}',
        f'               {days}',
        f'  week         {" ".join(spark(day, most) for day in week)}',
    ]
    for one in of_it['excess'][-1:]:
        lines.append(
            f'  above {amount(one["above"], unit)} for '
            f'{_span(one["lasts_s"])} at a time'
        )
    return lines + _activity(of_it, whose)


def _activity(of_it: dict[str, Any], whose: str) -> list[str]:
    follows, now = of_it['follows_activity'], of_it['usual_at_activity']
    if follows is None:
        return []
    lines = [
        f'  follows {whose} by {follows:.2f} (1: wholly, 0: not at all)'
    ]
    if now is not None:
        lines.append(
            f'  at the activity of now {amount(now, of_it["unit"])} are usual'
        )
    return lines


def _regime(segment: dict[str, Any], resources: dict[str, Any]) -> list[str]:
    now = ', holds now' if segment['holds_now'] else ''
    head = f'  {segment["segment"]}: {segment["share"]:.0%} of the time{now}'
    times = [
        f'{what} {", ".join(segment[key])}'
        for key, what in (('working_day', 'working days'),
                          ('weekend', 'weekends'))
        if segment[key]
    ]  # fmt: skip
    lines = [f'{head}; {"; ".join(times) or "at no usual time"}']
    for name, limits in segment['resources'].items():
        if limits['usual'] is not None:
            unit = resources[name]['unit']
            lines.append(
                f'     {name:8} {amount(limits["usual"], unit)}, normal '
                f'{amount(limits["low"], unit)} to '
                f'{amount(limits["high"], unit)}'
            )
    return lines


def amount(value: float, unit: str) -> str:
    """An amount for people.

    >>> amount(1.5, 'vCPUs'), amount(2048.0, 'MiB'), amount(1.5e6, 'B/s')
    ('1.5 vCPUs', '2048 MiB', '1.5 MB/s')
    """
    if value < 0.005:
        return f'0 {unit}'
    if unit != 'B/s':
        return f'{value:.3g} {unit}' if value < 1000 else f'{value:.0f} {unit}'
    for factor, prefix in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if value >= factor:
            return f'{value / factor:.3g} {prefix}B/s'
    return f'{value:.3g} B/s'


def _span(seconds: float | None) -> str:
    """A time for people.

    >>> _span(90.0), _span(7200.0), _span(3 * 86400.0), _span(None)
    ('2 min', '2 h', '3 days', 'unknown')
    """
    if seconds is None:
        return 'unknown'
    if seconds < 2 * 3600:
        return f'{seconds / 60:.0f} min'
    if seconds < 2 * 86400:
        return f'{seconds / 3600:.3g} h'
    return f'{seconds / 86400:.3g} days'
