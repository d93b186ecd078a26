"""What runs, and how much memory it takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from minicloud.processes import Processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recorded process with its descendants."""

    name: str
    pid: int
    count: int
    pss_mib: float


def rows(processes: Processes) -> list[Row]:
    """Every recorded process."""
    found = []
    for record in processes.records():
        pids = processes.members(record)
        found.append(
            Row(
                name=record.name,
                pid=record.pid,
                count=len(pids),
                pss_mib=sum(_pss_kib(pid) for pid in pids) / 1024,
            )
        )
    return found


def _pss_kib(pid: int) -> int:
    """Memory of a process, what it shares with others divided among them."""
    try:
        text = Path(f'/proc/{pid}/smaps_rollup').read_text()
    except OSError:
        return 0
    sizes = (line.split()[1] for line in text.splitlines() if 'Pss:' in line)
    return int(next(sizes, 0))


def lines(processes: Processes) -> Iterator[str]:
    """The table, for people."""
    found = rows(processes)
    yield f'{"process":28} {"pid":>7} {"count":>5} {"memory":>9}'
    for row in found:
        state = f'{row.pss_mib:5.0f} MiB' if row.count else 'ended'
        yield f'{row.name:28} {row.pid:7d} {row.count:5d} {state:>9}'
    total = sum(row.pss_mib for row in found)
    yield f'{"total":28} {"":13} {total:5.0f} MiB'
