"""What every source of usage offers, and what it tells about a reading."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import math
from typing import Protocol

from predictive_watcher.core import fleet
from predictive_watcher.core import usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why the usage of one resource is missing, and of which instances.

    ``unread``: nobody asked for it, because the time was up.
    """

    resource: fleet.Resource | usage.Condition
    text: str
    instances: frozenset[str]
    unread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the last reading went: for verdicts, logs and metrics.

    ``seconds`` is the time it took, ``requests`` the number of HTTP requests
    (0 for sources without any).  ``notes`` are for people: nothing is missing
    because of them.  ``skew_s`` is by how much the source's clock is ahead of
    this machine's, at least; NaN where it does not tell.
    """

    requests: int = 0
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    skew_s: float = math.nan
    _why: Mapping[str, tuple[str, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        why: dict[str, tuple[str, ...]] = {}
        for problem in self.problems:
            text = f'{problem.resource}: {problem.text}'
            for instance in problem.instances:
                why[instance] = (*why.get(instance, ()), text)
        object.__setattr__(self, '_why', why)

    def why(self, instance: str) -> tuple[str, ...]:
        """Why usage of this instance is missing; empty where it is not."""
        return self._why.get(instance, ())

    def unread(self) -> frozenset[str]:
        """The instances of which something was not asked for in time."""
        return frozenset().union(
            *(p.instances for p in self.problems if p.unread)
        )


class TelemetrySource(Protocol):
    """Anything that knows what instances used."""

    @property
    def name(self) -> str:
        """How it is called in verdicts and logs."""

    @property
    def identity(self) -> str:
        """Tells usage that was read by it from what others would read."""

    @property
    def step_s(self) -> int:
        """Seconds of a step."""

    @property
    def health(self) -> Health:
        """How the last `read` of this object went."""

    def read(
        self, instances: Sequence[str], start: int, end: int | None
    ) -> usage.UsageWindow:
        """The steps that end from ``start`` to ``end``, both included.

        :param instances: ids; the window keeps their order.
        :param start: Unix seconds; rounded up to the grid.
        :param end: Unix seconds, rounded down to the grid; None reads up to
            the newest sample of any instance.  There is at least one step.
        :raises TelemetryError: where nothing can be told of any instance;
            an instance without samples is NaN instead.
        """
