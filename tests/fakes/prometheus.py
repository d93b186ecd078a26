"""A fake Prometheus: a stand-in that answers the queries that we send.

It stands where a keystoneauth1 adapter stands, or where sockets do.  Labels
are as sg-core sets them, answers and errors as Prometheus 2.53 gives them.  As
Aetos it knows GET only, and wants a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import email.utils
import io
import json as json_module
import math
import re
from typing import Any
import urllib.parse

from keystoneauth1 import exceptions as ks_exceptions
import requests
import requests.adapters

from tests.fakes.gnocchi import FakeClock
from tests.fakes.gnocchi import FakeResponse


_QUERY = re.compile(
    r'(?P<over>last|avg)_over_time\(\{(?P<selector>.*)\}\[(?P<range>\d+)ms\]\)'
    r'\[(?P<span>\d+)s:(?P<step>\d+)s\] @ (?P<at>\d+)'
)
_MATCHER = re.compile(r'(\w+)=~"((?:[^"\\]|\\.)*)"')


@dataclass(kw_only=True)
class Series:
    labels: dict[str, str]
    samples: list[tuple[float, float | str]] = field(default_factory=list)


class FakePrometheus:
    """Series, over HTTP-like requests.

    ``latency_s`` is how long each answer takes on the ``clock``; ``down``
    refuses connections; ``answer`` replaces every answer; ``most_samples`` is
    its --query.max-samples; ``most_url`` the longest line that it takes.
    """

    def __init__(
        self, clock: FakeClock | None = None, *, aetos: bool = False
    ) -> None:
        self.clock = clock or FakeClock()
        self.aetos = aetos
        self.latency_s = 0.0
        self.down = False
        self.unauthorized = False
        self.answer: FakeResponse | None = None
        self.most_samples = 50_000_000
        self.most_url = 8190
        self.warnings: list[str] = []
        self.date: float | None = None
        self.requests: list[tuple[str, str]] = []
        self.queries: list[str] = []
        self.timeouts: list[float] = []
        self.series: list[Series] = []

    def add(
        self,
        resource: str,
        meter: str,
        samples: Sequence[tuple[float, float | str]],
        **labels: str,
    ) -> None:
        """Samples (Unix seconds, value) of one meter of one resource."""
        name = 'ceilometer_' + meter.replace('.', '_')
        shards = meter.split('.')
        own = {
            '__name__': name,
            shards[0]: resource if len(shards) < 3 else shards[2],
            'counter': meter,
            'publisher': 'compute-0',
            'type': shards[min(1, len(shards) - 1)],
            'resource': resource,
            'instance': 'sg-core:3000',  # Prometheus's own: what was scraped
            'job': 'ceilometer',
            **labels,
        }
        self.series.append(Series(labels=own, samples=list(samples)))

    def request(
        self,
        url: str,
        method: str,
        *,
        timeout: float,
        raise_exc: bool,
        data: dict[str, str] | None = None,
    ) -> FakeResponse:
        assert not raise_exc
        self.timeouts.append(timeout)
        if self.unauthorized:
            raise ks_exceptions.Unauthorized('The request you have made...')
        if self.down:
            raise ks_exceptions.ConnectFailure('Connection refused')
        if self.latency_s > timeout:
            self.clock.sleep(timeout)
            raise ks_exceptions.ConnectTimeout(f'{url} timed out')
        self.clock.sleep(self.latency_s)
        body = urllib.parse.urlencode(data or {})
        found = self.handle(method, url, body)
        if self.date is not None:
            date = email.utils.formatdate(self.date, usegmt=True)
            found.headers = {'Date': date}
        return found

    def handle(self, method: str, url: str, body: str) -> FakeResponse:
        """The answer to a request, as over a socket."""
        self.requests.append((method, url))
        if self.answer is not None:
            return self.answer
        if len(url) > self.most_url:
            return FakeResponse(
                status_code=414, text='<h1>Request-URI Too Long</h1>'
            )
        path, _, query = url.partition('?')
        if path != '/api/v1/query':
            return FakeResponse(status_code=404, text='404 page not found')
        if method == 'POST' and self.aetos:
            return FakeResponse(status_code=405, text='Method Not Allowed')
        form = body if method == 'POST' else query
        return self._query(dict(urllib.parse.parse_qsl(form)).get('query', ''))

    def _query(self, query: str) -> FakeResponse:
        self.queries.append(query)
        match = _QUERY.fullmatch(query)
        if match is None:
            return _error(
                400, 'bad_data', f'invalid parameter "query": {query}'
            )
        found = [
            one
            for one in self.series
            if all(
                re.fullmatch(_unquoted(pattern), one.labels.get(name, ''))
                for name, pattern in _MATCHER.findall(match['selector'])
            )
        ]
        result = [
            {
                'metric': {
                    name: value
                    for name, value in one.labels.items()
                    if name != '__name__' or match['over'] == 'last'
                },
                'values': values,
            }
            for one in found
            if (values := _values(one, match))
        ]
        if sum(len(one['values']) for one in result) > self.most_samples:
            return _error(
                422,
                'execution',
                'query processing would load too many samples into memory '
                'in query execution',
            )
        return FakeResponse(
            text=json_module.dumps(
                {
                    'status': 'success',
                    'data': {'resultType': 'matrix', 'result': result},
                    **({'warnings': self.warnings} if self.warnings else {}),
                }
            )
        )


def _unquoted(pattern: str) -> str:
    return re.sub(r'\\(.)', r'\1', pattern)


def _values(one: Series, match: re.Match[str]) -> list[list[Any]]:
    """The subquery's steps: multiples of its step, whenever it is asked."""
    step, at = int(match['step']), int(match['at'])
    range_s = int(match['range']) / 1000
    begin = -(-(at - int(match['span'])) // step) * step
    values: list[list[Any]] = []
    for end in range(begin, at + 1, step):
        own = [v for t, v in one.samples if end - range_s <= t <= end]
        if not own:
            continue
        if match['over'] == 'last':
            values.append([end, _text(own[-1])])
        else:
            values.append([end, _text(sum(map(float, own)) / len(own))])
    return values


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return 'NaN'
    return format(value, '.17g')


def _error(status: int, kind: str, words: str) -> FakeResponse:
    return FakeResponse(
        status_code=status,
        text=json_module.dumps(
            {'status': 'error', 'errorType': kind, 'error': words}
        ),
    )


class Transport(requests.adapters.BaseAdapter):
    """Puts the fake where the sockets of a session of requests would be.

    Only what would go over the wire gets there.
    """

    def __init__(self, fake: FakePrometheus) -> None:
        super().__init__()
        self._fake = fake
        self.headers: list[dict[str, str]] = []

    def send(
        self, request: requests.PreparedRequest, **_: Any
    ) -> requests.Response:
        self.headers.append(dict(request.headers))
        found = FakeResponse(status_code=401, text='no token')
        if not self._fake.aetos or request.headers.get('X-Auth-Token'):
            body = request.body or ''
            found = self._fake.handle(
                request.method or '',
                request.path_url,
                body.decode() if isinstance(body, bytes) else body,
            )
        answer = requests.Response()
        answer.status_code = found.status_code
        answer.headers['Content-Type'] = 'application/json'
        answer.raw = io.BytesIO(found.text.encode())
        answer.request = request
        answer.url = request.url or ''
        return answer

    def close(self) -> None:
        pass
