"""What the ledger knows of how long actions took in this cloud."""

from collections.abc import Iterable
import dataclasses

import sqlalchemy as sa

from predictive_watcher.core import durations
from predictive_watcher.core import leases
from predictive_watcher.state import fact_tables
from predictive_watcher.state import schema


class DoneBook:
    """The part of the ledger that knows the history of the cloud."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def done(self, since: int) -> tuple[durations.Done, ...]:
        """What began since then (Unix seconds), oldest first."""
        table = fact_tables.done
        query = (
            sa.select(table)
            .where(table.c.at >= since)
            .order_by(table.c.at, table.c.id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            durations.Done(**{**row, 'kind': leases.Kind(row['kind'])})
            for row in rows
        )

    def keep_done(self, found: Iterable[durations.Done]) -> None:
        """Write them down, once each."""
        rows = [
            {**dataclasses.asdict(one), 'kind': one.kind.value}
            for one in found
        ]
        if not rows:
            return
        with self._database.writing() as connection:
            connection.execute(
                schema.insert_new(connection.dialect.name, fact_tables.done),
                rows,
            )
