"""Which instances have a model of their own.

A selector names them, as ``flavor=m1.large`` or ``application=web-*``.  Where
several fit an instance, the most specific one counts:

1. what is run comes before when it runs and on what: ``application`` before
   ``segment`` before ``flavor``;
2. a name comes before a pattern;
3. of patterns, the one with more characters that are no wildcards;
4. then the alphabet decides, so that the order in a file does not.

A new kind of selector is one more word in `KINDS` and one more of the
`Traits`.  The segment of an instance changes with the time of day.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
import enum
import fnmatch
import re

from predictive_watcher import exceptions
from predictive_watcher.core import regimes


class Kind(enum.StrEnum):
    """What a selector looks at."""

    APPLICATION = 'application'
    SEGMENT = 'segment'
    FLAVOR = 'flavor'


KINDS: tuple[Kind, ...] = tuple(Kind)  # the most specific first
Traits = Mapping[Kind, str]  # of an instance; a kind that it lacks is absent
_WILD = re.compile(r'\[!?\]?[^\]]*\]|[*?]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Instances whose trait ``kind`` fits ``pattern``.

    The pattern is that of `fnmatch`, and minds upper and lower case.

    >>> Selector(kind=Kind.FLAVOR, pattern='m1.*').fits(
    ...     {Kind.FLAVOR: 'm1.large'}
    ... )
    True
    """

    kind: Kind
    pattern: str

    def __str__(self) -> str:
        return f'{self.kind}={self.pattern}'

    def fits(self, traits: Traits) -> bool:
        """Whether an instance of these traits is meant."""
        value = traits.get(self.kind)
        if value is None:
            return False
        # a name may hold a bracket: it fits itself as well
        return value == self.pattern or fnmatch.fnmatchcase(
            value, self.pattern
        )

    def rank(self) -> tuple[int, bool, int, str]:
        """Of two selectors the more specific one has the lower rank."""
        literal = _WILD.sub('', self.pattern)
        is_pattern = literal != self.pattern
        place = KINDS.index(self.kind)
        return place, is_pattern, -len(literal), self.pattern


def parse(text: str) -> Selector:
    """A selector from ``kind=pattern``.

    :raises InvalidInput: where it is not of this form.

    >>> parse('application=web-*')
    Selector(kind=<Kind.APPLICATION: 'application'>, pattern='web-*')
    """
    kind, equals, pattern = (part.strip() for part in text.partition('='))
    if kind not in list(KINDS) or not equals or not pattern:
        forms = ' or '.join(f'{kind}=NAME' for kind in KINDS)
        raise exceptions.InvalidInput(
            f'{text!r} names no instances; give {forms}, where NAME may hold '
            '* and ?'
        )
    found = Selector(kind=Kind(kind), pattern=pattern)
    names = list(regimes.Regime)
    if found.kind is Kind.SEGMENT and not any(
        found.fits({Kind.SEGMENT: name}) for name in names
    ):
        raise exceptions.InvalidInput(
            f'{text!r}: a segment is one of {", ".join(names)}, not '
            f'{pattern!r}'
        )
    return found


def most_specific(
    selectors: Iterable[Selector], traits: Traits
) -> Selector | None:
    """The selector that counts for an instance; None: none fits."""
    fitting = (s for s in selectors if s.fits(traits))
    return min(fitting, key=Selector.rank, default=None)
