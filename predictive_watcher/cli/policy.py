"""``predictive-watcher policy``: check the rules, and explain them."""

import argparse
from collections.abc import Iterator
import datetime
import json
import math
import pathlib
import sys
import time
from typing import Any
import warnings

from predictive_watcher import exceptions
from predictive_watcher.cli import facts as facts_module
from predictive_watcher.core import resolving
from predictive_watcher.core import rules as rules_module
from predictive_watcher.core.fleet import Fleet
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Rule
from predictive_watcher.policies import problem
from predictive_watcher.policies import reading
from predictive_watcher.policies import settings


DEFAULT = pathlib.Path('/etc/predictive_watcher/policies.yaml')


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command and its verbs."""
    parser = parsers.add_parser(
        'policy',
        help='check a policy file, and explain who gets which policy',
        description='Look after the rules that give instances policies of '
        'their own.',
    )
    verbs = parser.add_subparsers(dest='verb', required=True)
    text = 'tell all that is wrong with a policy file, else its rules'
    checked = verbs.add_parser('check', help=text, description=text)
    checked.add_argument(
        'file',
        nargs='?',
        type=pathlib.Path,
        default=DEFAULT,
        help=f'default: {DEFAULT}',
    )
    checked.set_defaults(run=check)
    text = 'show the policy of an instance, and which rule it is from'
    explained = verbs.add_parser('explain', help=text, description=text)
    _add_explain(explained)


def _add_explain(verb: argparse.ArgumentParser) -> None:
    verb.add_argument('instance', help='id of the server, or its name')
    verb.add_argument(
        '--at',
        metavar='TIME',
        help='ISO 8601 (UTC unless it says otherwise) or Unix seconds; '
        'default: now',
    )
    verb.add_argument(
        '--policies',
        type=pathlib.Path,
        metavar='FILE',
        help='default: [predictive_watcher] policy_file of the configuration',
    )
    verb.add_argument(
        '--facts',
        type=pathlib.Path,
        metavar='JSON',
        help='what is known of the instance, instead of asking Nova: an '
        'object (or a list of some) with any of '
        + ', '.join(facts_module.KEYS),
    )
    verb.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help="Watcher's configuration, to ask Nova; default: where Watcher "
        'looks for it',
    )
    verb.add_argument('--json', action='store_true', help='print it as JSON')
    verb.set_defaults(run=explain)


def check(arguments: argparse.Namespace) -> int:
    """0 where the file can be used, else 1."""
    file: pathlib.Path = arguments.file
    checked = reading.check(_content(file), _now())
    for one in checked.problems:
        kind = 'warning: ' if one.warning else ''
        print(f'{file}:{one.line}: {kind}{one}', file=sys.stderr)
    if checked.errors:
        count = len(checked.errors)
        print(
            f'{file}: {count} {"error" if count == 1 else "errors"}; as it '
            'is, audits go on with the rules that were good last',
            file=sys.stderr,
        )
        return 1
    count = len(checked.rules)
    if not count:
        print(f'{file}: it can be used; there are no rules in it')
    else:
        _print_rules(file, checked.rules)
    return 0


def _print_rules(file: pathlib.Path, rules: tuple[Rule, ...]) -> None:
    count = len(rules)
    print(
        f'{file}: {count} {"rule" if count == 1 else "rules"}, can be used; '
        'setting by setting the first that fits wins:'
    )
    for number, rule in enumerate(_strongest_first(rules), start=1):
        print(f'{number:3}. {rule.name} (line {rule.line})')
        print(f'     if   {_told_match(rule)}')
        print(f'     then {"; ".join(_told_settings(rule))}')


def _strongest_first(rules: tuple[Rule, ...]) -> list[Rule]:
    return sorted(rules, key=Rule.order, reverse=True)


def _told_match(rule: Rule) -> str:
    parts = [
        f'{name} is {" or ".join(value)}' for name, value in _patterns(rule)
    ]
    if rule.match.weight is not None:
        low, high = rule.match.weight
        upper = f'to {high:g}' if math.isfinite(high) else 'or more'
        parts.append(f'weight is {low:g} {upper}')
    parts += [
        f'metadata {key} is {" or ".join(value)}'
        for key, value in rule.match.metadata.items()
    ]
    if rule.match.during:
        parts.append(f'during {" or ".join(map(str, rule.match.during))}')
    told = ' and '.join(parts) or 'any instance'
    return told + (f', priority {rule.priority}' if rule.priority else '')


def _patterns(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in rules_module.NAMES:
        value = getattr(rule.match, name)
        if value:
            yield name, value


def _told_settings(rule: Rule) -> Iterator[str]:
    for key, value in settings.of_rule(rule):
        yield f'{key} = {_plain(value)}'


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ', '.join(map(_plain, value)) or 'none'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _content(file: pathlib.Path) -> bytes:
    try:
        with file.open('rb') as opened:
            return opened.read(reading.MOST_BYTES + 1)
    except OSError as error:
        raise exceptions.InvalidPolicies(
            f'{file}: {error.strerror}; name a policy file that is there'
        ) from error


def _now() -> int:
    return int(time.time())


def explain(arguments: argparse.Namespace) -> int:
    """Print which rules fit, and what they make of the policy."""
    at = _moment(arguments.at)
    file, fleet = _asked(arguments)
    checked = reading.check(_content(file), at) if file else None
    if checked and checked.errors:
        raise problem.refused(str(file), checked.errors)
    rules = checked.rules if checked else ()
    own = resolving.resolve(rules, fleet, Policy(), at)
    found = _explained(own, fleet.instances[0].id, at, file)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print('\n'.join(_lines(found, fleet.instances[0].name)))
    return 0


def _asked(
    arguments: argparse.Namespace,
) -> tuple[pathlib.Path | None, Fleet]:
    """The policy file, if there is one, and the instance on its node."""
    file: pathlib.Path | None = arguments.policies
    if arguments.facts is not None:
        fleet = facts_module.read(arguments.facts, arguments.instance)
        return file or DEFAULT, fleet
    with warnings.catch_warnings():
        # what asks OpenStack warns of others and takes long to import
        warnings.simplefilter('ignore')
        from predictive_watcher import wiring
        from predictive_watcher.cli import site
    conf = site.configuration(arguments.config_file)
    own = wiring.options(conf)
    if file is None:
        file = pathlib.Path(own.policy_file)
        if not file.exists():
            print(f'{file}: there is no such file: no rules', file=sys.stderr)
            file = None
    with site.cloud(conf, own.telemetry_timeout) as (nova, _):
        return file, facts_module.ask(nova, arguments.instance)


def _moment(given: str | None) -> int:
    if given is None:
        return _now()
    try:
        return int(given)
    except ValueError:
        pass
    try:
        found = datetime.datetime.fromisoformat(given)
    except ValueError:
        raise exceptions.InvalidInput(
            f'--at {given!r} is no time; write it as 2026-03-29T02:30+01:00 '
            'or in Unix seconds'
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return int(found.timestamp())


def _explained(
    own: resolving.Own, instance: str, at: int, file: pathlib.Path | None
) -> dict[str, Any]:
    which = int(own.index[0])
    sources = settings.sources(own.sources[which])
    return {
        'instance': instance,
        'at': datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(),
        'file': str(file) if file else None,
        'rules': [
            {'name': rule.name, 'line': rule.line, 'if': _told_match(rule)}
            for rule in own.matching[which]
        ],
        'policy': {
            key: {
                'value': value,
                'rule': sources[key][0] if key in sources else None,
                'line': sources[key][1] if key in sources else None,
            }
            for key, value in settings.shown(own.of(0)).items()
        },
    }


def _lines(found: dict[str, Any], name: str) -> Iterator[str]:
    yield f'{name} ({found["instance"]}) at {found["at"]}'
    yield ''
    yield 'rules that fit it, the strongest first:'
    for rule in found['rules']:
        yield f'  {rule["name"]} (line {rule["line"]}): {rule["if"]}'
    if not found['rules']:
        yield '  none'
    yield ''
    yield f'{"setting":28} {"value":22} from'
    for key, one in found['policy'].items():
        source = 'the audit'
        if one['rule'] is not None:
            source = f'{one["rule"]} (line {one["line"]})'
        if one['value'] is None:
            one = {**one, 'value': 'any number'}
        yield f'{key:28} {_plain(one["value"]):22} {source}'
    yield ''
    yield (
        'What is from the audit is shown with the default of its parameter.'
    )
