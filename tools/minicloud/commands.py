"""Set-up commands: chains of them side by side, recorded like services."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import subprocess
import time

from minicloud.errors import CommandFailedError
from minicloud.processes import Processes
from minicloud.progress import Heartbeat


#: Chains that run at the same time.
WIDTH = 2
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command line and what it is called in logs."""

    name: str
    argv: tuple[str, ...]


Chain = Sequence[Command]


def run(
    processes: Processes, env: Mapping[str, str], chains: Iterable[Chain]
) -> None:
    """Run every chain to its end, ``WIDTH`` of them at a time.

    Nothing of it runs any more when this returns or raises.
    """
    waiting = [list(chain) for chain in chains]
    running: dict[str, tuple[subprocess.Popen[bytes], list[Command]]] = {}
    heartbeat = Heartbeat('setting up')

    def start(chain: list[Command]) -> None:
        command, *rest = chain
        process = processes.start(command.name, command.argv, env)
        running[command.name] = process, rest

    try:
        while waiting or running:
            while waiting and len(running) < WIDTH:
                start(waiting.pop(0))
            time.sleep(_POLL_S)
            heartbeat.beat(', '.join(running))
            for name, (process, rest) in list(running.items()):
                if process.poll() is None:
                    continue
                _check(processes, name, process.returncode)
                del running[name]
                processes.forget(name)
                if rest:
                    start(rest)
    finally:
        processes.stop(list(running))


def _check(processes: Processes, name: str, code: int) -> None:
    if code:
        log = processes.log_file(name)
        raise CommandFailedError(
            f'{name} failed: {last_word(processes, name)} (all of it: {log})'
        )


def last_word(processes: Processes, name: str) -> str:
    """The last line in a process's log."""
    try:
        text = processes.log_file(name).read_text(errors='replace')
    except FileNotFoundError:
        return 'nothing was logged'
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][-300:] if lines else 'nothing was logged'
