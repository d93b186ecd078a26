"""The ledger: leases, and forecasts with what came of them."""

import sqlalchemy as sa

from predictive_watcher.state import brake_book
from predictive_watcher.state import claim_book
from predictive_watcher.state import done_book
from predictive_watcher.state import event_book
from predictive_watcher.state import fact_book
from predictive_watcher.state import fact_tables
from predictive_watcher.state import feedback_book
from predictive_watcher.state import feedback_tables
from predictive_watcher.state import forecast_book
from predictive_watcher.state import lease_book
from predictive_watcher.state import outcome_book
from predictive_watcher.state import schema


class Ledger(
    event_book.Reacting,
    lease_book.LeaseBook,
    forecast_book.ForecastBook,
    feedback_book.FeedbackBook,
    fact_book.FactBook,
    outcome_book.OutcomeBook,
    brake_book.BrakeBook,
    claim_book.ClaimBook,
    done_book.DoneBook,
):
    """Written by the decision engine and by the applier.

    Making one is cheap; the database is opened at first use.  Every method
    raises StateError where the database cannot be used.

    :param url: of SQLAlchemy.
    """

    def __init__(self, url: str) -> None:
        super().__init__(schema.Database(url))

    def purge(self, before: int) -> int:
        """Delete what is from before ``before``, and count it: forecasts,
        settled or not, by origin; closed leases by their end;
        events; strains that nobody has changed since; verdicts; and the
        drift that audits told of which no verdict is left.
        """
        times = (
            schema.forecasts.c.origin,
            schema.leases.c.closed_at,  # NULL while it is active
            feedback_tables.events.c.at,
            fact_tables.strains.c.at,
            fact_tables.verdicts.c.at,
        )
        drift = feedback_tables.drift
        running = sa.select(fact_tables.verdicts.c.audit)
        with self._database.writing() as connection:
            count = sum(
                connection.execute(
                    sa.delete(time.table).where(time < before)
                ).rowcount
                for time in times
            )
            gone = connection.execute(
                sa.delete(drift).where(drift.c.audit.not_in(running))
            )
            return count + gone.rowcount

    def purge_sums(self, before: int) -> int:
        """Delete the sums of days before ``before``, what was tried before,
        and what came of it and was learned from it; how many.
        """
        outcomes = feedback_tables.outcomes
        times = (
            feedback_tables.accuracy.c.day,
            feedback_tables.reliability.c.day,
            outcomes.c.decided_at,
            schema.attempts.c.at,
            fact_tables.growths.c.since,
            fact_tables.done.c.at,
        )
        with self._database.writing() as connection:
            return sum(
                connection.execute(
                    sa.delete(time.table).where(time < before)
                ).rowcount
                for time in times
            )
