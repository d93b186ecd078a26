"""What a rule may set: keys of the file ↔ fields of a policy."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from predictive_watcher.core import policy
from predictive_watcher.core import rules
from predictive_watcher.policies import times


RESIZE = 'resize'
MIGRATE = 'live_migrate'
# Every key but the few of `_SPECIAL`; a dot leads into a mapping.
FIELDS: Mapping[str, str] = {
    'weight_factor': 'weight_factor',
    'weight_urgency': 'weight_urgency',
    'risk_threshold': 'risk_threshold',
    'begin_threshold': 'begin_threshold',
    'release_threshold': 'release_threshold',
    'quantile_level': 'quantile_level',
    'ceiling': 'ceiling',
    'horizon': 'horizon_s',
    'max_growth': 'max_growth',
    'largest_flavor': 'largest_flavor',
    'application': 'application',
    'cooldown': 'cooldown_s',
    'lease_minimum': 'lease_minimum_s',
    'lease_duration': 'lease_duration_s',
    'lease_cost': 'lease_cost',
    'cost_factor': 'cost_factor',
    'observe_only': 'observe_only',
    'observation_time': 'observation_s',
    'no_actions_during': rules.CLOSED_DURING,
    'actions_only_during': rules.OPEN_DURING,
    'budgets.per_audit': 'max_actions',
    'budgets.per_node': 'max_actions_per_node',
    'budgets.per_hour': 'max_actions_per_hour',
    'budgets.per_project_hour': 'max_actions_per_project_hour',
    'budgets.per_instance_hour': 'max_actions_per_instance_hour',
    'budgets.per_instance_day': 'max_actions_per_instance_day',
    'budgets.unwatched': 'max_unwatched_actions',
}
DURATIONS = (
    'cooldown',
    'lease_minimum',
    'lease_duration',
    'observation_time',
)
WINDOWS = ('no_actions_during', 'actions_only_during')
_LEAVES = {'allow_resize': RESIZE, 'allow_migrate': MIGRATE}


def flat(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The keys of a rule's ``set`` one by one."""
    for key, value in given.items():
        if key in ('budgets', 'anomalies'):
            for name, one in value.items():
                yield f'{key}.{name}', one
        else:
            yield key, value


def fields_of(
    key: str, value: Any, window: Callable[[Any], Any]
) -> dict[str, Any]:
    """What a key of the file sets in a policy.

    :param window: makes the windows of a key that has some.
    :raises InvalidInput: where the value has no meaning.
    """
    if key == 'actions':
        return {name: word in value for name, word in _LEAVES.items()}
    if key.startswith(rules.ANOMALY):
        return {key: policy.Reaction(value)}
    if key in DURATIONS:
        value = times.seconds(value)
    elif key in WINDOWS:
        value = window(value)
    elif key == 'horizon':
        value *= 60
    return {FIELDS[key]: value}


def key_of(name: str) -> str:
    """The key of the file that sets a field of a policy."""
    if name in _LEAVES:
        return 'actions'
    return _KEYS.get(name, name)


def of_rule(rule: rules.Rule) -> list[tuple[str, Any]]:
    """What a rule sets, in the words of the file."""
    found: dict[str, Any] = {}
    for name, value in rule.settings.items():
        key = key_of(name)
        if key == 'actions':
            found.setdefault(key, [])
            found[key] += [_LEAVES[name]] if value else []
        elif key in DURATIONS:
            found[key] = times.told(value)
        elif key == 'horizon':
            found[key] = f'{value // 60} min'
        else:
            found[key] = value
    return list(found.items())


def sources(
    given: Mapping[str, rules.Rule],
) -> dict[str, tuple[str, int]]:
    """From which rule and line each setting is, by the key of the file.

    ``actions_now`` is from either kind of window.
    """
    found = {
        key_of(name): (rule.name, rule.lines.get(name, rule.line))
        for name, rule in given.items()
    }
    for key in WINDOWS:
        if key in found:
            found['actions_now'] = found[key]
    return found


_KEYS = {name: key for key, name in FIELDS.items()}


def shown(given: policy.Policy) -> dict[str, Any]:
    """A policy in the words of the file; what it cannot set is left out."""
    found: dict[str, Any] = {
        'actions': [w for name, w in _LEAVES.items() if getattr(given, name)]
    }
    for key, name in FIELDS.items():
        if key in WINDOWS:
            continue
        value = getattr(given, name)
        if key in DURATIONS:
            value = times.told(value)
        found[key] = value // 60 if key == 'horizon' else value
    for kind in sorted({policy.FLEET, policy.NODE, *given.anomalies}):
        found[f'{rules.ANOMALY}{kind}'] = given.reaction(kind).value
    found['actions_now'] = f'no: {given.closed}' if given.closed else 'yes'
    return found
