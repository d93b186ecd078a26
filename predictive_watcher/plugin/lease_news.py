"""What an audit finds of leases: into the ledger, and to whoever listens."""

from collections.abc import Collection
from collections.abc import Iterable
from typing import Any

from oslo_log import log

from predictive_watcher import notifications
from predictive_watcher.cloud import nova
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.plugin import scope as scope_module
from predictive_watcher.state import ledger as ledger_module


LOG = log.getLogger(__name__)
DELETED = 'the server was deleted'
# An audit asks Nova for so many servers of leases that are not its own: those
# that nobody renews come first.
_OTHERS = 20


class Away:
    """Leases whose server is not where the audit looks.

    ``told`` is what became of them, for a notification.

    :param observes: the audit changes nothing.
    """

    def __init__(self, *, observes: bool) -> None:
        self._observes = observes
        self.told: tuple[dict[str, Any], ...] = ()

    def fleet(
        self,
        audit: str,
        cloud: nova.Nova,
        ledger: ledger_module.Ledger,
        scope: scope_module.Scope,
        wall: int,
    ) -> fleet_module.Fleet:
        """The fleet of the audit, with the servers that its own leases sent
        elsewhere: a resize has no target host.

        Those that were deleted lose their lease, also where the audit that
        made it is gone.
        """
        fleet = cloud.load_fleet(scope.nodes, scope.instances)
        here = {instance.id for instance in fleet.instances}
        strays, nodes = set(), set()
        for lease in _asked(ledger.active_leases(), here, audit):
            server = cloud.live(lease.instance_id)
            if server is None:
                self._end(ledger, lease, wall)
            elif lease.audit == audit:
                strays.add(server.id)
                nodes.add(server.node)
        if not strays:
            return fleet
        return cloud.load_fleet(scope.nodes | nodes, scope.instances | strays)

    def _end(
        self,
        ledger: ledger_module.Ledger,
        lease: leases_module.Lease,
        wall: int,
    ) -> None:
        """Told once: the listener may have heard of it first."""
        if self._observes:
            return
        if ledger.close_lease(lease.instance_id, wall, 'lost'):
            LOG.info(
                'instance %s is gone, its lease too', lease.instance_id
            )
            self.told += (
                notifications.lease(lease, 'lost', reason=DELETED),
            )


def _asked(
    leases: Iterable[leases_module.Lease], here: Collection[str], audit: str
) -> list[leases_module.Lease]:
    """Whose servers Nova is asked for: the own ones, and some of others."""
    away = sorted(
        (lease for lease in leases if lease.instance_id not in here),
        key=lambda lease: (lease.expires_at, lease.instance_id),
    )
    own = [lease for lease in away if lease.audit == audit]
    others = [lease for lease in away if lease.audit != audit]
    return own + others[:_OTHERS]


def keep(
    cloud: nova.Nova,
    ledger: ledger_module.Ledger,
    proposal: pipeline.Proposal,
    leases: Iterable[leases_module.Lease],
    now: int,
) -> tuple[dict[str, Any], ...]:
    """Write into the ledger what the audit found of the leases, and return
    it for a notification.
    """
    held = {lease.instance_id: lease for lease in leases}
    told = []
    for instance in sorted(proposal.leases.arrived):
        ledger.arrive(instance, now)
        lease = held[instance]
        arrived = lease.pending_flavor_name or lease.flavor_name
        told.append(notifications.lease(lease, 'arrived', flavor=arrived))
    for instance, expires_at in proposal.renewals.items():
        ledger.renew(instance, expires_at)
        told.append(
            notifications.lease(
                held[instance], 'renewed', expires_at=expires_at
            )
        )
    for instance, why in proposal.leases.lost.items():
        if _still_lost(cloud, ledger, instance):
            LOG.warning(
                'the lease of instance %s is given up: %s', instance, why
            )
            ledger.close_lease(instance, now, 'lost')
            told.append(
                notifications.lease(held[instance], 'lost', reason=why)
            )
    return tuple(told)


def _still_lost(
    cloud: nova.Nova, ledger: ledger_module.Ledger, instance: str
) -> bool:
    """Look again: an action may have ended between our two readings."""
    server = cloud.live(instance)
    held: dict[str, leases_module.Lease] = {
        lease.instance_id: lease for lease in ledger.active_leases()
    }
    lease = held.get(instance)
    if server is None or lease is None:
        return server is None
    return server.task_state is None and (
        server.flavor.name
        not in (lease.flavor_name, lease.pending_flavor_name)
        or lease.flavor_name == lease.origin_flavor_name
    )
