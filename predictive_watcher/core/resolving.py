"""Rules and a fleet → the policy of each instance."""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
import functools
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.policy import Reaction
from predictive_watcher.core.rules import ANOMALY
from predictive_watcher.core.rules import CLOSED_DURING
from predictive_watcher.core.rules import fits
from predictive_watcher.core.rules import Match
from predictive_watcher.core.rules import NAMES
from predictive_watcher.core.rules import OPEN_DURING
from predictive_watcher.core.rules import Rule
from predictive_watcher.core.rules import Window


# Of these the smaller value counts, a rule's or the audit's: a rule gives no
# leave that the audit withholds.
_CAPS = ('max_actions', 'max_actions_per_node', 'max_growth')
_LEAVES = ('allow_resize', 'allow_migrate')


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The policy of each instance of a fleet.

    ``policies`` are the different ones, ``sources`` say of each which rule
    each setting is from, ``matching`` which rules are about it, the strongest
    first; ``index`` (instances,) tells which of them an instance has.
    """

    policies: tuple[Policy, ...]
    sources: tuple[Mapping[str, Rule], ...]
    matching: tuple[tuple[Rule, ...], ...]
    index: np.ndarray

    def of(self, row: int) -> Policy:
        """The policy of one instance."""
        return self.policies[int(self.index[row])]

    def rules_of(self, row: int) -> tuple[str, ...]:
        """The rules that an instance has its policy from, by name."""
        found = self.sources[int(self.index[row])].values()
        return tuple(sorted({rule.name for rule in found}))

    def values(self, name: str) -> np.ndarray:
        """A number of each instance's policy, (instances,)."""
        each = np.array([getattr(policy, name) for policy in self.policies])
        return np.asarray(each[self.index])


def resolve(
    rules: Iterable[Rule],
    fleet: fleet_module.Fleet,
    base: Policy,
    now: int,
) -> Own:
    """Give each instance its policy, setting by setting.

    :param base: the audit's; it holds where no rule says otherwise.
    :param now: Unix seconds, for what depends on the time.
    :raises InvalidInput: where a rule has a value that no policy may have.
    """
    ordered = sorted(rules, key=Rule.order)
    rows = len(fleet.instances)
    # which rules are about an instance: most instances share it with others
    about = np.zeros((len(ordered), rows), bool)
    traits = _Traits(fleet, ordered)
    for i, rule in enumerate(ordered):
        about[i] = traits.matching(rule.match, now)
    distinct, index = _alike(about)
    made = [
        _combined([ordered[i] for i in np.flatnonzero(column)], base, now)
        for column in distinct.T
    ]
    return Own(
        policies=tuple(policy for policy, _ in made),
        sources=tuple(source for _, source in made),
        matching=tuple(
            tuple(ordered[i] for i in np.flatnonzero(column)[::-1])
            for column in distinct.T
        ),
        index=index,
    )


