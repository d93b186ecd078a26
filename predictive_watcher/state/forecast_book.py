"""Forecasts, with what came of them."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from predictive_watcher.core import feedback
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage
from predictive_watcher.state import schema
from predictive_watcher.state import sums


# Usage that is this late comes no more: older forecasts are not compared
# with it again.
SETTLE_S = 7200


class ForecastBook:
    """The part of the ledger that knows of forecasts."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def record_forecast(
        self,
        forecast: forecast_module.Forecast,
        risk: np.ndarray,
        limits: np.ndarray,
        step_s: int = 300,
        *,
        ceiling: np.ndarray | None = None,
        rivals: np.ndarray | None = None,
        segments: Sequence[str] = (),
        own_risk: np.ndarray | None = None,
    ) -> None:
        """Keep a forecast until what it speaks of has come.

        A forecast that is there already (the same origin, instance, resource
        and target) is left as it is.

        :param risk: (instances, resources); NaN where unknown.
        :param limits: (instances, resources) in the units of usage.
        :param ceiling: the share of the limit that the risk is about, by
            instance.
        :param rivals: of `standing_in.ask_rivals`.
        :param segments: by instance, in which regime of behaviour it is.
        :param own_risk: like ``risk``, within the horizon of the policy of
            each instance; needed where ``risk`` has NaN for that.
        """
        rows = list(_forecast_rows(forecast, risk, limits, step_s))
        for row in rows:
            i, r, t = row.pop('place')
            row['ceiling'] = None if ceiling is None else float(ceiling[i])
            row['segment'] = segments[i] if segments else ''
            within = None if own_risk is None else own_risk[i, r]
            row['own_risk'] = None if within is None else _or_null(within)
            told = None if rivals is None else rivals[i, r, t]
            row |= {
                name: None if told is None else _or_null(told[at])
                for name, at in _RIVAL_COLUMNS.items()
            }
        if not rows:
            return
        with self._database.writing() as connection:
            connection.execute(
                schema.insert_new(connection.dialect.name, schema.forecasts),
                rows,
            )

    def pending(self, until: int, since: int = 0) -> feedback.Pending:
        """Unsettled forecasts with origins from ``since`` on, whose last
        step ends at ``until`` at the latest.
        """
        table = schema.forecasts
        over = sa.or_(
            *(
                sa.and_(
                    table.c.target == target.value,
                    table.c.origin <= until - horizon_s,
                )
                for target, horizon_s in feedback.HORIZON_S.items()
            )
        )
        query = sa.select(*(table.c[name] for name in _PENDING)).where(
            table.c.settled_at.is_(None), table.c.origin >= since, over
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        columns = dict(
            zip(
                _PENDING,
                zip(*rows, strict=True) if rows else [()] * len(_PENDING),
                strict=True,
            )
        )
        rivals = np.array([columns[n] for n in _RIVAL_COLUMNS], np.float64)
        return feedback.Pending(
            instances=tuple(columns['instance_id']),
            origin=np.array(columns['origin'], np.int64),
            resource=_indices(columns['resource'], fleet.RESOURCES),
            target=_indices(columns['target'], forecast_module.TARGETS),
            segment=tuple(found or '' for found in columns['segment']),
            rivals=rivals.T.reshape(
                -1, len(feedback.RIVALS), len(feedback.LEVELS)
            ),
            **{
                name: np.array(columns[name], np.float64)
                for name in ('q50', 'q95', 'risk', 'limit', 'ceiling')
            },
        )

    def risks_since(self, since: int) -> dict[str, float]:
        """The highest risk of each instance that had a forecast whose origin
        is ``since`` or later, within its own horizon; 0 where its risk was
        not known.
        """
        table = schema.forecasts
        risk = sa.func.coalesce(table.c.own_risk, table.c.risk)
        query = (
            sa.select(table.c.instance_id, sa.func.max(risk))
            .where(table.c.origin >= since)
            .group_by(table.c.instance_id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {instance: float(risk or 0.0) for instance, risk in rows}

    def settle(
        self,
        window: usage.UsageWindow,
        now: int,
        limits: np.ndarray | None = None,
    ) -> feedback.Settled:
        """Write what came beside every forecast that the window decides, and
        add it to the sums of its day.

        Where the window has a gap the forecast stays unsettled: it is tried
        again for `SETTLE_S` seconds, and `purge` takes it away; after a time
        without audits all that waits is settled.  Where a
        limit that was lowered meanwhile hides what would have come, it is
        settled without a figure.

        :param limits: those of today, (instances, resources) of the window;
            None: they are what they were.
        """
        since = max(
            window.start - window.step_s,
            min(window.end - SETTLE_S, self._settled_until()),
        )
        pending = self.pending(window.end, since)
        came = feedback.actual(pending, window)
        hidden = np.zeros(came.shape, bool)
        if limits is not None:
            now_limit = _limits_of(pending, window.instances, limits)
            hidden = feedback.censored(came, pending.limit, now_limit)
        rows = [
            {
                'at_origin': int(pending.origin[i]),
                'of_instance': pending.instances[i],
                'of_resource': fleet.RESOURCES[pending.resource[i]].value,
                'of_target': forecast_module.TARGETS[pending.target[i]].value,
                'actual': None if hidden[i] else float(came[i]),
                'settled_at': now,
            }
            for i in np.flatnonzero(np.isfinite(came))
        ]
        came = np.where(hidden, np.nan, came)
        if rows:
            with self._database.writing() as connection:
                connection.execute(_SETTLE, rows)
                sums.add(connection, pending, feedback.judged(pending, came))
        return feedback.summary(pending, came)

    def _settled_until(self) -> int:
        """The newest origin that was settled; 0: none."""
        table = schema.forecasts
        query = (
            sa.select(table.c.origin)
            .where(table.c.settled_at.is_not(None))
            .order_by(table.c.origin.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            return int(connection.scalar(query) or 0)


# Columns of rivals' quantiles, by their place in `feedback.Pending.rivals`.
_RIVAL_COLUMNS = {
    f'{rival}_q{100 * level:g}': (k, n)
    for k, rival in enumerate(feedback.RIVALS)
    for n, level in enumerate(feedback.LEVELS)
}
_PENDING = (
    'origin', 'instance_id', 'resource', 'target', 'segment', 'q50', 'q95',
    'risk', 'limit', 'ceiling', *_RIVAL_COLUMNS,
)  # fmt: skip

_SETTLE = (
    sa.update(schema.forecasts)
    .where(
        schema.forecasts.c.origin == sa.bindparam('at_origin'),
        schema.forecasts.c.instance_id == sa.bindparam('of_instance'),
        schema.forecasts.c.resource == sa.bindparam('of_resource'),
        schema.forecasts.c.target == sa.bindparam('of_target'),
    )
    .values(
        actual=sa.bindparam('actual'), settled_at=sa.bindparam('settled_at')
    )
)


def _indices(values: Iterable[str], names: Iterable[str]) -> np.ndarray:
    index = {str(name): i for i, name in enumerate(names)}
    return np.array([index[value] for value in values], np.intp)


def _limits_of(
    pending: feedback.Pending, instances: tuple[str, ...], limits: np.ndarray
) -> np.ndarray:
    """Today's limit for each forecast; NaN: the instance is not here."""
    row_of = {name: row for row, name in enumerate(instances)}
    rows = np.array([row_of.get(name, -1) for name in pending.instances], int)
    padded = np.vstack([limits, np.full((1, limits.shape[1]), np.nan)])
    return np.asarray(padded[rows, pending.resource])


def _forecast_rows(
    forecast: forecast_module.Forecast,
    risk: np.ndarray,
    limits: np.ndarray,
    step_s: int,
) -> Iterator[dict[str, Any]]:
    for t, target in enumerate(feedback.HORIZON_S):
        q50, q95 = (forecast.level(target, level) for level in (0.5, 0.95))
        known = np.isfinite(q50) & np.isfinite(q95)
        for i, r in zip(*np.nonzero(known), strict=True):
            yield {
                'place': (i, r, t),
                'origin': forecast.origin,
                'instance_id': forecast.instances[i],
                'resource': fleet.RESOURCES[r].value,
                'target': target.value,
                'step_s': step_s,
                'q50': float(q50[i, r]),
                'q95': float(q95[i, r]),
                'risk': _or_null(risk[i, r]),
                'limit': _or_null(limits[i, r]),
            }


def _or_null(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
