"""What the options of ``predictive-watcher backtest`` mean."""

import argparse
import dataclasses
import pathlib

from predictive_watcher import exceptions
from predictive_watcher.backtest import study
from predictive_watcher.cli import backtest_settings
from predictive_watcher.cli import history
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Rule
from predictive_watcher.policies import problem
from predictive_watcher.policies import reading


def rivals(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Who is compared.

    :raises InvalidInput: where nobody has such a name.
    """
    names = tuple(dict.fromkeys(n for n in arguments.rivals.split(',') if n))
    for name in names:
        if name not in study.RIVALS:
            raise exceptions.InvalidInput(
                f'--rivals: {name!r} is no rival; known are '
                f'{", ".join(study.RIVALS)}'
            )
    return names


def policy(arguments: argparse.Namespace) -> Policy:
    """The rules of the audit.

    :raises InvalidInput: where one is unknown, or has no such value.
    """
    given = dict(backtest_settings.read(text) for text in arguments.settings)
    return dataclasses.replace(study.RULES, **given)


def rules(arguments: argparse.Namespace, now: int) -> tuple[Rule, ...]:
    """Those of the policy file, if there is one.

    :param now: Unix seconds; the file's windows are compared from then on.
    :raises InvalidInput: where it cannot be read.
    :raises InvalidPolicies: where something is wrong with it.
    """
    path: pathlib.Path | None = arguments.policies
    if path is None:
        return ()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise exceptions.InvalidInput(
            f'--policies {path}: cannot be read ({error.strerror}); check '
            'the path'
        ) from error
    checked = reading.check(content, now)
    if checked.errors:
        raise problem.refused(str(path), checked.errors)
    return checked.rules


def steps(arguments: argparse.Namespace, length: int) -> tuple[int, int]:
    """The first step, and the first one after the last.

    :raises InvalidInput: where the trace has no such steps.
    """
    begin = _step('--from', arguments.begin, 0)
    end = _step('--to', arguments.end, length)
    if end > length:
        raise exceptions.InvalidInput(
            f'--to {end}: {arguments.traces} has {length} steps; choose at '
            'most that'
        )
    if begin >= end:
        raise exceptions.InvalidInput(
            f'--from {begin}: no step from there to {end} is left to act on; '
            f'{arguments.traces} has {length} steps'
        )
    return begin, end


def _step(option: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal():
        raise exceptions.InvalidInput(
            f'{option} {text}: with --traces a step is needed, a whole '
            'number from 0'
        )
    return int(text)


def moments(arguments: argparse.Namespace) -> argparse.Namespace:
    """The same arguments with times, as `history.trace` reads them.

    :raises InvalidInput: where they are no times.
    """
    found = argparse.Namespace(**vars(arguments), resume=False)
    for name in ('begin', 'end'):
        text = getattr(arguments, name)
        try:
            setattr(found, name, text and history.moment(text))
        except argparse.ArgumentTypeError as error:
            option = '--from' if name == 'begin' else '--to'
            raise exceptions.InvalidInput(f'{option}: {error}') from None
    return found
