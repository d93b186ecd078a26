"""A fake Gnocchi: keeps samples, aggregates and refuses as the real one.

It stands where a keystoneauth1 adapter stands.  Its answers and error pages
were copied from Gnocchi 4.7.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import datetime
import email.utils
import json as json_module
from typing import Any
import urllib.parse

from keystoneauth1 import exceptions as ks_exceptions
import numpy as np


PAGE = """<html>
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
  Something went wrong.<br /><br />
{words}


 </body>
</html>"""
GOOD = 'ceilometer-low-rate'


@dataclass(kw_only=True)
class FakeClock:
    """Monotonic seconds that pass only when somebody waits."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(kw_only=True)
class FakeResponse:
    status_code: int = 200
    text: str = ''
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return json_module.loads(self.text)


@dataclass(kw_only=True)
class _Metric:
    id: str
    name: str
    resource_id: str
    policy: str
    samples: list[tuple[float, float]]


@dataclass(kw_only=True)
class _Resource:
    id: str
    type: str
    attributes: dict[str, str]
    started_at: float
    metrics: dict[str, _Metric] = field(default_factory=dict)


class FakeGnocchi:
    """Resources, metrics and archive policies, over HTTP-like requests.

    ``latency_s`` is how long each answer takes on the ``clock``; ``down``
    refuses connections; ``answer`` replaces every answer.
    """

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.latency_s = 0.0
        self.down = False
        self.unauthorized = False
        self.answer: FakeResponse | None = None
        self.started_at = 1_600_000_000.0  # of what is added from now on
        self.date: float | None = None  # what its clock shows, Unix seconds
        self.requests: list[tuple[str, str]] = []
        self.timeouts: list[float] = []
        self.metrics: list[str] = []  # ids that were asked for
        self.types = {
            'instance',
            'instance_disk',
            'instance_network_interface',
        }
        self.policies: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, _Resource] = {}
        self.add_policy(GOOD)

    def add_policy(
        self,
        name: str,
        methods: Sequence[str] = ('mean', 'rate:mean'),
        granularity: str = '0:05:00',
        *others: str,
    ) -> None:
        self.policies[name] = {
            'name': name,
            'aggregation_methods': list(methods),
            'definition': [
                {'granularity': own} for own in (granularity, *others)
            ],
        }

    def add(
        self,
        resource_id: str,
        metric: str,
        samples: Sequence[tuple[float, float]],
        *,
        type_: str = 'instance',
        policy: str = GOOD,
        **attributes: str,
    ) -> None:
        """Samples (Unix seconds, value) of one metric of one resource."""
        resource = self.resources.setdefault(
            resource_id,
            _Resource(
                id=resource_id,
                type=type_,
                attributes={'instance_id': resource_id, **attributes},
                started_at=self.started_at,
            ),
        )
        resource.metrics[metric] = _Metric(
            id=f'{resource_id}/{metric}',
            name=metric,
            resource_id=resource_id,
            policy=policy,
            samples=list(samples),
        )

    def request(
        self,
        url: str,
        method: str,
        *,
        json: Any = None,
        timeout: float,
        raise_exc: bool,
    ) -> FakeResponse:
        assert not raise_exc
        self.requests.append((method, url))
        self.timeouts.append(timeout)
        if self.unauthorized:
            raise ks_exceptions.Unauthorized('The request you have made...')
        if self.down:
            raise ks_exceptions.ConnectFailure('Connection refused')
        if self.latency_s > timeout:
            self.clock.sleep(timeout)
            raise ks_exceptions.ConnectTimeout(f'{url} timed out')
        self.clock.sleep(self.latency_s)
        if self.answer is not None:
            return self.answer
        path, _, query = url.partition('?')
        found = self._route(path, dict(urllib.parse.parse_qsl(query)), json)
        if self.date is not None:
            date = email.utils.formatdate(self.date, usegmt=True)
            found.headers = {'Date': date}
        return found

    def get(self, url: str, *, raise_exc: bool) -> FakeResponse:
        return self.request(
            url, 'GET', json=None, timeout=3600.0, raise_exc=raise_exc
        )

    def _route(
        self, path: str, query: dict[str, str], body: Any
    ) -> FakeResponse:
        if path == '/v1/aggregates':
            return self._aggregates(query, body)
        if path == '/v1/archive_policy':
            return _ok(list(self.policies.values()))
        if path == '/v1/metric':
            return self._metrics(query)
        if path.endswith('/measures'):
            _, _, _, _, resource, _, metric, _ = path.split('/')
            own = self.resources[resource].metrics[metric]
            return _ok(_measures(own.samples, query['aggregation'], query))
        if path.startswith('/v1/search/resource/'):
            return self._list(path.rpartition('/')[2], query, body)
        return _page(404, 'The resource could not be found.')

    def _search(self, type_: str, search: Any) -> list[_Resource]:
        def fits(resource: _Resource, condition: Any) -> bool:
            ((op, rest),) = condition.items()
            if op == 'and':
                return all(fits(resource, c) for c in rest)
            if op == '>=':
                since = datetime.datetime.fromisoformat(rest['started_at'])
                return resource.started_at >= since.timestamp()
            assert op == 'in'
            ((name, values),) = rest.items()
            own = {'id': resource.id, **resource.attributes}
            return own.get(name) in values

        return [
            r
            for r in self.resources.values()
            if r.type == type_ and fits(r, search)
        ]

    def _metrics(self, query: dict[str, str]) -> FakeResponse:
        found = sorted(
            (
                m
                for r in self.resources.values()
                for m in r.metrics.values()
                if m.name == query['name']
                and m.policy == query['archive_policy_name']
                and m.id > query.get('marker', '')
            ),
            key=lambda m: m.id,
        )
        return _ok(
            [
                {'id': m.id, 'name': m.name, 'resource_id': m.resource_id}
                for m in found[: int(query['limit'])]
            ]
        )

    def _list(
        self, type_: str, query: dict[str, str], body: Any
    ) -> FakeResponse:
        if type_ not in self.types:
            return _page(404, f'Resource type {type_} does not exist')
        found = sorted(self._search(type_, body), key=lambda r: r.id)
        after = query.get('marker', '')
        return _ok(
            [
                {
                    'id': r.id,
                    'started_at': _clock(r.started_at),
                    'metrics': {m.name: m.id for m in r.metrics.values()},
                    **r.attributes,
                }
                for r in found
                if r.id > after
            ][: int(query['limit'])]
        )

    def _aggregates(self, query: dict[str, str], body: Any) -> FakeResponse:
        owners = self.resources.values()
        by_id = {m.id: m for r in owners for m in r.metrics.values()}
        wanted = [tuple(x) for x in body['operations'][1:]]
        self.metrics += [name for name, _ in wanted]
        gone = sorted({name for name, _ in wanted} - by_id.keys())
        if gone:
            return _page(
                404,
                "{'cause': 'Unknown metrics', 'reason': \"Provided metrics "
                f"don't exists\", 'detail': {gone}}}",
            )
        for name, aggregation in wanted:
            problem = self._unfit(by_id[name], aggregation, query)
            if problem:
                return problem
        return _ok(
            {
                'measures': {
                    name: {
                        aggregation: _measures(
                            by_id[name].samples, aggregation, query
                        )
                    }
                    for name, aggregation in wanted
                }
            }
        )

    def _unfit(
        self, metric: _Metric, aggregation: str, query: dict[str, str]
    ) -> FakeResponse | None:
        policy = self.policies[metric.policy]
        if aggregation not in policy['aggregation_methods']:
            return _page(
                404,
                "{'cause': 'Metrics with unknown aggregation', 'detail': "
                f"[('{metric.id}', '{aggregation}')]}}",
            )
        wanted = str(datetime.timedelta(seconds=int(query['granularity'])))
        if wanted not in [d['granularity'] for d in policy['definition']]:
            return _page(
                400,
                "{'cause': 'Metrics cannot be aggregated', 'reason': "
                "'Granularities are missing', 'detail': "
                f"[('{metric.name}', '{aggregation}')]}}",
            )
        return None


def _clock(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()


def _measures(
    samples: list[tuple[float, float]],
    aggregation: str,
    query: dict[str, str],
) -> list[list[Any]]:
    step = int(query['granularity'])
    start, stop = float(query['start']), float(query.get('stop', 'inf'))
    if aggregation == 'rate:mean':
        samples = [
            (t, v - before)
            for (_, before), (t, v) in zip(samples, samples[1:], strict=False)
        ]
    buckets: dict[int, list[float]] = {}
    for t, value in samples:
        buckets.setdefault(int(t // step) * step, []).append(value)
    return [
        [
            datetime.datetime.fromtimestamp(t, datetime.UTC).isoformat(),
            float(step),
            float(np.mean(values)),
        ]
        for t, values in sorted(buckets.items())
        if start <= t < stop
    ]


def _ok(answer: Any) -> FakeResponse:
    return FakeResponse(text=json_module.dumps(answer))


def _page(status: int, words: str) -> FakeResponse:
    return FakeResponse(
        status_code=status,
        text=PAGE.format(
            title=f'{status} Wrong', words=words.replace("'", '&#x27;')
        ),
    )
