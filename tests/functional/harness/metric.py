"""A fake Gnocchi: the aggregates API over usage that tests set."""

import collections
from collections.abc import Iterator
from collections.abc import Mapping
import datetime
from typing import Any

from tests.functional.harness import web


POLLED_S = 300  # between two samples, and the granularity of the archive
# metric → resource type, our resource, its share of that, is it a counter
METRICS: Mapping[str, tuple[str, str, float, bool]] = {
    'cpu': ('instance', 'cpu', 1e9, True),
    'memory.usage': ('instance', 'memory', 1.0, False),
    'disk.device.read.bytes': ('instance_disk', 'disk', 0.5, True),
    'disk.device.write.bytes': ('instance_disk', 'disk', 0.5, True),
    'network.incoming.bytes': (
        'instance_network_interface',
        'network',
        0.5,
        True,
    ),
    'network.outgoing.bytes': (
        'instance_network_interface',
        'network',
        0.5,
        True,
    ),
}

_DEVICE, _METRIC = '-device', '#'


class FakeGnocchi(web.Service):
    """``usage[instance][resource][t]`` is the mean over the 300 s before t,
    in our units; Gnocchi's counters, buckets and devices are made from it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.usage: dict[str, dict[str, dict[int, float]]] = (
            collections.defaultdict(lambda: collections.defaultdict(dict))
        )

    def record(self, instance: str, end: int, **series: list[float]) -> None:
        """Set series that end at ``end``, one value for each 300 s."""
        for resource, values in series.items():
            for steps_ago, value in enumerate(reversed(values)):
                at = end - steps_ago * POLLED_S
                self.usage[instance][resource][at] = float(value)

    @web.route('GET', '/v1/status')
    def status(self, request: web.Request) -> dict[str, Any]:
        return {'storage': {'summary': {'metrics': 0, 'measures': 0}}}

    @web.route('GET', '/v1/archive_policy')
    def policies(self, request: web.Request) -> list[dict[str, Any]]:
        return [
            {
                'name': 'ceilometer-low-rate',
                'aggregation_methods': ['mean', 'rate:mean'],
                'definition': [{'granularity': '0:05:00'}],
            }
        ]

    @web.route('GET', '/v1/metric')
    def metrics(self, request: web.Request) -> list[dict[str, Any]]:
        return [
            {
                'id': f'{instance}-{name}',
                'name': name,
                'resource_id': instance,
                'archive_policy': self.policies(request)[0],
            }
            for instance, resources in self.usage.items()
            for name, (_, resource, _, _) in METRICS.items()
            if resource in resources
            and request.query.get('name') in (None, name)
            and 'marker' not in request.query
        ]

    @web.route('POST', '/v1/aggregates')
    def aggregates(self, request: web.Request) -> Any:
        start = int(request.query['start'])
        stop = int(request.query.get('stop', 2**40))
        return {
            'measures': {
                metric: {
                    aggregation: list(
                        self._series(*metric.split(_METRIC), start, stop)
                    )
                }
                for metric, aggregation in request.body['operations'][1:]
            }
        }

    @web.route('POST', '/v1/search/resource/(?P<kind>[^/]+)')
    def search(self, request: web.Request, kind: str) -> list[dict[str, Any]]:
        body = request.body
        if 'and' in body:  # what began of late: nothing
            return []
        [(owner, wanted)] = body['in'].items()
        end = '' if owner == 'id' else _DEVICE
        found = []
        for one in sorted(wanted):
            metrics = {
                name: f'{one}{_METRIC}{name}'
                for name, (type_, resource, _, _) in METRICS.items()
                if type_ == kind and resource in self.usage.get(one, {})
            }
            if metrics:
                found.append(
                    {
                        'id': f'{one}{end}',
                        'instance_id': one,
                        'metrics': metrics,
                        'started_at': '2020-01-01T00:00:00+00:00',
                    }
                )
        after = request.query.get('marker', '')
        return [one for one in found if one['id'] > after]

    def _series(
        self, instance: str, name: str, start: int, stop: int
    ) -> Iterator[tuple[str, float, float]]:
        _, resource, factor, counter = METRICS[name]
        for end, value in sorted(self.usage[instance][resource].items()):
            stamp = end - POLLED_S
            if start <= stamp < stop:
                grown = value * factor * (POLLED_S if counter else 1)
                at = datetime.datetime.fromtimestamp(stamp, datetime.UTC)
                yield at.isoformat(), float(POLLED_S), grown
