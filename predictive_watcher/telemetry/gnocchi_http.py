"""Requests to Gnocchi under one deadline, and what its answers mean."""

from collections.abc import Callable
from collections.abc import Mapping
import html
import re
import time
from typing import Any
import urllib.parse

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ks_exceptions

from predictive_watcher import exceptions


_HINTS = {
    401: 'check the credentials in [watcher_clients_auth]',
    403: 'the user needs a role that may read all metrics, such as admin',
    404: 'check the endpoint of the service type "metric" in Keystone',
    413: 'lower [predictive_watcher] telemetry_page_size',
    503: 'check that gnocchi-api and its databases run',
}
_SERVER_HINT = "look into gnocchi-api's log"
_CLIENT_HINT = 'this may be a Gnocchi older than 4.3'


class NoMetric(Exception):
    """No resource that was asked for has the metric."""


class Unfit(Exception):
    """A metric among those asked for lacks the aggregation or granularity.

    Gnocchi then refuses the whole request.
    """


class NoResourceType(Exception):
    """Gnocchi does not know the resource type."""


_MEANINGS: tuple[tuple[int, str, type[Exception]], ...] = (
    (404, 'Metrics with unknown aggregation', Unfit),
    (400, 'Granularities are missing', Unfit),
    (400, 'No granularity match', Unfit),
    (400, 'Resource type does not exist', NoResourceType),
    (400, 'Resource type does not exists', NoResourceType),
    (404, 'does not exist', NoMetric),
)


def plain(text: str) -> str:
    """The words of an error page, at most 200 characters."""
    bare = re.sub(r'<style.*?</style>|<title>.*?</title>|<[^>]*>', ' ', text)
    return ' '.join(html.unescape(bare).split())[:200]


class Requests:
    """The requests of one reading: counted, and under one deadline.

    The rest of the deadline is each request's time-out, and nothing is tried
    twice.  A server that keeps sending can exceed it by one answer.
    """

    def __init__(
        self,
        client: adapter.Adapter,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._clock = clock
        self._began = clock()
        self.count = 0

    def seconds(self) -> float:
        """How long this reading has taken up to now."""
        return self._clock() - self._began

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET."""
        return self._ask('GET', path, query, None)

    def post(self, path: str, body: Mapping[str, Any], **query: Any) -> Any:
        """The JSON answer to a POST."""
        return self._ask('POST', path, query, body)

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Mapping[str, Any] | None,
    ) -> Any:
        left = self._timeout_s - self.seconds()
        if left <= 0:
            raise self._late(path)
        url = f'{path}?{urllib.parse.urlencode(query)}' if query else path
        self.count += 1
        try:
            response = self._client.request(
                url, method, json=body, timeout=left, raise_exc=False
            )
        except ks_exceptions.ConnectTimeout:
            raise self._late(path) from None
        except ks_exceptions.ClientException as error:
            raise _unreachable(method, path, error) from error
        if response.status_code >= 300:
            raise _meaning(path, response.status_code, response.text)
        try:
            return response.json()
        except ValueError as error:
            raise exceptions.TelemetryError(
                f'Gnocchi answered {method} {path} with no JSON ({error}): '
                f'{plain(response.text)!r}; is a proxy in between?'
            ) from error

    def _late(self, path: str) -> exceptions.TelemetryTimeout:
        return exceptions.TelemetryTimeout(
            f'Gnocchi did not answer within {self._timeout_s:g} s, the '
            f'deadline for one reading, last asked: {path}; raise '
            '[predictive_watcher] telemetry_timeout or give Gnocchi more '
            'workers'
        )


def _unreachable(
    method: str, path: str, error: ks_exceptions.ClientException
) -> exceptions.TelemetryError:
    # what follows is the same once more, in the words of urllib3
    words = str(error).partition(': HTTP')[0]
    if isinstance(error, ks_exceptions.Unauthorized):
        return _refused(path, 401, words)
    return exceptions.TelemetryError(
        f'Gnocchi cannot be reached: {method} {path}: {words}; check that '
        'gnocchi-api runs and that Keystone has its endpoint'
    )


def _meaning(path: str, status: int, text: str) -> Exception:
    words = plain(text)
    for code, phrase, error in _MEANINGS:
        if status == code and phrase in words:
            return error(words)
    return _refused(path, status, words)


def _refused(path: str, status: int, words: str) -> exceptions.TelemetryError:
    default = _SERVER_HINT if status >= 500 else _CLIENT_HINT
    hint = _HINTS.get(status, default)
    return exceptions.TelemetryError(
        f'Gnocchi answered {status} to {path}: {words}; {hint}'
    )
