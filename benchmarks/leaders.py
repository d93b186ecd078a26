"""``python -m benchmarks.leaders``: do leading instances help, and never harm?

A model follows a trace, once with followers' forecasts raised by the surges
of those that are ahead, as audits do it.  Surges that lead are planted into
the trace, or into made load; and nothing is planted, where nothing is to be
gained and nothing may be lost.  The ratio of quantile losses with and without
counts only after the time in which pairs were learned and proven.
"""

import argparse
from collections.abc import Sequence
import pathlib
import time
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import led
from benchmarks import output
from benchmarks import surges
from predictive_watcher.core import relating
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import registry
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split as split_module


_DAY = 288
_LEARN = 14 * _DAY  # steps until a pair has to be of use


def speed(
    sizes: list[int], rounds: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """How long an audit takes to go on, and what it keeps, by size."""
    told = []
    for count in sizes:
        window, limits = surges.independent(count, 5, rng)
        made = surges.plant(
            window, limits, rng, leaders=count // 20, followers=4
        )
        own = relating.Correlating()
        taken = []
        steps = made.window.usage.shape[1]
        fleet = led.fleet(made.window.instances)
        hours = range(led.WINDOW, steps - rounds, 12)
        for end in (*hours, *range(steps - rounds, steps)):
            past = fields.between(made.window, end - led.WINDOW, end)
            began = time.perf_counter(), time.process_time()
            own.learn(fleet, past, made.limits)
            ended = time.perf_counter(), time.process_time()
            taken.append(np.subtract(ended, began))
        wall, processor = np.median(taken[-rounds:], axis=0)
        assert own.known is not None
        kept = sum(a.nbytes for a in own.known.memory({}).parts.values())
        told.append(
            {
                'instances': count,
                'step_ms': round(1e3 * float(wall), 1),
                'processor_ms': round(1e3 * float(processor), 1),
                'pairs_per_instance': round(
                    len(own.known.pairs.first) / count, 2
                ),
                'bytes_per_instance': round(kept / count),
            }
        )
        print('  '.join(f'{k} {v}' for k, v in told[-1].items()))
    return told


def _scenes(
    arguments: argparse.Namespace, rng: np.random.Generator
) -> tuple[usage_module.UsageWindow, np.ndarray, int]:
    """Usage, limits, and the step from which on it counts."""
    if arguments.traces is None:
        days = arguments.days + _LEARN // _DAY
        window, limits = surges.independent(arguments.instances, days, rng)
        return window, limits, _LEARN
    parted = fields.split(traces.read(arguments.traces))
    if arguments.part == 'choose':
        who, first = parted.learn, parted.at(split_module.TRAIN_UNTIL)
        last = parted.at(split_module.CHOOSE_UNTIL)
    else:
        who, first = parted.held, parted.at(split_module.CHOOSE_UNTIL)
        last = parted.at(split_module.REPORT_UNTIL)
    who = who[: arguments.instances]
    end = min(last, first + arguments.days * _DAY)
    window, limits = parted.part(who, end)
    offset = max(0, first - _LEARN)
    return fields.between(window, offset, end), limits, first - offset


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    rng = np.random.default_rng(arguments.seed)
    results: dict[str, Any] = {}
    if arguments.scenes:
        model = registry.load(arguments.model, threads=1)
        window, limits, begin = _scenes(arguments, rng)
        leaders = max(1, len(window.instances) // 12)
        for name, count in (('planted', leaders), ('without', 0)):
            if name not in arguments.scenes:
                continue
            made = surges.plant(
                window, limits, rng, leaders=count, followers=3
            )
            results[name] = led.follow(model, made, begin, arguments.seed)
            print('\n'.join(_lines(name, results[name])))
    results['speed'] = speed(arguments.sizes, arguments.rounds, rng)
    return {'results': results, **output.facts()}


def _lines(name: str, found: dict[str, Any]) -> list[str]:
    head = ', '.join(f'{v} {k}' for k, v in found['found'].items())
    lines = [f'{name}: {head}']
    for key in ('ratio', 'ratio_at_surges'):
        if key in found:
            shown = '  '.join(
                f'{target} {value:.4f} [{low:.4f}, {high:.4f}]'
                for target, (value, low, high) in found[key].items()
            )
            lines.append(f'  {key:16} {shown}')
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.leaders',
        description=__doc__.split('\n')[0],
    )
    parser.add_argument(
        '--traces', type=pathlib.Path, help='default: made load'
    )
    parser.add_argument(
        '--part',
        choices=['choose', 'held-out'],
        default='held-out',
        help='of the traces: the part to choose settings on, or to report',
    )
    parser.add_argument('--model', type=pathlib.Path)
    parser.add_argument('--instances', type=int, default=76)
    parser.add_argument('--days', type=int, default=14, help='that count')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument(
        '--sizes', type=int, nargs='*', default=[1000, 10000],
        help='instances, for speed',
    )  # fmt: skip
    parser.add_argument('--rounds', type=int, default=20, help='for speed')
    parser.add_argument(
        '--scenes', nargs='*', choices=['planted', 'without'],
        default=['planted', 'without'], help='none: speed alone',
    )  # fmt: skip
    parser.add_argument('--json', type=pathlib.Path)
    arguments = parser.parse_args(argv)
    return output.command(
        'benchmarks.leaders', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    raise SystemExit(main())
