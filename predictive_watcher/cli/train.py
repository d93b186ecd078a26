"""``predictive-watcher train``: one's own model from one's own traces."""

import argparse
import datetime
import math
import os
import pathlib
import sys
import time

from predictive_watcher import exceptions
from predictive_watcher.models import card
from predictive_watcher.telemetry import traces
from predictive_watcher.training import citations


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
        source = course.Source(
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
    trained = course.run(
        sources,
        options,
        name=arguments.name or output.resolve().name,
        version=arguments.model_version,
        created=now.isoformat(timespec='seconds'),
        tell=_Bar().tell,
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


class _Bar:
    """One line on stderr; a terminal sees it change, a log file does not
    grow by more than a line every ten seconds.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._stage = ''

    def tell(self, told: object) -> None:
        """Show what a `course.Told` says."""
        stage = str(getattr(told, 'stage', ''))
        done = float(getattr(told, 'done', 0.0))
        note = str(getattr(told, 'note', ''))
        now = time.monotonic()
        if stage == self._stage and now < self._next and done < 1.0:
            return
        if self._live and self._stage not in ('', stage):
            sys.stderr.write('\n')
        self._stage = stage
        self._next = now + (0.2 if self._live else 10.0)
        line = f'{stage:28} {done:4.0%}  {note}'
        sys.stderr.write(f'\r\x1b[K{line}' if self._live else f'{line}\n')
        sys.stderr.flush()
