"""Usage from a csv file with one row per sample.

A head line with ``timestamp`` (Unix seconds or ISO 8601, UTC where it names
no zone), ``instance``, any of ``cpu`` (vCPUs), ``memory`` (MiB), ``disk`` and
``network`` (bytes/s), and optionally ``cpu_limit`` and so on.  An empty cell
or "nan" means: no sample.  Rows may stand in any order.
"""

import csv
from dataclasses import dataclass
import datetime
import math
import pathlib

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet


_NAMES = tuple(str(r) for r in fleet.RESOURCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The rows, laid on a regular grid of time.

    ``usage`` (instances, time, resources), ``limits`` (instances, resources);
    NaN where the file says nothing.
    """

    instances: tuple[str, ...]
    resources: tuple[str, ...]
    start: int
    step_s: int
    usage: np.ndarray
    limits: np.ndarray


def refuse(path: pathlib.Path, what: str) -> exceptions.InvalidTrace:
    """The error to raise for a file."""
    return exceptions.InvalidTrace(f'{path}: {what}')


def read(path: pathlib.Path) -> Grid:
    """Read a file.

    :raises InvalidTrace: with the line and the value.
    """
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            return _parse_csv(path, csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise refuse(path, f'not a readable csv file ({error})') from error


def _parse_csv(path: pathlib.Path, reader: 'csv.DictReader[str]') -> Grid:
    columns = _columns(path, reader)
    rows: dict[tuple[str, int], tuple[int, list[float]]] = {}
    for row in reader:
        line = reader.line_num
        name = (row['instance'] or '').strip()
        if not name:
            raise refuse(path, f'line {line}: the instance is empty')
        time = _timestamp(path, line, row['timestamp'])
        values = [_value(path, line, n, row[n]) for n in columns]
        first, _ = rows.setdefault((name, time), (line, values))
        if first != line:
            raise refuse(
                path,
                f'line {line}: {name} at {row["timestamp"]} was there in '
                f'line {first}; keep one of them',
            )
    return _grid(path, columns, rows)


def _columns(path: pathlib.Path, reader: 'csv.DictReader[str]') -> list[str]:
    """The columns of values and limits; the head line's names trimmed."""
    head = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = head
    for key in ('timestamp', 'instance'):
        if key not in head:
            found = ', '.join(head) or 'nothing'
            raise refuse(path, f'line 1: no column {key!r}; found {found}')
    known = {*_NAMES, *(f'{n}_limit' for n in _NAMES)}
    columns = [n for n in head if n not in ('timestamp', 'instance')]
    for name in columns:
        if name not in known or columns.count(name) > 1:
            raise refuse(
                path,
                f'line 1: column {name!r} is unknown or there twice; known '
                f'are timestamp, instance, {", ".join(_NAMES)} and, with '
                '"_limit" behind them, their limits',
            )
    return columns


def _timestamp(path: pathlib.Path, line: int, text: str | None) -> int:
    text = (text or '').strip()
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise refuse(
                path,
                f'line {line}: timestamp {text!r} is neither Unix seconds '
                'nor ISO 8601',
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        number = moment.timestamp()
    if not math.isfinite(number) or number < 0:
        raise refuse(path, f'line {line}: timestamp {text!r} is no time')
    return round(number)


def _value(
    path: pathlib.Path, line: int, name: str, text: str | None
) -> float:
    text = (text or '').strip()
    if not text:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if number < 0 or math.isinf(number):
        raise refuse(
            path,
            f'line {line}: {name} is {text!r}; a number >= 0 is needed, '
            'or nothing',
        )
    return number


def _grid(
    path: pathlib.Path,
    columns: list[str],
    rows: dict[tuple[str, int], tuple[int, list[float]]],
) -> Grid:
    """Lay rows on the regular grid whose step is the commonest distance."""
    if not rows:
        raise refuse(path, 'there is no sample in it')
    names = tuple(dict.fromkeys(name for name, _ in rows))
    times = np.unique(np.array([time for _, time in rows], np.int64))
    gaps, counts = np.unique(np.diff(times), return_counts=True)
    step = int(gaps[np.argmax(counts)]) if len(gaps) else 300
    start = int(times[0])
    used = [n for n in columns if n in _NAMES]
    length = int(times[-1] - start) // step + 1
    usage = np.full((len(names), length, len(used)), np.nan)
    limits = np.full((len(names), len(used)), np.nan)
    place = {name: i for i, name in enumerate(names)}
    for (name, time), (line, values) in rows.items():
        t, rest = divmod(time - start, step)
        if rest:
            raise refuse(
                path,
                f'line {line}: timestamp {time} is {rest} s off the grid of '
                f'{step} s that begins at {start}; resample the file',
            )
        row = dict(zip(columns, values, strict=True))
        usage[place[name], t] = [row[n] for n in used]
        new = np.array([row.get(f'{n}_limit', math.nan) for n in used])
        limits[place[name]] = np.where(np.isnan(new), limits[place[name]], new)
    return Grid(
        instances=names,
        resources=tuple(used),
        start=start,
        step_s=step,
        usage=usage,
        limits=limits,
    )
