"""One reading of usage from Gnocchi, page by page and measure by measure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import datetime
import functools
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.telemetry import archive
from predictive_watcher.telemetry import catalogue as catalogue_module
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import grid
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import reading


_AHEAD_S = 3600  # how far samples of the future are looked for
_GONE = (
    gnocchi_http.NoMetric,
    gnocchi_http.NoResourceType,
    gnocchi_http.Unfit,
)


@functools.lru_cache(maxsize=65536)
def _unix(timestamp: str) -> int:
    return int(datetime.datetime.fromisoformat(timestamp).timestamp())


class GnocchiReading(reading.Reading):
    """One read in progress; see `reading.Reading`."""

    def __init__(
        self,
        requests: gnocchi_http.Requests,
        catalogue: catalogue_module.Catalogue,
        **options: Any,
    ) -> None:
        super().__init__(requests=requests, **options)
        self._gnocchi = requests
        self._catalogue = catalogue
        self._unfit = archive.Unfit(requests, self._step)
        # Gnocchi stamps a bucket with its start, we with its end
        self._origin = self._begin - self._step
        self._span = {'start': self._origin}
        if self._stop is not None:
            ahead = _AHEAD_S if self._live else 0
            self._span['stop'] = self._stop + ahead

    def _page(self, page: Sequence[str], measure: measures.Measure) -> None:
        usual = archive.Way(
            aggregation=measure.aggregation, granularity=self._step, text=''
        )
        try:
            self._read(page, measure, usual)
        except gnocchi_http.NoResourceType:
            self._note(
                measure,
                page,
                f'Gnocchi has no resource type {measure.resource_type}; run '
                '"ceilometer-upgrade"',
            )
        except gnocchi_http.Unfit as error:
            self._page_with_unfit(page, measure, usual, str(error))

    def _page_with_unfit(
        self,
        page: Sequence[str],
        measure: measures.Measure,
        usual: archive.Way,
        refusal: str,
    ) -> None:
        """Ask again, for each of the ways in which instances can be read."""
        try:
            unfit = self._unfit.owners(measure, page)
        except _GONE as error:
            # a policy or a metric that was deleted while it was looked for
            self._note(measure, page, f'{refusal}; and {error}')
            return
        out = set().union(*unfit.values())
        rest = [name for name in page if name not in out]
        for way, names in ((usual, rest), *unfit.items()):
            if way.aggregation is None:
                self._note(measure, names, way.text)
            elif names:
                self._page_in_way(sorted(names), measure, way, refusal)

    def _page_in_way(
        self,
        page: Sequence[str],
        measure: measures.Measure,
        way: archive.Way,
        refusal: str,
    ) -> None:
        try:
            self._read(page, measure, way)
        except gnocchi_http.Unfit:
            self._note(measure, page, refusal)
            return
        if way.text:
            self._tell(way.text, page)

    def _read(
        self,
        page: Sequence[str],
        measure: measures.Measure,
        way: archive.Way,
    ) -> None:
        try:
            devices, answers = self._ask(page, measure, way)
        except gnocchi_http.Stale:
            self._catalogue.forget(measure, page)
            try:
                devices, answers = self._ask(page, measure, way)
            except gnocchi_http.Stale as error:
                self._note(
                    measure,
                    page,
                    f'Gnocchi lists metrics that it does not have: {error}',
                )
                return
        self._add(measure, page, devices, answers, way)

    def _ask(
        self,
        page: Sequence[str],
        measure: measures.Measure,
        way: archive.Way,
    ) -> tuple[dict[str, catalogue_module.Devices], dict[str, Any]]:
        """What the instances have, and what each metric of that shows."""
        devices = self._catalogue.of(self._gnocchi, measure, page)
        wanted = [
            metrics[name]
            for own in devices.values()
            for metrics in own.values()
            for name in measure.metrics
            if name in metrics
        ]
        answers: dict[str, Any] = {}
        for i in range(0, len(wanted), catalogue_module.PAGE):
            part = wanted[i : i + catalogue_module.PAGE]
            found = self._gnocchi.post(
                '/v1/aggregates',
                {
                    'operations': [
                        'metric',
                        *([metric, way.aggregation] for metric in part),
                    ]
                },
                fill='dropna',
                granularity=way.granularity,
                **self._span,
            )
            with _understood():
                answers |= found['measures']
        return devices, answers

    def _add(
        self,
        measure: measures.Measure,
        page: Sequence[str],
        devices: Mapping[str, catalogue_module.Devices],
        answers: Mapping[str, Any],
        way: archive.Way,
    ) -> None:
        missing = set(page)
        with _understood():
            for owner, own in devices.items():
                # a sum does not depend on the order in which Gnocchi has them
                for _, metrics in sorted(own.items()):
                    device = {
                        name: answers.get(metrics[name], {})
                        for name in measure.metrics
                        if name in metrics
                    }
                    if device:
                        missing.discard(owner)
                        self._add_device(measure, owner, device, way)
        names = ' and '.join(measure.metrics)
        self._note(measure, missing, f'Gnocchi has no metric {names} of it')

    def _add_device(
        self,
        measure: measures.Measure,
        owner: str,
        device: dict[str, Any],
        way: archive.Way,
    ) -> None:
        points = self._points[measure.resource]
        number = points.add_device(
            self._index[owner], counter=way.aggregation != measure.aggregation
        )
        for direction, metric in enumerate(measure.metrics):
            if metric not in device:
                self._note(
                    measure, [owner], f'a device lacks the metric {metric}'
                )
                continue
            series = device[metric].get(way.aggregation, ())
            times = [_unix(stamp) for stamp, _, _ in series]
            values = [value for _, _, value in series]
            self._check_ahead(measure, owner, times)
            steps = [(time - self._origin) // self._step for time in times]
            if way.granularity != self._step:
                whole = np.array(steps, np.int64), np.array(values, np.float64)
                found = grid.averaged(*whole)
                steps, values = found[0].tolist(), found[1].tolist()
            points.add_series(number, direction, steps, values)

    def _check_ahead(
        self, measure: measures.Measure, owner: str, times: list[int]
    ) -> None:
        """Tell of samples that are stamped later than now."""
        if self._live and times and times[-1] > self._now:
            self._note(
                measure,
                [owner],
                'samples are stamped with times that are yet to come, and are '
                'not used; set the clock of its compute node (NTP)',
            )

    def _amounts(
        self, measure: measures.Measure, length: int
    ) -> tuple[np.ndarray, np.ndarray]:
        points = self._points[measure.resource]
        dense = points.dense(length)
        seen = np.isfinite(dense).any(axis=2)
        if measure.aggregation == measures.RATE:
            counter = np.array(points.counter, bool)
            grown = grid.of_counters(dense[counter], self._step)
            dense = grid.rates(dense, self._interval_s)
            dense[counter] = grown
        return seen, dense


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Tell of an answer in another form."""
    try:
        yield
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise exceptions.TelemetryError(
            'Gnocchi answered /v1/aggregates in a form that is not known '
            f'({error!r}); is it Gnocchi 4.3 or later?'
        ) from error
