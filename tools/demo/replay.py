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
from demo.workload import STEP_S


_ARRAYS = ('usage', 'limits', 'instances', 'resources', 'start', 'step')
_LEAST_HISTORY = DAY_STEPS // 2
#: Two hours are played, which take a few minutes.
FUTURE_STEPS = 24
#: An instance with fewer samples than this share is of no use.
_LEAST_SAMPLES = 0.5
#: Instances are ranked by this percentile of their use.
_BUSY_PERCENTILE = 95
_TINY = 1e-9


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

    The last steps of the trace are replayed, of the instances that came
    nearest to their limits before the story begins; each is scaled from its
    limits to those of its server. A resource that the trace lacks has no
    samples; where a limit is unknown, the highest use stands in.

    :raises TraceError: the file cannot be used.
    """
    trace = load(path)
    steps = min(trace['usage'].shape[1], history + FUTURE_STEPS)
    history = steps - FUTURE_STEPS
    usage = trace['usage'][:, -steps:].astype(float)
    share = _shares(usage, trace['limits'].astype(float))
    rows = _busiest(share[:, :history])[: len(servers)]
    if len(rows) < len(servers):
        raise TraceError(
            f'{path} has {len(rows)} instances with enough samples, '
            f'{len(servers)} are needed'
        )
    own = np.array([server.flavor.limits for server in servers])
    wanted = np.full((len(servers), steps, len(RESOURCES)), np.nan)
    for column, name in enumerate(map(str, trace['resources'])):
        place = RESOURCES.index(name)
        scaled = share[rows, :, column] * own[:, place, np.newaxis]
        wanted[:, :, place] = scaled
    return wanted, history


def _shares(usage: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Usage as shares of the limits."""
    highest = np.nan_to_num(usage, nan=0.0).max(axis=1)
    known = np.where(limits > 0, limits, np.maximum(highest, _TINY))
    return usage / known[:, np.newaxis, :]


def _busiest(share: np.ndarray) -> list[int]:
    """Instances with enough samples, the busiest first."""
    present = np.isfinite(share).any(axis=2).mean(axis=1)
    nothing_is_zero = np.nan_to_num(share, nan=0.0)
    busy = np.percentile(nothing_is_zero.max(axis=2), _BUSY_PERCENTILE, axis=1)
    order = np.argsort(-busy, kind='stable')
    return [int(row) for row in order if present[row] >= _LEAST_SAMPLES]
