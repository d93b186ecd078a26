"""A circuit breaker: a source that keeps failing is left alone a while.

Watcher makes a new strategy object for every audit, so the breakers of a
process are shared by name: see `shared`.
"""

from collections.abc import Callable
import threading
import time

from predictive_watcher import exceptions


class Circuit:
    """Opens after ``failures`` failures in a row, for ``reset_s`` seconds.

    Then it lets attempts through again; the first failure opens it anew, the
    first success closes it.  ``clock`` is monotonic, in seconds.
    """

    def __init__(
        self,
        name: str,
        failures: int,
        reset_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._limit = failures
        self._reset_s = reset_s
        self._clock = clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._reason = ''

    def check(self) -> None:
        """Let an attempt through.

        :raises CircuitOpen: while the source is left alone.
        """
        with self._lock:
            if self._opened_at is None:
                return
            since = self._clock() - self._opened_at
            if since >= self._reset_s:
                return
            raise exceptions.CircuitOpen(
                f'{self.name} failed {self._in_a_row} times in a row and is '
                f'left alone since {since:.0f} s ago; it is tried again in '
                f'{self._reset_s - since:.0f} s; last failure: {self._reason}'
            )

    def failed(self, reason: str) -> None:
        """Count a failure; ``reason`` is shown while the circuit is open."""
        with self._lock:
            self._in_a_row += 1
            self._reason = reason
            if self._in_a_row >= self._limit:
                self._opened_at = self._clock()

    def succeeded(self) -> None:
        """Forget all failures."""
        with self._lock:
            self._in_a_row = 0
            self._opened_at = None
            self._reason = ''


_circuits: dict[tuple[str, int, float], Circuit] = {}
_circuits_lock = threading.Lock()


def shared(name: str, failures: int, reset_s: float) -> Circuit:
    """The one breaker of this process with this name and these settings."""
    with _circuits_lock:
        return _circuits.setdefault(
            (name, failures, reset_s), Circuit(name, failures, reset_s)
        )
