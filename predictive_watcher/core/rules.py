"""Rules: which instances have which policy, the most specific rule first.

Rules are compared criterion by criterion, in the order of the fields of
`Match`: the first in which they differ decides.  There a name beats a
pattern, a pattern with more fixed characters one with fewer, a narrower range
a wider one, and any criterion none.  Where all are alike the higher
``priority`` wins, then the name that comes last in the alphabet.  So rules
have one order, wherever they stand in a file, and a rule that asks for more
than another one always wins over it.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
import functools
import re
from typing import Any
from typing import Protocol


# Settings of a rule that are no fields of a policy: they become ``closed``.
CLOSED_DURING = 'no_actions_during'
OPEN_DURING = 'actions_only_during'
ANOMALY = 'anomalies.'  # with the kind behind it

Rank = tuple[tuple[float, ...], ...]
NAMED = (2.0, 0.0)  # how specific a criterion is that has no pattern in it


class Window(Protocol):
    """A time that comes again, such as the nights of a week."""

    @property
    def longest_s(self) -> float:
        """How many seconds it lasts."""

    def covers(self, at: int) -> bool:
        """Whether the Unix second ``at`` is in it."""


@functools.lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (
        {'*': '.*', '?': '.'}.get(letter, re.escape(letter))
        for letter in pattern
    )
    return re.compile(''.join(parts), re.DOTALL)


def fits(pattern: str, value: str) -> bool:
    """Whether a pattern, in which * and ? stand for others, is this value.

    >>> fits('m1.*', 'm1.large'), fits('m1.*', 'xm1.large')
    (True, False)
    """
    if is_exact(pattern):
        return pattern == value
    return _expression(pattern).fullmatch(value) is not None


def is_exact(pattern: str) -> bool:
    """Whether only one value fits."""
    return not ('*' in pattern or '?' in pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which instances a rule is about: all criteria that are given hold.

    The criteria stand in the order in which they count.  Of several patterns
    one has to fit, of ``metadata`` every key; ``weight`` is the lowest and
    the highest base weight, ``during`` are times of which one is now.
    Metadata count least of what an instance is, because its owner writes
    them: they override nothing that was said of owner or host.
    """

    instance: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    image: tuple[str, ...] = ()
    flavor: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    aggregate: tuple[str, ...] = ()
    weight: tuple[float, float] | None = None
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    during: tuple[Window, ...] = ()

    def rank(self) -> Rank:
        """How specific the criteria are: the larger, the more."""
        return (
            *(_rank_of(getattr(self, name)) for name in NAMES),
            () if self.weight is None else (self.weight[0] - self.weight[1],),
            _rank_of_metadata(self.metadata),
            _rank_of_times(self.during),
        )


# the criteria that are patterns
NAMES: tuple[str, ...] = tuple(
    one.name for one in fields(Match) if one.type == tuple[str, ...]
)


def _rank_of(patterns: Sequence[str]) -> tuple[float, ...]:
    """() without any; a list is as specific as the widest in it."""
    if not patterns:
        return ()
    if all(is_exact(pattern) for pattern in patterns):
        return NAMED
    wild = [pattern for pattern in patterns if not is_exact(pattern)]
    return (1.0, min(float(len(re.sub('[*?]', '', p))) for p in wild))


def _rank_of_metadata(
    metadata: Mapping[str, tuple[str, ...]],
) -> tuple[float, ...]:
    ranks = sorted(_rank_of(patterns) for patterns in metadata.values())
    return (float(len(ranks)), *(value for rank in ranks for value in rank))


def _rank_of_times(windows: Sequence[Window]) -> tuple[float, ...]:
    return (-max(w.longest_s for w in windows),) if windows else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for some instances.

    ``settings`` maps fields of `Policy` to values, beside `CLOSED_DURING` and
    `OPEN_DURING` (windows) and ``anomalies.KIND``.  ``line`` is where it
    stands in its file, ``lines`` where each setting does.
    """

    name: str
    match: Match = field(default_factory=Match)
    settings: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)

    def order(self) -> tuple[Rank, int, str]:
        """Sorts rules; the last wins."""
        return self.match.rank(), self.priority, self.name
