"""``predictive-watcher train``: one's own model from one's own traces."""

import argparse
import datetime
import math
import os
import pathlib

from predictive_watcher import exceptions
from predictive_watcher.cli import progress
from predictive_watcher.models import card
from predictive_watcher.telemetry import traces
from predictive_watcher.training import citations
from predictive_watcher.training import split


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return number


def _minutes(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return number


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command."""
    parser = parsers.add_parser(
        'train',
        help='train a model on traces',
        description='Train one network for all instances on trace files, '
        'write model.onnx and card.json, and print how it does on held-out '
        'instances and time beside the baselines.',
    )
    parser.add_argument(
        '--traces',
        nargs='+',
        required=True,
        type=pathlib.Path,
        metavar='FILE',
        help='npz or csv files with usage every 300 s',
    )
    parser.add_argument(
        '--output',
        required=True,
        type=pathlib.Path,
        metavar='DIR',
        help='where the model goes',
    )
    parser.add_argument('--name', default=None, help="the model's name")
    parser.add_argument('--model-version', default='1', help='its version')
    parser.add_argument('--seed', type=int, default=1)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        '--steps',
        type=_positive,
        default=6000,
        help='so many steps of learning; the same seed gives the same model '
        '(default: %(default)s)',
    )
    length.add_argument(
        '--minutes', type=_minutes, help='learn for so long instead'
    )
    parser.add_argument(
        '--threads', type=_positive, default=1, help='default: %(default)s'
    )
    parser.add_argument(
        '--force', action='store_true', help='replace a model in DIR'
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, train, write, print."""
    output: pathlib.Path = arguments.output
    _check_output(output, arguments.force)
    try:
        from predictive_watcher.training import course
        from predictive_watcher.training import train
    except ModuleNotFoundError as error:
        raise exceptions.ModelError(
            f'training needs {error.name}, which is not installed; '
            'pip install predictive-watcher[train]'
        ) from None
    sources = []
    for path in arguments.traces:
        trace = traces.read(path)
        source = split.Source(
            name=citations.of(trace.name),
            window=trace.window,
            limits=trace.limits,
        )
        sources.append(source)
    options = train.Options(
        seed=arguments.seed,
        steps=arguments.steps,
        minutes=arguments.minutes,
        threads=arguments.threads,
    )
    now = datetime.datetime.now(datetime.UTC)
    bar = progress.Bar()
    trained = course.run(
        sources,
        options,
        name=arguments.name or output.resolve().name,
        version=arguments.model_version,
        created=now.isoformat(timespec='seconds'),
        tell=lambda told: bar.tell(told.stage, told.done, told.note),
    )
    card.write(output, trained.onnx, trained.facts)
    print(trained.table)
    print(f'\nwritten: {output / card.MODEL} and {output / card.CARD}')
    return 0


def _check_output(output: pathlib.Path, force: bool) -> None:
    """Better before the training than after it."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise exceptions.InvalidInput(
            f'--output {output}: cannot be made a folder ({error.strerror}); '
            'choose another one'
        ) from None
    if not os.access(output, os.W_OK):
        raise exceptions.InvalidInput(
            f'--output {output}: cannot be written to; choose another folder'
        )
    if not force and any(output.iterdir()):
        raise exceptions.InvalidInput(
            f'--output {output}: it is not empty; choose another folder or '
            'replace the model in it with --force'
        )
