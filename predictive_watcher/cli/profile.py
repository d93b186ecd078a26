"""``predictive-watcher profile``: what is normal for an instance."""

import argparse
import json
import pathlib
import time
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.cli import kept
from predictive_watcher.cli import picture
from predictive_watcher.cli import portrait
from predictive_watcher.core import ladder
from predictive_watcher.core import prior
from predictive_watcher.core import profile
from predictive_watcher.core import profiling
from predictive_watcher.core import remembering
from predictive_watcher.core import usage
from predictive_watcher.state import cache
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import traces


_UNSET = 'audits keep no profiles; set it, or look at a trace with --traces'


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command."""
    top = parsers.add_parser(
        'profile',
        help='show what is normal for an instance',
        description='Behavioural profiles that audits keep.',
    )
    verbs = top.add_subparsers(dest='verb', required=True)
    show = verbs.add_parser(
        'show',
        help='print the profile of one instance',
        description='Print what an audit knows of an instance: how much was '
        'seen, levels, typical day and week, segments, and how old the data '
        'is.',
    )
    show.add_argument('instance', metavar='INSTANCE', help='id or name')
    show.add_argument(
        '--audit',
        metavar='UUID',
        help='the audit whose state is read (default: the one that learned '
        'last)',
    )
    place = show.add_mutually_exclusive_group()
    place.add_argument(
        '--state-directory',
        type=pathlib.Path,
        metavar='DIR',
        help='where the state of audits is (default: the option '
        'state_directory)',
    )
    place.add_argument(
        '--traces',
        type=pathlib.Path,
        metavar='FILE',
        help='learn the profile from a trace file instead',
    )
    show.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help='configuration of Watcher with the section '
        '[predictive_watcher] (default: where Watcher finds its own)',
    )
    show.add_argument(
        '--json', action='store_true', help='print it as JSON, for programs'
    )
    show.set_defaults(run=run_show)


def run_show(arguments: argparse.Namespace) -> int:
    """Find the instance, and print."""
    if arguments.traces is not None:
        found = _of_trace(arguments.traces, arguments.instance)
    else:
        found = _of_state(arguments, int(time.time()))
    if arguments.json:
        print(json.dumps(found, indent=1, allow_nan=False))
        return 0
    print(picture.text(found))
    if found['other_audits']:
        print(f'\nalso known to {", ".join(found["other_audits"])}')
    return 0


def _of_trace(path: pathlib.Path, instance: str) -> dict[str, Any]:
    trace = traces.read(path)
    names = trace.window.instances
    if instance not in names:
        some = ', '.join(names[:3])
        raise exceptions.InvalidInput(
            f'{path} has no instance {instance!r}; it has {len(names)}, such '
            f'as {some}'
        )
    row = names.index(instance)
    window = usage.UsageWindow(
        instances=(instance,),
        start=trace.window.start,
        step_s=trace.window.step_s,
        usage=trace.window.usage[row : row + 1].copy(),
    )
    known = profile.BehaviouralProfile(1, window.step_s)
    known.learn(window)
    return {
        'instance': instance,
        'name': instance,
        'audit': None,
        'other_audits': [],
        'zone': 'UTC',
        'late': None,
        **portrait.of(known, window.end),
    }


def _of_state(arguments: argparse.Namespace, now: int) -> dict[str, Any]:
    """From the state of the audit that learned last."""
    directory = kept.directory(arguments, _UNSET)
    found, refused = [], []
    audits = cache.profiles(directory)
    for audit in audits:
        if arguments.audit not in (None, audit):
            continue
        try:
            memory = cache.read(
                directory, cache.profile_name(audit), profile.IDENTITY
            )
        except exceptions.StateError as error:
            refused.append(str(error))
            continue
        if memory is not None and not _is_whole(memory):
            refused.append(
                f'{directory}: what audit {audit} learned is of another make'
            )
            continue
        if memory is not None:
            rows = _rows(memory, arguments.instance)
            found += [(memory.time, audit, memory, row) for row in rows]
    _check(arguments, directory, audits, refused, found)
    _, audit, memory, row = max(found, key=lambda one: one[:2])
    return {
        'instance': memory.instances[row],
        'name': memory.labels[profiling.NAME][row],
        'audit': audit,
        'other_audits': sorted({one[1] for one in found} - {audit}),
        'zone': memory.labels[profiling.ZONE][row],
        'late': _late(directory, audit, memory.instances[row]),
        **portrait.of(_one(memory, row), now, _kin_of(memory, row)),
    }


def _is_whole(memory: remembering.Memory) -> bool:
    """A file may be undamaged and of a release that kept other things."""
    fresh = profile.BehaviouralProfile(1, memory.step_s).parts()
    needed = {profiling.NAME, profiling.ZONE, profiling.KIN}
    return remembering.fits(memory, fresh) and needed <= memory.labels.keys()


def _rows(memory: remembering.Memory, wanted: str) -> list[int]:
    """Where the instance is: by its id, else by its name."""
    if wanted in memory.instances:
        return [memory.instances.index(wanted)]
    names = memory.labels[profiling.NAME]
    return [row for row, name in enumerate(names) if name == wanted]


def _one(memory: remembering.Memory, row: int) -> profile.BehaviouralProfile:
    known = profile.BehaviouralProfile(1, memory.step_s)
    parts = {name: part[row : row + 1] for name, part in memory.parts.items()}
    known.resume(parts, np.array([0]), memory.time)
    return known


def _late(
    directory: pathlib.Path, audit: str, instance: str
) -> dict[str, float] | None:
    """How late its samples came within about a day; None: not known."""
    try:
        memory = cache.read(directory, cache.usage_name(audit), None)
    except exceptions.StateError:
        return None
    if memory is None or instance not in memory.instances:
        return None
    found = usage_book.recent_of(memory).late
    if found is None:
        return None
    count, most_s = found[memory.instances.index(instance)].tolist()
    return {'samples': round(count, 1), 'most_s': most_s}


def _kin_of(memory: remembering.Memory, row: int) -> portrait.Kin:
    """Who stands in for an instance, from the profiles of all others."""
    everybody = profile.BehaviouralProfile(
        len(memory.instances), memory.step_s
    )
    every = np.arange(len(memory.instances))
    everybody.resume(memory.parts, every, memory.time)
    kin = ladder.Groups([json.loads(t) for t in memory.labels[profiling.KIN]])
    usual = prior.days(everybody, kin)
    return portrait.Kin(
        stand_in=prior.stand_ins(everybody, kin, usual)[row],
        level=usual.level[row],
        own=usual.own[row],
    )


def _check(
    arguments: argparse.Namespace,
    directory: pathlib.Path,
    audits: list[str],
    refused: list[str],
    found: list[tuple[int, str, remembering.Memory, int]],
) -> None:
    """Complain where the instance is not there, or not only once."""
    wanted, audit = arguments.instance, arguments.audit
    ids = {memory.instances[row] for _, _, memory, row in found}
    if len(ids) > 1:
        raise exceptions.InvalidInput(
            f'{len(ids)} instances are called {wanted!r}: give one of their '
            f'ids: {", ".join(sorted(ids))}'
        )
    if ids:
        return
    if audit is not None and audit not in audits:
        known = ', '.join(audits) or 'none'
        raise exceptions.InvalidInput(
            f'{directory} holds no profiles of an audit {audit!r}; those '
            f'with profiles: {known}'
        )
    if refused:
        raise exceptions.StateError(
            f'{refused[0]}; the next run of the audit makes it again'
        )
    if not audits:
        raise kept.nothing(directory, 'profiles')
    raise exceptions.InvalidInput(
        f'no profile of {wanted!r} in the state of {len(audits)} audits in '
        f'{directory}; give the id or name of a server in the scope of an '
        'audit that has run since it was created ("openstack server list")'
    )
