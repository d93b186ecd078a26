"""What the ledger knows of brakes: what holds for longer than one audit."""

from collections.abc import Sequence
import dataclasses

import sqlalchemy as sa

from predictive_watcher.core import brakes
from predictive_watcher.state import fact_tables
from predictive_watcher.state import schema


# Before the audit's uuid: what concerns the fleet of one audit, which may be
# a part of the cloud.  No node has such a name.
_FLEET_OF = '/'


class BrakeBook:
    """The part of the ledger that one audit leaves to the plans of others."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def outbreaks(self, now: int, audit: str) -> tuple[brakes.Outbreak, ...]:
        """Those that still stop resizes, by subject: of any node, and of the
        fleet of this audit.
        """
        table, fleet = fact_tables.outbreaks, _FLEET_OF + audit
        query = (
            sa.select(table)
            .where(
                table.c.until > now,
                sa.or_(
                    table.c.subject == fleet,
                    sa.not_(table.c.subject.startswith(_FLEET_OF)),
                ),
            )
            .order_by(table.c.subject)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            brakes.Outbreak(
                **{**row, 'subject': row['subject'].removeprefix(fleet)}
            )
            for row in rows
        )

    def keep_outbreaks(
        self, found: Sequence[brakes.Outbreak], now: int, audit: str
    ) -> None:
        """Write them down, instead of earlier ones of the same subjects and
        of those that are over.
        """
        if not found:
            return
        table = fact_tables.outbreaks
        rows = [
            {
                **dataclasses.asdict(one),
                'subject': one.subject or _FLEET_OF + audit,
            }
            for one in found
        ]
        subjects = [row['subject'] for row in rows]
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(table).where(
                    sa.or_(
                        table.c.until <= now, table.c.subject.in_(subjects)
                    )
                )
            )
            connection.execute(sa.insert(table), rows)
