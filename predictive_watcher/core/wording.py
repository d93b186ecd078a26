"""An event in words: what was compared with what, with the numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from predictive_watcher.core import anomaly
from predictive_watcher.core import fleet
from predictive_watcher.core import leak as leak_module
from predictive_watcher.core import runs as runs_module
from predictive_watcher.core.anomaly import Kind
from predictive_watcher.core.runs import Run
from predictive_watcher.core.surprise import View


_WITH = {
    View.LEVEL: 'the level of the last two days',
    View.NEAR: 'the level of the last steps',
    View.CHANGE: 'the sample before',
    View.SHIFT: 'the level of the last two days',
    View.DAILY: 'the same time of the day',
    View.DAILY_LOG: 'the same time of the day',
    View.LONE: 'the median of the three before',
    View.FORECAST: 'the forecast',
}
_LONGEST = 40.0  # of -ln p: e^40 is told for whatever is rarer


def told(
    subject: str,
    row: int,
    event: Mapping[str, Any],
    runs: runs_module.Runs,
    leak: leak_module.Leak,
) -> anomaly.Anomaly:
    """The event of one instance.

    :param event: its row of `watching.Watch.events`.
    """
    kind = anomaly.KINDS[int(event['kind']) - 1]
    return anomaly.Anomaly(
        subject=subject,
        kind=kind,
        resources=tuple(
            resource.value
            for k, resource in enumerate(fleet.RESOURCES)
            if int(event['others']) >> k & 1
        ),
        score=float(event['score']) / float(np.log(10)),
        began=int(event['began']),
        compared=_compared(kind, row, event, runs, leak),
    )


def _compared(
    kind: Kind,
    row: int,
    event: Mapping[str, Any],
    runs: runs_module.Runs,
    leak: leak_module.Leak,
) -> str:
    seen, main = int(runs.seen[row]), int(event['main'])
    name = fleet.RESOURCES[main]
    match kind:
        case Kind.SILENCE:
            return (
                f'no sample at all for {runs.length[row, Run.SILENCE]} steps; '
                f'in {seen} samples before there were '
                f'{runs.record[row, Run.SILENCE]:.1f} gaps of 3 or more'
            )
        case Kind.LEAK:
            return (
                f'memory rose by {leak.rise[row]:.4g} MiB in six hours, half '
                f'hour after half hour; before by {leak.record[row]:.4g} at '
                'most'
            )
        case Kind.STUCK:
            which = Run.STUCK + main
            what = f'{name} is exactly the same'
        case Kind.RUNAWAY | Kind.FLAT_AT_LIMIT:
            which = int(Run.FULL)
            what = f'cpu is at {runs_module.NEAR:g} of its limit or more'
        case _:
            return _distance(name, event)
    return (
        f'{what} for {runs.length[row, which]} steps; in {seen} samples '
        f'before it was so for {runs.record[row, which]:.0f} at most'
    )


def _distance(name: fleet.Resource, event: Mapping[str, Any]) -> str:
    unit, view = fleet.UNITS[name], View(int(event['view']))
    often = np.exp(min(float(event['score']), _LONGEST))
    return (
        f'{name} was {event["value"]:.4g} {unit}, {_WITH[view]} '
        f'{event["usual"]:.4g}; so far out is one sample in {often:.2g}'
    )
