"""Usage of the cloud's instances out of Gnocchi, to learn from."""

import argparse
from collections.abc import Callable
import dataclasses
import datetime
import pathlib
import sys
import warnings

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.telemetry import history
from predictive_watcher.telemetry import traces


_NAME = 'gnocchi'
TIMEOUT_S = 600.0  # of a piece: nobody waits for it as for an audit


def moment(text: str) -> int:
    """Unix seconds of a time as people write it: ISO 8601, or such seconds.

    >>> moment('1970-01-01T01:00'), moment('3600')
    (3600, 3600)
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is neither ISO 8601, such as 2026-11-01T00:00Z, nor '
            'Unix seconds'
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return int(found.timestamp())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where in time and with which configuration to read."""
    group = parser.add_argument_group('history from Gnocchi')
    group.add_argument(
        '--from',
        dest='begin',
        type=moment,
        metavar='TIME',
        help='read usage since then: ISO 8601 (UTC where it names no zone), '
        'or Unix seconds',
    )
    group.add_argument(
        '--to',
        dest='end',
        type=moment,
        metavar='TIME',
        help='read usage until then (default: now)',
    )
    group.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help='configuration of Watcher with credentials and the section '
        '[predictive_watcher] (default: where Watcher finds its own)',
    )
    group.add_argument(
        '--keep-traces',
        type=pathlib.Path,
        metavar='FILE.npz',
        help='write the usage into this file as well, for "evaluate" and '
        '"model promote"; with "train --resume", read it from there',
    )


def refuse_keeping(arguments: argparse.Namespace) -> None:
    """What is read from files is not kept a second time.

    :raises InvalidInput: where that is asked for.
    """
    if arguments.keep_traces is not None and arguments.traces:
        raise exceptions.InvalidInput(
            f'--keep-traces {arguments.keep_traces}: only usage that is read '
            'from the cloud is kept, and --traces names files; leave one of '
            'the two out'
        )


def trace(
    arguments: argparse.Namespace,
    now: int,
    tell: Callable[[str, float], None],
) -> traces.Trace:
    """The usage that the arguments ask for.

    :param now: Unix seconds.
    :param tell: hears what happens, and the share of it that is done.
    :raises InvalidInput: where the times do not fit.
    :raises CloudError, TelemetryError: where the cloud does not answer.
    """
    kept: pathlib.Path | None = arguments.keep_traces
    if kept is not None and arguments.resume and kept.is_file():
        # by the name that it had when it was read, or nothing could resume
        return dataclasses.replace(traces.read(kept), name=_NAME)
    if kept is not None and kept.suffix != '.npz':
        raise exceptions.InvalidInput(
            f'--keep-traces {kept}: the name has to end in .npz'
        )
    end = now if arguments.end is None else min(arguments.end, now)
    if arguments.begin is None:
        raise exceptions.InvalidInput(
            '--from is missing: say since when to read usage, such as --from '
            '2026-11-01'
        )
    if arguments.begin >= end:
        raise exceptions.InvalidInput(
            f'--from {arguments.begin}: a time before {end} (Unix seconds) '
            'is needed; say since when to read usage'
        )
    found = _read(arguments.config_file, arguments.begin, end, tell)
    if kept is not None:
        traces.write(kept, found)
    return found


def _read(
    file: pathlib.Path | None,
    begin: int,
    end: int,
    tell: Callable[[str, float], None],
) -> traces.Trace:
    with warnings.catch_warnings():
        # it takes long, and libraries that we do not choose warn of others
        warnings.simplefilter('ignore')
        from predictive_watcher.cli import site
    conf = site.configuration(file)
    with site.cloud(conf, TIMEOUT_S) as (nova, source):
        tell('asking Nova', 0.0)
        instances = (*nova.load_fleet().instances, *nova.departed(begin))
        names = [instance.id for instance in instances]
        if not names:
            raise exceptions.CloudError(
                'Nova shows no instance; an administrator of the cloud sees '
                'those of all projects'
            )
        read = history.read(
            source, names, begin, end, lambda d: tell('asking Gnocchi', d)
        )
    for line in read.missing:
        print(f'predictive-watcher: {line}', file=sys.stderr)
    window, there = history.with_samples(read.window)
    if not len(there):
        raise exceptions.TelemetryError(
            f'Gnocchi has no sample of the {len(names)} instances between '
            'these times; check the times, and the polling of Ceilometer'
        )
    return traces.Trace(
        name=_NAME,
        window=window,
        limits=np.stack([limits(instances[i]) for i in there]),
        resources=fleet.RESOURCES,
    )


def limits(instance: fleet.Instance) -> np.ndarray:
    """Of its flavor; NaN, and told, where they cannot be read."""
    try:
        found = instance.flavor.limits()
    except exceptions.InvalidExtraSpec as error:
        print(f'predictive-watcher: no limits: {error}', file=sys.stderr)
        found = np.full(len(fleet.RESOURCES), np.nan)
    return found.astype(np.float32)
