"""What the ledger knows of how good forecasts are, and of drift."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from predictive_watcher.state import feedback_tables
from predictive_watcher.state import schema
from predictive_watcher.state import sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A drift that is going on; ``step`` names a `drift.Step`."""

    instance_id: str
    resource: str
    audit: str
    step: str
    since: int
    missed: float | None
    ratio: float | None
    text: str


class FeedbackBook:
    """The part of the ledger that knows how good forecasts are."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def accuracy(
        self,
        since: int,
        by: Iterable[str] = ('resource', 'target'),
        **only: str,
    ) -> dict[tuple[str, ...], sums.Accuracy]:
        """How good forecasts were since a day, grouped by columns.

        :param by: among ``instance_id``, ``resource``, ``target``,
            ``segment``.
        :param only: values of these columns.
        """
        table = feedback_tables.accuracy
        keys = [table.c[name] for name in by]
        query = (
            sa.select(
                *keys,
                *(
                    sa.func.sum(table.c[name]).label(name)
                    for name in feedback_tables.ACCURACY_SUMS
                ),
            )
            .where(
                table.c.day >= since,
                *(table.c[name] == value for name, value in only.items()),
            )
            .group_by(*keys)
            .order_by(*keys)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {
            tuple(row[key.name] for key in keys): sums.accuracy_of(dict(row))
            for row in rows
        }

    def reliability(self, since: int, **only: str) -> list[dict[str, float]]:
        """By tenths of the risk: how often it was said, its mean, and how
        often the ceiling was passed.
        """
        table = feedback_tables.reliability
        query = (
            sa.select(
                table.c.bin,
                *(
                    sa.func.sum(table.c[name]).label(name)
                    for name in feedback_tables.RELIABILITY_SUMS
                ),
            )
            .where(
                table.c.day >= since,
                *(table.c[name] == value for name, value in only.items()),
            )
            .group_by(table.c.bin)
            .order_by(table.c.bin)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            {
                'from': row['bin'] / sums.BINS,
                'n': row['n'],
                'risk': row['expected'] / row['n'],
                'came': row['came'] / row['n'],
            }
            for row in rows
        ]

    def drifts(self) -> tuple[Drift, ...]:
        """Those that are going on, by instance."""
        table = feedback_tables.drift
        query = sa.select(table).order_by(
            table.c.instance_id, table.c.resource
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(Drift(**dict(row)) for row in rows)

    def keep_drifts(
        self, going_on: Iterable[Drift], over: Iterable[tuple[str, str]]
    ) -> None:
        """Write down those that changed.

        :param over: instance and resource of those that are no more.
        """
        table = feedback_tables.drift
        rows = [_row(one) for one in going_on]
        ended = [{'i': i, 'r': r} for i, r in over]
        ended += [
            {'i': row['instance_id'], 'r': row['resource']} for row in rows
        ]
        if not ended:
            return
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(table).where(
                    table.c.instance_id == sa.bindparam('i'),
                    table.c.resource == sa.bindparam('r'),
                ),
                ended,
            )
            if rows:
                connection.execute(sa.insert(table), rows)


def _row(one: Drift) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Drift.__slots__}
