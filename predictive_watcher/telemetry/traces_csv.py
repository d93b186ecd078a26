"""Usage from a csv file with one row per sample.

A head line with ``timestamp`` (Unix seconds or ISO 8601, UTC where it names
no zone), ``instance``, any of ``cpu`` (vCPUs), ``memory`` (MiB), ``disk`` and
``network`` (bytes/s), and optionally ``cpu_limit`` and so on.  An empty cell
or "nan" means: no sample.  Rows may stand in any order, and more than once
where they say the same.
"""

from collections.abc import Mapping
import csv
from dataclasses import dataclass
import datetime
import math
import pathlib
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet


# Nothing uses more, in whatever unit; float32 holds it with room to spare.
MOST = 1e15
LATEST = 253_402_300_799  # the last second of the year 9999, Unix time
_LONGEST_GAP_S = 366 * 86400
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
        _check_length(path, line, row)
        name = (row['instance'] or '').strip()
        if not name:
            raise refuse(path, f'line {line}: the instance is empty')
        time = _timestamp(path, line, row['timestamp'])
        values = [_value(path, line, n, row[n]) for n in columns]
        first, before = rows.setdefault((name, time), (line, values))
        if not np.array_equal(values, before, equal_nan=True):
            raise refuse(
                path,
                f'line {line}: {name} at {row["timestamp"]} was there in '
                f'line {first} {_contrast(columns, before, values)}; keep one '
                'of them',
            )
    return _grid(path, columns, rows)


def _check_length(
    path: pathlib.Path, line: int, row: Mapping[str | None, Any]
) -> None:
    """More cells than columns: often a comma as the decimal sign."""
    beyond = [cell for cell in row.get(None, []) if cell.strip()]
    if beyond:
        raise refuse(
            path,
            f'line {line}: {beyond[0]!r} is in a cell beyond the last column; '
            'write numbers with a point, and texts with a comma in quotes',
        )


def _contrast(
    columns: list[str], before: list[float], values: list[float]
) -> str:
    """The first column in which two rows of one sample differ."""
    triples = zip(columns, before, values, strict=True)
    name, old, new = next(
        t for t in triples if not np.array_equal(t[1], t[2], equal_nan=True)
    )
    return f'with {name} {old:g}, not {new:g}'


def _columns(path: pathlib.Path, reader: 'csv.DictReader[str]') -> list[str]:
    """The columns of values and limits; the head line's names trimmed."""
    head = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = head
    for key in ('timestamp', 'instance'):
        if key not in head:
            found = ', '.join(head) or 'nothing'
            raise refuse(path, f'line 1: no column {key!r}; found {found}')
        if head.count(key) > 1:
            raise refuse(path, f'line 1: column {key!r} is there twice')
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
    if not 0 <= number <= LATEST:
        raise refuse(
            path,
            f'line {line}: timestamp {text!r} is no time; Unix seconds from 0 '
            f'to {LATEST} are needed, not milliseconds',
        )
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
    if number < 0 or number > MOST:
        raise refuse(
            path,
            f'line {line}: {name} is {text!r}; a number from 0 to {MOST:g} is '
            'needed, or nothing',
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
    _check_gaps(path, rows, times)
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
                f'{step} s that begins at {start}; {_advice(rows, step)}',
            )
        row = dict(zip(columns, values, strict=True))
        usage[place[name], t] = [row[n] for n in used]
        new = np.array([row.get(f'{n}_limit', math.nan) for n in used])
        _limit(path, line, name, used, limits[place[name]], new)
    return Grid(
        instances=names,
        resources=tuple(used),
        start=start,
        step_s=step,
        usage=usage,
        limits=limits,
    )


def _advice(
    rows: dict[tuple[str, int], tuple[int, list[float]]], step: int
) -> str:
    """What to do about samples off the grid."""
    own: dict[str, list[int]] = {}
    for name, time in rows:
        own.setdefault(name, []).append(time)
    gaps = np.concatenate([np.diff(sorted(times)) for times in own.values()])
    usual = int(np.median(gaps)) if len(gaps) else step
    return (
        f'the samples of an instance come about every {usual} s: resample '
        'the file, or round its timestamps up to such a grid'
    )


def _limit(
    path: pathlib.Path,
    line: int,
    name: str,
    used: list[str],
    known: np.ndarray,
    new: np.ndarray,
) -> None:
    """Put the limits of a row into ``known``; which of two counts would
    depend on the order of the rows.
    """
    differ = np.isfinite(known) & np.isfinite(new) & (new != known)
    if differ.any():
        k = int(np.argmax(differ))
        raise refuse(
            path,
            f'line {line}: {used[k]}_limit of {name} is {new[k]:g}, in '
            f'another line {known[k]:g}; a trace has one limit for each '
            'instance: part the file, or give the instance two names',
        )
    known[:] = np.where(np.isnan(new), known, new)


def _check_gaps(
    path: pathlib.Path,
    rows: dict[tuple[str, int], tuple[int, list[float]]],
    times: np.ndarray,
) -> None:
    """A timestamp that is years away from all others is a mistake, and would
    take a grid of as many years.
    """
    wide = np.flatnonzero(np.diff(times) > _LONGEST_GAP_S)
    if not len(wide):
        return
    before, after = (int(time) for time in times[wide[0] : wide[0] + 2])
    line = next(at for (_, time), (at, _) in rows.items() if time == after)
    raise refuse(
        path,
        f'line {line}: timestamp {after} is {(after - before) // 86400} days '
        f'after the one before it, {before}; mend it or part the file',
    )
