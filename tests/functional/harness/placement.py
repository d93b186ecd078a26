"""A fake Placement: what the nodes of a fake Nova offer."""

from typing import Any

from tests.functional.harness import compute
from tests.functional.harness import web


class FakePlacement(web.Service):
    def __init__(self, cluster: compute.Cluster) -> None:
        super().__init__()
        self._cluster = cluster

    @web.route('GET', '')
    def versions(self, request: web.Request) -> dict[str, Any]:
        return {
            'versions': [
                {
                    'id': 'v1.0',
                    'status': 'CURRENT',
                    'min_version': '1.0',
                    'max_version': '1.39',
                    'links': [{'rel': 'self', 'href': ''}],
                }
            ]
        }

    @web.route('GET', '/resource_providers')
    def providers(self, request: web.Request) -> dict[str, Any]:
        return {
            'resource_providers': [
                {
                    'uuid': node.uuid,
                    'name': node.name,
                    'generation': 1,
                    'parent_provider_uuid': None,
                    'root_provider_uuid': node.uuid,
                    'links': [],
                }
                for node in self._cluster.nodes.values()
                if request.query.get('name') in (None, node.name)
            ]
        }

    def _node(self, uuid: str) -> compute.Node:
        return next(n for n in self._cluster.nodes.values() if n.uuid == uuid)

    @web.route('GET', '/resource_providers/(?P<uuid>[^/]+)/inventories')
    def inventories(self, request: web.Request, uuid: str) -> dict[str, Any]:
        node = self._node(uuid)
        amounts = {
            'VCPU': (node.vcpus, node.cpu_ratio),
            'MEMORY_MB': (node.memory_mib, 1.0),
            'DISK_GB': (node.disk_gib, 1.0),
        }
        return {
            'resource_provider_generation': 1,
            'inventories': {
                name: {
                    'total': total,
                    'reserved': 0,
                    'min_unit': 1,
                    'max_unit': total,
                    'step_size': 1,
                    'allocation_ratio': ratio,
                }
                for name, (total, ratio) in amounts.items()
            },
        }

    @web.route('GET', '/resource_providers/(?P<uuid>[^/]+)/usages')
    def usages(self, request: web.Request, uuid: str) -> dict[str, Any]:
        node = self._node(uuid)
        flavors = [
            s.flavor
            for s in self._cluster.servers.values()
            if s.node == node.name
        ]
        return {
            'resource_provider_generation': 1,
            'usages': {
                'VCPU': sum(f.vcpus for f in flavors),
                'MEMORY_MB': sum(f.memory_mib for f in flavors),
                'DISK_GB': sum(f.disk_gib for f in flavors),
            },
        }

    @web.route('GET', '/resource_providers/(?P<uuid>[^/]+)/traits')
    def traits(self, request: web.Request, uuid: str) -> dict[str, Any]:
        return {'resource_provider_generation': 1, 'traits': []}

    @web.route('GET', '/resource_providers/(?P<uuid>[^/]+)/aggregates')
    def aggregates(self, request: web.Request, uuid: str) -> dict[str, Any]:
        return {'resource_provider_generation': 1, 'aggregates': []}
