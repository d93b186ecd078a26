"""``python -m benchmarks.accuracy``: our forecasts against those of others.

What a figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys
from typing import Any

from benchmarks import boosting
from benchmarks import contenders
from benchmarks import contest
from benchmarks import ets
from benchmarks import fields
from benchmarks import output
from predictive_watcher import exceptions
from predictive_watcher.cli import kinds
from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison
from predictive_watcher.core import fleet


_QUICK = {'rows': 15_000, 'rounds': 25, 'stride': 12, 'ets': 60}
_FULL = {'rows': 720_000, 'rounds': 300, 'stride': 1, 'ets': 2000}


def _named(text: str) -> tuple[str, pathlib.Path]:
    name, _, path = text.partition('=')
    if not (name and path):
        raise argparse.ArgumentTypeError(f'{text} is not NAME=FILE')
    return name, pathlib.Path(path)


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.accuracy',
        description='Compare the forecasts of a model with those of others, '
        'on the instances and the time of traces that its training held out.',
    )
    add = made.add_argument
    files: dict[str, Any] = {
        'nargs': '+', 'type': pathlib.Path, 'metavar': 'FILE', 'default': []
    }  # fmt: skip
    add('--traces', help='parted as for training', **files)
    add('--transfer', help='never learned from: compared whole', **files)
    add('--days', help='a LightGBM learns from these for --transfer', **files)
    add('--model', type=pathlib.Path, metavar='DIR', help='its folder')
    add(
        '--forecasts',
        nargs='+',
        type=_named,
        default=[],
        metavar='NAME=FILE',
        help='files of "predictive-watcher evaluate --output" as rivals',
    )
    add('--ours', metavar='NAME', help='compare these forecasts, no model')
    add(
        '--rivals',
        nargs='*',
        choices=contenders.RIVALS,
        default=contenders.RIVALS,
    )
    add('--only', nargs='+', choices=list(fleet.RESOURCES), metavar='RESOURCE')
    add('--cache', type=pathlib.Path, metavar='DIR', help='keeps boosters')
    add('--rows', type=kinds.positive, help='LightGBM learns from')
    add('--rounds', type=kinds.positive, help='of its boosting')
    add(
        '--ets',
        type=kinds.positive,
        help='series and origins AutoETS is asked',
    )
    add('--stride', type=kinds.positive, help='forecast from every K-th step')
    add(
        '--compared',
        type=kinds.positive,
        default=720,
        help='origins of the slow',
    )
    add('--transfer-from', type=kinds.positive, default=72, metavar='STEP')
    add('--transfer-stride', type=kinds.positive, default=4, metavar='K')
    add('--draws', type=kinds.positive, default=comparison.DRAWS)
    add('--ceiling', type=float, default=accuracy.CEILING)
    add('--threads', type=kinds.positive, default=1)
    add('--quick', action='store_true', help='small: to see that it works')
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments, with what ``--quick`` means filled in."""
    made = parser()
    found = made.parse_args(argv)
    if not (found.traces or found.transfer):
        made.error('name --traces or --transfer')
    for name, value in (_QUICK if found.quick else _FULL).items():
        if getattr(found, name) is None:
            setattr(found, name, value)
    return found


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare, print tables, and return the same figures."""
    if arguments.json is not None:
        output.check(arguments.json)
    if ets.NAME in arguments.rivals and not ets.available():
        raise exceptions.InvalidInput(
            'AutoETS needs statsforecast, which is not installed; pip install '
            "'.[bench]', or name other --rivals"
        )
    task = contenders.Task(arguments)
    ours, rivals = task.ours(), task.rivals()
    if boosting.NAME in arguments.rivals and arguments.traces:
        rivals.append(task.boosted(on_days=False))
    found: dict[str, Any] = {}
    if task.held:
        found['held out'] = _contest(task, 'held out', task.held, ours, rivals)
    if task.transfer:
        if arguments.days:
            rivals.append(task.boosted(on_days=True))
        found['transfer'] = _contest(
            task, 'transfer', task.transfer, ours, rivals
        )
    for line in task.store.refused:
        print(f'trained again: {line}', file=sys.stderr)
    return {**output.facts(), 'learned': task.facts, **found}


def _contest(
    task: contenders.Task,
    name: str,
    found: list[fields.Field],
    ours: contest.Contender,
    rivals: list[contest.Contender],
) -> dict[str, Any]:
    result = contest.run(
        found,
        ours,
        rivals,
        task.resources,
        task.arguments.ceiling,
        task.arguments.draws,
        task.bar.tell,
    )
    task.bar.end()
    names = ', '.join(field.trace.name for field in found)
    count = sum(len(field.window.instances) for field in found)
    print(f'\n{name}: {names}; {count} instances\n\n{result.table()}')
    return {'traces': names, 'instances': count, **result.plain()}


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parse(argv)
    return output.command(
        'benchmarks.accuracy', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
