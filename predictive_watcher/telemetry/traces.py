"""Usage from files: npz with arrays, or csv with one row per sample.

npz: ``usage[instance, time, resource]``, ``limits[instance, resource]``
(optional), ``instances``, ``resources``, ``start`` (Unix seconds of the first
sample) and ``step`` (seconds).  csv: a head line with ``timestamp`` (Unix
seconds or ISO 8601, UTC where it names no zone), ``instance``, any of ``cpu``
(vCPUs), ``memory`` (MiB), ``disk`` and ``network`` (bytes/s), and optionally
``cpu_limit`` and so on; an empty cell or "nan" means: no sample.  Rows may
stand in any order.
"""

import csv
from dataclasses import dataclass
import datetime
import math
import pathlib
from typing import Any
import zipfile

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module


_KEYS = ('usage', 'instances', 'resources', 'start', 'step')
_NAMES = tuple(str(r) for r in fleet.RESOURCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A file's usage, and the limits that belong to it.

    ``limits`` is float32 (instances, resources), NaN where unknown;
    ``resources`` are those that the file has: the others are all NaN.
    """

    name: str
    window: usage_module.UsageWindow
    limits: np.ndarray
    resources: tuple[fleet.Resource, ...]


def read(path: pathlib.Path) -> Trace:
    """Read a file by its ending.

    :raises InvalidTrace: with the file, the line or cell, and the value.
    """
    readers = {'.npz': _read_npz, '.csv': _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise exceptions.InvalidTrace(
            f'{path}: files that end in .npz or .csv can be read, '
            f'not {path.suffix or "one without an ending"!r}'
        )
    if not path.is_file():
        raise exceptions.InvalidTrace(
            f'{path}: there is no such file; check the path'
        )
    return reader(path)


def _refuse(path: pathlib.Path, what: str) -> exceptions.InvalidTrace:
    return exceptions.InvalidTrace(f'{path}: {what}')


def _read_npz(path: pathlib.Path) -> Trace:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _refuse(path, f'not a readable npz file ({error})') from error
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise _refuse(
            path,
            f'no array {missing[0]!r}; needed are {", ".join(_KEYS)}, '
            f'found {", ".join(sorted(arrays)) or "none"}',
        )
    names = tuple(str(name) for name in np.atleast_1d(arrays['instances']))
    resources = _resources(path, np.atleast_1d(arrays['resources']).tolist())
    usage = arrays['usage']
    if usage.ndim != 3 or usage.dtype.kind not in 'fiu':
        raise _refuse(
            path,
            f'usage is {usage.dtype} of shape {usage.shape}; numbers of '
            'shape (instances, time, resources) are needed',
        )
    if (usage.shape[0], usage.shape[2]) != (len(names), len(resources)):
        raise _refuse(
            path,
            f'usage has shape {usage.shape}, but there are {len(names)} '
            f'instances and {len(resources)} resources',
        )
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise _refuse(path, f'instance {twice!r} is there more than once')
    _check_values(path, usage, names, resources)
    return _trace(
        path,
        names,
        resources,
        _scalar(path, arrays, 'start', 0),
        _scalar(path, arrays, 'step', 1),
        usage,
        _npz_limits(path, arrays, (len(names), len(resources))),
    )


def _scalar(
    path: pathlib.Path, arrays: dict[str, np.ndarray], key: str, least: int
) -> int:
    value = arrays[key]
    if value.size != 1 or value.dtype.kind not in 'iuf':
        raise _refuse(path, f'{key} is {value!r}; one number is needed')
    number = float(value.reshape(()))
    if not number.is_integer() or number < least:
        raise _refuse(
            path, f'{key} is {number}; whole seconds >= {least} are needed'
        )
    return int(number)


def _npz_limits(
    path: pathlib.Path, arrays: dict[str, np.ndarray], shape: tuple[int, int]
) -> np.ndarray:
    limits = arrays.get('limits')
    if limits is None:
        return np.full(shape, np.nan, np.float32)
    if limits.shape != shape or limits.dtype.kind not in 'fiu':
        raise _refuse(
            path,
            f'limits is {limits.dtype} of shape {limits.shape}; '
            f'numbers of shape {shape} are needed',
        )
    return limits


def _resources(
    path: pathlib.Path, names: list[Any]
) -> tuple[fleet.Resource, ...]:
    for name in names:
        if str(name) not in _NAMES:
            raise _refuse(
                path,
                f'resource {name!r} is unknown; known are '
                f'{", ".join(_NAMES)}',
            )
        if names.count(name) > 1:
            raise _refuse(path, f'resource {name!r} is there twice')
    return tuple(fleet.Resource(str(name)) for name in names)


def _check_values(
    path: pathlib.Path,
    usage: np.ndarray,
    names: tuple[str, ...],
    resources: tuple[fleet.Resource, ...],
) -> None:
    with np.errstate(invalid='ignore'):
        bad = (usage < 0) | np.isinf(usage)
    if bad.any():
        i, t, r = (int(k) for k in np.argwhere(bad)[0])
        raise _refuse(
            path,
            f'usage[{i}, {t}, {r}] ({resources[r]} of {names[i]}) is '
            f'{usage[i, t, r]}; finite values >= 0 are needed, or NaN',
        )


def _trace(
    path: pathlib.Path,
    names: tuple[str, ...],
    resources: tuple[fleet.Resource, ...],
    start: int,
    step: int,
    usage: np.ndarray,
    limits: np.ndarray,
) -> Trace:
    """Put the file's resources where the product has them."""
    if not names or usage.shape[1] == 0:
        raise _refuse(path, 'there is no sample in it')
    places = [fleet.RESOURCES.index(r) for r in resources]
    full = np.full((*usage.shape[:2], len(_NAMES)), np.nan, np.float32)
    full[:, :, places] = usage
    every = np.full((len(names), len(_NAMES)), np.nan, np.float32)
    every[:, places] = np.where(limits > 0, limits, np.nan)
    return Trace(
        name=path.stem,
        window=usage_module.UsageWindow(
            instances=names, start=start, step_s=step, usage=full
        ),
        limits=every,
        resources=resources,
    )


def _read_csv(path: pathlib.Path) -> Trace:
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            return _parse_csv(path, csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refuse(path, f'not a readable csv file ({error})') from error


def _parse_csv(path: pathlib.Path, reader: 'csv.DictReader[str]') -> Trace:
    head = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = head
    for key in ('timestamp', 'instance'):
        if key not in head:
            raise _refuse(
                path,
                f'line 1: no column {key!r}; found '
                f'{", ".join(head) or "nothing"}',
            )
    known = {*_NAMES, *(f'{n}_limit' for n in _NAMES)}
    columns = [n for n in head if n not in ('timestamp', 'instance')]
    for name in columns:
        if name not in known:
            raise _refuse(
                path,
                f'line 1: column {name!r} is unknown; known are '
                f'timestamp, instance, {", ".join(_NAMES)} and, with '
                '"_limit" behind them, their limits',
            )
    rows: dict[tuple[str, int], tuple[int, list[float]]] = {}
    for row in reader:
        line = reader.line_num
        name = (row['instance'] or '').strip()
        if not name:
            raise _refuse(path, f'line {line}: the instance is empty')
        time = _timestamp(path, line, row['timestamp'])
        values = [_value(path, line, n, row[n]) for n in columns]
        first = rows.setdefault((name, time), (line, values))
        if first[0] != line:
            raise _refuse(
                path,
                f'line {line}: {name} at {row["timestamp"]} was there in '
                f'line {first[0]}; keep one of them',
            )
    return _grid(path, columns, rows)


def _timestamp(path: pathlib.Path, line: int, text: str | None) -> int:
    text = (text or '').strip()
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise _refuse(
                path,
                f'line {line}: timestamp {text!r} is neither Unix seconds '
                'nor ISO 8601',
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        number = moment.timestamp()
    if not math.isfinite(number) or number < 0:
        raise _refuse(path, f'line {line}: timestamp {text!r} is no time')
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
        raise _refuse(
            path,
            f'line {line}: {name} is {text!r}; a number >= 0 is needed, '
            'or nothing',
        )
    return number


def _grid(
    path: pathlib.Path,
    columns: list[str],
    rows: dict[tuple[str, int], tuple[int, list[float]]],
) -> Trace:
    """Lay rows on the regular grid whose step is the commonest distance."""
    if not rows:
        raise _refuse(path, 'there is no sample in it')
    names = tuple(dict.fromkeys(name for name, _ in rows))
    times = np.unique(np.array([time for _, time in rows], np.int64))
    gaps, counts = np.unique(np.diff(times), return_counts=True)
    step = int(gaps[np.argmax(counts)]) if len(gaps) else 300
    start = int(times[0])
    used = [n for n in columns if n in _NAMES]
    resources = _resources(path, used)
    length = int(times[-1] - start) // step + 1
    usage = np.full((len(names), length, len(used)), np.nan)
    limits = np.full((len(names), len(used)), np.nan)
    place = {name: i for i, name in enumerate(names)}
    for (name, time), (line, values) in rows.items():
        t, rest = divmod(time - start, step)
        if rest:
            raise _refuse(
                path,
                f'line {line}: timestamp {time} is {rest} s off the grid of '
                f'{step} s that begins at {start}; resample the file',
            )
        row = dict(zip(columns, values, strict=True))
        usage[place[name], t] = [row[n] for n in used]
        new = np.array([row.get(f'{n}_limit', math.nan) for n in used])
        limits[place[name]] = np.where(
            np.isnan(new), limits[place[name]], new
        )
    return _trace(path, names, resources, start, step, usage, limits)
