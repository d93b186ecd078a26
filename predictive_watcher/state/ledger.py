"""The ledger: leases, and forecasts with what came of them."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

from predictive_watcher.core import feedback
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import usage
from predictive_watcher.state import schema


ACTIVE = 'active'
RELEASED = 'released'
LOST = 'lost'
_FIELDS = tuple(f.name for f in dataclasses.fields(leases_module.Lease))


class Ledger:
    """Written by the decision engine and by the applier.

    Making one is cheap; the database is opened at first use.  Every method
    raises StateError where the database cannot be used.

    :param url: of SQLAlchemy.
    """

    def __init__(self, url: str) -> None:
        self._database = schema.Database(url)

    def active_leases(self) -> tuple[leases_module.Lease, ...]:
        """The leases in force, oldest first."""
        table = schema.leases
        query = (
            sa.select(*(table.c[name] for name in _FIELDS))
            .where(table.c.state == ACTIVE)
            .order_by(table.c.id)
        )
        with self._database.begin() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(leases_module.Lease(**dict(row)) for row in rows)

    def open_lease(
        self, lease: leases_module.Lease, reference: str | None = None
    ) -> None:
        """Write down a lease that begins.

        Where the instance has one already, that one goes on with the new
        flavor, reason and expiry: the way back leads to the first origin.

        :param reference: the audit or action that it comes from.
        """
        table = schema.leases
        values = {name: getattr(lease, name) for name in _FIELDS}
        changes = {
            name: values[name]
            for name in ('flavor_id', 'flavor_name', 'reason', 'expires_at')
        }
        mine = _of(lease.instance_id)
        with self._database.begin() as connection:
            found = connection.execute(
                sa.update(table)
                .where(mine)
                .values(**changes, reference=reference)
            )
            if found.rowcount == 0:
                connection.execute(
                    sa.insert(table).values(
                        **values, state=ACTIVE, reference=reference
                    )
                )

    def renew(self, instance_id: str, expires_at: int) -> None:
        """Let the lease of an instance last until ``expires_at``."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(schema.leases)
                .where(_of(instance_id))
                .values(expires_at=expires_at)
            )

    def close_lease(
        self, instance_id: str, now: int, outcome: str = RELEASED
    ) -> bool:
        """End the lease of an instance; False where it has none.

        :param outcome: `RELEASED`, or `LOST` where somebody else changed the
            flavor.
        """
        if outcome not in (RELEASED, LOST):
            raise ValueError(
                f'outcome {outcome!r} is neither {RELEASED} nor {LOST}'
            )
        with self._database.begin() as connection:
            found = connection.execute(
                sa.update(schema.leases)
                .where(_of(instance_id))
                .values(state=outcome, closed_at=now)
            )
        return found.rowcount > 0

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
        with self._database.begin() as connection:
            connection.execute(
                _insert_new(connection.dialect.name, schema.forecasts), rows
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
        with self._database.begin() as connection:
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

        Where the window has a gap the forecast stays unsettled until
        `purge` takes it away.
        """
        pending = self.pending(window.end, window.start - window.step_s)
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
            with self._database.begin() as connection:
                connection.execute(_SETTLE, rows)
        return feedback.summary(pending, came)

    def purge(self, before: int) -> int:
        """Delete forecasts with an origin before ``before``, settled or not;
        how many there were.
        """
        table = schema.forecasts
        with self._database.begin() as connection:
            found = connection.execute(
                sa.delete(table).where(table.c.origin < before)
            )
        return found.rowcount


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


def _of(instance_id: str) -> sa.ColumnElement[bool]:
    """The active lease of an instance."""
    table = schema.leases
    return sa.and_(table.c.instance_id == instance_id, table.c.state == ACTIVE)


def _indices(values: Iterable[str], names: Iterable[str]) -> np.ndarray:
    index = {str(name): i for i, name in enumerate(names)}
    return np.array([index[value] for value in values], np.intp)


def _insert_new(dialect: str, table: sa.Table) -> sa.Insert:
    """An INSERT that leaves alone what is there already."""
    if dialect == 'mysql':
        return mysql.insert(table).prefix_with('IGNORE')
    if dialect == 'postgresql':
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


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
