"""What is out of the ordinary, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import enum

import numpy as np


class Kind(enum.StrEnum):
    """What an anomaly is; the later ones say more than the earlier."""

    SPIKE = 'spike'
    REGIME = 'regime'
    LEVEL_SHIFT = 'level_shift'
    STUCK = 'stuck'
    SILENCE = 'silence'
    LEAK = 'leak'
    RUNAWAY = 'runaway'
    FLAT_AT_LIMIT = 'flat_at_limit'
    NODE = 'node'
    FLEET = 'fleet'


KINDS: tuple[Kind, ...] = tuple(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One event.

    ``subject`` is the id of an instance, the name of a node, or '' for the
    fleet; ``score`` is -log10 P(something so rare), so 3 is one sample in a
    thousand; ``began`` (Unix seconds) the first sample that was odd;
    ``compared`` says with what it was compared, with the numbers.
    """

    subject: str
    kind: Kind
    resources: tuple[str, ...]
    score: float
    began: int
    compared: str

    def plain(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            'subject': self.subject,
            'kind': self.kind.value,
            'resources': list(self.resources),
            'score': round(self.score, 2),
            'began': self.began,
            'compared': self.compared,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is out of the ordinary now.

    ``score`` is -log10 P of each instance's newest sample, (instances,); NaN
    where there is none.  ``found`` maps the ids of instances to the event
    that is under way; ``wide`` are those of nodes and of the fleet, and
    ``among`` maps their subjects to the ids of those concerned, whose own
    events are in ``shared`` instead.  ``news`` are the ids of instances whose
    event no audit has told yet.
    """

    score: np.ndarray
    found: Mapping[str, Anomaly] = field(default_factory=dict)
    wide: tuple[Anomaly, ...] = ()
    among: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shared: Mapping[str, Anomaly] = field(default_factory=dict)
    news: frozenset[str] = frozenset()

    def new(self) -> tuple[Anomaly, ...]:
        """The events to tell: those of instances, nodes and the fleet."""
        own = [e for i, e in sorted(self.found.items()) if i in self.news]
        wide = [
            event
            for event in self.wide
            if self.news & self.among.get(event.subject, frozenset())
        ]
        return (*wide, *own)
