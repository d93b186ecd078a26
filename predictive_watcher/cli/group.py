"""``predictive-watcher group``: instances that move together."""

import argparse
import json
import pathlib

from predictive_watcher import exceptions
from predictive_watcher.cli import kept
from predictive_watcher.cli import kindred
from predictive_watcher.core import correlation
from predictive_watcher.core import remembering
from predictive_watcher.core import together
from predictive_watcher.state import cache


_UNSET = 'audits keep nothing, and learn no groups; set it'


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command."""
    top = parsers.add_parser(
        'group',
        help='show which instances move together',
        description='Groups of instances whose cpu moves together, at once '
        'or some minutes apart, as audits have found them.',
    )
    verbs = top.add_subparsers(dest='verb', required=True)
    shown = verbs.add_parser(
        'list',
        help='print all groups',
        description='Print the groups that an audit knows, the largest '
        'first.',
    )
    _common(shown)
    shown.set_defaults(run=run_list)
    one = verbs.add_parser(
        'show',
        help='print one group, or that of an instance',
        description='Print the members of a group, how far behind each is, '
        'and the pairs that connect them.',
    )
    one.add_argument(
        'group',
        metavar='GROUP',
        help='number of a group, or id or name of an instance',
    )
    _common(one)
    one.set_defaults(run=run_show)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--audit',
        metavar='UUID',
        help='the audit whose state is read (default: the one that learned '
        'last)',
    )
    parser.add_argument(
        '--state-directory',
        type=pathlib.Path,
        metavar='DIR',
        help='where the state of audits is (default: the option '
        'state_directory)',
    )
    parser.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help='configuration of Watcher with the section '
        '[predictive_watcher] (default: where Watcher finds its own)',
    )
    parser.add_argument(
        '--json', action='store_true', help='print it as JSON, for programs'
    )


def run_list(arguments: argparse.Namespace) -> int:
    """Print all groups."""
    audit, memory, known = _read(arguments)
    found = kindred.all_of(memory, known)
    if arguments.json:
        told = {'audit': audit, 'at': memory.time, 'groups': found}
        print(json.dumps(told, indent=1, allow_nan=False))
    else:
        print(kindred.table(found, audit))
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print one group."""
    audit, memory, known = _read(arguments)
    number = _number(arguments.group, audit, memory, known)
    found = kindred.of(memory, known, number)
    if arguments.json:
        told = {'audit': audit, 'at': memory.time, **found}
        print(json.dumps(told, indent=1, allow_nan=False))
    else:
        print(kindred.text(found, audit))
    return 0


def _number(
    wanted: str,
    audit: str,
    memory: remembering.Memory,
    known: correlation.Correlation,
) -> int:
    """The group of that number, or with that instance.

    :raises InvalidInput: where there is none, or more than one.
    """
    numbers = known.group.tolist()
    names = memory.labels[correlation.NAME]
    if wanted in known.instances:
        rows = [known.instances.index(wanted)]
    else:
        rows = [row for row, name in enumerate(names) if name == wanted]
    if len(rows) > 1:
        ids = ', '.join(known.instances[row] for row in rows)
        raise exceptions.InvalidInput(
            f'{len(rows)} instances are called {wanted!r}: give one of their '
            f'ids: {ids}'
        )
    if rows and numbers[rows[0]] != together.NOBODY:
        return int(numbers[rows[0]])
    if rows:
        raise exceptions.InvalidInput(
            f'{wanted!r} is in no group: audit {audit} knows nobody who '
            'moves together with it; "predictive-watcher group list" shows '
            'all groups'
        )
    if wanted.isdecimal() and int(wanted) in numbers:
        return int(wanted)
    raise exceptions.InvalidInput(
        f'audit {audit} knows no group {wanted!r} and no instance of that id '
        'or name; "predictive-watcher group list" shows all groups'
    )


def _read(
    arguments: argparse.Namespace,
) -> tuple[str, remembering.Memory, correlation.Correlation]:
    """What the chosen audit knows, or the one that learned last."""
    directory = kept.directory(arguments, _UNSET)
    audits = cache.relations(directory)
    _check(arguments.audit, directory, audits)
    found, refused = [], []
    for audit in audits:
        if arguments.audit not in (None, audit):
            continue
        try:
            memory = cache.read(
                directory, cache.relations_name(audit), correlation.IDENTITY
            )
        except exceptions.StateError as error:
            refused.append(str(error))
            continue
        if memory is None:
            continue  # deleted meanwhile
        known = correlation.of_memory(memory)
        if known is None:
            refused.append(f'{directory}: the groups of audit {audit} are of '
                           'another make')  # fmt: skip
            continue
        found.append((memory.time, audit, memory, known))
    if not found:
        why = refused[0] if refused else f'{directory}: it is being deleted'
        raise exceptions.StateError(
            f'{why}; the next run of the audit learns it anew'
        )
    _, audit, memory, known = max(found, key=lambda one: one[:2])
    return audit, memory, known


def _check(
    wanted: str | None, directory: pathlib.Path, audits: list[str]
) -> None:
    if not audits:
        raise kept.nothing(directory, 'groups')
    if wanted is not None and wanted not in audits:
        raise exceptions.InvalidInput(
            f'{directory} holds no groups of an audit {wanted!r}; those with '
            f'groups: {", ".join(audits)}'
        )
