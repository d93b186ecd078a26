"""Usage from files: npz with arrays, or csv with one row per sample.

npz: ``usage[instance, time, resource]``, ``limits[instance, resource]``
(optional), ``instances``, ``resources``, ``start`` (Unix seconds of the first
sample) and ``step`` (seconds).  csv: see `traces_csv`.
"""

from dataclasses import dataclass
import pathlib
from typing import Any
import zipfile

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module
from predictive_watcher.telemetry import traces_csv


_SINGLE = b'\x93NUMPY'  # how a file of one array begins
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
    if path.is_dir():
        raise exceptions.InvalidTrace(
            f'{path}: it is a folder; name the files in it that are to be '
            'read'
        )
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


def write(path: pathlib.Path, trace: Trace) -> None:
    """Write a file that `read` reads, whole or not at all.

    :raises InvalidInput: where it cannot be written.
    """
    window = trace.window
    own = [fleet.RESOURCES.index(r) for r in trace.resources]
    room = path.with_name(f'.{path.name}.writing')
    try:
        with room.open('wb') as file:
            np.savez_compressed(
                file,
                usage=window.usage[:, :, own],
                limits=trace.limits[:, own],
                instances=np.array(window.instances),
                resources=np.array([str(r) for r in trace.resources]),
                start=window.start,
                step=window.step_s,
            )
        room.replace(path)
    except OSError as error:
        raise exceptions.InvalidInput(
            f'{path}: cannot be written ({error.strerror}); choose another '
            'place'
        ) from error
    finally:
        room.unlink(missing_ok=True)


def _read_npz(path: pathlib.Path) -> Trace:
    try:
        _check_kind(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        why = str(error)
        if 'allow_pickle' in why:  # numpy tells how to open any door
            why = 'an array in it holds Python objects, not numbers or text'
        raise traces_csv.refuse(
            path, f'not a readable npz file ({why})'
        ) from error
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise traces_csv.refuse(
            path,
            f'no array {missing[0]!r}; needed are {", ".join(_KEYS)}, '
            f'found {", ".join(sorted(arrays)) or "none"}',
        )
    names = _names(path, arrays, 'instances')
    resources = _resources(path, list(_names(path, arrays, 'resources')))
    usage = arrays['usage']
    if usage.ndim != 3 or usage.dtype.kind not in 'fiu':
        raise traces_csv.refuse(
            path,
            f'usage is {usage.dtype} of shape {usage.shape}; numbers of '
            'shape (instances, time, resources) are needed',
        )
    if (usage.shape[0], usage.shape[2]) != (len(names), len(resources)):
        raise traces_csv.refuse(
            path,
            f'usage has shape {usage.shape}, but there are {len(names)} '
            f'instances and {len(resources)} resources',
        )
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise traces_csv.refuse(
            path, f'instance {twice!r} is there more than once'
        )
    _check_values(path, usage, names, resources)
    return _trace(
        path,
        names,
        resources,
        _scalar(path, arrays, 'start', 0, traces_csv.LATEST),
        _scalar(path, arrays, 'step', 1, 86400),
        usage,
        _npz_limits(path, arrays, (len(names), len(resources))),
    )


def _check_kind(path: pathlib.Path) -> None:
    """Refuse what is no archive, before numpy takes it for something else.

    :raises ValueError: saying what it is.
    """
    if zipfile.is_zipfile(path):
        return
    with path.open('rb') as file:
        single = file.read(len(_SINGLE)) == _SINGLE
    if single:
        raise ValueError('it is a single array, as of np.save')
    raise ValueError(
        'it is no archive of arrays, such as np.savez_compressed writes'
    )


def _names(
    path: pathlib.Path, arrays: dict[str, np.ndarray], key: str
) -> tuple[str, ...]:
    found = np.atleast_1d(arrays[key])
    if found.ndim != 1 or found.dtype.kind not in 'USiu':
        raise traces_csv.refuse(
            path,
            f'{key} is {found.dtype} of shape {found.shape}; a list of names '
            'is needed',
        )
    if found.dtype.kind == 'S':
        found = np.char.decode(found, 'utf-8')
    names = tuple(str(name) for name in found)
    if '' in names:
        raise traces_csv.refuse(
            path, f'{key}[{names.index("")}] is empty; a name is needed'
        )
    return names


def _scalar(
    path: pathlib.Path,
    arrays: dict[str, np.ndarray],
    key: str,
    least: int,
    most: int,
) -> int:
    value = arrays[key]
    if value.size != 1 or value.dtype.kind not in 'iuf':
        raise traces_csv.refuse(
            path, f'{key} is {value!r}; one number is needed'
        )
    number = float(value.reshape(()))
    if not number.is_integer() or not least <= number <= most:
        raise traces_csv.refuse(
            path,
            f'{key} is {number}; whole seconds from {least} to {most} are '
            'needed, not milliseconds',
        )
    return int(number)


def _npz_limits(
    path: pathlib.Path, arrays: dict[str, np.ndarray], shape: tuple[int, int]
) -> np.ndarray:
    limits = arrays.get('limits')
    if limits is None:
        return np.full(shape, np.nan, np.float32)
    if limits.shape != shape or limits.dtype.kind not in 'fiu':
        raise traces_csv.refuse(
            path,
            f'limits is {limits.dtype} of shape {limits.shape}; '
            f'numbers of shape {shape} are needed',
        )
    with np.errstate(invalid='ignore'):
        bad = (limits < 0) | ((limits > traces_csv.MOST) & np.isfinite(limits))
    if bad.any():
        i, r = (int(k) for k in np.argwhere(bad)[0])
        raise traces_csv.refuse(
            path,
            f'limits[{i}, {r}] is {limits[i, r]}; values from 0 to '
            f'{traces_csv.MOST:g} are needed, or NaN for none',
        )
    return np.where(np.isfinite(limits), limits, np.nan)


def _resources(
    path: pathlib.Path, names: list[Any]
) -> tuple[fleet.Resource, ...]:
    if not names:
        raise traces_csv.refuse(
            path, f'there is no resource in it; known are {", ".join(_NAMES)}'
        )
    for name in names:
        if str(name) not in _NAMES:
            raise traces_csv.refuse(
                path,
                f'resource {name!r} is unknown; known are {", ".join(_NAMES)}',
            )
        if names.count(name) > 1:
            raise traces_csv.refuse(path, f'resource {name!r} is there twice')
    return tuple(fleet.Resource(str(name)) for name in names)


def _check_values(
    path: pathlib.Path,
    usage: np.ndarray,
    names: tuple[str, ...],
    resources: tuple[fleet.Resource, ...],
) -> None:
    with np.errstate(invalid='ignore'):
        bad = (usage < 0) | (usage > traces_csv.MOST)
    if bad.any():
        i, t, r = (int(k) for k in np.argwhere(bad)[0])
        raise traces_csv.refuse(
            path,
            f'usage[{i}, {t}, {r}] ({resources[r]} of {names[i]}) is '
            f'{usage[i, t, r]}; values from 0 to {traces_csv.MOST:g} are '
            'needed, or NaN',
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
        raise traces_csv.refuse(path, 'there is no sample in it')
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
    grid = traces_csv.read(path)
    return _trace(
        path,
        grid.instances,
        _resources(path, list(grid.resources)),
        grid.start,
        grid.step_s,
        grid.usage,
        grid.limits,
    )
