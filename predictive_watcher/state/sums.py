"""Running sums of how good forecasts were, by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from predictive_watcher.core import feedback
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.state import feedback_tables
from predictive_watcher.state import schema


BINS = 10  # of the risk
_DAY_S = 86400
_KEY = ('day', 'instance_id', 'resource', 'segment')


def add(
    connection: sa.Connection,
    pending: feedback.Pending,
    judged: feedback.Judged,
) -> None:
    """Add what was settled to the sums of the days of the origins."""
    columns = _columns(pending, judged)
    keys = [
        (
            int(origin) // _DAY_S * _DAY_S,
            instance,
            fleet.RESOURCES[resource].value,
            segment,
        )
        for origin, instance, resource, segment in zip(
            pending.origin,
            pending.instances,
            pending.resource,
            pending.segment,
            strict=True,
        )
    ]
    targets = [forecast.TARGETS[t].value for t in pending.target]
    known = np.flatnonzero(columns['n'])
    _add(
        connection,
        feedback_tables.accuracy,
        'target',
        [(*keys[i], targets[i]) for i in known],
        {name: column[known] for name, column in columns.items()},
    )
    risky = np.flatnonzero(columns['risk_n'])
    bins = np.clip(pending.risk[risky] * BINS, 0, BINS - 1).astype(int)
    _add(
        connection,
        feedback_tables.reliability,
        'bin',
        [(*keys[i], int(k)) for i, k in zip(risky, bins, strict=True)],
        {
            'n': np.ones(len(risky)),
            'expected': pending.risk[risky],
            'came': columns['came'][risky],
        },
    )


def _columns(
    pending: feedback.Pending, judged: feedback.Judged
) -> dict[str, np.ndarray]:
    """What each forecast adds; what is not known adds nothing."""
    rival = np.isfinite(judged.rival_loss).all(axis=-1)
    rival &= np.isfinite(judged.loss)
    risk = np.isfinite(judged.brier)
    persistence, mean60 = judged.rival_loss.T
    told = {
        'n': np.isfinite(judged.loss),
        'covered': judged.covered,
        'abs_error': judged.abs_error,
        'loss': judged.loss,
        'rival_n': rival,
        'own_loss': np.where(rival, judged.loss, 0),
        'persistence_loss': np.where(rival, persistence, 0),
        'mean60_loss': np.where(rival, mean60, 0),
        'risk_n': risk,
        'risk_sum': np.where(risk, pending.risk, 0),
        'brier': judged.brier,
        'came': judged.passed,
    }
    return {n: np.nan_to_num(np.asarray(c, float)) for n, c in told.items()}


def _add(
    connection: sa.Connection,
    table: sa.Table,
    last_key: str,
    keys: list[tuple[Any, ...]],
    values: Mapping[str, np.ndarray],
) -> None:
    """Add values to the rows of their keys, which are made where needed."""
    if not keys:
        return
    names = (*_KEY, last_key)
    row_of = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    place = np.array([row_of[key] for key in keys])
    added = {
        name: np.bincount(place, column, len(row_of)).tolist()
        for name, column in values.items()
    }
    rows = [
        {f'k_{name}': part for name, part in zip(names, key, strict=True)}
        | {f'v_{name}': added[name][i] for name in values}
        for key, i in row_of.items()
    ]
    connection.execute(
        schema.insert_new(connection.dialect.name, table),
        [dict(zip(names, key, strict=True)) for key in row_of],
    )
    connection.execute(
        sa.update(table)
        .where(*(table.c[n] == sa.bindparam(f'k_{n}') for n in names))
        .values(
            {n: table.c[n] + sa.bindparam(f'v_{n}') for n in values}
        ),
        rows,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How good forecasts of one kind were; NaN where nothing was settled.

    ``n`` forecasts were settled; ``coverage`` is the share that stayed at or
    below its 95 % quantile, ``mean_abs_error`` that of the median; ``skill``
    1 - the quantile loss as a share of the better rival's, on the ``rival_n``
    forecasts for which rivals were asked; ``brier`` the mean squared error
    of the risk, ``risk`` its mean, and ``came`` the share that passed the
    ceiling, of ``risk_n``.
    """

    n: float
    coverage: float
    mean_abs_error: float
    rival_n: float
    skill: float
    skill_over: Mapping[str, float]
    risk_n: float
    risk: float
    brier: float
    came: float


def accuracy_of(row: Mapping[str, float]) -> Accuracy:
    """From sums, as `feedback_tables.ACCURACY_SUMS` names them."""

    def share(top: str, bottom: str) -> float:
        return row[top] / row[bottom] if row[bottom] else float('nan')

    skills = {
        rival: 1 - share('own_loss', f'{rival}_loss')
        for rival in feedback.RIVALS
    }
    return Accuracy(
        n=row['n'],
        coverage=share('covered', 'n'),
        mean_abs_error=share('abs_error', 'n'),
        rival_n=row['rival_n'],
        skill=min(skills.values()),
        skill_over=skills,
        risk_n=row['risk_n'],
        risk=share('risk_sum', 'risk_n'),
        brier=share('brier', 'risk_n'),
        came=share('came', 'risk_n'),
    )
