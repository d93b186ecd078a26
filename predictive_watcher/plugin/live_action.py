"""What all actions of a plan share: each looks at the live server first.

Between the audit and its action minutes or hours pass.  What does not hold
any more is no failure: the action is SKIPPED with the reason, the rest of
the plan goes on, and the next audit decides anew.  What Nova refuses or ends
in ERROR is a failure, at once and with Nova's own words.
"""

import abc
from collections.abc import Callable
import functools
import time
from typing import Any
from typing import ClassVar
from typing import TypeVar

from oslo_config import cfg
from oslo_log import log
from watcher.applier.actions import base
from watcher.common import exception
from watcher.common import nova_helper

from predictive_watcher import exceptions
from predictive_watcher import notifications
from predictive_watcher import wiring
from predictive_watcher.cloud import nova
from predictive_watcher.core import adjustment
from predictive_watcher.core import budgets
from predictive_watcher.core import claims
from predictive_watcher.core import fleet
from predictive_watcher.core import leases
from predictive_watcher.plugin import action_inputs
from predictive_watcher.state import ledger


LOG = log.getLogger(__name__)
Result = TypeVar('Result')
# how often a server that changes is looked at; Watcher's own default of 5 s
# is long for a resize that takes 4 s
_POLL_S = 2.0


class LiveAction(base.BaseAction):
    """A live server, a cloud, a ledger and a clock.

    A subclass may give ``cloud``, ``ledger``, ``publisher`` and ``now``
    itself, which is how the tests run an action without a cloud.
    """

    input_type: ClassVar[type[Any]]

    @property
    def given(self) -> Any:
        """The input parameters, typed."""
        return self.input_type(**self.input_parameters)

    @functools.cached_property
    def cloud(self) -> nova.Nova:
        """Nova, with the credentials and the patience of section [nova]."""
        own = cfg.CONF.nova
        return nova.Nova(
            nova_helper.NovaHelper().connection,
            poll_s=min(_POLL_S, own.migration_interval),
            timeout_s=own.migration_interval * own.migration_max_retries,
        )

    @functools.cached_property
    def ledger(self) -> ledger.Ledger:
        """Where leases and attempts are kept."""
        return wiring.ledger(cfg.CONF)

    @functools.cached_property
    def publisher(self) -> notifications.Publisher:
        """Where what happens is told."""
        return wiring.publisher(cfg.CONF, cfg.CONF.host)

    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())

    def pre_condition(self) -> None:
        """Skip what no longer holds.

        :raises ActionSkipped: with the value that is in the way.
        :raises ActionExecutionFailure: where Nova or the ledger cannot be
            asked.
        """
        why_not = self.ask(self._why_not)
        if why_not:
            self._give_back()
            raise exception.ActionSkipped(f'{named(self.given)}: {why_not}')

    def _why_not(self) -> str | None:
        late = self.now() - self.given.valid_until
        if late > 0:
            return (
                f'it has waited too long: the forecast expired {late} s ago; '
                'the next audit decides anew'
            )
        server = self.cloud.live(self.given.resource_id)
        if server is None:
            return 'the server is gone'
        return self.refusal(server) or self._over_budget()

    def _claim(self) -> claims.Claim | None:
        """What it takes of budgets; a confirmation takes nothing."""
        given = self.given
        if given.does is leases.Kind.CONFIRM:
            return None
        return claims.Claim(
            audit=given.audit,
            instance_id=given.resource_id,
            project_id=given.project_id,
            kind=given.does,
            at=given.decided_at,
            until=given.decided_at + budgets.HOUR_S,
            limits=given.budgets,
        )

    def _over_budget(self) -> str | None:
        """The last look, because it counts from here on."""
        mine = self._claim()
        if mine is None:
            return None
        try:
            return self.ledger.claim(mine) or None
        except exceptions.StateError as error:
            if self.given.budgets:
                raise  # nobody knows whether there is any left
            LOG.error('%s does not count: %s', named(self.given), error)
            return None

    def _give_back(self) -> None:
        """What is skipped does not count."""
        mine = self._claim()
        if mine is None:
            return
        try:
            self.ledger.give_back([mine.key])
        except exceptions.StateError as error:
            LOG.warning(
                '%s counts in budgets for a while: %s',
                named(self.given),
                error,
            )

    def refusal(self, server: fleet.Instance) -> str | None:
        """Why this action does not fit the live ``server`` any more."""
        hold = adjustment.untouchable(server)
        return hold.text if hold else self.misfit(server)

    @abc.abstractmethod
    def misfit(self, server: fleet.Instance) -> str | None:
        """Why it does not fit a ``server`` that may be touched."""

    def post_condition(self) -> None:
        """Nothing: `execute` has seen the result in Nova."""

    def ask(self, call: Callable[[], Result]) -> Result:
        """What ``call`` returns; its failure in a form that Watcher shows."""
        try:
            return call()
        except exceptions.PredictiveWatcherError as error:
            raise self.failure(error) from error

    def failure(self, error: Exception) -> exception.ActionExecutionFailure:
        """The error as one of Watcher's own: of others it keeps no text."""
        return exception.ActionExecutionFailure(
            message=f'{named(self.given)}: {error}'
        )

    def note(
        self,
        kind: leases.Kind,
        text: str,
        *,
        failed: bool,
        began_at: int | None = None,
    ) -> None:
        """Remember what was tried; the outcome does not depend on it.

        :param began_at: Unix seconds of the order, where it took until now.
        """
        given = self.given
        attempt = leases.Attempt(
            instance_id=given.resource_id,
            kind=kind,
            at=given.decided_at,
            failed=failed,
            text=text,
            project_id=given.project_id,
            duration_s=None if began_at is None else self.now() - began_at,
        )
        try:
            self.ledger.note_attempt(attempt)
        except exceptions.StateError as error:
            LOG.error('%s is not remembered: %s', attempt, error)


    def tell_of(self, lease: leases.Lease, change: str) -> None:
        """Tell at once what an audit would tell minutes later."""
        told = change in ('arrived', 'released')
        self.publisher.publish(
            notifications.Event.LEASE,
            notifications.lease(
                lease,
                change,
                audit=lease.audit,
                at=lease.since,
                flavor=lease.pending_flavor_name if told else None,
            ),
        )


def named(
    given: action_inputs.ResizeInput | action_inputs.MigrateInput,
) -> str:
    """The instance, as messages name it."""
    return f'instance {given.resource_name} ({given.resource_id})'


def other_flavor(server: fleet.Instance, expected: str) -> str | None:
    """What is said where somebody resized it; '' expects nothing."""
    if expected in ('', server.flavor.name):
        return None
    return (
        f'its flavor is {server.flavor.name}, not {expected} as when this '
        'was decided'
    )
