"""What is there before the story begins: flavors, servers, a day of load."""

from dataclasses import dataclass
from typing import Any

from minicloud.errors import MiniCloudError
from minicloud.progress import wait_for

from demo.fleet import DISK_GB
from demo.fleet import Flavor
from demo.fleet import FLAVORS
from demo.fleet import Server
from demo.openstack import Clients
from demo.openstack import Operator
from demo.openstack import Seen


_IMAGE_BYTES = 1 << 20
_PATIENCE_S = 120.0
_SHOWN = 'gold.large'


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Ids of what was created, by name."""

    flavors: dict[str, str]
    servers: dict[str, Seen]


def build(
    operator: Operator, clients: Clients, servers: tuple[Server, ...]
) -> Stage:
    """Create everything and wait until the servers run."""
    flavors = {
        flavor.name: _create_flavor(operator, clients, flavor)
        for flavor in FLAVORS.values()
    }
    image = _create_image(clients)
    for server in servers:
        _boot(clients, server, image, flavors[server.flavor.name])
    wait_for(
        lambda: _all_active(clients, len(servers)),
        f'{len(servers)} servers',
        within_s=_PATIENCE_S,
        every_s=0.5,
    )
    return Stage(flavors=flavors, servers=clients.servers())


def _create_flavor(
    operator: Operator, clients: Clients, flavor: Flavor
) -> str:
    """One of them as an operator would do it, the others without a word."""
    if flavor.name == _SHOWN:
        specs = [f'{k}={v}' for k, v in flavor.extra_specs.items()]
        return operator.type(
            *('flavor', 'create', flavor.name),
            *('--vcpus', str(flavor.vcpus)),
            *('--ram', str(flavor.memory_mib), '--disk', str(DISK_GB)),
            *(word for spec in specs for word in ('--property', spec)),
            *('-f', 'value', '-c', 'id'),
        ).strip()
    compute = clients.connection.compute
    created = compute.create_flavor(
        name=flavor.name,
        vcpus=flavor.vcpus,
        ram=flavor.memory_mib,
        disk=DISK_GB,
    )
    compute.create_flavor_extra_specs(created, flavor.extra_specs)
    identity: str = created.id
    return identity


def _create_image(clients: Clients) -> str:
    image = clients.connection.image.create_image(
        'tiny',
        data=bytes(_IMAGE_BYTES),
        disk_format='raw',
        container_format='bare',
        visibility='public',
        validate_checksum=False,
    )
    identity: str = image.id
    return identity


def _boot(clients: Clients, server: Server, image: str, flavor: str) -> None:
    """On a host of our choice, so that the story is the same every time."""
    body = {
        'server': {
            'name': server.name,
            'imageRef': image,
            'flavorRef': flavor,
            'networks': 'none',
            'host': server.node,
        }
    }
    answer: Any = clients.connection.compute.post('/servers', json=body)
    if answer.status_code >= 400:
        raise MiniCloudError(
            f'{server.name} cannot be booted: {answer.text[:200]}'
        )


def _all_active(clients: Clients, count: int) -> bool:
    servers = clients.servers().values()
    failed = [server.name for server in servers if server.status == 'ERROR']
    if failed:
        raise MiniCloudError(f'server {failed[0]} did not boot: see its fault')
    return sum(server.status == 'ACTIVE' for server in servers) == count
