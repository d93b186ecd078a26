"""Leases, written ahead of what they are about; and what was tried."""

import dataclasses
import json
from typing import Any

import sqlalchemy as sa

from predictive_watcher.core import leases as leases_module
from predictive_watcher.state import schema


RELEASED = 'released'
LOST = 'lost'
WITHDRAWN = 'withdrawn'
OUTCOMES = (RELEASED, LOST, WITHDRAWN)
_LEASE = tuple(f.name for f in dataclasses.fields(leases_module.Lease))
_ATTEMPT = tuple(f.name for f in dataclasses.fields(leases_module.Attempt))


class LeaseBook:
    """The part of the ledger that knows of leases and attempts.

    A lease is written down before Nova is asked to resize, so that nothing
    that happens later can lose it: `begin`, then the order, then `arrive` or
    `withdraw`.  Whoever finds a lease with something pending looks at the
    server.
    """

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def active_leases(self) -> tuple[leases_module.Lease, ...]:
        """The leases in force, oldest first."""
        with self._database.reading() as connection:
            return active(connection)

    def lease_of(self, instance_id: str) -> leases_module.Lease | None:
        """The lease in force of an instance."""
        held = {lease.instance_id: lease for lease in self.active_leases()}
        return held.get(instance_id)

    def begin(self, lease: leases_module.Lease) -> None:
        """Write down what is about to be ordered, the pending flavor.

        Where the instance has a lease already, that one goes on with what is
        pending, the reason and the expiry: the way back leads to the first
        origin.
        """
        new = {name: getattr(lease, name) for name in _LEASE}
        if lease.origin_specs is not None:
            new['origin_specs'] = json.dumps(dict(lease.origin_specs))
        changes = {
            name: new[name]
            for name in ('pending_flavor_name', 'reason', 'expires_at')
        }
        with self._database.writing() as connection:
            connection.execute(
                schema.insert_new(connection.dialect.name, schema.leases),
                {**new, 'active_instance_id': lease.instance_id},
            )
            connection.execute(_change(lease.instance_id, **changes))

    def arrive(self, instance_id: str, at: int) -> None:
        """What was pending has come; at the origin the lease ends.

        Nothing changes where nothing is pending.
        """
        with self._database.writing() as connection:
            lease = _active(connection, instance_id)
            if lease is None or lease['pending_flavor_name'] is None:
                return
            connection.execute(
                _change(
                    instance_id,
                    flavor_name=lease['pending_flavor_name'],
                    pending_flavor_name=None,
                    since=at,
                )
            )
            if lease['pending_flavor_name'] == lease['origin_flavor_name']:
                connection.execute(_closed(instance_id, at, RELEASED))

    def withdraw(self, instance_id: str, at: int) -> None:
        """What was pending will not come, for certain; a lease that has not
        left its origin ends.
        """
        with self._database.writing() as connection:
            lease = _active(connection, instance_id)
            if lease is None:
                return
            connection.execute(_change(instance_id, pending_flavor_name=None))
            if lease['flavor_name'] == lease['origin_flavor_name']:
                connection.execute(_closed(instance_id, at, WITHDRAWN))

    def renew(self, instance_id: str, expires_at: int) -> None:
        """Let the lease of an instance last until ``expires_at``."""
        with self._database.writing() as connection:
            connection.execute(_change(instance_id, expires_at=expires_at))

    def close_lease(
        self, instance_id: str, now: int, outcome: str = RELEASED
    ) -> bool:
        """End the lease of an instance; False where it has none.

        :param outcome: one of `OUTCOMES`; `LOST` where somebody else changed
            the flavor.
        """
        if outcome not in OUTCOMES:
            raise ValueError(
                f'outcome {outcome!r} is none of {", ".join(OUTCOMES)}'
            )
        with self._database.writing() as connection:
            found = connection.execute(_closed(instance_id, now, outcome))
        return found.rowcount > 0

    def note_attempt(self, attempt: leases_module.Attempt) -> None:
        """Remember that an action was executed, and what came of it."""
        row = {name: getattr(attempt, name) for name in _ATTEMPT}
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(schema.attempts).values(
                    **{**row, 'kind': attempt.kind.value}
                )
            )

    def recent_attempts(self, since: int) -> dict[str, leases_module.Attempt]:
        """The newest attempt of each instance, where ``at`` >= ``since``."""
        return {one.instance_id: one for one in self.attempts_since(since)}

    def attempts_since(self, since: int) -> tuple[leases_module.Attempt, ...]:
        """All attempts where ``at`` >= ``since``, oldest first."""
        with self._database.reading() as connection:
            return attempts(connection, since)


def active(connection: sa.Connection) -> tuple[leases_module.Lease, ...]:
    """The leases in force, oldest first."""
    table = schema.leases
    query = (
        sa.select(*(table.c[name] for name in _LEASE))
        .where(table.c.active_instance_id.is_not(None))
        .order_by(table.c.id)
    )
    rows = connection.execute(query).mappings().all()
    return tuple(
        leases_module.Lease(
            **{
                **row,
                'origin_specs': row['origin_specs']
                and json.loads(row['origin_specs']),
            }
        )
        for row in rows
    )


def attempts(
    connection: sa.Connection, since: int
) -> tuple[leases_module.Attempt, ...]:
    """All attempts where ``at`` >= ``since``, oldest first."""
    table = schema.attempts
    query = (
        sa.select(*(table.c[name] for name in _ATTEMPT))
        .where(table.c.at >= since)
        .order_by(table.c.at, table.c.id)
    )
    rows = connection.execute(query).mappings().all()
    return tuple(
        leases_module.Attempt(
            **{
                **row,
                'kind': leases_module.Kind(row['kind']),
                # an older release does not write it
                'project_id': row['project_id'] or '',
            }
        )
        for row in rows
    )


def _active(
    connection: sa.Connection, instance_id: str
) -> sa.RowMapping | None:
    """The flavors of the active lease, locked until the transaction ends."""
    table = schema.leases
    query = (
        sa.select(
            table.c.origin_flavor_name,
            table.c.flavor_name,
            table.c.pending_flavor_name,
        )
        .where(table.c.active_instance_id == instance_id)
        .with_for_update()
    )
    return connection.execute(query).mappings().one_or_none()


def _change(instance_id: str, **values: Any) -> sa.Update:
    """An UPDATE of the active lease."""
    table = schema.leases
    return (
        sa.update(table)
        .where(table.c.active_instance_id == instance_id)
        .values(**values)
    )


def _closed(instance_id: str, at: int, outcome: str) -> sa.Update:
    return _change(
        instance_id, active_instance_id=None, outcome=outcome, closed_at=at
    )