def _alike(about: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different columns, and which of them each one is."""
    if not about.size:
        return np.zeros((len(about), 1), bool), np.zeros(
            about.shape[1], np.intp
        )
    seen: dict[bytes, int] = {}
    columns = np.packbits(about, axis=0).T
    index = np.array(
        [seen.setdefault(column.tobytes(), len(seen)) for column in columns]
    )
    _, first = np.unique(index, return_index=True)
    return about[:, first], index


def _combined(
    rules: Sequence[Rule], base: Policy, now: int
) -> tuple[Policy, dict[str, Rule]]:
    """The policy that some rules make, the last the strongest."""
    values: dict[str, Any] = {}
    source: dict[str, Rule] = {}
    for rule in rules:
        for name, value in rule.settings.items():
            values[name], source[name] = value, rule
    anomalies = dict(base.anomalies)
    for name in [name for name in values if name.startswith(ANOMALY)]:
        anomalies[name.removeprefix(ANOMALY)] = Reaction(values.pop(name))
    values['anomalies'] = anomalies
    values['closed'] = _closed(
        values.pop(CLOSED_DURING, ()), values.pop(OPEN_DURING, ()), now
    )
    try:
        return replace(base, **_within(values, base)), source
    except (TypeError, ValueError) as error:
        raise exceptions.InvalidInput(
            f'rules {", ".join(r.name for r in rules)}: {error}'
        ) from error


def _within(values: dict[str, Any], base: Policy) -> dict[str, Any]:
    """The values with what the audit withholds, and in themselves sound."""
    kept = dict(values)
    for name in _CAPS:
        if name in kept:
            kept[name] = min(kept[name], getattr(base, name))
    for name in _LEAVES:
        if name in kept:
            kept[name] = kept[name] and getattr(base, name)
    high = kept.get('risk_threshold', base.risk_threshold)
    low = kept.get('release_threshold', base.release_threshold)
    # two rules may give one each: a lease still ends well below its beginning
    kept['release_threshold'] = low if low < high else 0.5 * high
    return kept


def _closed(shut: Sequence[Window], opened: Sequence[Window], now: int) -> str:
    """Why nothing may be done now; '' where it may."""
    for window in shut:
        if window.covers(now):
            return f'{CLOSED_DURING} holds: {window}'
    if opened and not any(window.covers(now) for window in opened):
        return f'it is outside of {OPEN_DURING}: ' + '; '.join(
            str(window) for window in opened
        )
    return ''


class _Traits:
    """What rules ask of the instances of a fleet, each value once."""

    def __init__(
        self, fleet: fleet_module.Fleet, rules: Sequence[Rule]
    ) -> None:
        self._instances = fleet.instances
        self._aggregates = {node.name: node.aggregates for node in fleet.nodes}
        self._keys = sorted({k for rule in rules for k in rule.match.metadata})
        self._found: dict[str, tuple[list[Any], np.ndarray]] = {}

    def matching(self, match: Match, now: int) -> np.ndarray:
        """The instances that meet all criteria, (instances,)."""
        met = np.ones(len(self._instances), bool)
        if match.during and not any(w.covers(now) for w in match.during):
            return np.zeros_like(met)
        for name in NAMES:
            patterns = getattr(match, name)
            if patterns:
                met &= self._met(name, functools.partial(_any_fits, patterns))
        if match.weight is not None:
            low, high = match.weight
            met &= self._met('weight', lambda w: bool(low <= w <= high))
        if match.metadata:
            met &= self._met(
                'metadata', functools.partial(self._has, match.metadata)
            )
        return met

    def _has(
        self,
        wanted: Mapping[str, tuple[str, ...]],
        values: tuple[str | None, ...],
    ) -> bool:
        found = dict(zip(self._keys, values, strict=True))
        return all(
            value is not None and _any_fits(patterns, (value,))
            for key, patterns in wanted.items()
            for value in (found[key],)
        )

    def _met(self, name: str, test: Callable[[Any], bool]) -> np.ndarray:
        values, codes = self._coded(name)
        return np.asarray(
            np.array([test(value) for value in values], bool)[codes]
        )

    def _coded(self, name: str) -> tuple[list[Any], np.ndarray]:
        """The different values of a trait, and who has which."""
        if name not in self._found:
            codes: dict[Hashable, int] = {}
            of_each = [
                codes.setdefault(self._value(name, one), len(codes))
                for one in self._instances
            ]
            self._found[name] = list(codes), np.array(of_each, np.intp)
        return self._found[name]

    def _value(self, name: str, one: fleet_module.Instance) -> Hashable:
        match name:
            case 'flavor':
                return (one.flavor.name,)
            case 'host':
                return (one.node,)
            case 'aggregate':
                return self._aggregates.get(one.node, frozenset())
            case 'weight':
                return _weight(one)
            case 'metadata':
                return tuple(one.metadata.get(key) for key in self._keys)
            case 'user' | 'project':
                return (getattr(one, f'{name}_id'),)
            case 'instance':
                return (one.id,)
            case _:
                return (getattr(one, name),)


def _any_fits(patterns: Sequence[str], values: Iterable[str]) -> bool:
    return any(
        fits(pattern, value) for value in values for pattern in patterns
    )


def _weight(one: fleet_module.Instance) -> float:
    try:
        return one.flavor.weight()
    except exceptions.InvalidExtraSpec:
        return float('nan')  # no range holds it
