"""Small fleets for tests, in the words of the core."""

from collections.abc import Mapping

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import leases
from predictive_watcher.core import usage


NOW = 1_700_000_100
STEP_S = 300
AUDIT = 'aaaaaaaa-0000-4000-8000-000000000000'


def flavor(
    name: str,
    vcpus: int,
    memory_gib: int,
    *,
    weight: str | None = None,
    disk_gib: int = 10,
    disabled: bool = False,
    **specs: str,
) -> fleet.Flavor:
    """A flavor whose id is ``id-NAME``; specs in Python's spelling:
    ``hw__cpu_policy`` is ``hw:cpu_policy``.
    """
    extra = {key.replace('__', ':'): value for key, value in specs.items()}
    if weight is not None:
        extra[fleet.WEIGHT_SPEC] = weight
    return fleet.Flavor(
        id=f'id-{name}',
        name=name,
        vcpus=vcpus,
        memory_mib=1024 * memory_gib,
        disk_gib=disk_gib,
        disabled=disabled,
        extra_specs=extra,
    )


SMALL = flavor('small', 2, 4)
MEDIUM = flavor('medium', 4, 8)
LARGE = flavor('large', 8, 16)
FLAVORS = (SMALL, MEDIUM, LARGE)


def instance(name: str, node: str = 'n1', **other: object) -> fleet.Instance:
    """An active instance with the flavor SMALL unless said otherwise."""
    values: dict[str, object] = {
        'id': name,
        'name': name,
        'project_id': 'p',
        'flavor': SMALL,
        'node': node,
    }
    return fleet.Instance(**{**values, **other})  # type: ignore[arg-type]


def node(name: str, vcpus: int = 16, **other: object) -> fleet.Node:
    """A node with four times its vCPUs to promise."""
    values: dict[str, object] = {
        'name': name,
        'vcpus': vcpus,
        'memory_mib': 65536,
        'disk_gib': 1000,
        'cpu_ratio': 4.0,
    }
    return fleet.Node(**{**values, **other})  # type: ignore[arg-type]


def a_fleet(
    *instances: fleet.Instance,
    nodes: tuple[fleet.Node, ...] | None = None,
    flavors: tuple[fleet.Flavor, ...] = FLAVORS,
    groups: tuple[fleet.ServerGroup, ...] = (),
) -> fleet.Fleet:
    """A fleet with everything in scope, on two nodes by default."""
    return fleet.Fleet(
        instances=instances,
        nodes=(node('n1'), node('n2')) if nodes is None else nodes,
        flavors=flavors,
        scope=frozenset(i.id for i in instances),
        groups=groups,
    )


def window(
    fleet_: fleet.Fleet,
    used: Mapping[str, float] | None = None,
    *,
    steps: int = 12,
    end: int = NOW,
) -> usage.UsageWindow:
    """Steady usage: the given vCPUs, 1 GiB of memory, some I/O."""
    values = np.zeros((len(fleet_.instances), steps, 4), np.float32)
    for row, one in enumerate(fleet_.instances):
        cpu = (used or {}).get(one.id, 0.5)
        values[row] = (cpu, 1024, 1e6, 1e6)
    return usage.UsageWindow(
        instances=tuple(one.id for one in fleet_.instances),
        start=end - (steps - 1) * STEP_S,
        step_s=STEP_S,
        usage=values,
    )


def lease(instance_id: str, **other: object) -> leases.Lease:
    """A lease of MEDIUM over SMALL that is an hour from its end."""
    values: dict[str, object] = {
        'instance_id': instance_id,
        'instance_name': instance_id,
        'project_id': 'p',
        'audit': AUDIT,
        'origin_flavor_name': SMALL.name,
        'flavor_name': MEDIUM.name,
        'pending_flavor_name': None,
        'reason': 'test',
        'since': NOW - 1800,
        'expires_at': NOW + 3600,
    }
    return leases.Lease(**{**values, **other})  # type: ignore[arg-type]
