"""What actions were to bring, and what they brought."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses

import numpy as np
import sqlalchemy as sa

from predictive_watcher.core import outcomes as outcomes_module
from predictive_watcher.state import feedback_tables
from predictive_watcher.state import schema


_EXPECTED = tuple(f.name for f in dataclasses.fields(outcomes_module.Expected))


class OutcomeBook:
    """The part of the ledger that knows what actions brought."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def expect(self, decided: Iterable[outcomes_module.Expected]) -> None:
        """Write down what is expected; of an instance of which something is
        expected already nothing is added: it is the same excess.
        """
        table = feedback_tables.outcomes
        rows = [
            {name: getattr(one, name) for name in _EXPECTED} for one in decided
        ]
        if not rows:
            return
        for row in rows:  # no database need know of infinity
            if not np.isfinite(row['limit_after']):
                row['limit_after'] = None
        now = min(row['decided_at'] for row in rows)
        query = sa.select(table.c.instance_id).where(
            table.c.settled_at.is_(None), table.c.until > now
        )
        with self._database.writing() as connection:
            waiting = set(connection.scalars(query))
            new = [row for row in rows if row['instance_id'] not in waiting]
            if new:
                connection.execute(
                    schema.insert_new(connection.dialect.name, table), new
                )

    def expected(self, until: int) -> tuple[outcomes_module.Expected, ...]:
        """Those that are not settled, and whose time has come."""
        table = feedback_tables.outcomes
        query = (
            sa.select(*(table.c[name] for name in _EXPECTED))
            .where(table.c.settled_at.is_(None), table.c.until <= until)
            .order_by(table.c.decided_at, table.c.instance_id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            outcomes_module.Expected(
                **{
                    **row,
                    'limit_after': float('inf')
                    if row['limit_after'] is None
                    else row['limit_after'],
                }
            )
            for row in rows
        )

    def keep_outcomes(
        self,
        expected: Sequence[outcomes_module.Expected],
        came: Sequence[outcomes_module.Came | None],
        now: int,
    ) -> int:
        """Write down what came, and whether the action was done, as its
        attempt tells; how many.
        """
        table, attempts = feedback_tables.outcomes, schema.attempts
        rows = [
            {
                'of': one.instance_id,
                'at_': one.decided_at,
                'peak': found.peak,
                'came_s': found.came_s,
                'left_s': found.left_s,
                'settled_at': now,
            }
            for one, found in zip(expected, came, strict=True)
            if found is not None
        ]
        if not rows:
            return 0
        done = (
            sa.select(sa.func.count())
            .select_from(attempts)
            .where(
                attempts.c.instance_id == sa.bindparam('of'),
                attempts.c.at == sa.bindparam('at_'),
                attempts.c.failed.is_(sa.false()),
            )
            .scalar_subquery()
        )
        with self._database.writing() as connection:
            connection.execute(
                sa.update(table)
                .where(
                    table.c.instance_id == sa.bindparam('of'),
                    table.c.decided_at == sa.bindparam('at_'),
                )
                .values(done=done > 0),
                rows,
            )
        return len(rows)

    def benefit_factor(self, since: int) -> float:
        """See `outcomes.benefit_factor`, from what was decided since."""
        table = feedback_tables.outcomes
        query = sa.select(
            table.c.expected_s, table.c.came_s - table.c.left_s
        ).where(table.c.decided_at >= since, table.c.settled_at.is_not(None))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        told = np.array([tuple(row) for row in rows], float).reshape(-1, 2)
        return outcomes_module.benefit_factor(told[:, 0], told[:, 1])

    def outcomes(self, since: int) -> list[dict[str, object]]:
        """All that was decided since, with what came of it."""
        table = feedback_tables.outcomes
        query = (
            sa.select(table)
            .where(table.c.decided_at >= since)
            .order_by(table.c.decided_at)
        )
        with self._database.reading() as connection:
            return [dict(r) for r in connection.execute(query).mappings()]
