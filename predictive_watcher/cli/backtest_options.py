"""The options of ``predictive-watcher backtest``."""

import argparse
import dataclasses
import pathlib

from predictive_watcher.backtest import study
from predictive_watcher.cli import backtest_settings
from predictive_watcher.cli import kinds
from predictive_watcher.core.policy import Policy


_FIELDS = {field.name: field for field in dataclasses.fields(Policy)}


def _weights(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(','))
    except ValueError:
        found = (0.0,)
    if not all(0 < weight < float('inf') for weight in found):
        raise argparse.ArgumentTypeError(
            f'{text!r}: weights are positive numbers, such as 1,2,4'
        )
    return found


def _told(rules: Policy) -> str:
    """What differs from an audit's defaults."""
    return ', '.join(
        f'{name}={getattr(rules, name)}'
        for name, field in _FIELDS.items()
        if getattr(rules, name) != field.default
    )


def add(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        '--traces',
        type=pathlib.Path,
        metavar='FILE',
        help='npz or csv file with usage and limits',
    )
    source.add_argument(
        '--gnocchi',
        action='store_true',
        help="the history of the cloud's own instances",
    )
    _add_span(parser)
    _add_site(parser)
    _add_rules(parser)
    _add_outputs(parser)


def _add_span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--from',
        dest='begin',
        metavar='STEP|TIME',
        help='first step to act on; what was before it is history.  With '
        '--gnocchi a time: ISO 8601, or Unix seconds (default: 0)',
    )
    parser.add_argument(
        '--to',
        dest='end',
        metavar='STEP|TIME',
        help='the step that is the first one left out, or a time (default: '
        'the end)',
    )
    parser.add_argument(
        '--stride',
        type=kinds.whole(1),
        default=1,
        metavar='K',
        help='an audit at every K-th step (default: %(default)s)',
    )
    parser.add_argument(
        '--instances',
        choices=('all', 'learned', 'held-out'),
        default='all',
        help='only those that training learns from, or the fifth that it '
        'never sees (default: %(default)s)',
    )
    parser.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help='configuration of Watcher, for --gnocchi',
    )
    parser.add_argument(
        '--keep-traces',
        type=pathlib.Path,
        metavar='FILE.npz',
        help='with --gnocchi: write the usage into this file as well',
    )


def _add_site(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('simulated cloud')
    group.add_argument(
        '--nodes',
        type=kinds.whole(1),
        metavar='N',
        help='how many nodes (default: one for 64 vCPUs, at least 3)',
    )
    group.add_argument(
        '--overcommit',
        type=kinds.number(1, 65),
        default=1.0,
        metavar='R',
        help='vCPUs that are promised for each one there is '
        '(default: %(default)s)',
    )
    group.add_argument(
        '--room',
        type=kinds.number(0, 1),
        default=0.25,
        metavar='SHARE',
        help='share of what nodes can promise that is free at first '
        '(default: %(default)s)',
    )
    group.add_argument(
        '--weights',
        type=_weights,
        default=(1.0, 2.0, 4.0),
        metavar='W,W,...',
        help='weights that are drawn for the instances (default: 1,2,4)',
    )
    group.add_argument(
        '--data-age',
        type=kinds.whole(0),
        default=210,
        metavar='S',
        help='seconds from the end of a step to the audit that sees it '
        '(default: %(default)s, the mean of 1 to 6 minutes)',
    )
    group.add_argument(
        '--failures',
        type=kinds.number(0, 1),
        default=0.02,
        metavar='SHARE',
        help='share of actions that fail (default: %(default)s)',
    )
    group.add_argument('--seed', type=kinds.whole(0), default=0)


def _add_rules(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('contenders')
    group.add_argument(
        '--rivals',
        default=','.join(study.RIVALS),
        metavar='NAME,...',
        help='who is compared (default: %(default)s)',
    )
    group.add_argument(
        '--set',
        dest='settings',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='a rule of the audits, one of '
        + ', '.join(backtest_settings.NAMES)
        + '; '
        'default: ' + _told(study.RULES),
    )
    group.add_argument(
        '--policies',
        type=pathlib.Path,
        metavar='FILE',
        help='policy file with rules for some of the instances',
    )
    group.add_argument(
        '--model',
        type=pathlib.Path,
        metavar='DIR',
        help='folder of the model (default: the one of the package)',
    )
    group.add_argument(
        '--curve',
        action='store_true',
        help='replay with several risk thresholds as well',
    )
    group.add_argument('--threads', type=kinds.whole(1), default=1)
    group.add_argument(
        '--jobs',
        type=kinds.whole(1),
        default=1,
        metavar='N',
        help='so many contenders at once, each in a process '
        '(default: %(default)s)',
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('outputs')
    group.add_argument(
        '--json',
        type=pathlib.Path,
        metavar='OUT',
        help='write the figures to this file',
    )
    group.add_argument(
        '--timeline',
        type=pathlib.Path,
        metavar='OUT.npz',
        help='write what happened, step by step, to this file',
    )
    group.add_argument(
        '--report',
        type=pathlib.Path,
        metavar='OUT.html',
        help='write a page with plots to this file',
    )
