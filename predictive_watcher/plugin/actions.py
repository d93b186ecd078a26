"""The actions of a plan: resize for a time, and live-migrate."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import leases
from predictive_watcher.core import origins
from predictive_watcher.plugin import action_inputs
from predictive_watcher.plugin import live_action
from predictive_watcher.plugin.live_action import named


LOG = log.getLogger(__name__)


class PredictiveResize(live_action.LiveAction):
    """Resize a server for as long as a lease lasts, or back at its end.

    The ledger knows of a resize before Nova does: whatever ends this process
    or outlives its patience, the next audit finds the lease, looks at the
    server, and sees what came.
    """

    input_type = action_inputs.ResizeInput

    @property
    def schema(self) -> Mapping[str, Any]:
        return action_inputs.RESIZE_SCHEMA

    def get_description(self) -> str:
        return (
            'Resizes a server before it violates a limit and opens a lease, '
            'or resizes it back to its own flavor and closes the lease, or '
            'confirms such a resize that took too long.'
        )

    def refusal(self, server: fleet.Instance) -> str | None:
        given = self.given
        if given.kind != action_inputs.CONFIRM:
            return super().refusal(server)
        if _is_idle(server, given.flavor_name):
            return 'it is confirmed already'
        if server.status != 'VERIFY_RESIZE':
            return f'status is {server.status!r}, VERIFY_RESIZE is needed'
        # that it waits for this confirmation must not keep it from it
        return super().refusal(replace(server, status='ACTIVE'))

    def misfit(self, server: fleet.Instance) -> str | None:
        given = self.given
        confirms = given.kind == action_inputs.CONFIRM
        expected = given.flavor_name if confirms else given.source_flavor
        other = live_action.other_flavor(server, expected)
        if other or confirms:
            return other
        before = origins.Before()  # of the way there, only disks count
        if given.kind == action_inputs.RELEASE:
            before = origins.Before.by_lease(self._lease('', ''))
        flavor = self.cloud.flavor(given.flavor)
        why_not = origins.no_way_back(flavor, server.flavor, before)
        if not why_not:
            return None
        return f'flavor {given.flavor_name} ({given.flavor}) {why_not}'

    def execute(self) -> bool:
        """Write the lease down, then resize and confirm.

        :raises ActionExecutionFailure: where the ledger cannot be written
            (then nothing is resized), Nova refuses, or the server ends in
            ERROR or with its old flavor.
        """
        given = self.given
        server = given.resource_id
        self._change(
            given.does,
            given.source_flavor,
            given.flavor_name,
            lambda: (
                self.cloud.confirm(server)
                if given.kind == action_inputs.CONFIRM
                else self.cloud.resize(server, given.flavor)
            ),
        )
        self._leave_unfit_node()
        return True

    def _leave_unfit_node(self) -> None:
        """Go on to the fit node where Nova chose one that would be short.

        The resize is done, whatever comes of this; what is left undone the
        next audit sees as a node at risk.
        """
        given = self.given
        try:
            server = self.cloud.live(given.resource_id)
            if server is None or server.node not in given.unfit_nodes:
                return
            self.cloud.live_migrate(given.resource_id, given.fit_node)
        except exceptions.CloudError as error:
            LOG.warning(
                '%s: it stays where Nova put it, which is about to be short, '
                'and not on %s: %s',
                named(given),
                given.fit_node,
                error,
            )
            return
        LOG.info(
            '%s: Nova put it on %s, which was about to be short; migrated to '
            '%s', named(given), server.node, given.fit_node,
        )  # fmt: skip

    def _change(
        self,
        kind: leases.Kind,
        old: str,
        new: str,
        order: Callable[[], object],
    ) -> None:
        """Let ``order`` make flavor ``new`` of ``old``, with its lease."""
        given = self.given
        lease = self._lease(old, new)
        self.ask(lambda: self.ledger.begin(lease))
        self.tell_of(lease, 'ordered')
        began_at = self.now()
        try:
            order()
        except exceptions.CloudError as error:
            if self._is_as_before(old):
                self._tell(self.ledger.withdraw)
                self.tell_of(lease, 'withdrawn')
            self.note(kind, str(error), failed=True)
            raise self.failure(error) from error
        LOG.info('%s: resized to %s (%s)', named(given), new, given.reason)
        self._tell(self.ledger.arrive)
        home = new == given.origin_flavor
        self.tell_of(lease, 'released' if home else 'arrived')
        text = f'resized from {old} to {new}'
        self.note(kind, text, failed=False, began_at=began_at)

    def _lease(self, old: str, new: str) -> leases.Lease:
        given = self.given
        return leases.Lease(
            instance_id=given.resource_id,
            instance_name=given.resource_name,
            project_id=given.project_id,
            audit=given.audit,
            origin_flavor_name=given.origin_flavor,
            flavor_name=old,
            pending_flavor_name=new,
            reason=given.reason,
            since=given.decided_at,
            expires_at=given.expires_at,
            origin_vcpus=given.origin_vcpus or None,
            origin_memory_mib=given.origin_memory_mib or None,
            origin_specs=given.origin_specs,
        )

    def _is_as_before(self, flavor: str) -> bool:
        """Whether the server shows that nothing came of the order."""
        try:
            server = self.cloud.live(self.given.resource_id)
        except exceptions.CloudError:
            return False  # nobody knows: the next audit sees
        return server is not None and _is_idle(server, flavor)

    def _tell(self, ending: Callable[[str, int], None]) -> None:
        """Write down what came; the next audit does it where this fails."""
        given = self.given
        try:
            ending(given.resource_id, given.decided_at)
        except exceptions.StateError as error:
            LOG.error(
                '%s: what came of the resize is not in the ledger, the next '
                'audit looks at the server: %s',
                named(given),
                error,
            )

    def revert(self) -> None:
        """Resize back, unless somebody changed the server meanwhile."""
        given = self.given
        server = self.ask(lambda: self.cloud.live(given.resource_id))
        flavor = self.ask(lambda: self.cloud.flavor_named(given.source_flavor))
        if (
            server is None
            or flavor is None
            or not _is_idle(server, given.flavor_name)
        ):
            LOG.warning(
                '%s: not resized back to %s: it is %s with flavor %s, this '
                'resize made it %s',
                named(given),
                given.source_flavor,
                server.status if server else 'gone',
                server.flavor.name if server else None,
                given.flavor_name,
            )
            return
        # what was ordered has come, also where the wait for it was too short
        self.ask(
            lambda: self.ledger.arrive(given.resource_id, given.decided_at)
        )
        back = given.source_flavor == given.origin_flavor
        self._change(
            leases.Kind.RELEASE if back else leases.Kind.RESIZE,
            given.flavor_name,
            given.source_flavor,
            lambda: self.cloud.resize(given.resource_id, flavor.id),
        )

    def abort(self) -> bool:
        """Nova cannot abort a resize: it runs to its end."""
        LOG.warning('%s: a resize cannot be aborted', named(self.given))
        return False


def _is_idle(server: fleet.Instance, flavor: str) -> bool:
    """Whether it just runs, with this flavor."""
    return (server.status, server.task_state, server.flavor.name) == (
        'ACTIVE',
        None,
        flavor,
    )


class PredictiveMigrate(live_action.LiveAction):
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

    def misfit(self, server: fleet.Instance) -> str | None:
        given = self.given
        if server.node != given.source_node:
            return (
                f'it runs on {server.node}, not on {given.source_node} as '
                'when this was decided'
            )
        if other := live_action.other_flavor(server, given.server_flavor):
            return other
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
        given, kind, began_at = self.given, leases.Kind.MIGRATE, self.now()
        try:
            self.cloud.live_migrate(given.resource_id, node)
        except exceptions.CloudError as error:
            self.note(kind, str(error), failed=True)
            raise self.failure(error) from error
        LOG.info('%s: migrated to %s (%s)', named(given), node, given.reason)
        text = f'migrated to {node}'
        self.note(kind, text, failed=False, began_at=began_at)

    def abort(self) -> bool:
        """Stop a migration that is under way; False where it was over."""
        given = self.given
        return self.ask(
            lambda: self.cloud.abort_live_migration(given.resource_id)
        )
