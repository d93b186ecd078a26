"""How Nova shows servers, flavors and migrations."""

from typing import Any

from tests.functional.harness import compute
from tests.functional.harness import web


def microversion(request: web.Request) -> tuple[int, int]:
    text = request.headers.get('openstack-api-version', 'compute 2.1')
    major, minor = text.split()[-1].split('.')
    return int(major), int(minor)


def migration(migration: dict[str, Any], server: str) -> dict[str, Any]:
    return {
        'id': migration['id'],
        'uuid': f'{server[:-4]}{migration["id"]:04d}',
        'instance_uuid': server,
        'server_uuid': server,
        'status': migration['status'],
        'source_compute': migration['source'],
        'source_node': migration['source'],
        'dest_compute': migration['target'],
        'dest_node': migration['target'],
        'migration_type': 'live-migration',
    }


def flavor(flavor: compute.Flavor) -> dict[str, Any]:
    return {
        'id': flavor.id,
        'name': flavor.name,
        'vcpus': flavor.vcpus,
        'ram': flavor.memory_mib,
        'disk': flavor.disk_gib,
        'OS-FLV-EXT-DATA:ephemeral': 0,
        'swap': 0,
        'rxtx_factor': 1.0,
        'OS-FLV-DISABLED:disabled': flavor.disabled,
        'os-flavor-access:is_public': True,
        'description': None,
        'extra_specs': flavor.extra_specs,
        'links': [],
    }


def server(server: compute.Server, request: web.Request) -> dict[str, Any]:
    own = server.flavor
    # from 2.47 on a server shows its own copy of the flavor, without an id
    embedded: dict[str, Any] = {'id': own.id, 'links': []}
    if microversion(request) >= (2, 47):
        embedded = {
            'original_name': own.name,
            'vcpus': own.vcpus,
            'ram': own.memory_mib,
            'disk': own.disk_gib,
            'ephemeral': 0,
            'swap': 0,
            'extra_specs': own.extra_specs,
        }
    shown = {
        'id': server.id,
        'name': server.name,
        'status': server.status,
        'tenant_id': server.project,
        'user_id': 'a-user',
        'metadata': server.metadata,
        'hostId': server.node,
        'image': {'id': 'an-image', 'links': []},
        'flavor': embedded,
        'created': server.created,
        'updated': '2025-01-01T00:00:00Z',
        'addresses': {},
        'links': [],
        'OS-EXT-STS:power_state': 1,
        'OS-EXT-STS:vm_state': server.vm_state,
        'OS-EXT-STS:task_state': server.task_state,
        'OS-EXT-SRV-ATTR:host': server.node,
        'OS-EXT-SRV-ATTR:hypervisor_hostname': server.node,
        'OS-EXT-SRV-ATTR:instance_name': server.name,
        'OS-EXT-AZ:availability_zone': 'nova',
        'os-extended-volumes:volumes_attached': [],
        'locked': server.locked,
        'pinned_availability_zone': None,
    }
    if server.status == 'ERROR':
        shown['fault'] = {
            'code': 500,
            'created': '2025-01-01T00:00:00Z',
            'message': server.fault or 'unknown',
        }
    return shown
