"""A fake Nova: the compute API over a `compute.Cluster`."""

from typing import Any

from tests.functional.harness import compute
from tests.functional.harness import compute_json
from tests.functional.harness import web


_SERVER = '/v2.1/servers/(?P<server>[^/]+)'


class FakeNova(web.Service):
    def __init__(self) -> None:
        super().__init__()
        self.cluster = compute.Cluster()

    def answer(self, request: web.Request) -> web.Reply:
        try:
            return super().answer(request)
        except compute.Refused as error:
            body = {'code': error.status, 'message': str(error)}
            return web.Reply({'computeFault': body}, error.status)

    def _version(self) -> dict[str, Any]:
        return {
            'id': 'v2.1',
            'status': 'CURRENT',
            'version': '2.96',
            'min_version': '2.1',
            'updated': '2013-07-23T11:33:21Z',
            'links': [{'rel': 'self', 'href': f'{self.url}/v2.1/'}],
        }

    @web.route('GET', '')
    def versions(self, request: web.Request) -> dict[str, Any]:
        return {'versions': [self._version()]}

    @web.route('GET', '/v2.1')
    def version(self, request: web.Request) -> dict[str, Any]:
        return {'version': self._version()}

    # ------------------------------------------------------------- servers

    @web.route('GET', '/v2.1/servers/detail')
    def list_servers(self, request: web.Request) -> dict[str, Any]:
        query = request.query
        servers = self.cluster.servers
        if query.get('deleted'):
            assert query['changes-since'].endswith('+00:00')
            servers = self.cluster.departed
        found = [
            server
            for server in servers.values()
            if query.get('host') in (None, server.node)
            and query.get('status') in (None, server.status)
        ]
        found.sort(key=lambda server: server.id)
        marker = query.get('marker')
        if marker:
            found = [server for server in found if server.id > marker]
        limit = int(query.get('limit', 1000))
        body: dict[str, Any] = {
            'servers': [compute_json.server(s, request) for s in found[:limit]]
        }
        if len(found) > limit:
            body['servers_links'] = [
                {
                    'rel': 'next',
                    'href': f'{self.url}/v2.1/servers/detail?limit={limit}'
                    f'&marker={found[limit - 1].id}&all_tenants=True',
                }
            ]
        return body

    def _find(self, server: str) -> compute.Server:
        try:
            return self.cluster.servers[server]
        except KeyError:
            raise compute.Refused(
                404, f'Instance {server} could not be found.'
            ) from None

    @web.route('GET', _SERVER)
    def show_server(self, request: web.Request, server: str) -> Any:
        found = self._find(server)
        shown = {'server': compute_json.server(found, request)}
        found.step()
        return shown

    @web.route('POST', _SERVER + '/action')
    def act(self, request: web.Request, server: str) -> web.Reply:
        found, cluster = self._find(server), self.cluster
        match request.body:
            case {'resize': {'flavorRef': flavor}}:
                cluster.resize(found, flavor)
            case {'confirmResize': _}:
                cluster.confirm_resize(found)
            case {'revertResize': _}:
                cluster.revert_resize(found)
            case {'os-migrateLive': told}:
                cluster.live_migrate(found, told.get('host'))
            case _:
                raise compute.Refused(400, f'no such action: {request.body}')
        request_id = found.actions[-1]['request_id']
        return web.Reply(None, 202, {'x-openstack-request-id': request_id})

    @web.route('GET', _SERVER + '/os-instance-actions/(?P<action>[^/]+)')
    def show_action(
        self, request: web.Request, server: str, action: str
    ) -> Any:
        for noted in self._find(server).actions:
            if noted['request_id'] == action:
                error = noted['status'] not in ('running', None)
                details = noted['status'] if error else None
                return {
                    'instanceAction': {
                        'action': noted['name'],
                        'request_id': action,
                        'message': 'Error' if error else None,
                        'events': [{'event': 'a', 'details': details}],
                    }
                }
        raise compute.Refused(404, f'Action for {action} not found')

    @web.route('GET', _SERVER + '/migrations')
    def under_way(self, request: web.Request, server: str) -> Any:
        return {
            'migrations': [
                compute_json.migration(migration, server)
                for migration in self._find(server).migrations
                if migration['status'] == 'running'
            ]
        }

    @web.route('GET', '/v2.1/os-migrations')
    def list_migrations(self, request: web.Request) -> dict[str, Any]:
        server = request.query.get('instance_uuid')
        if server is None:  # nothing of what was done before the test
            return {'migrations': []}
        return {
            'migrations': [
                compute_json.migration(migration, server)
                for migration in reversed(self._find(server).migrations)
            ]
        }

    @web.route('DELETE', _SERVER + '/migrations/(?P<number>[0-9]+)')
    def abort(
        self, request: web.Request, server: str, number: str
    ) -> web.Reply:
        self.cluster.abort_migration(self._find(server), int(number))
        return web.Reply(None, 202)

    # ------------------------------------------------- flavors, nodes, groups

    @web.route('GET', '/v2.1/flavors/detail')
    def list_flavors(self, request: web.Request) -> dict[str, Any]:
        flavors = sorted(self.cluster.flavors.values(), key=lambda f: f.id)
        marker = request.query.get('marker')
        return {
            'flavors': [
                compute_json.flavor(f)
                for f in flavors
                if not marker or f.id > marker
            ]
        }

    @web.route('GET', '/v2.1/flavors/(?P<flavor>[^/]+)')
    def show_flavor(self, request: web.Request, flavor: str) -> Any:
        if flavor not in self.cluster.flavors:
            raise compute.Refused(404, f'Flavor {flavor} not found.')
        return {'flavor': compute_json.flavor(self.cluster.flavors[flavor])}

    @web.route('GET', '/v2.1/flavors/(?P<flavor>[^/]+)/os-extra_specs')
    def show_specs(self, request: web.Request, flavor: str) -> Any:
        return {'extra_specs': self.cluster.flavors[flavor].extra_specs}

    @web.route('GET', '/v2.1/os-hypervisors/detail')
    def list_hypervisors(self, request: web.Request) -> dict[str, Any]:
        pattern = request.query.get('hypervisor_hostname_pattern', '')
        return {
            'hypervisors': [
                self._hypervisor(node, request)
                for node in self.cluster.nodes.values()
                if pattern in node.name
            ]
        }

    @web.route('GET', '/v2.1/os-hypervisors/(?P<node>[^/]+)')
    def show_hypervisor(self, request: web.Request, node: str) -> Any:
        for found in self.cluster.nodes.values():
            if found.uuid == node:
                return {'hypervisor': self._hypervisor(found, request)}
        raise compute.Refused(404, f'Hypervisor {node} not found.')

    def _hypervisor(
        self, node: compute.Node, request: web.Request
    ) -> dict[str, Any]:
        shown: dict[str, Any] = {
            'id': node.uuid,
            'hypervisor_hostname': node.name,
            'hypervisor_type': 'fake',
            'hypervisor_version': 1,
            'host_ip': '192.0.2.1',
            'state': node.state,
            'status': node.status,
            'service': {
                'id': node.uuid,
                'host': node.name,
                'disabled_reason': None,
            },
            'servers': [
                {'uuid': s.id, 'name': s.name}
                for s in self.cluster.servers.values()
                if s.node == node.name
            ],
        }
        if compute_json.microversion(request) < (2, 88):
            shown.update(
                vcpus=node.vcpus,
                memory_mb=node.memory_mib,
                local_gb=node.disk_gib,
            )
        return shown

    @web.route('GET', '/v2.1/os-aggregates')
    def list_aggregates(self, request: web.Request) -> dict[str, Any]:
        return {'aggregates': self.cluster.aggregates}

    @web.route('GET', '/v2.1/os-services')
    def list_services(self, request: web.Request) -> dict[str, Any]:
        return {
            'services': [
                {
                    'id': node.uuid,
                    'binary': 'nova-compute',
                    'host': node.name,
                    'zone': 'nova',
                    'status': node.status,
                    'state': node.state,
                    'disabled_reason': None,
                    'forced_down': False,
                    'updated_at': '2025-01-01T00:00:00.000000',
                }
                for node in self.cluster.nodes.values()
                if request.query.get('host') in (None, node.name)
            ]
        }

    @web.route('GET', '/v2.1/os-server-groups')
    def list_groups(self, request: web.Request) -> dict[str, Any]:
        offset = int(request.query.get('offset', 0))
        return {'server_groups': self.cluster.groups[offset:]}
