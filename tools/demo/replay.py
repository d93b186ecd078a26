"""Demand taken from a recorded trace instead of being made.

A trace is a ``.npz`` file: ``usage[instance, time, resource]`` (NaN where
there is no sample), ``limits[instance, resource]`` (NaN where unknown),
``instances``, ``resources``, ``start`` (Unix seconds) and ``step`` (seconds).
"""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
import zipfile

from minicloud.errors import MiniCloudError
import numpy as np

from demo.fleet import RESOURCES
from demo.fleet import Server
from demo.workload import DAY_STEPS
from demo.workload import FUTURE_STEPS
from demo.workload import STEP_S


_ARRAYS = ('usage', 'limits', 'instances', 'resources', 'start', 'step')
_LEAST_HISTORY = DAY_STEPS // 2
#: An instance with fewer samples than this share is of no use.
_LEAST_SAMPLES = 0.5


class TraceError(MiniCloudError):
    """A trace file that cannot be replayed; the message says why."""


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a trace file, checked."""
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in _ARRAYS if name not in file.files]
            if missing:
                raise TraceError(f'{path} has no array {missing[0]!r}')
            trace = {name: file[name] for name in _ARRAYS}
    except FileNotFoundError:
        raise TraceError(f'{path} does not exist') from None
    except (OSError, ValueError, zipfile.BadZipFile):
        raise TraceError(f'{path} is no npz file') from None
    _check(path, trace)
    return trace


def _check(path: Path, trace: Mapping[str, np.ndarray]) -> None:
    usage, resources = trace['usage'], trace['resources']
    expected = (len(trace['instances']), len(resources))
    if usage.ndim != 3 or (usage.shape[0], usage.shape[2]) != expected:
        raise TraceError(
            f'{path}: usage has shape {usage.shape}, '
            f'but there are {expected[0]} instances, {expected[1]} resources'
        )
    if trace['limits'].shape != expected:
        raise TraceError(
            f'{path}: limits has shape {trace["limits"].shape}, not {expected}'
        )
    if trace['step'].size != 1 or int(trace['step'].item()) != STEP_S:
        raise TraceError(
            f'{path}: step is {trace["step"].tolist()}, '
            f'only {STEP_S} s can be replayed'
        )
    unknown = sorted(set(map(str, resources)) - set(RESOURCES))
    if unknown:
        raise TraceError(f'{path}: resource {unknown[0]!r} is unknown')
    least = _LEAST_HISTORY + FUTURE_STEPS
    if usage.shape[1] < least:
        raise TraceError(
            f'{path} has {usage.shape[1]} steps, {least} are needed'
        )


def demand(
    path: Path, servers: Sequence[Server], history: int
) -> tuple[np.ndarray, int]:
    """Demand of each server, and how many of its steps are history.

    The last steps of the trace are replayed, those of each instance scaled
    from its limits to those of its server; a resource that the trace lacks
    has no samples. Where a limit is unknown, the highest use stands in.

    :raises TraceError: the file cannot be used.
    """
    trace = load(path)
    steps = min(trace['usage'].shape[1], history + FUTURE_STEPS)
    usage = trace['usage'][:, -steps:].astype(float)
    rows = _usable(usage)[: len(servers)]
    if len(rows) < len(servers):
        raise TraceError(
            f'{path} has {len(rows)} instances with enough samples, '
            f'{len(servers)} are needed'
        )
    wanted = np.full((len(servers), steps, len(RESOURCES)), np.nan)
    for column, name in enumerate(map(str, trace['resources'])):
        limits = trace['limits'][rows, column].astype(float)
        highest = np.nanmax(
            np.nan_to_num(usage[rows, :, column], nan=0.0), axis=1
        )
        limits = np.where(limits > 0, limits, np.maximum(highest, 1e-9))
        place = RESOURCES.index(name)
        own = np.array([server.flavor.limits[place] for server in servers])
        scale = own / limits
        wanted[:, :, place] = usage[rows, :, column] * scale[:, None]
    return wanted, steps - FUTURE_STEPS


def _usable(usage: np.ndarray) -> list[int]:
    present = np.isfinite(usage).any(axis=2).mean(axis=1)
    return [int(row) for row in np.flatnonzero(present >= _LEAST_SAMPLES)]
