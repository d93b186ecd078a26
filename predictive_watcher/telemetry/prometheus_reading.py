"""One reading of usage from Prometheus, on the grid by PromQL itself.

The last sample of each step is asked for, with a subquery in an instant
query: ``last_over_time(metric[5m])[1d:5m] @ end``.  Aetos lets nothing else
through, and no sample is carried on into steps that have none, as a range
query would.  Rates are taken here: ``rate()`` fills gaps, and takes a counter
that began anew for one that went on from zero.
"""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import math
import re
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage
from predictive_watcher.telemetry import grid
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import prometheus_http
from predictive_watcher.telemetry import reading


PREFIX = 'ceilometer_'
_SPECIAL = re.compile(r'[\\.^$*+?()\[\]{}|]')
_UUID = re.compile('[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
# How Ceilometer names what a metric belongs to: the instance's id; the id and
# the disk; the libvirt name, the id and the interface.
_NAMED = {
    'instance': '(?:{})',
    'instance_disk': '(?:{})-.+',
    'instance_network_interface': '.+-(?:{})-.+',
}


def metric_name(meter: str) -> str:
    """How sg-core and Ceilometer's exporter call a meter.

    >>> metric_name('disk.device.read.bytes')
    'ceilometer_disk_device_read_bytes'
    """
    return PREFIX + meter.replace('.', '_')


class PrometheusReading(reading.Reading):
    """One read in progress; see `reading.Reading`.

    :param label: the label that holds Ceilometer's resource id.
    :param stop: as for `reading.Reading`; without one, Unix seconds at which
        the step ends that is not over yet.
    :param most_bytes: length of the instances' names in one query.
    """

    def __init__(
        self,
        requests: prometheus_http.Requests,
        *,
        label: str,
        until: int,
        most_bytes: int,
        **options: Any,
    ) -> None:
        super().__init__(requests=requests, **options)
        self._prometheus = requests
        self._label = label
        self._until = until
        self._most_bytes = most_bytes
        self._growth = {
            measure.resource: grid.Points(directions=len(measure.metrics))
            for measure in self._measures
        }
        self._still: np.ndarray | None = None

    def _page(self, page: Sequence[str], measure: measures.Measure) -> None:
        found: list[dict[str, Any]] = []
        for part in _within(page, self._most_bytes):
            found += self._ask(part, measure)
        self._add(measure, page, found)

    def _ask(
        self, page: Sequence[str], measure: measures.Measure
    ) -> list[dict[str, Any]]:
        """The series of some instances; fewer at once where that is too much.

        :raises TelemetryError: where a single one is too much.
        """
        try:
            return self._prometheus.series(self._query(page, measure))
        except prometheus_http.TooMuch as error:
            if len(page) == 1:
                raise exceptions.TelemetryError(
                    f'{self._prometheus.service} refuses to tell of a single '
                    f'instance: {error}; raise its query.max-samples'
                ) from error
        half = len(page) // 2
        return self._ask(page[:half], measure) + self._ask(
            page[half:], measure
        )

    def _query(self, page: Sequence[str], measure: measures.Measure) -> str:
        names = '|'.join(_named(measure))
        owners = _NAMED[measure.resource_type].format(
            '|'.join(_quoted(name) for name in page)
        )
        step = self._step
        # a poll is repeated by each scrape until the next one: its last
        # repetition is the poll itself, their mean is a mixture of two
        over = 'last' if self._interval_s == step else 'avg'
        if measure.aggregation == measures.RATE:
            over = 'last'
        return (
            f'{over}_over_time({{__name__=~"{names}",'
            f'{self._label}=~"{owners}"}}[{step * 1000 - 1}ms])'
            f'[{self._until - self._begin + 1}s:{step}s] @ {self._until}'
        )

    def _add(
        self,
        measure: measures.Measure,
        page: Sequence[str],
        series: Iterable[dict[str, Any]],
    ) -> None:
        wanted = set(page)
        devices: dict[tuple[str, str], list[_Series]] = defaultdict(list)
        try:
            for owner, device, one in self._owned(measure, series, wanted):
                devices[owner, device].append(one)
        except (
            TypeError, ValueError, KeyError, AttributeError, OverflowError
        ) as error:  # fmt: skip
            raise exceptions.TelemetryError(
                f'{self._prometheus.service} sent a series in a form that is '
                f'not known ({error!r}); is it Prometheus, or a proxy of it?'
            ) from error
        names = ' and '.join(metric_name(m) for m in measure.metrics)
        for (owner, _), parts in devices.items():
            self._add_device(measure, owner, parts)
        missing = wanted - {owner for owner, _ in devices}
        self._note(
            measure,
            missing,
            f'{self._prometheus.service} has no series {names} of it',
        )

    def _owned(
        self,
        measure: measures.Measure,
        series: Iterable[dict[str, Any]],
        wanted: set[str],
    ) -> Iterator[tuple[str, str, '_Series']]:
        directions = {
            name: i
            for i, meter in enumerate(measure.metrics)
            for name in (meter, metric_name(meter))
        }
        for one in series:
            labels = one['metric']
            device = str(labels[self._label])
            owner = _owner(device, wanted)
            # without its name, Ceilometer's own label still tells the meter
            name = labels.get('__name__') or labels.get('counter')
            direction = directions.get(name, 0 if len(directions) == 2 else -1)
            if owner is None or direction < 0:
                continue
            yield owner, device, self._series(direction, one['values'])

    def _series(
        self, direction: int, values: Sequence[Sequence[Any]]
    ) -> '_Series':
        length = (self._until - self._begin) // self._step + 1
        row = np.full(length, np.nan)
        for stamp, text in values:
            place = (int(stamp) - self._begin) // self._step
            number = float(text)  # also 'NaN' and '+Inf'
            if 0 <= place < length and math.isfinite(number):
                row[place] = number
        return direction, row

    def _add_device(
        self, measure: measures.Measure, owner: str, parts: 'list[_Series]'
    ) -> None:
        """Join the series of one device.

        There are several where a label changed: another host, another name.
        Each counts by itself, and the one that began last where two report.
        """
        values, growth = (
            self._points[measure.resource],
            self._growth[measure.resource],
        )
        number = values.add_device(self._index[owner])
        growth.add_device(self._index[owner])
        for direction, row in sorted(parts, key=lambda part: _first(part[1])):
            for points, kept in (
                (values, row),
                (growth, np.diff(row, prepend=np.nan)),
            ):
                steps = np.flatnonzero(np.isfinite(kept))
                points.add_series(
                    number, direction, steps.tolist(), kept[steps].tolist()
                )
        for direction in set(range(len(measure.metrics))) - {
            direction for direction, _ in parts
        }:
            name = metric_name(measure.metrics[direction])
            self._note(measure, [owner], f'a device lacks the series {name}')

    def _amounts(
        self, measure: measures.Measure, length: int
    ) -> tuple[np.ndarray, np.ndarray]:
        points = self._points[measure.resource]
        dense = points.dense(length)
        seen = np.isfinite(dense).any(axis=2)
        still = self._not_polled(length)[np.array(points.owner, np.intp)]
        if measure.aggregation == measures.RATE:
            growth = self._growth[measure.resource].dense(length)
            # the growth after a step without a poll spans both
            still[:, 1:] |= still[:, :-1].copy()
            with np.errstate(invalid='ignore'):
                dense = np.where(growth >= 0, growth / self._step, np.nan)
        return seen, np.where(still[:, :, None], np.nan, dense)

    def _not_polled(self, length: int) -> np.ndarray:
        """Steps in which an instance was not polled, (instances, time).

        What is exported is exported until the next poll.  Cpu time tells:
        a guest that runs always takes some.
        """
        if self._still is None:
            self._still = np.zeros((len(self.instances), length), bool)
            points = self._growth.get(fleet.Resource.CPU)
            if points is None:  # of conditions alone, nobody can tell
                return self._still
            self._still[points.owner] = points.dense(length)[:, :, 0] == 0
        return self._still

    def usage(self, steps: int | None) -> np.ndarray:
        """See `reading.Reading.usage`."""
        for warning in self._prometheus.warnings:
            self._tell(
                f'{self._prometheus.service} warns, the answer may not be '
                f'complete: {warning}'
            )
        return super().usage(steps)


def _named(measure: measures.Measure) -> Iterator[str]:
    """How its series may be called: what is no meter of Ceilometer's may
    come from anybody, under its own name.
    """
    for meter in measure.metrics:
        yield metric_name(meter)
        if isinstance(measure.resource, usage.Condition):
            yield _quoted(meter)


_Series = tuple[int, np.ndarray]  # direction, values on the grid


def _first(row: np.ndarray) -> int:
    return int(np.argmax(np.isfinite(row)))


def _quoted(name: str) -> str:
    """A name in a regular expression in a string of PromQL."""
    exact = _SPECIAL.sub(r'\\\g<0>', name)
    return exact.replace('\\', r'\\').replace('"', r'\"')


def _owner(device: str, wanted: set[str]) -> str | None:
    """The instance that a resource id of Ceilometer belongs to."""
    if device in wanted:
        return device
    for name in _UUID.findall(device):
        if name in wanted:
            return str(name)
    return None


def _within(page: Sequence[str], most_bytes: int) -> Iterator[Sequence[str]]:
    """Parts of a page whose names are at most so long together."""
    begin, size = 0, 0
    for i, name in enumerate(page):
        own = len(_quoted(name)) + 3  # the "|", as it is written in a URL
        if i > begin and size + own > most_bytes:
            yield page[begin:i]
            begin, size = i, 0
        size += own
    if page:
        yield page[begin:]
