"""Say what happens, and wait for conditions instead of sleeping."""

from collections.abc import Callable
import os
import sys
import time

from minicloud.errors import NotInTimeError


#: Variable with the seconds that passed before this process took over.
BEGAN = 'MINICLOUD_ELAPSED'
_STARTED = time.monotonic() - float(os.environ.pop(BEGAN, '0'))
HEARTBEAT_S = 10.0


def elapsed_s() -> float:
    """Seconds since this process began to talk."""
    return time.monotonic() - _STARTED


def say(message: str) -> None:
    """Print one line with the time that has passed."""
    sys.stdout.write(f'[{elapsed_s():6.1f}s] {message}\n')
    sys.stdout.flush()


class Heartbeat:
    """Says from time to time that something long still goes on."""

    def __init__(self, what: str, every_s: float = HEARTBEAT_S) -> None:
        self._what = what
        self._every_s = every_s
        self._started = self._last = time.monotonic()

    @property
    def waited_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._started

    def beat(self, detail: str = '') -> None:
        """Say so, if it was quiet for long enough."""
        now = time.monotonic()
        if now - self._last >= self._every_s:
            self._last = now
            tail = f': {detail}' if detail else ''
            say(f'  ... {self._what} ({self.waited_s:.0f} s){tail}')


def wait_for(
    condition: Callable[[], bool],
    what: str,
    *,
    within_s: float,
    every_s: float = 0.2,
    hint: Callable[[], str] = str,
) -> None:
    """Return when ``condition()`` is true.

    :raises NotInTimeError: it was not within ``within_s``; ``hint()`` may
        add what is known about the cause.
    """
    heartbeat = Heartbeat(f'waiting for {what}')
    while not condition():
        if heartbeat.waited_s > within_s:
            tail = hint()
            raise NotInTimeError(
                f'{what}: not within {within_s:.0f} s'
                + (f' ({tail})' if tail else '')
            )
        heartbeat.beat()
        time.sleep(every_s)
