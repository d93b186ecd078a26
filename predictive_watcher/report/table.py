"""A backtest's figures as text."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any


_COLUMNS = (
    ('violation, weighted min', 'weighted_violation_minutes', ',.0f'),
    ('min', 'violation_minutes', ',.0f'),
    ('node min', 'node_violation_minutes', ',.0f'),
    ('interrupted min', 'interruption_minutes', ',.0f'),
    ('actions', 'actions', ',d'),
    ('extra vCPU h', 'extra_vcpu_hours', ',.0f'),
    ('extra GiB h', 'extra_gib_hours', ',.0f'),
    ('leases', 'leases', ',d'),
    ('wasted', 'leases_wasted', ',d'),
    ('of oracle', 'averted_share_of_oracle', '.0%'),
    ('SLATAH', 'slatah', '.2%'),
    ('PDM', 'pdm', '.4%'),
    ('ESV', 'esv', '.3g'),
)
_KINDS = ('resize', 'release', 'migrate')


def text(told: Mapping[str, Any]) -> str:
    """All of it, for a terminal."""
    parts = [contender_rows(told), weight_rows(told)]
    if told['ratios']:
        parts.append(ratio_rows(told))
    if 'curve' in told:
        parts.append(_curve_rows(told))
    return '\n\n'.join(grid(rows) for rows in parts)


def contender_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """One row for each contender, below a head."""
    rows = [['', *(title for title, _, _ in _COLUMNS)]]
    for name, figures in told['contenders'].items():
        cells = [_cell(figures[key], form) for _, key, form in _COLUMNS]
        rows.append([name, *cells])
    return rows


def weight_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """Minutes of violation an hour of an instance, by weight."""
    some = next(iter(told['contenders'].values()))['by_weight']
    rows = [
        [
            'violation minutes per hour',
            *(f'weight {weight}' for weight in some),
            *(f'weight {weight}, of none' for weight in some),
            *_KINDS,
        ]
    ]
    for name, figures in told['contenders'].items():
        of = figures['by_weight'].values()
        kinds = figures['actions_by_kind']
        rows.append(
            [
                name,
                *(
                    _cell(one['minutes_per_instance_hour'], '.3f')
                    for one in of
                ),
                *(_cell(one['share_of_none'], '.1%') for one in of),
                *(f'{kinds[kind]:,d}' for kind in _KINDS),
            ]
        )
    return rows


def ratio_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """Ours over each rival's, with intervals."""
    rows: list[list[str]] = []
    for name, found in told['ratios'].items():
        if not rows:
            titles = [key.replace('_', ' ') for key in found]
            rows.append(['predictive / rival (95 %)', *titles])
        rows.append([name, *(_interval(one) for one in found.values())])
    return rows


def _curve_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """What the risk at which leases begin changes."""
    keys = (
        'weighted_violation_minutes',
        'interruption_minutes',
        'actions',
        'extra_vcpu_hours',
    )
    rows = [['begin threshold', *(key.replace('_', ' ') for key in keys)]]
    rows += [
        [f'{point["begin_threshold"]:g}', *(f'{point[k]:,.0f}' for k in keys)]
        for point in told['curve']
    ]
    return rows


def _cell(value: float | None, form: str) -> str:
    return '-' if value is None else format(value, form)


def _interval(one: Mapping[str, float | None]) -> str:
    if one['ratio'] is None:
        return '-'
    return f'{one["ratio"]:.2f} ({one["low"]:.2f}-{one["high"]:.2f})'


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length in columns, the first one left-aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = (
            cell.rjust(width)
            for cell, width in zip(row[1:], widths[1:], strict=True)
        )
        lines.append('  '.join([first, *rest]))
    lines.insert(1, '  '.join('-' * width for width in widths))
    return '\n'.join(lines)
