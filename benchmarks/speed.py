"""``python -m benchmarks.speed``: how long one new sample takes.

What a figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import importlib.util
import pathlib
import statistics
import sys
from typing import Any

from benchmarks import boosting
from benchmarks import ets
from benchmarks import fresh
from benchmarks import output
from benchmarks import racers
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import baselines
from predictive_watcher.models import card
from predictive_watcher.models import registry
from predictive_watcher.models import runtime


_SIZES = (1, 64, 1024, 8192, 65536)
_MOST = {'lightgbm': 8192, 'torch': 8192, 'simple': 1024}  # instances asked
_SERIES = 10  # of AutoETS, a round
_SIMPLE = (baselines.Persistence(), baselines.HourMean())


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.speed',
        description='Measure how long forecasts of many instances take when '
        'one new sample of each has come.',
    )
    add = made.add_argument
    add('--model', type=pathlib.Path, metavar='DIR', help='its folder')
    add('--sizes', nargs='+', type=kinds.positive, default=_SIZES, metavar='N')
    add(
        '--rounds',
        type=kinds.positive,
        default=5,
        help='of which the median is',
    )
    add('--threads', type=kinds.positive, default=2)
    add(
        '--trees', type=kinds.positive, default=300, help='of a LightGBM model'
    )
    add('--rows', type=kinds.positive, default=15_000, help='it learns from')
    add('--without', nargs='+', choices=('lightgbm', 'autoets'), default=[])
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


class _Race:
    """Everyone, measured in turns."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.bar = progress.Bar()
        directory = arguments.model
        self.model = registry.load(directory, arguments.threads)
        self.single = registry.load(directory, 1)
        self.grown: list[boosting.Boosted] = []
        if 'lightgbm' not in arguments.without:
            self.grown = racers.forests(
                arguments.trees,
                arguments.rows,
                arguments.threads,
                self.bar.tell,
            )
        self.ets: racers.Once | None = None
        if 'autoets' not in arguments.without and ets.available():
            self.ets = racers.autoets(_SERIES)
            self.ets()  # what is compiled at its first use does not count

    def at(self, instances: int) -> dict[str, Any]:
        """Medians in seconds for one number of instances."""
        ours = racers.Ours(self.model, instances)
        staged = racers.Staged(self.single, instances)
        others = self._others(staged, instances)
        spent: dict[str, list[float]] = {}
        rounds = self.arguments.rounds
        for k in range(rounds):
            self.bar.tell(f'{instances} instances', k / rounds)
            found = {'ours': ours.once(), **_prefixed(staged.once())}
            found |= {name: once() for name, once in others.items()}
            for name, seconds in found.items():
                spent.setdefault(name, []).append(seconds)
        self.bar.tell(f'{instances} instances', 1.0)
        medians = {n: statistics.median(s) for n, s in spent.items()}
        peaks = {
            f'sgemm{n}': fresh.ask('sgemm', n)['flops']
            for n in sorted({1, self.arguments.threads})
        }
        state = ours.state_bytes()
        return {
            'seconds': medians,
            'least': {name: min(each) for name, each in spent.items()},
            'peaks': peaks,
            'state_bytes': state,
        }

    def _others(
        self, staged: racers.Staged, instances: int
    ) -> dict[str, racers.Once]:
        x = staged.inputs()
        found = {'onnxruntime': racers.onnx_network(self.single, x)}
        if instances <= _MOST['torch']:
            torch = racers.torch_network(self.model, x)
            if torch is not None:
                found['torch'] = torch
        if self.grown and instances <= _MOST['lightgbm']:
            found['lightgbm'] = racers.lightgbm(self.grown, x)
        if self.ets is not None:
            found['autoets'] = _times(self.ets, instances)
        if instances <= _MOST['simple']:
            found |= {r.name: racers.simple(r, instances) for r in _SIMPLE}
        for once in found.values():
            once()  # the first time is another one
        return found


def _times(once: racers.Once, instances: int) -> Callable[[], float]:
    return lambda: once() * instances


def _prefixed(stages: dict[str, float]) -> dict[str, float]:
    return {f'stage.{name}': seconds for name, seconds in stages.items()}


