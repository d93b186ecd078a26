"""Queries to Prometheus under one deadline, and what its answers mean."""

import json
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.telemetry import http


QUERY = '/api/v1/query'
_HINTS = {
    400: 'PromQL with "@" is needed: Prometheus 2.33 or later',
    401: 'check the credentials',
    403: 'the user needs a role that may read the metrics of all projects, '
    'such as admin',
    404: 'check the URL, or the endpoint of the service type '
    '"metric-storage" in Keystone',
    422: 'lower [predictive_watcher] telemetry_page_size',
    429: 'it is asked too much: raise its query.max-concurrency, or let '
    'audits run less often',
    503: 'check that Prometheus runs, and its query.timeout',
}


class TooMuch(Exception):
    """The server refuses a query for its size; a smaller one may do."""


class Requests(http.Requests):
    """The queries of one reading; see `http.Requests`.

    ``warnings`` are what came with the answers: something is not complete.
    """

    process = 'Prometheus'

    def __init__(self, *args: Any, service: str, post: bool) -> None:
        super().__init__(*args)
        self.service = service
        self._post = post
        self.warnings: dict[str, None] = {}

    def series(self, query: str) -> list[dict[str, Any]]:
        """The series of a query that gives a matrix.

        :raises TooMuch: where fewer instances have to be asked for.
        :raises TelemetryError: where the answer is none.
        """
        if self._post:
            answer = self.ask('POST', QUERY, {}, data={'query': query})
        else:
            answer = self.ask('GET', QUERY, {'query': query})
        try:
            if answer['status'] != 'success':
                raise self._meaning(QUERY, 200, json.dumps(answer))
            for warning in answer.get('warnings') or ():
                self.warnings[str(warning)] = None
            if answer['data']['resultType'] != 'matrix':
                raise ValueError(f'a {answer["data"]["resultType"]}')
            return list(answer['data']['result'])
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise exceptions.TelemetryError(
                f'{self.service} answered {QUERY} in a form that is not '
                f'known ({error!r}); is it Prometheus, or a proxy of it?'
            ) from error

    def _meaning(self, path: str, status: int, text: str) -> Exception:
        words = _words(text)
        if status in (413, 414) or (
            status in (422, 503) and 'too many samples' in words
        ):
            return TooMuch(words)
        hint = _HINTS.get(status, f"look into {self.service}'s log")
        return exceptions.TelemetryError(
            f'{self.service} answered {status} to {path}: {words}; {hint}'
        )


def _words(text: str) -> str:
    """What an error says: Prometheus's JSON, or the page of a proxy."""
    try:
        found = json.loads(text)
        return f'{found["errorType"]}: {found["error"]}'[:200]
    except (ValueError, TypeError, KeyError):
        return http.plain(text)
