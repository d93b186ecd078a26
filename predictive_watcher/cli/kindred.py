"""Groups of instances that move together, as facts and as text."""

import dataclasses
import heapq
from typing import Any

import numpy as np

from predictive_watcher.core import correlation
from predictive_watcher.core import pairs as pairs_module
from predictive_watcher.core import remembering
from predictive_watcher.core import together


def all_of(
    memory: remembering.Memory, known: correlation.Correlation
) -> list[dict[str, Any]]:
    """The facts of each group, the largest first."""
    numbers = np.unique(known.group[known.group != together.NOBODY])
    # of many pairs few are active: to be looked through for each group
    active = known.pairs.only(known.pairs.active)
    few = dataclasses.replace(known, pairs=active)
    found = [of(memory, few, int(number)) for number in numbers]
    return sorted(found, key=lambda g: (-len(g['members']), g['group']))


def of(
    memory: remembering.Memory, known: correlation.Correlation, number: int
) -> dict[str, Any]:
    """The facts of one group."""
    rows: list[int] = np.flatnonzero(known.group == number).tolist()
    pairs = known.pairs
    pairs = pairs.only(pairs.active & (known.group[pairs.first] == number))
    alike = pairs.at_lag(pairs.correlation())
    sure = pairs.at_lag(pairs.deviations())
    lag_s = pairs_module.LAGS[pairs.lag] * known.step_s
    behind_s = _behind(rows, pairs, lag_s)
    names, projects = (
        memory.labels[label]
        for label in (correlation.NAME, correlation.PROJECT)
    )
    return {
        'group': number,
        'correlation': _rounded(np.median(alike)),
        'projects': sorted({projects[row] for row in rows}),
        'members': [
            {
                'instance': known.instances[row],
                'name': names[row],
                'project': projects[row],
                'behind_s': behind_s[row],
            }
            for row in sorted(rows, key=lambda r: (behind_s[r], names[r], r))
        ],
        'pairs': [
            {
                'ahead': known.instances[pairs.first[k]],
                'behind': known.instances[pairs.second[k]],
                'by_s': int(lag_s[k]),
                'correlation': _rounded(alike[k]),
                'deviations': _rounded(sure[k]),
                'steps': int(pairs.seen[k]),
            }
            for k in range(len(alike))
        ],
        'leads': _leads(known, number),
    }


def _leads(
    known: correlation.Correlation, number: int
) -> list[dict[str, Any]]:
    """Whose surges raise whose forecasts, or may come to."""
    leads = known.leads
    ratio, sure = leads.ratio(), leads.deviations()
    return [
        {
            'leader': known.instances[leads.leader[k]],
            'follower': known.instances[leads.follower[k]],
            'by_s': int(leads.lag[k]) * known.step_s,
            'raises': bool(leads.proven[k]),
            'loss_ratio': _or_none(ratio[k]),
            'deviations': _or_none(sure[k]),
            'settled': _rounded(leads.settled[k]),
        }
        for k in np.flatnonzero(known.group[leads.leader] == number)
    ]


def _or_none(value: float) -> float | None:
    return _rounded(value) if np.isfinite(value) else None


def _behind(
    rows: list[int], pairs: pairs_module.Pairs, lag_s: np.ndarray
) -> dict[int, int]:
    """How many seconds each member is behind the first of its group: along
    the pairs from one member to the next, the surest of them first.
    """
    near: dict[int, list[tuple[float, int, int, int]]]
    near = {row: [] for row in rows}
    for k, sure in enumerate(pairs.at_lag(pairs.deviations()).tolist()):
        one, other = int(pairs.first[k]), int(pairs.second[k])
        near[one].append((-sure, k, other, int(lag_s[k])))
        near[other].append((-sure, k, one, -int(lag_s[k])))
    found: dict[int, int] = {}
    border = [(-np.inf, -1, rows[0], 0)]
    while border:
        _, _, row, behind = heapq.heappop(border)
        if row in found:
            continue
        found[row] = behind
        for less, k, other, lag in near[row]:
            heapq.heappush(border, (less, k, other, behind + lag))
    first = min(found.values())
    return {row: behind - first for row, behind in found.items()}


def _rounded(value: float) -> float:
    return round(float(value), 3)


def table(found: list[dict[str, Any]], audit: str) -> str:
    """All groups for people."""
    if not found:
        return f'no instances move together, as far as audit {audit} knows'
    lines = [f'{"group":>6}{"members":>9}{"alike":>7}  projects; who is ahead']
    for group in found:
        lines.append(
            f'{group["group"]:>6}{len(group["members"]):>9}'
            f'{group["correlation"]:>7.2f}  '
            f'{_few(group["projects"])}; {_ahead(group)}'
        )
    return '\n'.join(lines)


def _ahead(group: dict[str, Any]) -> str:
    """Those whom others follow."""
    last = max(member['behind_s'] for member in group['members'])
    if not last:
        return 'nobody'
    first = [m['name'] for m in group['members'] if not m['behind_s']]
    return f'{_few(first)}, by up to {last // 60} min'


def _few(names: list[str]) -> str:
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return ', '.join(names[:3]) + more


def text(group: dict[str, Any], audit: str) -> str:
    """One group for people."""
    name_of = {m['instance']: m['name'] for m in group['members']}
    lines = [
        f'group {group["group"]} of audit {audit}: '
        f'{len(name_of)} instances, correlation {group["correlation"]:.2f} '
        '(median of its pairs)',
        '',
        f'{"behind":>8}  {"instance":36}  {"project":32}  name',
    ]
    lines += [
        f'{member["behind_s"] // 60:>4} min  {member["instance"]:36}  '
        f'{member["project"]:32}  {member["name"]}'
        for member in group['members']
    ]
    lines += ['', f'{"alike":>8}{"sure":>6}{"days":>6}  pair']
    lines += [
        f'{pair["correlation"]:>8.2f}{pair["deviations"]:>6.1f}'
        f'{pair["steps"] / 288:>6.1f}  {_told(pair, name_of)}'
        for pair in group['pairs']
    ]
    if group['leads']:
        lines += ['', f'{"raises":>8}{"loss":>6}{"sure":>6}  surges of']
        lines += [_led(lead, name_of) for lead in group['leads']]
    return '\n'.join(lines)


def _led(lead: dict[str, Any], name_of: dict[str, str]) -> str:
    ratio, sure = lead['loss_ratio'], lead['deviations']
    return (
        f'{"yes" if lead["raises"] else "no":>8}'
        f'{"-" if ratio is None else f"{ratio:.2f}":>6}'
        f'{"-" if sure is None else f"{sure:.1f}":>6}  '
        f'{name_of[lead["leader"]]} for {name_of[lead["follower"]]}'
    )


def _told(pair: dict[str, Any], name_of: dict[str, str]) -> str:
    one, other = name_of[pair['ahead']], name_of[pair['behind']]
    by_s = pair['by_s']
    if by_s < 0:
        one, other, by_s = other, one, -by_s
    if not by_s:
        return f'{one} and {other} at once'
    return f'{one} is ahead of {other} by {by_s // 60} min'