def _folder(
    model: runtime.OnnxForecaster, directory: pathlib.Path | None
) -> pathlib.Path:
    """Where the model itself is, should a registry be named."""
    named = registry.SHIPPED if directory is None else directory
    for place in (named, named / model.name):
        if (place / card.CARD).exists():
            return place
    return registry.SHIPPED


def operations(directory: pathlib.Path) -> int | None:
    """Of the network for one instance and step, two for each weight of a
    matrix; None where onnx is not installed.
    """
    if importlib.util.find_spec('onnx') is None:
        return None
    import onnx

    graph = onnx.load(directory / card.MODEL).graph
    found = 0
    for weights in graph.initializer:
        size = 1
        for length in weights.dims:
            size *= length
        found += 2 * size if len(weights.dims) > 1 else 0
    return found


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure, print tables, and return the same figures."""
    if arguments.json is not None:
        output.check(arguments.json)
    race = _Race(arguments)
    folder = _folder(race.model, arguments.model)
    found: dict[str, Any] = {
        **output.facts(),
        'model': {
            'name': race.model.name,
            'bytes': race.model.card.size,
            'operations': operations(folder),
        },
        'threads': arguments.threads,
        'session_bytes': fresh.ask('memory', 1, str(folder)),
        'instances': {str(n): race.at(n) for n in arguments.sizes},
    }
    race.bar.end()
    print(table(found))
    return found


def table(found: dict[str, Any]) -> str:
    """For people."""
    sizes: dict[str, Any] = found['instances']
    rows = sizes.values()
    names = list(dict.fromkeys(n for row in rows for n in row['seconds']))
    head = f'{"":22}' + ''.join(f'{int(n):>12,}' for n in sizes)
    lines = []
    for key, what in (('seconds', 'the median'), ('least', 'the least')):
        lines += [f'milliseconds, {what} of the rounds', head]
        lines += [
            f'{name:22}' + ''.join(_ms(row[key].get(name)) for row in rows)
            for name in names
        ]
        lines.append('')
    lines += ['times as long as ours, by the medians', head]
    lines += [
        f'{name:22}' + ''.join(_ratio(found, n, name) for n in sizes)
        for name in names
        if name != 'ours' and not name.startswith('stage.')
    ]
    return '\n'.join([*lines, '', *_facts(found)])


def _ms(seconds: float | None) -> str:
    return f'{"-":>12}' if seconds is None else f'{1000 * seconds:12,.2f}'


def _ratio(found: dict[str, Any], size: str, name: str) -> str:
    """Of those measured; the network alone against our network."""
    seconds = found['instances'][size]['seconds']
    alone = name in ('torch', 'onnxruntime')
    base = seconds['onnxruntime' if alone else 'ours']
    if name not in seconds:
        return f'{"-":>12}'
    return f'{seconds[name] / base:12.2f}'


def _facts(found: dict[str, Any]) -> list[str]:
    model, memory = found['model'], found['session_bytes']
    machine = found['machine']
    last = list(found['instances'].values())[-1]
    lines = [
        f'{machine["processor"]}, {machine["cores"]} cores, '
        f'{found["threads"]} threads; load {machine["load"]} at the beginning',
        f'model {model["name"]}: {model["bytes"] / 1e6:.2f} MB',
        f'state: {last["state_bytes"] / 1e3:.1f} KB an instance',
        f'session: {(memory["loaded"] - memory["before"]) / 1e6:.1f} MB, '
        f'{(memory["scored"] - memory["before"]) / 1e6:.1f} MB after scoring',
    ]
    for size, row in found['instances'].items():
        peaks = ', '.join(
            f'{flops / 1e9:.0f} GFLOP/s on {name.removeprefix("sgemm")}'
            for name, flops in row['peaks'].items()
        )
        line = f'{int(size):,} instances: sgemm {peaks} threads'
        if model['operations']:
            done = int(size) * model['operations']
            reached = done / row['seconds']['onnxruntime']
            share = reached / row['peaks']['sgemm1']
            line += f'; the network alone reaches {share:.0%} of one'
        lines.append(line)
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parser().parse_args(argv)
    return output.command(
        'benchmarks.speed', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
