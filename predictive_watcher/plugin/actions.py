"""The actions of a plan: each looks at the live server before it acts.

Between the audit and its action minutes or hours pass.  What does not hold
any more is no failure: the action is SKIPPED with the reason, the rest of
the plan goes on, and the next audit decides anew.  What Nova refuses or ends
in ERROR is a failure, at once and with Nova's own words.
"""

import abc
from collections.abc import Callable
from collections.abc import Mapping
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
from predictive_watcher import wiring
from predictive_watcher.cloud import nova
from predictive_watcher.core import adjustment
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
    """What both actions share: a live server, a cloud and a clock.

    A subclass may give ``cloud``, ``ledger`` and ``now`` itself, which is how
    the tests run an action without a cloud.
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
        """Where the leases are kept."""
        return wiring.ledger(cfg.CONF)

    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())

    def pre_condition(self) -> None:
        """Skip what no longer holds.

        :raises ActionSkipped: with the value that is in the way.
        :raises ActionExecutionFailure: where Nova cannot be asked.
        """
        given = self.given
        late = self.now() - given.valid_until
        if late > 0:
            raise exception.ActionSkipped(
                f'{_named(given)}: the forecast expired {late} s ago; the '
                'next audit decides anew'
            )
        why_not = self._ask(self._why_not)
        if why_not:
            raise exception.ActionSkipped(f'{_named(given)}: {why_not}')

    def _why_not(self) -> str | None:
        server = self.cloud.live(self.given.resource_id)
        if server is None:
            return 'the server is gone'
        hold = adjustment.untouchable(server)
        return hold.text if hold else self.refusal(server)

    @abc.abstractmethod
    def refusal(self, server: fleet.Instance) -> str | None:
        """Why this action does not fit the live ``server`` any more."""

    def post_condition(self) -> None:
        """Nothing: `execute` has seen the result in Nova."""

    def _ask(self, call: Callable[[], Result]) -> Result:
        """What ``call`` returns; its failure in a form that Watcher shows.

        Of an exception that is not its own Watcher keeps the class name.
        """
        try:
            return call()
        except exceptions.PredictiveWatcherError as error:
            raise exception.ActionExecutionFailure(
                message=f'{_named(self.given)}: {error}'
            ) from error


class PredictiveResize(LiveAction):
    """Resize a server for as long as a lease lasts, or back at its end."""

    input_type = action_inputs.ResizeInput

    @property
    def schema(self) -> Mapping[str, Any]:
        return action_inputs.RESIZE_SCHEMA

    def get_description(self) -> str:
        return (
            'Resizes a server before it violates a limit and opens a lease, '
            'or resizes it back to its own flavor and closes the lease.'
        )

    def refusal(self, server: fleet.Instance) -> str | None:
        given = self.given
        if server.flavor.name != given.source_flavor:
            return (
                f'its flavor is {server.flavor.name}, not '
                f'{given.source_flavor} as when this was decided'
            )
        flavor = self.cloud.flavor(given.flavor)
        if flavor is None:
            return f'flavor {given.flavor_name} ({given.flavor}) is gone'
        if flavor.disabled:
            return f'flavor {given.flavor_name} ({given.flavor}) is disabled'
        return None

    def execute(self) -> bool:
        """Resize, confirm, and write it into the ledger.

        :raises ActionExecutionFailure: where Nova refuses, or the server
            ends in ERROR or with its old flavor.
        """
        given = self.given
        lease = self._ask(self._lease)
        self._resize(given.flavor, given.flavor_name)
        self._record(given.kind, lease)
        return True

    def _resize(self, flavor_id: str, name: str) -> None:
        given = self.given
        self._ask(lambda: self.cloud.resize(given.resource_id, flavor_id))
        LOG.info('%s: resized to %s (%s)', _named(given), name, given.reason)

    def _lease(self) -> leases.Lease:
        """The lease that this resize begins or ends."""
        given = self.given
        origin = self._flavor_named(given.origin_flavor)
        return leases.Lease(
            instance_id=given.resource_id,
            instance_name=given.resource_name,
            project_id=given.project_id,
            origin_flavor_id=origin.id if origin else '',
            origin_flavor_name=given.origin_flavor,
            flavor_id=given.flavor,
            flavor_name=given.flavor_name,
            reason=given.reason,
            weight=given.weight,
            created_at=given.decided_at,
            expires_at=given.expires_at,
        )

    def _record(self, kind: str, lease: leases.Lease) -> None:
        """Open or close the lease; the resize stays done if that fails.

        The input parameters in Watcher's database hold the whole lease.
        """
        try:
            if kind == action_inputs.RELEASE:
                self.ledger.close_lease(
                    lease.instance_id, self.given.decided_at
                )
            else:
                self.ledger.open_lease(lease)
        except exceptions.PredictiveWatcherError as error:
            LOG.error(
                '%s: resized, but the ledger did not take the %s of %s: %s; '
                "mend the ledger, the parameters of this resize in Watcher's "
                'database hold what is missing',
                _named(self.given),
                kind,
                lease,
                error,
            )

    def _flavor_named(self, name: str) -> fleet.Flavor | None:
        flavors = self.cloud.load_fleet(nodes=(), scope=()).flavors
        return next((f for f in flavors if f.name == name), None)

    def revert(self) -> None:
        """Resize back, unless somebody changed the flavor meanwhile."""
        given = self.given
        server = self._ask(lambda: self.cloud.live(given.resource_id))
        source = self._ask(lambda: self._flavor_named(given.source_flavor))
        now = server.flavor.name if server else None
        if source is None or now != given.flavor_name:
            LOG.warning(
                '%s: not resized back to %s: its flavor is %s, this resize '
                'made it %s',
                _named(given),
                given.source_flavor,
                now,
                given.flavor_name,
            )
            return
        self._resize(source.id, source.name)
        if given.kind == action_inputs.LEASE:
            self._record(action_inputs.RELEASE, self._lease())

    def abort(self) -> bool:
        """Nova cannot abort a resize: it runs to its end."""
        LOG.warning('%s: a resize cannot be aborted', _named(self.given))
        return False


class PredictiveMigrate(LiveAction):
    """Live-migrate a server away from a node that is about to be short."""

    input_type = action_inputs.MigrateInput

    @property
    def schema(self) -> Mapping[str, Any]:
        return action_inputs.MIGRATE_SCHEMA

    def get_description(self) -> str:
        return (
            'Live-migrates a server before its node violates a limit, to a '
            'node that has room for what the server is about to use.'
        )

    def check_abort(self) -> bool:
        return True

    def refusal(self, server: fleet.Instance) -> str | None:
        given = self.given
        if server.node != given.source_node:
            return (
                f'it runs on {server.node}, not on {given.source_node} as '
                'when this was decided'
            )
        node = self.cloud.node(given.destination_node)
        if node is None:
            return f'destination {given.destination_node} is gone'
        if not node.enabled:
            return f'destination {given.destination_node} is disabled or down'
        return None

    def execute(self) -> bool:
        """Migrate and wait until the server runs on the destination.

        :raises ActionExecutionFailure: where Nova refuses or gives up.
        """
        self._move(self.given.destination_node)
        return True

    def revert(self) -> None:
        """Migrate back."""
        self._move(self.given.source_node)

    def _move(self, node: str) -> None:
        given = self.given
        self._ask(lambda: self.cloud.live_migrate(given.resource_id, node))
        LOG.info('%s: migrated to %s (%s)', _named(given), node, given.reason)

    def abort(self) -> bool:
        """Stop a migration that is under way; False where it was over."""
        given = self.given
        return self._ask(
            lambda: self.cloud.abort_live_migration(given.resource_id)
        )


def _named(
    given: action_inputs.ResizeInput | action_inputs.MigrateInput,
) -> str:
    return f'instance {given.resource_name} ({given.resource_id})'
