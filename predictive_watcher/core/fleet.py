"""The fleet: instances, the flavors that limit them, and their nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import enum
import math

import numpy as np

from predictive_watcher import exceptions


class Resource(enum.StrEnum):
    """What an instance uses: cpu (vCPUs), memory (MiB), disk and network
    (bytes/s, both directions added).
    """

    CPU = 'cpu'
    MEMORY = 'memory'
    DISK = 'disk'
    NETWORK = 'network'


RESOURCES: tuple[Resource, ...] = tuple(Resource)
UNITS: Mapping[Resource, str] = {
    Resource.CPU: 'vCPUs',
    Resource.MEMORY: 'MiB',
    Resource.DISK: 'B/s',
    Resource.NETWORK: 'B/s',
}
DEFAULT_WEIGHT = 1.0
WEIGHT_SPEC = 'predictive:weight'
WEIGHT_SPECS: Mapping[Resource, str] = {
    resource: f'{WEIGHT_SPEC}_{resource.value}' for resource in RESOURCES
}
FAMILY_SPEC = 'predictive:family'
_KILOBYTE = 1000.0  # libvirt's <bandwidth> counts in kilobytes


def _number(specs: Mapping[str, str], key: str) -> float | None:
    """The finite, positive number under ``key``; None where it is unset.

    Nova takes 0 and negative quotas as "unlimited", and so do we.
    """
    text = specs.get(key)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        raise exceptions.InvalidExtraSpec(
            f'extra spec {key}={text!r} is not a number; '
            f'mend it with "openstack flavor set --property {key}=NUMBER"'
        ) from None
    return value if math.isfinite(value) and value > 0 else None


def _both_ways(
    specs: Mapping[str, str], one: str, other: str, factor: float = 1.0
) -> float:
    """The sum of two one-way quotas; NaN unless both are set."""
    a, b = _number(specs, one), _number(specs, other)
    return float('nan') if a is None or b is None else (a + b) * factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """What a server may use: Nova's flavor, or a server's own copy of it.

    One that is not ``public`` may be used by ``projects`` only.
    """

    id: str
    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    ephemeral_gib: int = 0
    swap_mib: int = 0
    disabled: bool = False
    public: bool = True
    projects: frozenset[str] = frozenset()
    extra_specs: Mapping[str, str] = field(default_factory=dict)

    def limits(self) -> np.ndarray:
        """Limits by resource, in the order and units of `RESOURCES`.

        NaN where nothing limits the use (disk and network without a quota).

        :raises InvalidExtraSpec: where a quota is not a number.

        >>> Flavor(
        ...     id='1',
        ...     name='m',
        ...     vcpus=2,
        ...     memory_mib=512,
        ...     disk_gib=1,
        ...     extra_specs={'quota:disk_total_bytes_sec': '1000000'},
        ... ).limits().tolist()
        [2.0, 512.0, 1000000.0, nan]
        """
        specs = self.extra_specs
        quota = _number(specs, 'quota:cpu_quota')
        period = _number(specs, 'quota:cpu_period') or 100_000.0
        # quota and period hold for each vCPU (Nova, "CPU limits")
        share = 1.0 if quota is None else min(1.0, quota / period)
        total = _number(specs, 'quota:disk_total_bytes_sec')
        disk = (
            total
            if total is not None
            else _both_ways(
                specs,
                'quota:disk_read_bytes_sec',
                'quota:disk_write_bytes_sec',
            )
        )
        network = _both_ways(
            specs,
            'quota:vif_inbound_average',
            'quota:vif_outbound_average',
            _KILOBYTE,
        )
        return np.array(
            [self.vcpus * share, float(self.memory_mib), disk, network]
        )

    def weight(self) -> float:
        """The base weight of all resources that have none of their own.

        :raises InvalidExtraSpec: where it is not a positive finite number.
        """
        return self._weight(WEIGHT_SPEC, DEFAULT_WEIGHT)

    def weights(self) -> np.ndarray:
        """The base weights by resource; 1 where the flavor has none.

        That of a resource counts before that of all.

        :raises InvalidExtraSpec: where one is not a positive finite number.

        >>> Flavor(
        ...     id='1',
        ...     name='m',
        ...     vcpus=2,
        ...     memory_mib=512,
        ...     disk_gib=1,
        ...     extra_specs={
        ...         'predictive:weight': '2',
        ...         'predictive:weight_cpu': '4',
        ...     },
        ... ).weights().tolist()
        [4.0, 2.0, 2.0, 2.0]
        """
        general = self.weight()
        return np.array(
            [self._weight(WEIGHT_SPECS[one], general) for one in RESOURCES]
        )

    def _weight(self, key: str, otherwise: float) -> float:
        text = self.extra_specs.get(key)
        if text is None:
            return otherwise
        try:
            value = float(text)
        except ValueError:
            value = float('nan')
        if not (np.isfinite(value) and value > 0):
            raise exceptions.InvalidExtraSpec(
                f'flavor {self.name}: extra spec {key}={text!r} is '
                'not a positive number; mend it with "openstack flavor set '
                f'--property {key}=NUMBER {self.name}"'
            )
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A server as Nova showed it when the audit began.

    ``flavor`` is the server's own copy, which may differ from the flavor of
    that name today.  ``node`` is the host name of its hypervisor.  ``image``
    is the id of what its disk was made from, '' where that is a volume.
    ``created_at`` is 0 where its age is not known.
    """

    id: str
    name: str
    project_id: str
    flavor: Flavor
    node: str
    status: str = 'ACTIVE'
    task_state: str | None = None
    locked: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    availability_zone: str | None = None
    created_at: int = 0
    user_id: str = ''
    image: str = ''


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A compute host; amounts are physical, ratios are Placement's.

    ``aggregates`` are the names of the host aggregates that it is in,
    ``aggregate_metadata`` the values that these have, by key.
    """

    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    vcpus_reserved: int = 0
    memory_reserved_mib: int = 0
    disk_reserved_gib: int = 0
    cpu_ratio: float = 1.0
    memory_ratio: float = 1.0
    disk_ratio: float = 1.0
    enabled: bool = True
    availability_zone: str | None = None
    aggregates: frozenset[str] = frozenset()
    aggregate_metadata: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )

    def capacity(self) -> np.ndarray:
        """What instances can use at once, by resource; NaN where unknown.

        What is reserved belongs to the host itself.
        """
        nan = float('nan')
        vcpus = float(self.vcpus - self.vcpus_reserved)
        memory_mib = float(self.memory_mib - self.memory_reserved_mib)
        return np.array([vcpus, memory_mib, nan, nan])

    def allocatable(self) -> np.ndarray:
        """What may be promised: vCPUs, memory (MiB), disk (GiB)."""
        return np.array(
            [
                (self.vcpus - self.vcpus_reserved) * self.cpu_ratio,
                (self.memory_mib - self.memory_reserved_mib)
                * self.memory_ratio,
                (self.disk_gib - self.disk_reserved_gib) * self.disk_ratio,
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerGroup:
    """Servers that the scheduler keeps together or apart."""

    id: str
    policy: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All that an audit may see: its scope, and what lives beside it.

    ``instances`` holds every server on ``nodes``, because they share the
    capacity; only those in ``scope`` (instance ids) may be touched.
    """

    instances: tuple[Instance, ...]
    nodes: tuple[Node, ...]
    flavors: tuple[Flavor, ...]
    scope: frozenset[str]
    groups: tuple[ServerGroup, ...] = ()
