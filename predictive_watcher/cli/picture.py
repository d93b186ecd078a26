"""A behavioural profile in words and pictures, for people."""

from collections.abc import Sequence
import datetime
from typing import Any

from predictive_watcher.cli import portrait
from predictive_watcher.core import prior


_DAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
_BARS = '▁▂▃▄▅▆▇█'
_WHOSE = {'metric': 'the activity of its users', 'network': 'the network'}
_OWN = 0.5  # an instance that knows as much of each half hour shows itself
_DRAWN = ('working_day', 'weekend', 'week')
_WITH_KIN = ('working_day_with_kin', 'weekend_with_kin')


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
    late = found['late']
    if late is not None and late['samples'] >= 0.5:
        lines.append(
            f'late      {late["samples"]:.0f} samples within about a day, up '
            f'to {_span(late["most_s"])} after they were asked for'
        )
    if found['stand_in']:
        lines.insert(2, f'kin       {prior.StandIn(**found["stand_in"])}')
    for name, resource in found['resources'].items():
        lines += ['', *_picture(name, resource, _WHOSE[found['activity']])]
    lines += ['', 'segments']
    for segment in found['segments']:
        lines += _regime(segment, found['resources'])
    if not found['segments']:
        lines.append('  none is known yet')
    return '\n'.join(lines)


def _picture(name: str, of_it: dict[str, Any], whose: str) -> list[str]:
    unit = of_it['unit']
    known = [v for part in (*_DRAWN, *_WITH_KIN)
             for v in of_it.get(part, ()) if v is not None]  # fmt: skip
    most = max(known, default=0.0)
    if of_it['level'] is None:
        head = f'{name}: no samples'
        if not known:
            return [head]
        bar = f'a full bar is {amount(most, unit)}'
        return [f'{head}; {bar}', *_kin(of_it, most)]
    eight = 86400 // portrait.A_BAR_S
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
    lines += _kin(of_it, most)
    for one in of_it['excess'][-1:]:
        lines.append(
            f'  above {amount(one["above"], unit)} for '
            f'{_span(one["lasts_s"])} at a time'
        )
    return lines + _activity(of_it, whose)


def _kin(of_it: dict[str, Any], most: float) -> list[str]:
    """What is usual with those that stand in, where they do for much."""
    shares = of_it.get('own_share', ())
    if all(share is None or share >= _OWN for share in shares):
        return []
    return [
        f'  {what:11}  {spark(of_it[part], most)}'
        for what, part in zip(('with kin', ' weekend'), _WITH_KIN, strict=True)
    ]


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
