"""``python -m benchmarks.reading``: how long it takes to read what is new.

What a figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import pathlib
import statistics
import sys
import time
from typing import Any

from keystoneauth1 import adapter
import numpy as np

from benchmarks import made_metrics
from benchmarks import output
from predictive_watcher import exceptions
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import fleet
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import grid
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import only_new


STEP_S = made_metrics.STEP_S
_TIMEOUT_S = 600.0
_END = 1_790_000_100  # Unix seconds at which the newest step ends


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.reading',
        description='Measure how long one new interval of all instances '
        'takes to read from a Gnocchi, beside one request for each instance '
        'and metric. Starts a mini cloud, fills it, and ends it.',
    )
    add = made.add_argument
    add(
        '--minicloud',
        type=pathlib.Path,
        default=pathlib.Path('.minicloud'),
        metavar='DIR',
        help='home of the mini cloud (default: %(default)s)',
    )
    add('--instances', type=kinds.positive, default=1000, metavar='N')
    add(
        '--rounds',
        type=kinds.positive,
        default=5,
        help='of which the median is',
    )
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


def ours(
    client: adapter.Adapter,
    instances: Sequence[str],
    start: int,
    end: int,
    rounds: int,
) -> tuple[dict[str, Any], np.ndarray]:
    """Seconds and requests of one reading, and the last step's usage."""
    source = gnocchi.GnocchiTelemetry(client, timeout_s=_TIMEOUT_S)
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        window = source.read(instances, start, end)
        seconds.append(time.perf_counter() - begun)
    return {
        'seconds': round(statistics.median(seconds), 3),
        'rounds': [round(one, 3) for one in seconds],
        'requests': source.health.requests,
        'known': float(np.isfinite(window.usage[:, -1]).mean()),
    }, window.usage[:, -1]


def one_by_one(
    client: adapter.Adapter,
    instances: Sequence[str],
    end: int,
    tell: Callable[[str, float], None],
) -> tuple[dict[str, Any], np.ndarray]:
    """The same with one request for each instance and metric.

    The same steps are asked for, so that a rate can be told from a counter
    that was silent.
    """
    found = np.zeros((len(instances), len(fleet.RESOURCES)), np.float32)
    requests = 0
    begun = time.perf_counter()
    for row, instance in enumerate(instances):
        tell('one by one', row / len(instances))
        for measure in measures.MEASURES:
            column = fleet.RESOURCES.index(measure.resource)
            for metric in measure.metrics:
                value = _last(client, instance, measure, metric, end)
                found[row, column] += value
                requests += 1
    seconds = time.perf_counter() - begun
    return {'seconds': round(seconds, 3), 'requests': requests}, found


def _last(
    client: adapter.Adapter,
    instance: str,
    measure: measures.Measure,
    metric: str,
    end: int,
) -> float:
    kind = measure.resource_type
    answer = client.get(
        f'/v1/resource/{kind}/{made_metrics.resource(kind, instance)}/metric/'
        f'{metric}/measures?aggregation={measure.aggregation}'
        f'&granularity={STEP_S}&stop={end}'
        f'&start={end - (grid.LEAD_IN + 1) * STEP_S}',
        raise_exc=False,
    )
    if answer.status_code != 200:
        raise exceptions.TelemetryError(
            f'Gnocchi answered {answer.status_code} for {metric} of '
            f'{instance}: {answer.text[:200]}'
        )
    value = float(answer.json()[-1][2])
    if measure.aggregation == measures.RATE:
        value /= STEP_S
    return value * measure.scale


def measure_all(
    client: adapter.Adapter,
    instances: Sequence[str],
    end: int,
    rounds: int,
    tell: Callable[[str, float], None],
) -> dict[str, Any]:
    """All ways of reading, of which each must find the same usage."""
    tell('reading', 0.0)
    fast, usage = ours(client, instances, end, end, rounds)
    tell('reading', 0.5)
    audit, again = ours(
        client, instances, end - only_new.MARGIN_S, end, rounds
    )
    plain, expected = one_by_one(client, instances, end, tell)
    for found in (usage, again):
        if not np.allclose(found, expected, rtol=1e-5):
            raise exceptions.TelemetryError(
                'the ways of reading do not find the same usage'
            )
    return {
        'instances': len(instances),
        'one interval': fast,
        'as an audit reads': audit,
        'one request each': plain,
        'times faster': round(plain['seconds'] / fast['seconds'], 1),
    }


def table(found: dict[str, Any]) -> str:
    """For people: a line for each way."""
    lines = [
        f'{found["instances"]} instances, {len(fleet.RESOURCES)} resources'
    ]
    lines += [
        f'{found[way]["seconds"]:9.2f} s {found[way]["requests"]:6d} requests'
        f'  {way}'
        for way in ('one interval', 'as an audit reads', 'one request each')
    ]
    return '\n'.join([*lines, f'{found["times faster"]:9.1f} times faster'])


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start a cloud, fill it, measure, and end it."""
    bar = progress.Bar()
    instances = made_metrics.names(arguments.instances)
    bar.tell('starting the mini cloud', 0.0)
    with made_metrics.cloud(arguments.minicloud) as client:
        made_metrics.fill(client, instances, _END, bar.tell)
        found = {
            **output.facts(),
            **measure_all(client, instances, _END, arguments.rounds, bar.tell),
        }
    bar.end()
    print(table(found))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and keep."""
    arguments = parser().parse_args(argv)
    if arguments.json is not None:
        output.check(arguments.json)
    return output.command(
        'benchmarks.reading', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
