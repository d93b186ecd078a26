"""Requests to Gnocchi under one deadline, and what its answers mean."""

from collections.abc import Mapping
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.telemetry import http


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


class Stale(Exception):
    """A metric that was asked for by its id is not there any more."""


class NoResourceType(Exception):
    """Gnocchi does not know the resource type."""


_MEANINGS: tuple[tuple[int, str, type[Exception]], ...] = (
    (404, 'Metrics with unknown aggregation', Unfit),
    (400, 'Granularities are missing', Unfit),
    (400, 'No granularity match', Unfit),
    (400, 'Resource type does not exist', NoResourceType),
    (400, 'Resource type does not exists', NoResourceType),
    (404, 'Unknown metrics', Stale),
    (404, 'Resource type', NoResourceType),
    (404, 'does not exist', NoMetric),
)


class Requests(http.Requests):
    """The requests of one reading; see `http.Requests`."""

    service = 'Gnocchi'
    process = 'gnocchi-api'

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET."""
        return self.ask('GET', path, query, json=None)

    def post(self, path: str, body: Mapping[str, Any], **query: Any) -> Any:
        """The JSON answer to a POST."""
        return self.ask('POST', path, query, json=body)

    def _meaning(self, path: str, status: int, text: str) -> Exception:
        words = http.plain(text)
        for code, phrase, error in _MEANINGS:
            if status == code and phrase in words:
                return error(words)
        default = _SERVER_HINT if status >= 500 else _CLIENT_HINT
        hint = _HINTS.get(status, default)
        return exceptions.TelemetryError(
            f'Gnocchi answered {status} to {path}: {words}; {hint}'
        )
