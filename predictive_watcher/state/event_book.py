"""What Nova and Watcher told, and what follows from it at once."""

from collections.abc import Iterable

import sqlalchemy as sa

from predictive_watcher.core import events as events_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.state import feedback_tables
from predictive_watcher.state import lease_book
from predictive_watcher.state import schema


# What the parameter ``kind`` of an action says; a migration has none.
_KINDS = {
    'lease': leases_module.Kind.RESIZE,
    'release': leases_module.Kind.RELEASE,
    'confirm': leases_module.Kind.CONFIRM,
}
LEASE_ENDED = 'its lease ended'


class EventBook:
    """The part of the ledger that knows of notifications."""

    def __init__(self, database: schema.Database) -> None:
        self._database = database

    def note_event(self, told: events_module.Occurrence) -> bool:
        """Write down what was told; False where it was told before."""
        table = feedback_tables.events
        with self._database.writing() as connection:
            # not the count of rows: some drivers count an ignored one
            there = connection.scalar(
                sa.select(table.c.id).where(
                    table.c.message_id == told.message_id
                )
            )
            connection.execute(
                schema.insert_new(connection.dialect.name, table),
                {
                    'at': told.at,
                    'event': told.event,
                    'instance_id': told.instance_id,
                    'message_id': told.message_id,
                    'state': told.state[:32],
                    'text': told.text,
                },
            )
        return there is None

    def renewed(self, since: int) -> frozenset[str]:
        """Ids of instances that got another flavor or image since then."""
        table = feedback_tables.events
        kinds = [
            event
            for event, effect in events_module.EFFECTS.items()
            if effect is events_module.Effect.RENEWED
        ]
        query = sa.select(table.c.instance_id).where(
            table.c.at >= since, table.c.event.in_(kinds)
        )
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query).all())

    def forget(self, instance_ids: Iterable[str]) -> None:
        """Deleted instances: forecasts that wait for them, and drift, go."""
        ids = [{'i': instance} for instance in instance_ids]
        if not ids:
            return
        waiting, drift = schema.forecasts, feedback_tables.drift
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(waiting).where(
                    waiting.c.instance_id == sa.bindparam('i'),
                    waiting.c.settled_at.is_(None),
                ),
                ids,
            )
            connection.execute(
                sa.delete(drift).where(
                    drift.c.instance_id == sa.bindparam('i')
                ),
                ids,
            )

    def attempted(self, instance_id: str, at: int) -> bool:
        """Whether an action of that decision has told its outcome itself."""
        table = schema.attempts
        query = sa.select(table.c.id).where(
            table.c.instance_id == instance_id, table.c.at == at
        )
        with self._database.reading() as connection:
            return connection.scalar(query) is not None


class Reacting(EventBook, lease_book.LeaseBook):
    """What follows from a notification, at once; an audit would find the
    same later.
    """

    def take(self, told: events_module.Occurrence) -> str:
        """Write a notification down and do what follows from it.

        :returns: what was done, for the log; empty: nothing.
        :raises StateError: where the ledger cannot be used.
        """
        if not self.note_event(told):
            return ''
        match told.effect:
            case events_module.Effect.GONE:
                return self._gone(told)
            case events_module.Effect.ACTION:
                return self._ended(told)
            case events_module.Effect.RENEWED:
                return 'its calibration will hasten'
            case _:
                return ''

    def _gone(self, told: events_module.Occurrence) -> str:
        instance = str(told.instance_id)
        self.forget([instance])
        had_lease = self.close_lease(instance, told.at, lease_book.LOST)
        return LEASE_ENDED if had_lease else 'it is forgotten'

    def _ended(self, told: events_module.Occurrence) -> str:
        """An action that failed without having said so itself: its process
        died, or the ledger could not be reached.
        """
        decided_at = told.inputs.get('decided_at')
        if (
            told.state != 'FAILED'
            or told.instance_id is None
            or not isinstance(decided_at, int)
            or self.attempted(told.instance_id, decided_at)
        ):
            return ''
        kind = _KINDS.get(
            str(told.inputs.get('kind')), leases_module.Kind.MIGRATE
        )
        self.note_attempt(
            leases_module.Attempt(
                instance_id=told.instance_id,
                kind=kind,
                at=decided_at,
                failed=True,
                text=told.text,
            )
        )
        return 'its failure is noted'
