"""How far a long command is: one line on stderr."""

import sys
import time


class Bar:
    """A terminal sees the line change; a log file does not grow by more than
    a line every ten seconds.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._stage = ''

    def tell(self, stage: str, done: float, note: str = '') -> None:
        """Show what happens now, and the share of it that is done."""
        now = time.monotonic()
        if stage == self._stage and now < self._next and done < 1.0:
            return
        if self._live and self._stage not in ('', stage):
            sys.stderr.write('\n')
        self._stage = stage
        self._next = now + (0.2 if self._live else 10.0)
        line = f'{stage:28} {done:4.0%}  {note}'.rstrip()
        sys.stderr.write(f'\r\x1b[K{line}' if self._live else f'{line}\n')
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line, where it is one."""
        if self._live and self._stage:
            sys.stderr.write('\n')
            self._stage = ''
