"""``predictive-watcher train``: one's own model from one's own traces."""

import argparse
from collections.abc import Iterator
import contextlib
import dataclasses
import datetime
import math
import os
import pathlib
import sys
from typing import TYPE_CHECKING

from predictive_watcher import exceptions
from predictive_watcher.cli import history
from predictive_watcher.cli import interrupt
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.models import card
from predictive_watcher.models import registry
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces
from predictive_watcher.training import checkpoint
from predictive_watcher.training import citations
from predictive_watcher.training import split
from predictive_watcher.training import telling


if TYPE_CHECKING:  # they import torch, which may not be there
    from predictive_watcher.training import train
    from predictive_watcher.training import tuning


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
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        '--traces',
        nargs='+',
        type=pathlib.Path,
        default=[],
        metavar='FILE',
        help='npz or csv files with usage every 300 s; shorter steps of '
        'which several make 300 s are averaged',
    )
    data.add_argument(
        '--gnocchi',
        action='store_true',
        help="the history of the cloud's instances, see below",
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
        type=kinds.positive,
        help='so many steps of learning; the same seed gives the same model '
        '(default: 12000, with --fine-tune 600)',
    )
    length.add_argument(
        '--minutes', type=_minutes, help='learn for so long instead'
    )
    parser.add_argument(
        '--threads',
        type=kinds.positive,
        default=1,
        help='default: %(default)s',
    )
    parser.add_argument(
        '--fine-tune',
        metavar='MODEL',
        help='begin from a model that is there, the one in this folder or '
        '"shipped" for the one of the package, and learn shorter and with '
        'smaller steps: at most 5 minutes on one core',
    )
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on with the training that was interrupted in DIR; '
        'everything else must be given as it was then',
    )
    parser.add_argument(
        '--force',
        action='store_true',
        help='replace a model, or an interrupted training, in DIR',
    )
    history.add_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, train, write, print."""
    history.refuse_keeping(arguments)
    with _not_left_empty(arguments.output):
        _check_output(arguments)
        return _train(arguments)


@contextlib.contextmanager
def _not_left_empty(output: pathlib.Path) -> Iterator[None]:
    """Take the folders away again that nothing came into."""
    made = [p for p in (output, *output.parents) if not p.exists()]
    try:
        yield
    except BaseException:
        for place in made:
            with contextlib.suppress(OSError):  # it is not empty
                place.rmdir()
        raise


def _train(arguments: argparse.Namespace) -> int:
    output: pathlib.Path = arguments.output
    try:
        from predictive_watcher.training import course
    except ModuleNotFoundError as error:
        raise exceptions.ModelError(
            f'training needs {error.name}, which is not installed; '
            'pip install predictive-watcher[train]'
        ) from None
    options, begun = _options(arguments)
    now = datetime.datetime.now(datetime.UTC)
    bar = progress.Bar()
    sources = _sources(arguments, bar, int(now.timestamp()))
    kept = output / checkpoint.FILE
    with interrupt.requests() as request:

        def tell(told: telling.Told) -> None:
            request.wait(told.stage == telling.LEARNING)
            bar.tell(told.stage, told.done, told.note)

        try:
            trained = course.run(
                sources,
                options,
                name=arguments.name or output.resolve().name,
                version=arguments.model_version,
                created=now.isoformat(timespec='seconds'),
                tell=tell,
                begun=begun,
                keeping=course.Keeping(
                    path=kept,
                    resume=arguments.resume,
                    stopped=lambda: request.asked,
                ),
            )
        except KeyboardInterrupt as stopped:
            bar.end()
            raise _interrupted(kept, str(stopped)) from None
    bar.end()
    card.write(output, trained.onnx, trained.facts)
    kept.unlink(missing_ok=True)
    print(trained.table)
    print(f'\nwritten: {output / card.MODEL} and {output / card.CARD}')
    return 0


def _interrupted(kept: pathlib.Path, where: str) -> KeyboardInterrupt:
    """What to say to somebody who pressed Ctrl-C."""
    if not kept.exists():
        return KeyboardInterrupt('nothing was learned yet')
    after = f' {where}' if where else ''
    return KeyboardInterrupt(
        f'kept{after} in {kept}; go on with the same command and --resume'
    )


def _options(
    arguments: argparse.Namespace,
) -> 'tuple[train.Options, tuning.Begun | None]':
    """How to learn, and from where."""
    from predictive_watcher.training import train
    from predictive_watcher.training import tuning

    options = train.Options(
        seed=arguments.seed,
        steps=arguments.steps or train.STEPS,
        minutes=arguments.minutes,
        threads=arguments.threads,
    )
    if arguments.fine_tune is None:
        return options, None
    given = arguments.fine_tune
    model = registry.load(None if given == 'shipped' else pathlib.Path(given))
    model.check_step(split.STEP_S)
    options = tuning.options(options, model.describe(), given)
    if arguments.steps is None:
        options = dataclasses.replace(options, steps=tuning.STEPS)
    return options, tuning.begun(
        model.content(), model.name, model.identity, options
    )


def _sources(
    arguments: argparse.Namespace, bar: progress.Bar, now: int
) -> list[split.Source]:
    if arguments.gnocchi:
        found = [history.trace(arguments, now, bar.tell)]
    else:
        found = [traces.read(path) for path in arguments.traces]
    sources = []
    for trace in found:
        if said := resample.said(trace, split.STEP_S):
            print(said, file=sys.stderr)
        trace = resample.to_step(trace, split.STEP_S)
        source = split.Source(
            name=citations.of(trace.name),
            window=trace.window,
            limits=trace.limits,
        )
        sources.append(source)
    return sources


def _check_output(arguments: argparse.Namespace) -> None:
    """Better before the training than after it."""
    output: pathlib.Path = arguments.output
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
    if arguments.resume:
        return  # the checkpoint in it is read before anything is replaced
    if (output / checkpoint.FILE).exists() and not arguments.force:
        raise exceptions.InvalidInput(
            f'--output {output}: a training was interrupted there; go on '
            'with --resume, or begin anew with --force'
        )
    if not arguments.force and any(output.iterdir()):
        raise exceptions.InvalidInput(
            f'--output {output}: it is not empty; choose another folder or '
            'replace the model in it with --force'
        )
    (output / checkpoint.FILE).unlink(missing_ok=True)
