"""Forecasts, with what came of them."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa

from predictive_watcher.core import feedback
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage
from predictive_watcher.state import schema


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
    ) -> None:
        """Keep a forecast until what it speaks of has come.

        A forecast that is there already (the same origin, instance, resource
        and target) is left as it is.

        :param risk: (instances, resources); NaN where unknown.
        :param limits: (instances, resources) in the units of usage.
        """
        rows = list(_forecast_rows(forecast, risk, limits, step_s))
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
        query = sa.select(
            table.c.origin,
            table.c.instance_id,
            table.c.resource,
            table.c.target,
            table.c.q50,
            table.c.q95,
        ).where(table.c.settled_at.is_(None), table.c.origin >= since, over)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        columns = tuple(zip(*rows, strict=True)) if rows else ((),) * 6
        origin, instances, resource, target, q50, q95 = columns
        return feedback.Pending(
            instances=tuple(instances),
            origin=np.array(origin, np.int64),
            resource=_indices(resource, fleet.RESOURCES),
            target=_indices(target, forecast_module.TARGETS),
            q50=np.array(q50, np.float64),
            q95=np.array(q95, np.float64),
        )

    def settle(self, window: usage.UsageWindow, now: int) -> feedback.Settled:
        """Write what came beside every forecast that the window decides.

        Where the window has a gap the forecast stays unsettled: it is tried
        again for `SETTLE_S` seconds, and `purge` takes it away.
        """
        since = max(window.start - window.step_s, window.end - SETTLE_S)
        pending = self.pending(window.end, since)
        came = feedback.actual(pending, window)
        rows = [
            {
                'at_origin': int(pending.origin[i]),
                'of_instance': pending.instances[i],
                'of_resource': fleet.RESOURCES[pending.resource[i]].value,
                'of_target': forecast_module.TARGETS[pending.target[i]].value,
                'actual': float(came[i]),
                'settled_at': now,
            }
            for i in np.flatnonzero(np.isfinite(came))
        ]
        if rows:
            with self._database.writing() as connection:
                connection.execute(_SETTLE, rows)
        return feedback.summary(pending, came)


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


def _forecast_rows(
    forecast: forecast_module.Forecast,
    risk: np.ndarray,
    limits: np.ndarray,
    step_s: int,
) -> Iterator[dict[str, Any]]:
    for target in feedback.HORIZON_S:
        q50, q95 = (forecast.level(target, level) for level in (0.5, 0.95))
        known = np.isfinite(q50) & np.isfinite(q95)
        for i, r in zip(*np.nonzero(known), strict=True):
            yield {
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
