"""Ctrl-C, or SIGTERM, as a request: what is half done is ended first."""

from collections.abc import Iterator
import contextlib
import signal
import threading
from types import FrameType


class Request:
    """Notes that somebody asked for an end, while it is ``polite`` to wait.

    Otherwise, and the second time, it interrupts as ever.
    """

    def __init__(self) -> None:
        self.polite = False
        self.asked = False

    def wait(self, polite: bool) -> None:
        """From now on, wait or do not.

        :raises KeyboardInterrupt: where a request was still open.
        """
        self.polite = polite
        if self.asked and not polite:
            raise KeyboardInterrupt

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """What the signal does."""
        if self.asked or not self.polite:
            raise KeyboardInterrupt
        self.asked = True


@contextlib.contextmanager
def requests() -> Iterator[Request]:
    """A request for as long as the block lasts."""
    request = Request()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            # what runs in the background does not hear of Ctrl-C
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, request.handle)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
