"""Forecasts that were written by ``predictive-watcher evaluate --output``."""

from dataclasses import dataclass
import pathlib
from typing import Any

import numpy as np

from benchmarks import fields
from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import replay


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """The arrays of a file; ``resources``, ``targets`` and ``levels`` are
    their places among ours.
    """

    instances: tuple[str, ...]
    resources: list[int]
    targets: list[int]
    levels: list[int]
    origins: np.ndarray
    quantiles: np.ndarray
    risk: np.ndarray
    ceiling: float


def read(
    path: pathlib.Path, field: fields.Field, ceiling: float
) -> replay.Replayed | None:
    """The forecasts that are of a field; None: they are of another trace.

    Where they were made for another ceiling they have no risk.

    :raises InvalidInput: where it is no such file, or none of its forecasts
        is from an origin that counts.
    """
    file = _file(path)
    if file.instances != field.trace.window.instances:
        return None
    shared, _, n = np.intersect1d(
        field.origins, file.origins - field.offset, return_indices=True
    )
    if not len(shared):
        raise exceptions.InvalidInput(
            f'--forecasts {path}: none of its origins is one of those '
            'compared; evaluate with the same --from and --stride'
        )
    row_of = {name: row for row, name in enumerate(file.instances)}
    rows = [row_of[name] for name in field.window.instances]
    pick = np.ix_(np.array(rows), n)
    lead = (len(field.window.instances), len(n), len(fleet.RESOURCES))
    shape = (*lead, len(forecast.TARGETS), len(forecast.LEVELS))
    quantiles = np.full(shape, np.nan, np.float32)
    risk = np.full(lead, np.nan, np.float32)
    for k, resource in enumerate(file.resources):
        part = file.quantiles[pick][:, :, k]
        for t, target in enumerate(file.targets):
            quantiles[:, :, resource, target, file.levels] = part[:, :, t]
        if abs(file.ceiling - ceiling) < 1e-6:
            risk[:, :, resource] = file.risk[pick][:, :, k]
    return replay.Replayed(
        origins=shared, quantiles=quantiles, risk=risk, ceiling=ceiling
    )


def _file(path: pathlib.Path) -> _File:
    try:
        with np.load(path, allow_pickle=False) as file:
            kept: dict[str, Any] = {name: file[name] for name in file.files}
        levels: list[float] = kept['levels'].tolist()
        return _File(
            instances=tuple(str(name) for name in kept['instances']),
            resources=[
                fleet.RESOURCES.index(fleet.Resource(str(r)))
                for r in kept['resources']
            ],
            targets=[
                forecast.TARGETS.index(forecast.Target(str(t)))
                for t in kept['targets']
            ],
            levels=[_place(level) for level in levels],
            origins=kept['origins'].astype(np.int64),
            quantiles=kept['quantiles'],
            risk=kept['risk'],
            ceiling=float(kept['ceiling']),
        )
    except (OSError, KeyError, ValueError) as error:
        raise exceptions.InvalidInput(
            f'--forecasts {path}: not a file of "predictive-watcher evaluate '
            f'--output" ({error})'
        ) from error


def _place(level: float) -> int:
    """The place of a level that was kept as float32."""
    for k, ours in enumerate(forecast.LEVELS):
        if abs(ours - level) < 1e-4:
            return k
    raise ValueError(f'level {level:g} is none of {forecast.LEVELS}')
