"""``python -m benchmarks.bootstrap``: how long learning from a week takes.

What a figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Sequence
import pathlib
import resource
import sys
import tempfile
import time
from typing import Any

import numpy as np

from benchmarks import output
from predictive_watcher.cli import bootstrap
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import fleet
from predictive_watcher.core import profiling
from predictive_watcher.core import usage
from predictive_watcher.models import registry
from predictive_watcher.telemetry import base


_NOW = 1_790_000_100
_LIMITS = np.array([4.0, 8192.0, np.nan, np.nan], np.float32)


class Made:
    """A source of usage that costs next to nothing: days with a night."""

    name = 'made'
    identity = 'made 300'
    step_s = 300

    def __init__(self) -> None:
        self.health = base.Health()
        self._rng = np.random.default_rng(0)

    def read(
        self, instances: Sequence[str], start: int, end: int | None
    ) -> usage.UsageWindow:
        """See `base.TelemetrySource.read`."""
        first = -(-start // self.step_s) * self.step_s
        steps = ((end or first) - first) // self.step_s + 1
        hours = (first + np.arange(steps) * self.step_s) % 86400 / 3600
        day = 0.5 - 0.4 * np.cos(2 * np.pi * hours / 24)
        shape = (len(instances), steps, len(fleet.RESOURCES))
        used = self._rng.uniform(0.5, 1.5, shape).astype(np.float32)
        used *= day[None, :, None].astype(np.float32)
        used *= np.array([2.0, 4096.0, 1e6, 1e6], np.float32)
        return usage.UsageWindow(
            instances=tuple(instances),
            start=first,
            step_s=self.step_s,
            usage=used,
        )


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.bootstrap',
        description='Measure how long it takes to learn from the history of '
        'all instances, and how much memory; reading it is not included.',
    )
    add = made.add_argument
    add('--instances', type=kinds.positive, default=10_000, metavar='N')
    add('--days', type=kinds.positive, default=7)
    add('--page', type=kinds.positive, default=1000, metavar='N')
    add('--threads', type=kinds.positive, default=2)
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Learn once; memory is the most that the process ever had."""
    bar = progress.Bar()
    names = [f'{i:032x}' for i in range(arguments.instances)]
    model = registry.load(registry.SHIPPED, arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        begun, cpu = time.perf_counter(), time.process_time()
        known = bootstrap.bootstrap(
            Made(),
            model,
            bootstrap.Fleet(
                limits=dict.fromkeys(names, _LIMITS),
                subjects={n: profiling.Subject(name=n) for n in names},
            ),
            pathlib.Path(folder),
            days=arguments.days,
            page=arguments.page,
            now=_NOW,
            tell=bar.tell,
        )
        seconds = time.perf_counter() - begun
        cpu = time.process_time() - cpu
        kept = sum(p.stat().st_size for p in pathlib.Path(folder).iterdir())
    bar.end()
    found = {
        **output.facts(),
        'instances': known,
        'days': arguments.days,
        'page': arguments.page,
        'seconds': round(seconds, 1),
        'cpu_seconds': round(cpu, 1),
        'peak_mib': round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        ),
        'kept_bytes_per_instance': round(kept / known),
    }
    print(
        f'{known} instances, {arguments.days} days: {seconds:.0f} s '
        f'({cpu:.0f} of a processor), at most {found["peak_mib"]} MiB; '
        f'{found["kept_bytes_per_instance"]} bytes kept for each'
    )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and keep."""
    arguments = parser().parse_args(argv)
    if arguments.json is not None:
        output.check(arguments.json)
    return output.command(
        'benchmarks.bootstrap', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
