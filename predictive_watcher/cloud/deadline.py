"""One deadline for everything that is read through a session.

A time-out of each request bounds neither their sum nor what the session asks
by itself: tokens of Keystone and the versions of each service, without any
time-out at all by default.  So the deadline sits where all of them pass.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import threading
import time
from typing import Any

from keystoneauth1 import session as ks_session

from predictive_watcher import exceptions


class Deadline:
    """Counts the time in which at least one request is under way.

    What is done between two requests does not count: an audit forecasts
    between its first and its last look at the cloud.

    :param timeout_s: seconds for all requests together.
    """

    def __init__(
        self, timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way = 0
        self._since = 0.0
        self._spent_s = 0.0

    def left_s(self) -> float:
        """Seconds that are left; negative once it has passed."""
        with self._lock:
            running = self._clock() - self._since if self._under_way else 0.0
            return self.timeout_s - self._spent_s - running

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Within it the time counts, once however many threads there are."""
        with self._lock:
            if not self._under_way:
                self._since = self._clock()
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                if not self._under_way:
                    self._spent_s += self._clock() - self._since


class _Adapter(ks_session.TCPKeepAliveAdapter):  # type: ignore[misc]
    """Sends requests as keystoneauth does, while there is time."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def send(
        self, request: Any, *args: Any, timeout: Any = None, **more: Any
    ) -> Any:
        """One request; the rest of the deadline is its time-out at most.

        :raises CloudError: the deadline has passed.  It is an error that
            keystoneauth does not know, or discovery would try other URLs.
        """
        deadline = self._deadline
        with deadline.counting():
            left = deadline.left_s()
            if left <= 0:
                raise self._late(request)
            if not isinstance(timeout, int | float) or timeout > left:
                timeout = left
            try:
                return super().send(request, *args, timeout=timeout, **more)
            except OSError:  # the root of all errors of requests
                if deadline.left_s() <= 0:
                    raise self._late(request) from None
                raise

    def _late(self, request: Any) -> exceptions.CloudError:
        return exceptions.CloudError(
            'Nova and Placement did not answer within '
            f'{self._deadline.timeout_s:g} s, the deadline for what one audit '
            f'reads, last asked: {request.method} {request.url}; look into '
            'the log of that service, or raise [predictive_watcher] '
            'cloud_timeout'
        )


def put_on(session: ks_session.Session, deadline: Deadline) -> None:
    """Let everything that the session sends from now on obey the deadline."""
    for scheme in ('http://', 'https://'):
        session.mount(scheme, _Adapter(deadline))
