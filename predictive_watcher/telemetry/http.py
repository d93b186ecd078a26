"""Requests to a source of usage under one deadline: counted, never twice."""

from collections.abc import Callable
from email import utils as email_utils
import html
import math
import re
from typing import Any
import urllib.parse

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ks_exceptions

from predictive_watcher import exceptions


def plain(text: str) -> str:
    """The words of an error page, at most 200 characters."""
    bare = re.sub(r'<style.*?</style>|<title>.*?</title>|<[^>]*>', ' ', text)
    return ' '.join(html.unescape(bare).split())[:200]


class Skew:
    """By how much the clock of a server is ahead of ours.

    Its Date header names a second in which the answer was made; that second
    lay between our sending and our receiving.  Each answer narrows down what
    the difference can be.
    """

    def __init__(self) -> None:
        self._least, self._most = -math.inf, math.inf

    def note(self, sent: float, received: float, date: str | None) -> None:
        """Learn from an answer; times in Unix seconds of this machine."""
        if not date:
            return
        try:
            made = email_utils.parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            return
        self._least = max(self._least, made - received)
        self._most = min(self._most, made + 1.0 - sent)

    @property
    def seconds(self) -> float:
        """The smallest difference that explains all answers; NaN: unknown.

        Positive: the server is ahead.
        """
        if math.isinf(self._least):
            return math.nan
        if self._least > 0:
            return self._least
        return min(self._most, 0.0)


class Requests:
    """The requests of one reading: counted, and under one deadline.

    The rest of the deadline is each request's time-out, and nothing is tried
    twice.  A server that keeps sending can exceed it by one answer.

    ``service`` and ``process`` are how the other side is called; what its
    refusals mean is `_meaning`'s to say.
    """

    service = ''
    process = ''

    def __init__(
        self,
        client: adapter.Adapter,
        timeout_s: float,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._clock = clock
        self._wall = wall
        self._began = clock()
        self.count = 0
        self.skew = Skew()

    def seconds(self) -> float:
        """How long this reading has taken up to now."""
        return self._clock() - self._began

    def left(self) -> float:
        """Seconds until the deadline."""
        return self._timeout_s - self.seconds()

    def ask(
        self, method: str, path: str, query: dict[str, Any], **more: Any
    ) -> Any:
        """The JSON answer.

        :param more: what a keystoneauth1 adapter takes, such as ``json``.
        :raises TelemetryTimeout: where the deadline has passed.
        :raises TelemetryError: where it cannot be reached, or the answer is
            no JSON; and what `_meaning` makes of a refusal.
        """
        left = self.left()
        if left <= 0:
            raise self._late(path)
        url = f'{path}?{urllib.parse.urlencode(query)}' if query else path
        self.count += 1
        sent = self._wall()
        try:
            response = self._client.request(
                url, method, timeout=left, raise_exc=False, **more
            )
        except ks_exceptions.ConnectTimeout:
            raise self._late(path) from None
        except ks_exceptions.ClientException as error:
            raise self._unreachable(method, path, error) from error
        self.skew.note(sent, self._wall(), response.headers.get('Date'))
        if response.status_code >= 300:
            raise self._meaning(path, response.status_code, response.text)
        try:
            return response.json()
        except ValueError as error:
            raise exceptions.TelemetryError(
                f'{self.service} answered {method} {path} with no JSON '
                f'({error}): {plain(response.text)!r}; is a proxy in between?'
            ) from error

    def _late(self, path: str) -> exceptions.TelemetryTimeout:
        return exceptions.TelemetryTimeout(
            f'{self.service} did not answer within {self._timeout_s:g} s, '
            f'the deadline for one reading, last asked: {path}; raise '
            f'[predictive_watcher] telemetry_timeout or give {self.service} '
            'more workers'
        )

    def _unreachable(
        self, method: str, path: str, error: ks_exceptions.ClientException
    ) -> Exception:
        # what follows is the same once more, in the words of urllib3
        words = str(error).partition(': HTTP')[0]
        if isinstance(error, ks_exceptions.Unauthorized):
            return self._meaning(path, 401, words)
        return exceptions.TelemetryError(
            f'{self.service} cannot be reached: {method} {path}: {words}; '
            f'check that {self.process} runs and that it has its endpoint'
        )

    def _meaning(self, path: str, status: int, text: str) -> Exception:
        """The exception to raise for a refusal."""
        raise NotImplementedError
