"""One reading of usage, page by page and measure by measure."""

import abc
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import datetime

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import grid
from predictive_watcher.telemetry import http
from predictive_watcher.telemetry import measures


_SKEW_TOLD_S = 30.0


class Reading(abc.ABC):
    """One read in progress: ask, collect, and put on the grid.

    :param first: Unix seconds at which the first step that is wanted ends.
    :param stop: Unix seconds at which the last step ends; None: no end.
    :param interval_s: seconds between two samples of a metric.
    :param wanted: what to ask for.
    :param now: Unix seconds of this machine.
    """

    def __init__(
        self,
        *,
        requests: http.Requests,
        instances: tuple[str, ...],
        first: int,
        stop: int | None,
        step: int,
        interval_s: float,
        now: float,
        wanted: Sequence[measures.Measure] = measures.MEASURES,
    ) -> None:
        self._measures = tuple(wanted)
        self.instances = instances
        self._requests = requests
        self._index = {name: i for i, name in enumerate(instances)}
        self._begin = first - grid.LEAD_IN * step  # step 0 ends then
        self._stop = stop
        self._step = step
        self._interval_s = interval_s
        self._now = now
        # what ends long ago, or with the newest sample, is looked back at
        self._live = stop is not None and stop + 2 * step > now
        self._points = {
            measure.resource: grid.Points(directions=len(measure.metrics))
            for measure in self._measures
        }
        self._missing: dict[
            tuple[fleet.Resource | usage.Condition, str, bool], set[str]
        ] = {}
        self._notes: dict[str, set[str]] = {}

    def collect(self, page_size: int) -> bool:
        """Ask for everything; False where the time was up before the end.

        :raises TelemetryTimeout: where it was up before the first answer.
        """
        todo = [
            (self.instances[i : i + page_size], measure)
            for i in range(0, len(self.instances), page_size)
            for measure in self._measures
        ]
        for done, (page, measure) in enumerate(todo):
            try:
                self._page(page, measure)
            except exceptions.TelemetryTimeout as error:
                if done == 0:
                    raise exceptions.TelemetryTimeout(
                        f'not read: {_summary(todo)}; {error}'
                    ) from error
                for page_, measure_ in todo[done:]:
                    self._note(
                        measure_, page_, f'not read in time: {error}', True
                    )
                return False
        return True

    @abc.abstractmethod
    def _page(self, page: Sequence[str], measure: measures.Measure) -> None:
        """Ask for one measure of some instances."""

    @abc.abstractmethod
    def _amounts(
        self, measure: measures.Measure, length: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Whether each device reported (devices, time), and the amounts per
        second or as they are (devices, time, directions).
        """

    def _note(
        self,
        measure: measures.Measure,
        instances: Iterable[str],
        text: str,
        unread: bool = False,
    ) -> None:
        names = set(instances)
        if names:
            key = (measure.resource, text, unread)
            self._missing.setdefault(key, set()).update(names)

    def _tell(self, text: str, instances: Iterable[str] = ()) -> None:
        """What people should know, though nothing is missing."""
        self._notes.setdefault(text, set()).update(instances)

    def usage(self, steps: int | None) -> np.ndarray:
        """(instances, steps, measures), float32; ends the collecting."""
        newest = max(points.newest() for points in self._points.values())
        if steps is None:
            steps = max(1, newest + 1 - grid.LEAD_IN)
        length = grid.LEAD_IN + steps
        out = np.full(
            (len(self.instances), steps, len(self._measures)),
            np.nan,
            np.float32,
        )
        for column, measure in enumerate(self._measures):
            seen, amounts = self._amounts(measure, length)
            total = grid.by_instance(
                self._points[measure.resource],
                seen,
                amounts,
                len(self.instances),
            )
            out[:, :, column] = total[:, grid.LEAD_IN :] * measure.scale
            self._note_silent(measure, out[:, :, column])
        return out

    def _note_silent(
        self, measure: measures.Measure, column: np.ndarray
    ) -> None:
        """Tell of instances whose metric is there, but has no sample."""
        told: set[str] = set()
        for (resource, _, _), instances in self._missing.items():
            if resource == measure.resource:
                told |= instances
        silent = np.flatnonzero(~np.isfinite(column).any(axis=1))
        names = {self.instances[i] for i in silent} - told
        since = datetime.datetime.fromtimestamp(
            self._begin - self._step, datetime.UTC
        )
        self._note(
            measure,
            names,
            f'{" and ".join(measure.metrics)} gave no valid sample since '
            f'{since:%Y-%m-%d %H:%M} UTC; check the polling of Ceilometer',
        )

    def health(self) -> base.Health:
        """What this reading was like."""
        skew_s = self._requests.skew.seconds
        return base.Health(
            requests=self._requests.count,
            seconds=self._requests.seconds(),
            problems=tuple(
                base.Problem(
                    resource=resource,
                    text=text,
                    instances=frozenset(names),
                    unread=unread,
                )
                for (resource, text, unread), names in self._missing.items()
            ),
            notes=tuple(self._told(skew_s)),
            skew_s=skew_s,
        )

    def _told(self, skew_s: float) -> Iterator[str]:
        for text, names in self._notes.items():
            yield f'{text} ({len(names)} instances)' if names else text
        if abs(skew_s) >= _SKEW_TOLD_S:
            side = 'ahead of' if skew_s > 0 else 'behind'
            yield (
                f'the clock of {self._requests.service} is at least '
                f'{abs(skew_s):.0f} s {side} that of this machine; set both '
                '(NTP), or the newest samples are misjudged'
            )


def _summary(rest: list[tuple[tuple[str, ...], measures.Measure]]) -> str:
    counts: dict[str, int] = {}
    for page, measure in rest:
        counts[measure.resource] = counts.get(measure.resource, 0) + len(page)
    return ', '.join(
        f'{resource} of {count} instances'
        for resource, count in counts.items()
    )
