"""``predictive-watcher explain``: the last verdicts on an instance."""

import argparse
import datetime
import json
import pathlib
from typing import Any
from typing import TYPE_CHECKING
import warnings

from predictive_watcher import exceptions


if TYPE_CHECKING:  # they import what warns of others and takes long
    from predictive_watcher.state import ledger as ledger_module


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command."""
    parser = parsers.add_parser(
        'explain',
        help='why the audits do what they do with an instance',
        description='Read from the ledger the last verdict of each audit on '
        'an instance, with the numbers behind it.',
    )
    parser.add_argument('instance', metavar='INSTANCE', help='name or id')
    parser.add_argument('--json', action='store_true')
    parser.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help='configuration of Watcher with [predictive_watcher] '
        '(default: where Watcher finds its own)',
    )
    parser.set_defaults(run=run)


def _ledger(arguments: argparse.Namespace) -> 'ledger_module.Ledger':
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        from predictive_watcher.cli import site
    return site.ledger(arguments.config_file)


def run(arguments: argparse.Namespace) -> int:
    """Print them, the newest first.

    :raises InvalidInput: where no audit has a verdict on it.
    """
    found = _ledger(arguments).verdicts_on(arguments.instance)
    if not found:
        raise exceptions.InvalidInput(
            f'no audit has kept a verdict on {arguments.instance!r}: give the '
            "server's name or id as Nova has it, and look whether it is in "
            'the scope of an audit of predictive_adjustment that has run '
            'since'
        )
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print('\n\n'.join(text_of(one) for one in found))
    return 0


def text_of(told: dict[str, Any]) -> str:
    """One verdict for people."""
    when = datetime.datetime.fromtimestamp(told['at'], datetime.UTC)
    lines = [
        f'{told["name"]} ({told["instance"]}), {told["flavor"]} on '
        f'{told["node"]}',
        f'audit {told["audit"]}, {when:%Y-%m-%d %H:%M:%S} UTC',
        f'{told["adjustment"]}: {told["reason"]}: {told["text"]}',
        f'weight {told["weight"]:.3g} (base {told["base_weight"]:.3g}), '
        f'ceiling {told["ceiling"]:g}, quantile {told["quantile_level"]:g}, '
        f'model {told["model"] or "none"}, rung {told["rung"]}'
        + (f': {told["prior"]}' if told.get('prior') else ''),
        '',
        f'{"resource":10}{"limit":>12}{"predicted":>12}{"amount":>10}'
        f'{"risk":>7}{"5 min":>7}{"10 min":>8}{"15 min":>8}{"lead s":>8}',
    ]
    lines += [_row(name, own) for name, own in told['resources'].items()]
    for title, key in (('rules', 'rules'), ('looked at', 'looked_at')):
        if told[key]:
            lines += ['', f'{title}:', *(f'  {one}' for one in told[key])]
    if told['plan']:
        plan = ', '.join(
            f'{key} {value}' for key, value in told['plan'].items() if value
        )
        lines += ['', f'plan: {plan}']
    return '\n'.join([*lines, *([told['note']] if told['note'] else [])])


def _row(name: str, own: dict[str, Any]) -> str:
    at = own['risk_at']
    return (
        f'{name:10}{_told(own["limit"]):>12}{_told(own["predicted"]):>12}'
        f'{_told(own["amount"]):>10}{_told(own["risk"]):>7}'
        f'{_told(at.get("300")):>7}{_told(at.get("600")):>8}'
        f'{_told(at.get("900")):>8}{_told(own["lead_s"]):>8}'
    )


def _told(value: float | None) -> str:
    return '-' if value is None else f'{value:.4g}'
