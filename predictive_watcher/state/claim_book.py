"""What plans hold of budgets, so that audits at the same moment share them.

What an hour has used is read and written in one transaction, which no other
of these overlaps: whoever comes second sees what the first has taken.
"""

from collections.abc import Collection
from collections.abc import Sequence

import sqlalchemy as sa

from predictive_watcher.core import budgets
from predictive_watcher.core import claims as claims_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.state import fact_tables
from predictive_watcher.state import lease_book
from predictive_watcher.state import schema


# A claim of a release that did not write for how long it counts.
_OLD_CLAIM_S = 900
_Key = tuple[str, str, int]


class ClaimBook:
    """The part of the ledger that knows of actions that are yet to come."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def claims(self, now: int) -> tuple[claims_module.Claim, ...]:
        """Those of all audits that count (now: Unix seconds), oldest first."""
        with self._database.reading() as connection:
            return _claims(connection, now)

    def reserve(
        self,
        wanted: Sequence[claims_module.Claim],
        now: int,
        over: Collection[_Key] = (),
    ) -> dict[str, str]:
        """Claim the budgets for a plan, as far as they go.

        :param wanted: of one audit, what matters most first.
        :param now: Unix seconds.
        :param over: keys of claims that nobody will make use of any more.
        :returns: by instance id why an action has to stay out of the plan.
        """
        with self._database.alone() as connection:
            _forget(connection, now, over)
            begun, held = _counted(connection, now)
            kept, refused = claims_module.admit(wanted, begun, held, now)
            for one in kept:
                _keep(connection, one)
        return refused

    def claim(self, one: claims_module.Claim) -> str:
        """Claim the budgets for an action that is about to begin.

        One that was reserved for its plan has them.  The time that counts is
        that of its decision.

        :returns: why it must not begin; '' where it may.
        """
        with self._database.alone() as connection:
            begun, held = _counted(connection, one.at)
            if one.key not in {each.key for each in held}:
                _, refused = claims_module.admit([one], begun, held, one.at)
                if refused:
                    return refused[one.instance_id]
            _keep(connection, one)
        return ''

    def give_back(self, keys: Collection[_Key]) -> None:
        """Actions that will not be done count no longer."""
        if not keys:
            return
        with self._database.writing() as connection:
            for key in keys:
                connection.execute(_without(key))


def _claims(
    connection: sa.Connection, now: int
) -> tuple[claims_module.Claim, ...]:
    table = fact_tables.planned
    until = sa.func.coalesce(table.c.until, table.c.at + _OLD_CLAIM_S)
    query = (
        sa.select(table, until.label('ends'))
        .where(until > now)
        .order_by(table.c.at, table.c.instance_id, table.c.audit)
    )
    return tuple(
        claims_module.Claim(
            audit=row['audit'],
            instance_id=row['instance_id'],
            project_id=row['project_id'],
            kind=leases_module.Kind(row['kind']),
            at=row['at'],
            until=row['ends'],
        )
        for row in connection.execute(query).mappings()
    )


def _counted(
    connection: sa.Connection, now: int
) -> tuple[list[leases_module.Attempt], tuple[claims_module.Claim, ...]]:
    """What was begun within a day, and the claims.

    Claims are read first: what ends between two readings is then in both,
    and counts once, instead of in none.
    """
    held = _claims(connection, now)
    orders = claims_module.under_way(lease_book.active(connection), now)
    attempts = lease_book.attempts(connection, now - budgets.DAY_S)
    return [*attempts, *orders], held


def _forget(
    connection: sa.Connection, now: int, over: Collection[_Key]
) -> None:
    table = fact_tables.planned
    until = sa.func.coalesce(table.c.until, table.c.at + _OLD_CLAIM_S)
    connection.execute(sa.delete(table).where(until <= now))
    for key in over:
        connection.execute(_without(key))


def _without(key: _Key) -> sa.Delete:
    table = fact_tables.planned
    audit, instance_id, at = key
    return sa.delete(table).where(
        table.c.audit == audit,
        table.c.instance_id == instance_id,
        table.c.at == at,
    )


def _keep(connection: sa.Connection, one: claims_module.Claim) -> None:
    table = fact_tables.planned
    connection.execute(
        sa.delete(table).where(
            table.c.audit == one.audit,
            table.c.instance_id == one.instance_id,
        )
    )
    connection.execute(
        sa.insert(table).values(
            audit=one.audit,
            instance_id=one.instance_id,
            project_id=one.project_id,
            kind=one.kind.value,
            at=one.at,
            until=one.until,
        )
    )
