"""One reading of usage from Gnocchi, page by page and measure by measure."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import datetime
import functools
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.telemetry import archive
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import grid
from predictive_watcher.telemetry import measures


@functools.lru_cache(maxsize=65536)
def _unix(timestamp: str) -> int:
    return int(datetime.datetime.fromisoformat(timestamp).timestamp())


class GnocchiReading:
    """One read in progress: ask, collect, and put on the grid.

    :param origin: Unix seconds at which the first step to ask for begins.
    :param stop: Unix seconds at which the last step ends; None: no end.
    """

    def __init__(
        self,
        *,
        requests: gnocchi_http.Requests,
        instances: tuple[str, ...],
        origin: int,
        stop: int | None,
        step: int,
    ) -> None:
        self.instances = instances
        self._requests = requests
        self._index = {name: i for i, name in enumerate(instances)}
        self._origin = origin
        self._step = step
        self._span = {'start': origin, 'granularity': step}
        if stop is not None:
            self._span['stop'] = stop
        self._points = {
            measure.resource: grid.Points(directions=len(measure.metrics))
            for measure in measures.MEASURES
        }
        self._missing: dict[tuple[fleet.Resource, str], set[str]] = {}
        self._unfit = archive.Unfit(requests, step)

    def collect(self, page_size: int) -> bool:
        """Ask for everything; False where the time was up before the end.

        :raises TelemetryTimeout: where it was up before the first answer.
        """
        todo = [
            (self.instances[i : i + page_size], measure)
            for i in range(0, len(self.instances), page_size)
            for measure in measures.MEASURES
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
                    self._note(measure_, page_, f'not read in time: {error}')
                return False
        return True

    def _page(self, page: Sequence[str], measure: measures.Measure) -> None:
        try:
            self._add(measure, page, self._ask(page, measure))
        except gnocchi_http.NoMetric:
            self._add(measure, page, [])
        except gnocchi_http.NoResourceType:
            self._note(
                measure,
                page,
                f'Gnocchi has no resource type {measure.resource_type}; run '
                '"ceilometer-upgrade"',
            )
        except gnocchi_http.Unfit as error:
            self._page_without_unfit(page, measure, str(error))

    def _page_without_unfit(
        self, page: Sequence[str], measure: measures.Measure, refusal: str
    ) -> None:
        """Ask again without the instances that made Gnocchi refuse."""
        unfit = self._unfit.owners(measure, page)
        for text, names in unfit.items():
            self._note(measure, names, text)
        out = set().union(*unfit.values())
        rest = [name for name in page if name not in out]
        try:
            if rest:
                self._add(measure, rest, self._ask(rest, measure))
        except gnocchi_http.NoMetric:
            self._add(measure, rest, [])
        except gnocchi_http.Unfit:
            self._note(measure, rest, refusal)

    def _ask(self, page: Sequence[str], measure: measures.Measure) -> Any:
        return self._requests.post(
            '/v1/aggregates',
            {
                'operations': [
                    'metric',
                    *([name, measure.aggregation] for name in measure.metrics),
                ],
                'search': {'in': {measure.owner: list(page)}},
                'resource_type': measure.resource_type,
            },
            groupby=measure.owner,
            fill='dropna',
            **self._span,
        )

    def _add(
        self, measure: measures.Measure, page: Sequence[str], groups: Any
    ) -> None:
        missing = set(page)
        try:
            for owner, device in _devices(groups, measure.owner):
                missing.discard(owner)
                self._add_device(measure, owner, device)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise exceptions.TelemetryError(
                'Gnocchi answered /v1/aggregates in a form that is not '
                f'known ({error!r}); is it Gnocchi 4.3 or later?'
            ) from error
        names = ' and '.join(measure.metrics)
        self._note(measure, missing, f'Gnocchi has no metric {names} of it')

    def _add_device(
        self, measure: measures.Measure, owner: str, device: dict[str, Any]
    ) -> None:
        points = self._points[measure.resource]
        number = points.add_device(self._index[owner])
        for direction, metric in enumerate(measure.metrics):
            if metric not in device:
                self._note(
                    measure, [owner], f'a device lacks the metric {metric}'
                )
                continue
            series = device[metric][measure.aggregation]
            points.add_series(
                number,
                direction,
                [
                    (_unix(stamp) - self._origin) // self._step
                    for stamp, _, _ in series
                ],
                [value for _, _, value in series],
            )

    def _note(
        self, measure: measures.Measure, instances: Iterable[str], text: str
    ) -> None:
        names = set(instances)
        if names:
            key = (measure.resource, text)
            self._missing.setdefault(key, set()).update(names)

    def usage(self, steps: int | None, interval_s: float) -> np.ndarray:
        """(instances, steps, resources), float32; ends the collecting."""
        newest = max(points.newest() for points in self._points.values())
        if steps is None:
            steps = max(1, newest + 1 - grid.LEAD_IN)
        length = grid.LEAD_IN + steps
        out = np.full(
            (len(self.instances), steps, len(measures.MEASURES)),
            np.nan,
            np.float32,
        )
        for measure in measures.MEASURES:
            points = self._points[measure.resource]
            dense = points.dense(length)
            seen = np.isfinite(dense).any(axis=2)
            if measure.aggregation == measures.RATE:
                dense = grid.rates(dense, interval_s)
            total = grid.by_instance(points, seen, dense, len(self.instances))
            column = fleet.RESOURCES.index(measure.resource)
            out[:, :, column] = total[:, grid.LEAD_IN :] * measure.scale
            self._note_silent(measure, out[:, :, column])
        return out

    def _note_silent(
        self, measure: measures.Measure, column: np.ndarray
    ) -> None:
        """Tell of instances whose metric is there, but has no sample."""
        told: set[str] = set()
        for (resource, _), instances in self._missing.items():
            if resource == measure.resource:
                told |= instances
        silent = np.flatnonzero(~np.isfinite(column).any(axis=1))
        names = {self.instances[i] for i in silent} - told
        since = datetime.datetime.fromtimestamp(self._origin, datetime.UTC)
        self._note(
            measure,
            names,
            f'{" and ".join(measure.metrics)} gave no valid sample since '
            f'{since:%Y-%m-%d %H:%M} UTC; check the polling of Ceilometer',
        )

    def health(self) -> base.Health:
        """What this reading was like."""
        return base.Health(
            requests=self._requests.count,
            seconds=self._requests.seconds(),
            problems=tuple(
                base.Problem(
                    resource=resource, text=text, instances=frozenset(names)
                )
                for (resource, text), names in self._missing.items()
            ),
        )


def _devices(groups: Any, owner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(instance, {metric: {aggregation: series}}) of each device."""
    for group in groups:
        for device in group['measures']['measures'].values():
            yield str(group['group'][owner]), device


def _summary(rest: list[tuple[tuple[str, ...], measures.Measure]]) -> str:
    counts: dict[str, int] = {}
    for page, measure in rest:
        counts[measure.resource] = counts.get(measure.resource, 0) + len(page)
    return ', '.join(
        f'{resource} of {count} instances'
        for resource, count in counts.items()
    )
