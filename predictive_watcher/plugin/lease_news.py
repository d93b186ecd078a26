"""What an audit finds of leases: into the ledger, and to whoever listens."""

from collections.abc import Iterable
from typing import Any

from oslo_log import log

from predictive_watcher import notifications
from predictive_watcher.cloud import nova
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.state import ledger as ledger_module


LOG = log.getLogger(__name__)


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
