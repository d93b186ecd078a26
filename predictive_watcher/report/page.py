"""A backtest's figures as one page that needs nothing else."""

from collections.abc import Mapping
from collections.abc import Sequence
import html
from typing import Any

from predictive_watcher.report import svg
from predictive_watcher.report import table


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto;
  max-width: 1180px; padding: 0 1em; color: #1d2126; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.8em; }
svg { font: 12px system-ui, sans-serif; max-width: 100%; }
figure { display: inline-block; margin: 0 1em 1em 0; }
figcaption { font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
td, th { padding: .25em .6em; border-bottom: 1px solid #dfe2e6;
  text-align: right; font-weight: 400; }
th { color: #5a616b; vertical-align: bottom; }
td:first-child, th:first-child { text-align: left; }
tr.ours td { font-weight: 600; }
"""
_OURS = 'predictive'
_PLOTS = (
    ('actions', 'actions'),
    ('extra_vcpu_hours', 'extra vCPU hours'),
    ('interruption_minutes', 'minutes of interruption'),
)


def text(told: Mapping[str, Any]) -> str:
    """The page, HTML without scripts or anything to load."""
    title = f'Backtest of {told["trace"]}'
    parts = [
        f'<h1>{html.escape(title)}</h1>',
        f'<p>{html.escape(_setting(told["settings"]))}</p>',
        '<h2>What came of it</h2>',
        _figure(
            'Weighted minutes in violation',
            svg.bars(
                [
                    (name, one['weighted_violation_minutes'])
                    for name, one in told['contenders'].items()
                ],
                unit='min',
                ours=_OURS,
            ),
        ),
        _table(table.contender_rows(told)),
        '<h2>By weight</h2>',
        _table(table.weight_rows(told)),
    ]
    if told['ratios']:
        parts += [
            '<h2>Beside each rival, with 95 % intervals</h2>',
            _table(table.ratio_rows(told)),
        ]
    parts += ['<h2>Violations against what they cost to avert</h2>']
    parts += [_against(told, key, label) for key, label in _PLOTS]
    parts += ['<h2>Settings</h2>', _table(_settings(told['settings']))]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>{html.escape(title)}</title><style>{_STYLE}</style></head>'
        f'<body>{"".join(parts)}</body></html>\n'
    )


def _setting(settings: Mapping[str, Any]) -> str:
    days = settings['steps'] * settings['step_s'] / 86400
    site = settings['site']
    return (
        f'{settings["instances"]} instances on {site["nodes"]} nodes of '
        f'{settings["node_vcpus"]} vCPUs, {days:.1f} days in steps of '
        f'{settings["step_s"]} s; model {settings["model"]}; samples '
        f'{site["age_s"]} s old; {site["failures"]:.0%} of the actions fail.'
    )


def _against(told: Mapping[str, Any], key: str, label: str) -> str:
    points = [
        svg.Point(
            x=one[key],
            y=one['weighted_violation_minutes'],
            label=name,
            ours=name == _OURS,
        )
        for name, one in told['contenders'].items()
        if name != 'none'
    ]
    line = [
        svg.Point(
            x=one[key],
            y=one['weighted_violation_minutes'],
            label=f'{one["begin_threshold"]:g}',
            ours=True,
        )
        for one in told.get('curve', ())
    ]
    if line:
        points = [point for point in points if not point.ours]
    return _figure(
        f'Against {label}' + (', by begin threshold' if line else ''),
        svg.scatter(points, line, x=label, y='weighted violation min'),
    )


def _settings(settings: Mapping[str, Any]) -> list[list[str]]:
    rows = [['', 'value']]
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += [[f'{name}: {key}', str(v)] for key, v in value.items()]
        else:
            rows.append([name, str(value)])
    return rows


def _figure(title: str, plot: str) -> str:
    return (
        f'<figure><figcaption>{html.escape(title)}</figcaption>{plot}</figure>'
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [_row(head, 'th')]
    lines += [_row(row, 'td', ours=row[0] == _OURS) for row in body]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _row(cells: Sequence[str], kind: str, *, ours: bool = False) -> str:
    inside = ''.join(f'<{kind}>{html.escape(c)}</{kind}>' for c in cells)
    mark = ' class="ours"' if ours else ''
    return f'<tr{mark}>{inside}</tr>'
