"""What the ledger knows of brakes that hold for longer than one audit."""

from collections.abc import Sequence
import dataclasses

import sqlalchemy as sa

from predictive_watcher.core import brakes
from predictive_watcher.state import fact_tables
from predictive_watcher.state import schema


class BrakeBook:
    """The part of the ledger that knows what stops resizes, and until when."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def outbreaks(self, now: int) -> tuple[brakes.Outbreak, ...]:
        """Those that still stop resizes, by subject."""
        table = fact_tables.outbreaks
        query = (
            sa.select(table)
            .where(table.c.until > now)
            .order_by(table.c.subject)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(brakes.Outbreak(**row) for row in rows)

    def keep_outbreaks(
        self, found: Sequence[brakes.Outbreak], now: int
    ) -> None:
        """Write them down, instead of earlier ones of the same subjects and
        of those that are over.
        """
        if not found:
            return
        table = fact_tables.outbreaks
        subjects = [one.subject for one in found]
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(table).where(
                    sa.or_(
                        table.c.until <= now, table.c.subject.in_(subjects)
                    )
                )
            )
            connection.execute(
                sa.insert(table), [dataclasses.asdict(one) for one in found]
            )
