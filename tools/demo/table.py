"""The outcome, for people and as JSON."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
import math
from typing import Any

from demo.journal import Journal
from demo.outcome import Done
from demo.outcome import NodeRow
from demo.outcome import ServerRow
from demo.story import clock


_UNITS = {
    'cpu': ('vCPUs', 1.0),
    'memory': ('MiB', 1.0),
    'disk': ('MB/s', 1e-6),
    'network': ('MB/s', 1e-6),
}
_HEAD = (
    'instance',
    'weight',
    'resource',
    'risk',
    'action',
    'predicted peak',
    'actual peak',
    'limit before',
    'limit after',
    'restarts',
    'violation',
)
_NODE_HEAD = (
    'node',
    'vCPUs',
    'peak without plans',
    'peak with plans',
    'violation',
)


def lines(
    servers: Sequence[ServerRow], nodes: Sequence[NodeRow]
) -> Iterator[str]:
    """The two tables."""
    yield from _table(_HEAD, [_server(row) for row in servers])
    yield ''
    yield from _table(_NODE_HEAD, [_node(row) for row in nodes])


def _server(row: ServerRow) -> list[str]:
    unit, factor = _UNITS[row.resource]
    amounts = (
        row.predicted_peak,
        row.actual_peak,
        row.limit_before,
        row.limit_after,
    )
    return [
        row.name,
        str(row.weight),
        f'{row.resource} ({unit})',
        '' if row.risk is None else f'{row.risk:.2f}',
        '\n'.join(_done(action) for action in row.actions),
        *(_number(amount, factor) for amount in amounts),
        str(row.restarts or ''),
        _violation(row),
    ]


def _node(row: NodeRow) -> list[str]:
    return [
        row.name,
        f'{row.vcpus:g}',
        _number(row.peak_without, 1.0),
        _number(row.peak_with, 1.0),
        _violation(row),
    ]


def _violation(row: ServerRow | NodeRow) -> str:
    if not row.minutes_without and not row.minutes_with:
        return str(row.verdict)
    minutes = f'{row.minutes_without:.0f} min'
    if row.minutes_with:
        minutes += f', now {row.minutes_with:.0f} min'
    return f'{row.verdict} ({minutes})'


def _done(action: Done) -> str:
    before = '' if action.lead_min is None else f', {_lead(action.lead_min)}'
    return f'{action.word} to {action.after} at {clock(action.at)}{before}'


def _lead(minutes: float) -> str:
    if minutes < 0:
        return f'{-minutes:.0f} min late'
    return f'{minutes:.0f} min ahead'


def _number(amount: float | None, factor: float) -> str:
    if amount is None or math.isnan(amount):
        return ''
    return f'{amount * factor:.4g}'


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Lines of a table; a cell may have several lines."""
    cells = [[cell.split('\n') for cell in row] for row in (head, *rows)]
    widths = [
        max(len(line) for cell in column for line in cell)
        for column in zip(*cells, strict=True)
    ]
    rule = '+'.join(['', *('-' * (width + 2) for width in widths), ''])
    yield rule
    for number, row in enumerate(cells):
        for lines_of_row in zip_longest(*row, fillvalue=''):
            padded = zip(lines_of_row, widths, strict=True)
            yield '|'.join(['', *(f' {c:{w}} ' for c, w in padded), ''])
        if not number:
            yield rule
    yield rule


def as_json(
    servers: Sequence[ServerRow], nodes: Sequence[NodeRow], journal: Journal
) -> dict[str, Any]:
    """Everything that the tables say, and the steps behind it."""
    told: dict[str, Any] = _plain(
        {
            'servers': [asdict(row) for row in servers],
            'nodes': [asdict(row) for row in nodes],
            'steps': [
                {
                    'end': step.end,
                    'written_at': step.written_at,
                    'demand': step.demand.tolist(),
                    'usage': step.usage.tolist(),
                    'limits': step.limits.tolist(),
                    'nodes': step.nodes,
                    'plan': asdict(step.plan) if step.plan else None,
                }
                for step in journal.steps
            ],
        }
    )
    return told


def _plain(value: Any) -> Any:
    """Without the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
