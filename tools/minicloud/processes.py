"""Start, record and end processes, each by its own pid.

A record holds the pid and the time at which the kernel started it. A pid
whose process started at another time belongs to somebody else and is never
signalled. Every process leads its own session, so its children are found by
the session id, even when their leader is gone.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess
import time

from minicloud.progress import say


INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What ``/proc/<pid>/stat`` says about a process."""

    pid: int
    state: str
    session: int
    started: int


def read_stat(pid: int) -> Stat | None:
    """The process with this pid; None if there is none."""
    try:
        text = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    # The name, in parentheses, may contain anything.
    fields = text[text.rindex(')') + 2 :].split()
    return Stat(
        pid=pid,
        state=fields[0],
        session=int(fields[3]),
        started=int(fields[19]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A process that was started, and when."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether it still is that process, and not a zombie."""
        stat = read_stat(self.pid)
        return (
            stat is not None
            and stat.started == self.started
            and stat.state != 'Z'
        )


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let an interrupt wait until this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Processes:
    """The processes of one cloud, recorded in a directory."""

    def __init__(self, pids: Path, log: Path, cwd: Path) -> None:
        self._pids = pids
        self._log = log
        self._cwd = cwd
        self._children: list[subprocess.Popen[bytes]] = []

    def start(
        self, name: str, argv: Sequence[str], env: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own and record it.

        An interrupt waits until the record is written.
        """
        for folder in (self._pids, self._log, self._cwd):
            folder.mkdir(parents=True, exist_ok=True)
        with self.log_file(name).open('ab') as out, undisturbed():
            process = subprocess.Popen(  # noqa: S603
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self._cwd,
                env=dict(env),
                start_new_session=True,
                preexec_fn=_unblock,
            )
            self._children.append(process)
            self._write(name, process.pid)
        return process

    def _write(self, name: str, pid: int) -> None:
        stat = read_stat(pid)
        started = stat.started if stat else -1
        record = {'pid': pid, 'started': started}
        (self._pids / name).write_text(json.dumps(record))

    def log_file(self, name: str) -> Path:
        """What the process says goes there."""
        return self._log / (name.replace(':', '-') + '.out')

    def records(self) -> list[Record]:
        """Every recorded process, dead or alive, by name."""
        found = (self.record(path.name) for path in self._paths())
        return [record for record in found if record is not None]

    def _paths(self) -> list[Path]:
        return sorted(self._pids.glob('*')) if self._pids.exists() else []

    def record(self, name: str) -> Record | None:
        """The record of one process."""
        try:
            data = json.loads((self._pids / name).read_text())
            return Record(
                name=name, pid=int(data['pid']), started=int(data['started'])
            )
        except (OSError, ValueError, KeyError):
            return None

    def alive(self, name: str) -> bool:
        """Whether a process of this name runs."""
        record = self.record(name)
        return record is not None and record.alive

    def forget(self, name: str) -> None:
        """Drop the record of a process that has ended."""
        (self._pids / name).unlink(missing_ok=True)

    def members(
        self, record: Record, running: Sequence[Stat] | None = None
    ) -> list[int]:
        """The process and its descendants that still run."""
        leader = read_stat(record.pid)
        if leader is not None and leader.started != record.started:
            return []  # the pid is somebody else's by now
        return [
            stat.pid
            for stat in (_everything() if running is None else running)
            if stat.session == record.pid
            and stat.state != 'Z'
            and stat.started >= record.started
            and (leader is not None or self._is_ours(stat.pid))
        ]

    def _is_ours(self, pid: int) -> bool:
        try:
            return Path(f'/proc/{pid}/cwd').resolve() == self._cwd.resolve()
        except OSError:
            return False

    def stop(self, names: Iterable[str]) -> None:
        """End these processes: ask first, then insist.

        An interrupt waits until they have ended.
        """
        with undisturbed():
            self._stop([r for name in names if (r := self.record(name))])

    def _stop(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.alive:
                _signal(record.pid, signal.SIGTERM)
        left = self._wait_for_end(records, PATIENCE_S)
        for record in left:
            say(f'{record.name} does not end by itself: killing it')
            for pid in self.members(record):
                _signal(pid, signal.SIGKILL)
        self._wait_for_end(left, PATIENCE_S)
        for record in records:
            self.forget(record.name)

    def _wait_for_end(
        self, records: Sequence[Record], within_s: float
    ) -> list[Record]:
        end = time.monotonic() + within_s
        while True:
            for child in self._children:
                child.poll()  # so that none stays a zombie
            running = _everything()
            records = [r for r in records if self.members(r, running)]
            if not records or time.monotonic() > end:
                return list(records)
            for record in records:
                if not record.alive:  # orphans of a leader that has ended
                    for pid in self.members(record):
                        _signal(pid, signal.SIGTERM)
            time.sleep(0.1)


def _everything() -> list[Stat]:
    pids = (int(p.name) for p in Path('/proc').iterdir() if p.name.isdigit())
    return [stat for pid in pids if (stat := read_stat(pid))]


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
