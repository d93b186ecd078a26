"""A source of which only what is new is read, beside what is kept."""

from collections.abc import Sequence
import math

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import recent
from predictive_watcher.core import usage
from predictive_watcher.telemetry import base


MARGIN_S = 3600  # samples may come so late, and be found all the same


class OnlyNew:
    """A `base.TelemetrySource` for one audit, before another.

    Instances that are kept are asked for since the end of that, less
    `MARGIN_S`; all others for the whole time.  ``recent`` is what to keep
    once `read` was called: all that was asked for.
    """

    def __init__(
        self,
        source: base.TelemetrySource,
        kept: recent.Recent | None,
        margin_s: int = MARGIN_S,
    ) -> None:
        self._source = source
        self._kept = kept
        self._margin_s = margin_s
        self.recent: recent.Recent | None = None
        self.health = base.Health()
        self.resumed = 0

    @property
    def name(self) -> str:
        """The source's."""
        return self._source.name

    @property
    def identity(self) -> str:
        """The source's."""
        return self._source.identity

    @property
    def step_s(self) -> int:
        """The source's."""
        return self._source.step_s

    def read(
        self, instances: Sequence[str], start: int, end: int | None
    ) -> usage.UsageWindow:
        """See `base.TelemetrySource.read`.

        Where the new instances cannot be read, the others still are.
        """
        known = recent.known(
            self._kept, self.identity, self.step_s, start, end
        )
        old = [name for name in instances if name in known]
        new = [name for name in instances if name not in known]
        self.resumed = len(old)
        self.health = base.Health()
        parts: list[usage.UsageWindow] = []
        if old and self._kept is not None:
            since = max(start, self._kept.window.end - self._margin_s)
            parts = [self._kept.window, self._read(old, since, end)]
        if new or not parts:
            parts += self._read_new(new, start, end, needed=not parts)
        window = _trimmed(recent.joined(instances, start, parts), end)
        unread = self.health.unread()
        rows = [i for i, n in enumerate(window.instances) if n not in unread]
        kept = self._kept if self.resumed else None
        self.recent = recent.Recent(
            source=self.identity,
            window=window.only(rows),
            late=recent.lateness(kept, window)[rows],
        )
        return window

    def late(self, remembered: int | None) -> recent.Late:
        """How late samples came since the audit before; see `recent.late`."""
        if self._kept is None or self.recent is None or not self.resumed:
            return recent.Late()
        return recent.late(self._kept, self.recent.window, remembered)

    def _read(
        self, instances: Sequence[str], start: int, end: int | None
    ) -> usage.UsageWindow:
        try:
            return self._source.read(instances, start, end)
        finally:
            self.health = _both(self.health, self._source.health)

    def _read_new(
        self,
        instances: Sequence[str],
        start: int,
        end: int | None,
        *,
        needed: bool,
    ) -> list[usage.UsageWindow]:
        try:
            return [self._read(instances, start, end)]
        except exceptions.TelemetryError as error:
            if needed:
                raise
            problems = tuple(
                base.Problem(
                    resource=resource,
                    text=f'the history of new instances: {error}',
                    instances=frozenset(instances),
                    unread=True,
                )
                for resource in fleet.RESOURCES
            )
            self.health = _both(self.health, base.Health(problems=problems))
            return []


def _both(one: base.Health, other: base.Health) -> base.Health:
    return base.Health(
        requests=one.requests + other.requests,
        seconds=one.seconds + other.seconds,
        problems=one.problems + other.problems,
        notes=tuple(dict.fromkeys(one.notes + other.notes)),
        skew_s=other.skew_s if math.isnan(one.skew_s) else one.skew_s,
    )


def _trimmed(window: usage.UsageWindow, end: int | None) -> usage.UsageWindow:
    """Without an end it goes up to the newest sample, and is one step long
    at least.
    """
    if end is not None:
        return window
    newest = int(window.newest().max(initial=-1))
    return window.until(max(newest, window.start))
