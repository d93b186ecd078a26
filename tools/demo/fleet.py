"""The flavors and servers of the demonstration."""

from collections.abc import Mapping
from dataclasses import dataclass
import enum

import numpy as np


RESOURCES = ('cpu', 'memory', 'disk', 'network')
CPU, MEMORY, DISK, NETWORK = range(4)
NODE_VCPUS = 16
#: The share of a limit from which on its use counts as a violation.
CEILING = 0.9

_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """A size of a family; the family's weight says who comes first."""

    name: str
    vcpus: int
    memory_mib: int
    weight: int

    @property
    def limits(self) -> np.ndarray:
        """vCPUs, MiB, bytes/s of disk, bytes/s of network (both ways)."""
        disk = 2 * self.vcpus * _DISK_MB_PER_S * _MB
        network = 2 * self.vcpus * _NETWORK_MB_PER_S * _MB
        return np.array([self.vcpus, self.memory_mib, disk, network], float)

    @property
    def extra_specs(self) -> dict[str, str]:
        """The weight, and the limits of disk and network each way."""
        disk = str(self.vcpus * _DISK_MB_PER_S * _MB)
        network_kb = str(self.vcpus * _NETWORK_MB_PER_S * 1000)
        return {
            'predictive:weight': str(self.weight),
            'quota:disk_read_bytes_sec': disk,
            'quota:disk_write_bytes_sec': disk,
            'quota:vif_inbound_average': network_kb,
            'quota:vif_outbound_average': network_kb,
        }


#: For each vCPU and direction.
_DISK_MB_PER_S = 20
_NETWORK_MB_PER_S = 25
#: The same for all: Nova cannot make a disk smaller, so a lease of a larger
#: disk could never end.
DISK_GB = 10

WEIGHTS: Mapping[str, int] = {'bronze': 1, 'silver': 2, 'gold': 4}
_SIZES: Mapping[str, tuple[int, int]] = {
    'small': (1, 1024),
    'medium': (2, 2048),
    'large': (4, 4096),
    'xlarge': (5, 5120),
    'xxlarge': (6, 6144),
    'huge': (8, 8192),
}
FLAVORS: Mapping[str, Flavor] = {
    f'{family}.{size}': Flavor(
        name=f'{family}.{size}',
        vcpus=vcpus,
        memory_mib=memory_mib,
        weight=weight,
    )
    for family, weight in WEIGHTS.items()
    for size, (vcpus, memory_mib) in _SIZES.items()
}


class Behaviour(enum.StrEnum):
    """How a server's demand goes over the day."""

    IDLE = 'idle'
    STEADY = 'steady'
    INTERACTIVE = 'interactive'
    BATCH = 'batch'
    CPU_RUSH = 'cpu_rush'
    MEMORY_RUSH = 'memory_rush'
    SHARED_RUSH = 'shared_rush'


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server, where it begins, and how it behaves."""

    name: str
    flavor: Flavor
    node: str
    behaviour: Behaviour


def _server(name: str, flavor: str, node: str, behaviour: Behaviour) -> Server:
    return Server(
        name=name, flavor=FLAVORS[flavor], node=node, behaviour=behaviour
    )


#: On compute1, servers that will not have enough by themselves; on compute2,
#: servers that have enough, but whose node will not; on compute3, room.
SERVERS: tuple[Server, ...] = (
    _server('shop', 'gold.large', 'compute1', Behaviour.CPU_RUSH),
    _server('blog', 'bronze.large', 'compute1', Behaviour.CPU_RUSH),
    _server('cache', 'silver.medium', 'compute1', Behaviour.MEMORY_RUSH),
    _server('api-1', 'silver.large', 'compute2', Behaviour.SHARED_RUSH),
    _server('api-2', 'silver.large', 'compute2', Behaviour.SHARED_RUSH),
    _server('api-3', 'silver.large', 'compute2', Behaviour.SHARED_RUSH),
    _server('api-4', 'silver.large', 'compute2', Behaviour.SHARED_RUSH),
    _server('render', 'bronze.large', 'compute2', Behaviour.SHARED_RUSH),
    _server('database', 'gold.large', 'compute3', Behaviour.STEADY),
    _server('reports', 'bronze.large', 'compute3', Behaviour.BATCH),
    _server('wiki', 'silver.medium', 'compute3', Behaviour.INTERACTIVE),
    _server('spare', 'bronze.small', 'compute3', Behaviour.IDLE),
)
