"""The command ``predictive-watcher``: parse, call, and end with a code."""

import argparse
from collections.abc import Sequence
import importlib.metadata
import sys

from predictive_watcher import exceptions
from predictive_watcher.cli import backtest
from predictive_watcher.cli import bootstrap
from predictive_watcher.cli import evaluate
from predictive_watcher.cli import explain
from predictive_watcher.cli import feedback
from predictive_watcher.cli import group
from predictive_watcher.cli import model
from predictive_watcher.cli import policy
from predictive_watcher.cli import profile
from predictive_watcher.cli import retrain
from predictive_watcher.cli import train


# Each declares its arguments, and the function that runs it as ``run``.
COMMANDS = (
    bootstrap.add_parser,
    train.add_parser,
    retrain.add_parser,
    evaluate.add_parser,
    explain.add_parser,
    backtest.add_parser,
    model.add_parser,
    policy.add_parser,
    feedback.add_parser,
    profile.add_parser,
    group.add_parser,
)


def _version() -> str:
    try:
        return importlib.metadata.version('predictive-watcher')
    except importlib.metadata.PackageNotFoundError:
        return 'unknown (not installed)'


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog='predictive-watcher',
        description='Anticipates resource violations in an OpenStack cloud.',
    )
    top.add_argument('--version', action='version', version=_version())
    parsers = top.add_subparsers(dest='command', required=True)
    for declare in COMMANDS:
        declare(parsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    0: done; 1: an error, said in one line; 2: wrong arguments; 130:
    interrupted.
    """
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except exceptions.PredictiveWatcherError as error:
        print(f'predictive-watcher: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupted:
        more = f'; {interrupted}' if str(interrupted) else ''
        print(f'predictive-watcher: interrupted{more}', file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(main())
