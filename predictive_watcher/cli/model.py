"""``predictive-watcher model``: which models there are, which is in use."""

import argparse
from collections.abc import Callable
import datetime
import json
import pathlib

from predictive_watcher import exceptions
from predictive_watcher.cli import challenge
from predictive_watcher.core import selection
from predictive_watcher.models import registry
from predictive_watcher.models import runtime


Run = Callable[[argparse.Namespace], int]


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command and its verbs."""
    parser = parsers.add_parser(
        'model',
        help='list, show, verify, promote and retire models',
        description='Look after a folder of models, one of which, the '
        'champion, is in use where [predictive_watcher] model_directory '
        'names that folder. Instances of a flavor or an application may '
        'have a champion of their own.',
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
    _add_for(shown, 'the one in use for these instances')
    checked = declare('verify', verify, 'check that models can be used')
    checked.add_argument('name', nargs='*', help='default: all of them')
    retired = declare(
        'retire', retire, 'let instances have the default model again'
    )
    _add_for(retired, 'the instances', required=True)
    _add_promote(
        declare(
            'promote', promote, 'make a model the one in use, if it is better'
        )
    )


def _add_for(
    verb: argparse.ArgumentParser, text: str, required: bool = False
) -> None:
    verb.add_argument(
        '--for',
        dest='selector',
        type=_selector,
        required=required,
        metavar='SELECTOR',
        help=f'{text}: application=NAME or flavor=NAME, where NAME may hold '
        '* and ?, or segment=night, day or weekend',
    )


def _selector(text: str) -> selection.Selector:
    try:
        return selection.parse(text)
    except exceptions.InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_promote(crowned: argparse.ArgumentParser) -> None:
    # --traces takes all that follows it: the name comes first
    crowned.usage = (
        'predictive-watcher model promote [-h] --registry DIR NAME\n'
        '           [--traces FILE [FILE ...]] [--force] [--for SELECTOR]'
    )
    crowned.add_argument(
        'name',
        metavar='NAME',
        help='a model of the registry, or the folder of a new one',
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
    _add_for(crowned, 'whose model it is to be (default: all others)')


def list_models(arguments: argparse.Namespace) -> int:
    """One line for each model; what cannot be used says why."""
    found = registry.champions(arguments.registry) or registry.NOBODY
    for name in _names(arguments.registry, found):
        users = _users(found, name)
        mark = '*' if 'default' in users else ' '
        own = ' '.join(user for user in users if user != 'default')
        try:
            card = _undamaged(arguments.registry, name, found).card
        except exceptions.ModelError as error:
            print(f'{mark} {name:24} {own} refused: {error}')
            continue
        loss = _own_loss(card.facts['scores'])
        line = f'{mark} {name:24} {card.facts["created"]:26} {loss:26} {own}'
        print(line.rstrip())
    if found.own and found.default is None:
        print(f'* {registry.load().name:24} the model of the package')
    return 0


def _undamaged(
    folder: pathlib.Path, name: str, found: registry.Champions
) -> runtime.OnnxForecaster:
    """A model whose file is the one on its card, and, where it is in use,
    the one that was promoted; what ``verify`` finds beside that takes long.

    :raises ModelError: where it is not.
    """
    model = registry.load(folder / name)
    model.content()
    for champion in (found.default, *found.own.values()):
        if champion and champion.name == name:
            registry.load_champion(folder, champion)
    return model


def _users(found: registry.Champions, known_as: str) -> list[str]:
    """For whom a model of this name or sha256 is in use: ``default``, and
    selectors.
    """
    used: list[tuple[object, registry.Champion | None]] = [
        ('default', found.default),
        *found.own.items(),
    ]
    return [
        str(user)
        for user, champion in used
        if champion and known_as in (champion.name, champion.sha256)
    ]


def _own_loss(scores: dict[str, dict[str, float]]) -> str:
    """What the card says of the cpu's maximum within 15 minutes."""
    loss = scores.get('lstm', {}).get('cpu.wql_max900')
    return '' if loss is None else f'cpu max900 loss {loss:.4f}'


def show(arguments: argparse.Namespace) -> int:
    """The card, for whom the model is in use, and when it was promoted."""
    folder: pathlib.Path = arguments.registry
    found = registry.champions(folder) or registry.NOBODY
    selector: selection.Selector | None = arguments.selector
    if arguments.name is not None and selector is not None:
        raise exceptions.InvalidInput(
            f'{arguments.name} and --for {selector}: give one of them'
        )
    if arguments.name is not None:
        facts = registry.load(_place(arguments, arguments.name)).describe()
    elif found is registry.NOBODY:
        facts = registry.load(folder).describe()
    else:
        facts = registry.load_champion(folder, found.of(selector)).describe()
    sha256 = facts['file']['sha256']
    users = _users(found, sha256)
    promoted = [e for e in found.history if e['sha256'] == sha256]
    shown = {**facts, 'in_use_for': users, 'promoted': promoted}
    print(json.dumps(shown, indent=1))
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """0 where all models can be used, else 1."""
    refused = 0
    folder: pathlib.Path = arguments.registry
    found = registry.champions(folder) or registry.NOBODY
    champions = [c for c in (found.default, *found.own.values()) if c]
    for name in arguments.name or _names(folder, found):
        try:
            registry.verify(_place(arguments, name, found))
            for champion in champions:
                if champion.name == name:
                    registry.load_champion(folder, champion)
        except exceptions.ModelError as error:
            refused += 1
            print(f'{name}: refused: {error}')
        else:
            print(f'{name}: ok')
    return 1 if refused else 0


def retire(arguments: argparse.Namespace) -> int:
    """Take the model of some instances' own away."""
    registry.retire(arguments.registry, arguments.selector, _now())
    print(f'retired: {arguments.selector} has the default model again')
    return 0


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')


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
    selector: selection.Selector | None = arguments.selector
    registry.promote(folder, name, _now(), why, selector)
    whom = f' for {selector}' if selector else ''
    print(f'promoted: {name}{whom} ({why})')
    return 0


def _better(
    arguments: argparse.Namespace, challenger: runtime.OnnxForecaster
) -> str:
    """Why the challenger is better than what the instances have now.

    :raises ModelRefused: where it is not.
    """
    if not arguments.traces:
        raise exceptions.InvalidInput(
            '--traces: none is given to compare the model on; name some, or '
            'promote it with --force'
        )
    found = registry.champions(arguments.registry) or registry.NOBODY
    champion = registry.load_champion(
        arguments.registry, found.of(arguments.selector)
    )
    return challenge.better(challenger, champion, arguments.traces)


def _names(
    folder: pathlib.Path, champions: registry.Champions = registry.NOBODY
) -> list[str]:
    """The models that are there, and those that have to be."""
    used = (champions.default, *champions.own.values())
    wanted = {champion.name for champion in used if champion}
    found = sorted(wanted.union(registry.names(folder)))
    if not found:
        raise exceptions.ModelNotFound(
            f'--registry {folder}: there is no model in it; put one there '
            'with "predictive-watcher model promote"'
        )
    return found


def _place(
    arguments: argparse.Namespace,
    name: str,
    champions: registry.Champions = registry.NOBODY,
) -> pathlib.Path:
    known = _names(arguments.registry, champions)
    if name not in known:
        raise exceptions.ModelNotFound(
            f'{name}: there is no such model in {arguments.registry}; there '
            f'are {", ".join(known)}'
        )
    return pathlib.Path(arguments.registry / name)
