"""What audits know of instances beyond their usage."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import json
from typing import Any

import sqlalchemy as sa

from predictive_watcher.core import fleet
from predictive_watcher.core import saturation
from predictive_watcher.core import weights
from predictive_watcher.state import fact_tables
from predictive_watcher.state import schema


_COMPACT = (',', ':')
_RESOURCES = tuple(resource.value for resource in fleet.RESOURCES)


class FactBook:
    """The part of the ledger that one audit leaves to the next."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def strains(self) -> dict[str, weights.Strain]:
        """The strain of each instance that was above its guideline."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(fact_tables.strains))
            return {
                row['instance_id']: weights.Strain(
                    instance_id=row['instance_id'],
                    at=row['at'],
                    share=tuple(row[name] for name in _RESOURCES),
                )
                for row in rows.mappings()
            }

    def record_strains(self, strains: Iterable[weights.Strain]) -> None:
        """Keep them instead of those of the same instances, unless those
        know a later time.
        """
        table = fact_tables.strains
        rows = [
            {
                'instance_id': one.instance_id,
                'at': one.at,
                **dict(zip(_RESOURCES, one.share, strict=True)),
            }
            for one in strains
        ]
        if not rows:
            return
        names = ('at', *_RESOURCES)
        update = (
            sa.update(table)
            .where(table.c.instance_id == sa.bindparam('_id'))
            .where(table.c.at < sa.bindparam('_at'))
            .values({name: sa.bindparam(f'_{name}') for name in names})
        )
        changes = [
            {'_id': row['instance_id'], **{f'_{n}': row[n] for n in names}}
            for row in rows
        ]
        with self._database.writing() as connection:
            connection.execute(
                schema.insert_new(connection.dialect.name, table), rows
            )
            connection.execute(update, changes)

    def growths(self) -> list[saturation.Growth]:
        """What leases have taught of saturated resources, oldest first."""
        table = fact_tables.growths
        query = sa.select(table).order_by(table.c.since, table.c.instance_id)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [saturation.Growth(**row) for row in rows]

    def record_growths(self, growths: Iterable[saturation.Growth]) -> None:
        """Keep them; what a lease has taught already stays as it is."""
        rows = [dataclasses.asdict(one) for one in growths]
        if not rows:
            return
        with self._database.writing() as connection:
            connection.execute(
                schema.insert_new(
                    connection.dialect.name, fact_tables.growths
                ),
                rows,
            )

    def is_marked(self, name: str) -> bool:
        """Whether what is done once for a ledger was done."""
        query = sa.select(fact_tables.marks.c.at).where(
            fact_tables.marks.c.name == name
        )
        with self._database.reading() as connection:
            return connection.scalar(query) is not None

    def mark(self, name: str, at: int) -> None:
        """Remember that it was."""
        with self._database.writing() as connection:
            connection.execute(
                schema.insert_new(connection.dialect.name, fact_tables.marks),
                {'name': name, 'at': at},
            )

    def record_verdicts(
        self, audit: str, verdicts: Iterable[Mapping[str, Any]], at: int
    ) -> None:
        """Keep them instead of the audit's former ones.

        :param verdicts: as `explaining.full` gives them.
        """
        table = fact_tables.verdicts
        rows = [
            {
                'instance_id': told['instance'],
                'audit': audit,
                'instance_name': told['name'],
                'at': at,
                'told': json.dumps(told, separators=_COMPACT),
            }
            for told in verdicts
        ]
        with self._database.writing() as connection:
            connection.execute(sa.delete(table).where(table.c.audit == audit))
            if rows:
                connection.execute(sa.insert(table), rows)

    def verdicts_on(self, instance: str) -> list[dict[str, Any]]:
        """The last verdict of each audit on an instance, newest first.

        :param instance: its id or its name; of a name all that have it.
        """
        table = fact_tables.verdicts
        query = (
            sa.select(table)
            .where(
                sa.or_(
                    table.c.instance_id == instance,
                    table.c.instance_name == instance,
                )
            )
            .order_by(table.c.at.desc(), table.c.instance_id, table.c.audit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            {'audit': row['audit'], 'at': row['at'], **json.loads(row['told'])}
            for row in rows
        ]
