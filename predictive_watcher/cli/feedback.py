"""``predictive-watcher feedback``: how good forecasts were, and drift."""

import argparse
import datetime
import json
import math
import pathlib
from typing import Any
from typing import TYPE_CHECKING
import warnings

from predictive_watcher import exceptions
from predictive_watcher.cli import kinds
from predictive_watcher.core import drift as drift_module
from predictive_watcher.core import fleet


if TYPE_CHECKING:  # they import what warns of others and takes long
    from predictive_watcher.state import ledger as ledger_module
    from predictive_watcher.state import sums

_DAY_S = 86400
_BIN = 0.1  # the width of `sums.BINS`
_COLUMNS = ('resource', 'target')


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the commands."""
    parser = parsers.add_parser(
        'feedback',
        help='how good the forecasts of the audits were',
        description='Read from the ledger what came of forecasts.',
    )
    verbs = parser.add_subparsers(dest='verb', required=True)
    show = verbs.add_parser(
        'show', help='errors, coverage, skill and reliability'
    )
    show.add_argument('--instance', metavar='UUID', help='of one instance')
    show.add_argument(
        '--resource',
        choices=[one.value for one in fleet.RESOURCES],
        help='of one resource',
    )
    show.add_argument('--segment', help='of one regime of behaviour')
    show.add_argument(
        '--days',
        type=kinds.positive,
        default=7,
        metavar='N',
        help='of so many days, today included (default: %(default)s)',
    )
    show.add_argument(
        '--by-instance', action='store_true', help='one line an instance'
    )
    show.set_defaults(run=run_show)
    drifts = verbs.add_parser('drift', help='whose forecasts drift')
    drifts.set_defaults(run=run_drift)
    actions = verbs.add_parser(
        'actions', help='what actions were to bring, and what came'
    )
    actions.add_argument(
        '--days', type=kinds.positive, default=7, metavar='N'
    )
    actions.set_defaults(run=run_actions)
    for verb in (show, drifts, actions):
        verb.add_argument('--json', action='store_true')
        verb.add_argument(
            '--config-file',
            type=pathlib.Path,
            metavar='FILE',
            help='configuration of Watcher with [predictive_watcher] '
            '(default: where Watcher finds its own)',
        )


def _ledger(arguments: argparse.Namespace) -> 'ledger_module.Ledger':
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        from predictive_watcher.cli import site
    return site.ledger(arguments.config_file)


def run_show(arguments: argparse.Namespace) -> int:
    """Print the sums of some days."""
    ledger = _ledger(arguments)
    now = datetime.datetime.now(datetime.UTC).timestamp()
    since = int(now // _DAY_S - arguments.days + 1) * _DAY_S
    only = {
        column: value
        for column, value in (
            ('instance_id', arguments.instance),
            ('resource', arguments.resource),
            ('segment', arguments.segment),
        )
        if value is not None
    }
    _check_segment(ledger, since, arguments.segment)
    by = ('instance_id', *_COLUMNS) if arguments.by_instance else _COLUMNS
    found = ledger.accuracy(since, by, **only)
    bins = ledger.reliability(since, **only)
    if arguments.json:
        print(json.dumps({'accuracy': _rows(by, found), 'reliability': bins}))
        return 0
    if not found:
        print('no forecast of these days was settled')
        return 0
    _print(by, found)
    _print_bins(bins)
    return 0


def _check_segment(
    ledger: 'ledger_module.Ledger', since: int, segment: str | None
) -> None:
    """:raises InvalidInput: where no forecast is of this regime."""
    if segment is None:
        return
    known = sorted({name for (name,) in ledger.accuracy(since, ('segment',))})
    if known and segment not in known:
        raise exceptions.InvalidInput(
            f'--segment {segment!r}: no forecast of these days is of this '
            f'regime; choose one of {", ".join(map(repr, known))}'
        )


def _rows(
    by: tuple[str, ...], found: dict[tuple[str, ...], 'sums.Accuracy']
) -> list[dict[str, Any]]:
    return [
        dict(zip(by, key, strict=True))
        | {
            name: _plain(getattr(one, name))
            for name in type(one).__slots__
        }
        for key, one in found.items()
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value if math.isfinite(value) else None


def _print(
    by: tuple[str, ...], found: dict[tuple[str, ...], 'sums.Accuracy']
) -> None:
    names = ('n', 'coverage', 'mean_abs_error', 'skill', 'brier')
    print(' '.join(f'{name:36}' if name == 'instance_id' else f'{name:>9}'
                   for name in by),
          ' '.join(f'{name:>14}' for name in names))  # fmt: skip
    for key, one in found.items():
        left = (f'{p:36}' if n == 'instance_id' else f'{p:>9}'
                for n, p in zip(by, key, strict=True))  # fmt: skip
        right = (f'{getattr(one, name):14.6g}' for name in names)
        print(' '.join(left), ' '.join(right))


def _print_bins(bins: list[dict[str, float]]) -> None:
    if not bins:
        return
    print(f'\n{"risk said":>12} {"n":>9} {"mean":>9} {"came":>9}')
    for one in bins:
        print(
            f'{one["from"]:6.1f} - {one["from"] + _BIN:3.1f} '
            f'{one["n"]:9.0f} {one["risk"]:9.4f} {one["came"]:9.4f}'
        )


def run_actions(arguments: argparse.Namespace) -> int:
    """Print what resizes were to avert, and what came."""
    ledger = _ledger(arguments)
    now = datetime.datetime.now(datetime.UTC).timestamp()
    since = int(now) - arguments.days * _DAY_S
    found, factor = ledger.outcomes(since), ledger.benefit_factor(since)
    if arguments.json:
        print(json.dumps({'benefit_factor': factor, 'actions': found}))
        return 0
    for one in found:
        came = one['came_s']
        told = 'waits'
        if came is not None:
            told = f'{came:.0f} s came, {one["left_s"]:.0f} s of them stayed'
        word = ', done' if one['done'] else ''
        print(
            f'{one["instance_id"]} {one["resource"]} at {one["decided_at"]}: '
            f'{one["expected_s"]:.0f} s expected, {told}{word}'
        )
    print(f'benefits are corrected by {factor:.3f}')
    return 0


def run_drift(arguments: argparse.Namespace) -> int:
    """Print whose forecasts drift, and what is done about it."""
    found = _ledger(arguments).drifts()
    if arguments.json:
        rows = [
            {name: getattr(one, name) for name in type(one).__slots__}
            for one in found
        ]
        print(json.dumps(rows))
        return 0
    if not found:
        print('no forecast drifts')
    for one in found:
        since = datetime.datetime.fromtimestamp(one.since, datetime.UTC)
        print(
            f'{one.instance_id} {one.resource:8} {one.step:12} since '
            f'{since:%Y-%m-%d %H:%M} UTC: {one.text}'
        )
    retrain = drift_module.Step.RETRAIN.name.lower()
    if any(one.step == retrain for one in found):
        print('\nretraining is asked for: predictive-watcher retrain')
    return 0
