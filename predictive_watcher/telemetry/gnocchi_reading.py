"""One reading of usage from Gnocchi, page by page and measure by measure."""

from collections.abc import Iterator
from collections.abc import Sequence
import datetime
import functools
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.telemetry import archive
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import grid
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import reading


@functools.lru_cache(maxsize=65536)
def _unix(timestamp: str) -> int:
    return int(datetime.datetime.fromisoformat(timestamp).timestamp())


class GnocchiReading(reading.Reading):
    """One read in progress; see `reading.Reading`."""

    def __init__(
        self, requests: gnocchi_http.Requests, **options: Any
    ) -> None:
        super().__init__(requests=requests, **options)
        self._gnocchi = requests
        self._unfit = archive.Unfit(requests, self._step)
        # Gnocchi stamps a bucket with its start, we with its end
        self._origin = self._begin - self._step
        self._span = {'start': self._origin, 'granularity': self._step}
        if self._stop is not None:
            self._span['stop'] = self._stop

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
        return self._gnocchi.post(
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

    def _amounts(
        self, measure: measures.Measure, length: int
    ) -> tuple[np.ndarray, np.ndarray]:
        dense = self._points[measure.resource].dense(length)
        seen = np.isfinite(dense).any(axis=2)
        if measure.aggregation == measures.RATE:
            dense = grid.rates(dense, self._interval_s)
        return seen, dense


def _devices(groups: Any, owner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(instance, {metric: {aggregation: series}}) of each device."""
    for group in groups:
        for device in group['measures']['measures'].values():
            yield str(group['group'][owner]), device
