"""Nova's and Placement's JSON → ours, once, at the door."""

from collections.abc import Iterable
from collections.abc import Mapping
import datetime
from typing import Any

from predictive_watcher.core import fleet
from predictive_watcher.core import quotas


def flavor(data: Mapping[str, Any]) -> fleet.Flavor:
    """An entry of GET /flavors/detail."""
    return fleet.Flavor(
        id=data['id'],
        name=data['name'],
        vcpus=data['vcpus'],
        memory_mib=data['ram'],
        disk_gib=data['disk'],
        ephemeral_gib=data['OS-FLV-EXT-DATA:ephemeral'],
        swap_mib=data['swap'] or 0,  # '' before microversion 2.75
        disabled=data['OS-FLV-DISABLED:disabled'],
        public=data['os-flavor-access:is_public'],
        extra_specs=data['extra_specs'],
    )


def own_flavor(
    data: Mapping[str, Any], ids: Mapping[str, str]
) -> fleet.Flavor:
    """A server's own copy; the id is that of the flavor with its name today,
    '' where there is none any more.
    """
    name = data['original_name']
    return fleet.Flavor(
        id=ids.get(name, ''),
        name=name,
        vcpus=data['vcpus'],
        memory_mib=data['ram'],
        disk_gib=data['disk'],
        ephemeral_gib=data['ephemeral'],
        swap_mib=data['swap'] or 0,
        # a policy may hide extra specs: then they are not there at all
        extra_specs=data.get('extra_specs', {}),
    )


def instance(
    data: Mapping[str, Any], ids: Mapping[str, str]
) -> fleet.Instance:
    """An entry of GET /servers/detail; ``ids`` maps flavor names to ids.

    A server that is on no host (shelved, or never placed) has the node ''.
    """
    created = datetime.datetime.fromisoformat(
        data['created'].replace('Z', '+00:00')
    )
    return fleet.Instance(
        id=data['id'],
        name=data['name'],
        project_id=data['tenant_id'],
        flavor=own_flavor(data['flavor'], ids),
        node=data['OS-EXT-SRV-ATTR:host'] or '',
        status=data['status'],
        task_state=data['OS-EXT-STS:task_state'],
        locked=data['locked'],
        metadata=data['metadata'],
        availability_zone=data['OS-EXT-AZ:availability_zone'] or None,
        created_at=int(created.timestamp()),
        user_id=data['user_id'],
        # '' where it boots from a volume
        image=(data.get('image') or {}).get('id', ''),
    )


def node(
    hypervisor: Mapping[str, Any],
    inventories: Mapping[str, Any],
    zones: Mapping[str, str],
    aggregates: Mapping[str, frozenset[str]],
    metadata: Mapping[str, Mapping[str, frozenset[str]]],
) -> fleet.Node:
    """An entry of GET /os-hypervisors/detail and its inventories.

    ``zones``, ``aggregates`` and their ``metadata`` are those of each host.

    Where Placement has no inventory the scheduler places nothing, so the
    node counts as disabled.
    """
    host = hypervisor['service']['host']
    cpu = _inventory(inventories, 'VCPU', 'PCPU', hypervisor['vcpus'])
    memory = _inventory(
        inventories, 'MEMORY_MB', None, hypervisor['memory_mb']
    )
    disk = _inventory(inventories, 'DISK_GB', None, hypervisor['local_gb'])
    up = hypervisor['status'] == 'enabled' and hypervisor['state'] == 'up'
    return fleet.Node(
        name=host,
        vcpus=cpu[0],
        vcpus_reserved=cpu[1],
        cpu_ratio=cpu[2],
        memory_mib=memory[0],
        memory_reserved_mib=memory[1],
        memory_ratio=memory[2],
        disk_gib=disk[0],
        disk_reserved_gib=disk[1],
        disk_ratio=disk[2],
        enabled=up and 'MEMORY_MB' in inventories,
        availability_zone=zones.get(host),
        aggregates=aggregates.get(host, frozenset()),
        aggregate_metadata=metadata.get(host, {}),
    )


def _inventory(
    inventories: Mapping[str, Any],
    name: str,
    other: str | None,
    otherwise: int,
) -> tuple[int, int, float]:
    """(total, reserved, ratio); what the hypervisor says where there is
    none, as with disk on shared storage.
    """
    found = inventories.get(name) or inventories.get(other or '')
    if found is None:
        return int(otherwise), 0, 1.0
    return (
        int(found['total']),
        int(found['reserved']),
        float(found['allocation_ratio']),
    )


def aggregates(
    listed: Iterable[Mapping[str, Any]],
) -> dict[str, frozenset[str]]:
    """The entries of GET /os-aggregates: names by host."""
    names: dict[str, set[str]] = {}
    for data in listed:
        for host in data['hosts']:
            names.setdefault(host, set()).add(data['name'])
    return {host: frozenset(found) for host, found in names.items()}


def aggregate_metadata(
    listed: Iterable[Mapping[str, Any]],
) -> dict[str, dict[str, frozenset[str]]]:
    """The same entries: the values of their metadata, by host and key.

    One value may be a list with commas, to Nova's scheduler.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for data in listed:
        for host in data['hosts']:
            own = found.setdefault(host, {})
            for key, value in data.get('metadata', {}).items():
                values = (one.strip() for one in value.split(','))
                own.setdefault(key, set()).update(values)
    return {
        host: {key: frozenset(values) for key, values in own.items()}
        for host, own in found.items()
    }


def group(data: Mapping[str, Any]) -> fleet.ServerGroup:
    """An entry of GET /os-server-groups."""
    return fleet.ServerGroup(
        id=data['id'],
        policy=data['policy'],
        members=frozenset(data['members']),
    )


def quota(data: Mapping[str, Any]) -> quotas.Quota:
    """The absolute limits of GET /limits; -1 is none."""

    def left(limit: str, used: str) -> float:
        most = data[limit]
        return float('inf') if most < 0 else float(most - data[used])

    return quotas.Quota(
        vcpus=left('maxTotalCores', 'totalCoresUsed'),
        memory_mib=left('maxTotalRAMSize', 'totalRAMUsed'),
    )
