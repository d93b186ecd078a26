"""Rules of which nobody can say which one wins."""

from collections.abc import Iterator
from collections.abc import Sequence
import functools
import itertools

from predictive_watcher.core import rules
from predictive_watcher.core.rules import Match
from predictive_watcher.core.rules import Rank
from predictive_watcher.core.rules import Rule
from predictive_watcher.policies import settings
from predictive_watcher.policies.problem import Problem
from predictive_watcher.policies.times import CronWindow


# how far ahead windows are compared; crons repeat within a year
_AHEAD_S = 400 * 86400
_MOST = 5000  # beginnings of one window


def conflicts(found: Sequence[Rule], now: int) -> list[Problem]:
    """Pairs of rules that are as specific as each other, may be about the
    same instance at the same time, and set something differently.

    :param now: Unix seconds; windows are compared from then on.
    """
    problems = []
    alike: dict[tuple[Rank, int], list[Rule]] = {}
    for rule in sorted(found, key=lambda rule: (rule.line, rule.name)):
        alike.setdefault(rule.order()[:2], []).append(rule)
    for one, other in itertools.chain.from_iterable(
        map(_pairs, alike.values())
    ):
        keys = _different(one, other)
        if keys and _may_meet(one.match, other.match, now):
            problems.append(
                Problem(
                    line=other.line,
                    text=f'rule {other.name!r} is as specific as '
                    f'{one.name!r} (line {one.line}), may be about the same '
                    f'instance, and sets {", ".join(keys)} differently; give '
                    'one of them a priority or one more criterion',
                )
            )
    return problems


def _pairs(group: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Those among rules of one rank that may be about the same instance.

    Where all name what they are about only those that share a name are
    compared: a site with a rule for each of its projects has thousands.
    """
    rank = group[0].match.rank()
    named = [
        name
        for name, found in zip(rules.NAMES, rank, strict=False)
        if found == rules.NAMED and name != 'aggregate'
    ]
    if not named:
        yield from itertools.combinations(group, 2)
        return
    by_name: dict[str, list[int]] = {}
    for i, rule in enumerate(group):
        for value in set(getattr(rule.match, named[0])):
            by_name.setdefault(value, []).append(i)
    met = {
        pair
        for members in by_name.values()
        for pair in itertools.combinations(members, 2)
    }
    for i, j in sorted(met):
        yield group[i], group[j]


def _different(one: Rule, other: Rule) -> list[str]:
    shared = one.settings.keys() & other.settings.keys()
    return sorted(
        {
            settings.key_of(name)
            for name in shared
            if one.settings[name] != other.settings[name]
        }
    )


def _may_meet(one: Match, other: Match, now: int) -> bool:
    """Both have the same criteria, being as specific as each other."""
    names = [
        (getattr(one, name), getattr(other, name))
        for name in rules.NAMES
        # a host may be in any number of aggregates
        if name != 'aggregate' and getattr(one, name)
    ]
    names += [
        (one.metadata[key], other.metadata[key])
        for key in one.metadata.keys() & other.metadata.keys()
    ]
    if not all(_meet_patterns(mine, theirs) for mine, theirs in names):
        return False
    if one.weight and other.weight:
        low = max(one.weight[0], other.weight[0])
        if low > min(one.weight[1], other.weight[1]):
            return False
    return not one.during or any(
        _meet_windows(a, b, now)
        for a in one.during
        for b in other.during
        if isinstance(a, CronWindow) and isinstance(b, CronWindow)
    )


def _meet_patterns(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    return any(meet(a, b) for a in mine for b in theirs)


@functools.lru_cache(maxsize=4096)
def meet(one: str, other: str) -> bool:
    """Whether there is a text that fits two patterns.

    >>> meet('m1.*', '*.large'), meet('m1.*', 'c1.*')
    (True, False)
    """
    # which beginnings of one can be those of the other, letter by letter
    reached = {(0, 0)}
    pending = [(0, 0)]
    while pending:
        i, j = pending.pop()
        for step in _steps(one, other, i, j):
            if step not in reached:
                reached.add(step)
                pending.append(step)
    return (len(one), len(other)) in reached


def _steps(one: str, other: str, i: int, j: int) -> list[tuple[int, int]]:
    a, b = one[i : i + 1], other[j : j + 1]
    found = []
    if a == '*':  # stands for nothing, or for one more letter
        found += [(i + 1, j)] + ([(i, j + 1)] if b else [])
    if b == '*':
        found += [(i, j + 1)] + ([(i + 1, j)] if a else [])
    if a and b and '*' not in (a, b) and (a == b or '?' in (a, b)):
        found.append((i + 1, j + 1))
    return found


def _meet_windows(one: CronWindow, other: CronWindow, now: int) -> bool:
    return _begins_in(one, other, now) or _begins_in(other, one, now)


def _begins_in(one: CronWindow, other: CronWindow, now: int) -> bool:
    """Whether one begins while the other holds."""
    since = now - max(one.duration_s, other.duration_s)
    for begins in itertools.islice(one.beginnings(since), _MOST):
        if begins > now + _AHEAD_S:
            break
        if other.covers(begins):
            return True
    return False
