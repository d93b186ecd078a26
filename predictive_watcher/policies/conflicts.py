"""Rules of which nobody can say which one wins."""

from collections.abc import Sequence
import functools
import itertools

from predictive_watcher.core import rules
from predictive_watcher.core.rules import Match
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
    ordered = sorted(found, key=lambda rule: (rule.line, rule.name))
    for one, other in itertools.combinations(ordered, 2):
        if one.order()[:2] != other.order()[:2]:
            continue
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
