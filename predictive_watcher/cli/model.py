"""``predictive-watcher model``: which models there are, which is in use."""

import argparse
from collections.abc import Callable
import datetime
import functools
import json
import pathlib

from predictive_watcher import exceptions
from predictive_watcher.cli import progress
from predictive_watcher.core import accuracy
from predictive_watcher.core import replay
from predictive_watcher.models import registry
from predictive_watcher.models import runtime
from predictive_watcher.telemetry import traces


# As training parts a trace: what is before this share may have been learned.
_HELD_OUT = 17880 / 26784
_ORIGINS = 700  # at most, evenly spread

Run = Callable[[argparse.Namespace], int]


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command and its verbs."""
    parser = parsers.add_parser(
        'model',
        help='list, show, verify and promote models',
        description='Look after a folder of models, one of which, the '
        'champion, is in use where [predictive_watcher] model_directory '
        'names that folder.',
    )
    verbs = parser.add_subparsers(dest='verb', required=True)

    def declare(name: str, run: Run, text: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=text, description=text)
        verb.add_argument(
            '--registry',
            required=True,
            type=pathlib.Path,
            metavar='DIR',
            help='folder of models',
        )
        verb.set_defaults(run=run)
        return verb

    declare('list', list_models, 'list the models; * is in use')
    shown = declare('show', show, "print a model's card as JSON")
    shown.add_argument('name', nargs='?', help='default: the one in use')
    checked = declare('verify', verify, 'check that models can be used')
    checked.add_argument('name', nargs='*', help='default: all of them')
    crowned = declare(
        'promote', promote, 'make a model the one in use, if it is better'
    )
    crowned.add_argument(
        'name', help='a model of the registry, or the folder of a new one'
    )
    crowned.add_argument(
        '--traces',
        nargs='+',
        type=pathlib.Path,
        default=[],
        metavar='FILE',
        help='where to compare it with the one in use: on the last third of '
        'the time, which neither may have learned from',
    )
    crowned.add_argument(
        '--force', action='store_true', help='promote it without comparing'
    )


def list_models(arguments: argparse.Namespace) -> int:
    """One line for each model; what cannot be used says why."""
    crowned = registry.champion(arguments.registry)
    for name in _names(arguments.registry):
        mark = '*' if crowned and crowned.name == name else ' '
        try:
            card = registry.load(arguments.registry / name).card
        except exceptions.ModelError as error:
            print(f'{mark} {name:24} refused: {error}')
            continue
        loss = _own_loss(card.facts['scores'])
        print(f'{mark} {name:24} {card.facts["created"]:26} {loss}')
    return 0


def _own_loss(scores: dict[str, dict[str, float]]) -> str:
    """What the card says of the cpu's maximum within 15 minutes."""
    loss = scores.get('lstm', {}).get('cpu.wql_max900')
    return '' if loss is None else f'cpu max900 loss {loss:.4f}'


def show(arguments: argparse.Namespace) -> int:
    """The card, and when the model was promoted."""
    crowned = registry.champion(arguments.registry)
    if arguments.name is None:
        facts = registry.load(arguments.registry).describe()
    else:
        facts = registry.load(_place(arguments, arguments.name)).describe()
    sha256 = facts['file']['sha256']
    promoted = [
        entry
        for entry in (crowned.history if crowned else ())
        if entry['sha256'] == sha256
    ]
    print(json.dumps({**facts, 'promoted': promoted}, indent=1))
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """0 where all models can be used, else 1."""
    refused = 0
    crowned = registry.champion(arguments.registry)
    for name in arguments.name or _names(arguments.registry):
        try:
            registry.verify(_place(arguments, name))
            if crowned and crowned.name == name:
                registry.load(arguments.registry)
        except exceptions.ModelError as error:
            refused += 1
            print(f'{name}: refused: {error}')
        else:
            print(f'{name}: ok')
    return 1 if refused else 0


def promote(arguments: argparse.Namespace) -> int:
    """Compare, and promote the better one."""
    folder: pathlib.Path = arguments.registry
    given = pathlib.Path(arguments.name)
    if arguments.name in registry.names(folder):
        challenger = registry.verify(folder / arguments.name)
    else:
        challenger = registry.verify(given)
    why = 'forced'
    if not arguments.force:
        why = _better(arguments, challenger)
    if arguments.name in registry.names(folder):
        name = arguments.name
    else:
        name = registry.add(folder, given)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
    registry.promote(folder, name, now, why)
    print(f'promoted: {name} ({why})')
    return 0


def _better(
    arguments: argparse.Namespace, challenger: runtime.OnnxForecaster
) -> str:
    """Why the challenger is better.

    :raises ModelRefused: where it is not.
    """
    if not arguments.traces:
        raise exceptions.InvalidInput(
            '--traces: none is given to compare the model on; name some, or '
            'promote it with --force'
        )
    crowned = registry.champion(arguments.registry)
    champion = registry.load(arguments.registry if crowned else None)
    if champion.identity == challenger.identity:
        raise exceptions.ModelRefused(
            f'{challenger.name}: it is the model in use already'
        )
    bar = progress.Bar()
    ours, theirs = (
        _scores(model, arguments.traces, bar)
        for model in (challenger, champion)
    )
    bar.end()
    print(accuracy.table({challenger.name: ours, champion.name: theirs}))
    ratio = accuracy.loss_ratio(ours, theirs)
    text = f'{ratio:.4f} times the quantile loss of {champion.name}'
    if not ratio < 1:  # nothing to compare is not better either
        raise exceptions.ModelRefused(
            f'{challenger.name}: not promoted, it has {text}; --force does '
            'it all the same'
        )
    return text


def _scores(
    model: runtime.OnnxForecaster,
    paths: list[pathlib.Path],
    bar: progress.Bar,
) -> dict[str, float | None]:
    """Figures on the held-out time of all traces."""
    outcomes = []
    for path in paths:
        trace = traces.read(path)
        model.check_step(trace.window.step_s)
        length = trace.window.usage.shape[1]
        at = replay.origins(round(_HELD_OUT * length), length, _ORIGINS)
        if not len(at):
            raise exceptions.InvalidTrace(
                f'{path}: {length} steps are too few to compare models'
            )
        found = replay.recurrent(
            model,
            trace.window,
            trace.limits,
            at,
            accuracy.CEILING,
            model.card.context,
            functools.partial(bar.tell, f'following {model.name}'),
            calibrated=True,
        )
        outcomes.append(found.outcome(trace.window, trace.limits))
    return accuracy.scores(outcomes)


def _names(folder: pathlib.Path) -> list[str]:
    found = registry.names(folder)
    if not found:
        raise exceptions.ModelNotFound(
            f'--registry {folder}: there is no model in it; put one there '
            'with "predictive-watcher model promote"'
        )
    return found


def _place(arguments: argparse.Namespace, name: str) -> pathlib.Path:
    known = _names(arguments.registry)
    if name not in known:
        raise exceptions.ModelNotFound(
            f'{name}: there is no such model in {arguments.registry}; there '
            f'are {", ".join(known)}'
        )
    return pathlib.Path(arguments.registry / name)
