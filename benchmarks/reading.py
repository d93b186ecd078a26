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
        help='of which the mean is',
    )
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


class Ours:
    """Readings as the product makes them, with the time that each took."""

    def __init__(self, client: adapter.Adapter, start: int, end: int) -> None:
        self._source = gnocchi.GnocchiTelemetry(client, timeout_s=_TIMEOUT_S)
        self._span = start, end
        self._seconds: list[float] = []
        self._requests: list[int] = []
        self.last = np.empty(0)

    def read(self, instances: Sequence[str]) -> None:
        """Once more."""
        begun = time.perf_counter()
        window = self._source.read(instances, *self._span)
        self._seconds.append(time.perf_counter() - begun)
        self._requests.append(self._source.health.requests)
        self.last = window.usage[:, -1]

    def found(self) -> dict[str, Any]:
        """Seconds, the mean over all but the first reading, which also looks
        up which metrics there are; and requests.
        """
        later = self._seconds[1:] or self._seconds
        return {
            'seconds': round(statistics.mean(later), 3),
            'rounds': [round(one, 3) for one in self._seconds],
            'requests': self._requests[-1],
            'requests at first': self._requests[0],
            'known': float(np.isfinite(self.last).mean()),
        }


def one_by_one(
    client: adapter.Adapter, instances: Sequence[str], end: int
) -> tuple[int, np.ndarray]:
    """The same with one request for each instance and metric: how many, and
    the usage.

    The same steps are asked for, so that a rate can be told from a counter
    that was silent.
    """
    found = np.zeros((len(instances), len(fleet.RESOURCES)), np.float32)
    requests = 0
    for row, instance in enumerate(instances):
        for measure in measures.MEASURES:
            column = fleet.RESOURCES.index(fleet.Resource(measure.resource))
            for metric in measure.metrics:
                value = _last(client, instance, measure, metric, end)
                found[row, column] += value
                requests += 1
    return requests, found


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
    """All ways of reading, of which each must find the same usage.

    They take turns, each time a part of the single requests: a machine that
    has more to do meanwhile has it for all.
    """
    interval = Ours(client, end, end)
    audit = Ours(client, end - only_new.MARGIN_S, end)
    seconds, requests = 0.0, 0
    expected = np.zeros((len(instances), len(fleet.RESOURCES)), np.float32)
    interval.read(instances)
    audit.read(instances)
    for turn in range(rounds):
        tell('reading', turn / rounds)
        interval.read(instances)
        audit.read(instances)
        begun = time.perf_counter()
        count, found = one_by_one(client, instances[turn::rounds], end)
        seconds += time.perf_counter() - begun
        requests += count
        expected[turn::rounds] = found
    for ours in (interval, audit):
        if not np.allclose(ours.last, expected, rtol=1e-5):
            raise exceptions.TelemetryError(
                'the ways of reading do not find the same usage'
            )
    fast = interval.found()
    return {
        'instances': len(instances),
        'one interval': fast,
        'as an audit reads': audit.found(),
        'one request each': {
            'seconds': round(seconds, 3),
            'requests': requests,
        },
        'times faster': round(seconds / fast['seconds'], 1),
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
