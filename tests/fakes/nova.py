"""A fake Nova and Placement: servers that change while one looks at them.

`FakeNova` stands where an openstacksdk connection stands.  Answers and error
messages were copied from Nova 34 under microversion 2.64.
"""

from collections.abc import Iterator
import contextlib
import json as json_module
from typing import Any

from keystoneauth1 import exceptions as ks_exceptions

from tests.fakes import gnocchi as fake_gnocchi


MAX_LIMIT = 1000
Change = dict[str, Any]


class FakeNova:
    """Servers, flavors, hypervisors; ``compute`` and ``placement`` proxies.

    A move runs a script: each look at the server takes one step of it.  What
    happens is chosen with ``outcome``: 'good', 'back' (Nova gives up and the
    server is as before), 'error', 'stuck', 'slow' (a resize that takes 100
    looks), 'confirmed' (Nova confirms a resize by itself), 'rescheduled' (one
    host fails, the next one works), 'late' (the first looks come from a
    replica that is behind).
    """

    def __init__(self) -> None:
        self.outcome = 'good'
        self.down = False
        self.refusal: tuple[int, str] | None = None
        self.requests: list[str] = []
        self.max_limit = MAX_LIMIT
        self.flavors: dict[str, dict[str, Any]] = {}
        self.access: dict[str, tuple[str, ...]] = {}
        self.limits: dict[str, dict[str, int]] = {}
        self.servers: dict[str, dict[str, Any]] = {}
        self.departed: dict[str, dict[str, Any]] = {}  # deleted ones
        self.hypervisors: dict[str, dict[str, Any]] = {}
        self.inventories: dict[str, dict[str, Any]] = {}
        self.groups: list[dict[str, Any]] = []
        self.aggregates: list[dict[str, Any]] = []
        self.migrations: list[dict[str, Any]] = []
        self.actions: list[dict[str, Any]] = []  # with their events
        self.errors: dict[str, str] = {}  # request id → details
        self.scripts: dict[str, Iterator[Change]] = {}
        self.compute = _Proxy(self, self._compute)
        self.placement = _Proxy(self, self._placement)
        self.images: dict[str, dict[str, Any]] | None = None  # no Glance
        self.image = _Proxy(self, self._image)

    def add_flavor(self, name: str, vcpus: int = 1, **more: Any) -> None:
        self.flavors[f'id-{name}'] = {
            'id': f'id-{name}',
            'name': name,
            'ram': 1024 * vcpus,
            'disk': 10,
            'swap': '',
            'OS-FLV-EXT-DATA:ephemeral': 0,
            'OS-FLV-DISABLED:disabled': False,
            'vcpus': vcpus,
            'os-flavor-access:is_public': True,
            'extra_specs': {},
            **more,
        }

    def add_server(
        self, name: str, host: str | None, flavor: str = 'small', **more: Any
    ) -> None:
        self.servers[name] = {
            'id': name,
            'name': name,
            'tenant_id': 'p',
            'user_id': 'u',
            'image': {'id': 'img'},
            'status': 'ACTIVE',
            'created': '2023-11-14T22:15:00Z',
            'metadata': {},
            'locked': False,
            'flavor': self._copy_of(flavor),
            'OS-EXT-SRV-ATTR:host': host,
            'OS-EXT-STS:task_state': None,
            'OS-EXT-AZ:availability_zone': 'nova' if host else '',
            **more,
        }

    def add_node(self, name: str, vcpus: int = 16, **more: Any) -> None:
        self.hypervisors[name] = {
            'id': f'uuid-{name}',
            'hypervisor_hostname': f'{name}.example.org',
            'state': 'up',
            'status': 'enabled',
            'service': {'host': name},
            'vcpus': vcpus,
            'memory_mb': 32768,
            'local_gb': 1000,
            **more,
        }
        self.inventories[f'uuid-{name}'] = {
            key: {'total': total, 'reserved': kept, 'allocation_ratio': ratio}
            for key, total, kept, ratio in (
                ('VCPU', vcpus, 1, 4.0),
                ('MEMORY_MB', 32768, 512, 1.0),
                ('DISK_GB', 1000, 2, 1.5),
            )
        }

    def _copy_of(self, name: str) -> dict[str, Any]:
        flavor = self.flavors[f'id-{name}']
        return {
            'original_name': name,
            'vcpus': flavor['vcpus'],
            'ram': flavor['ram'],
            'disk': flavor['disk'],
            'ephemeral': 0,
            'swap': 0,
            'extra_specs': dict(flavor['extra_specs']),
        }

    # Nova's API

    def _compute(
        self, path: str, method: str, params: dict[str, Any], body: Any
    ) -> fake_gnocchi.FakeResponse:
        parts = path.strip('/').split('/')
        if parts[0] == 'servers' and parts[1] != 'detail':
            return self._server(parts[1], parts[2:], method, body)
        match path:
            case '/servers/detail':
                found = [
                    s
                    for s in self._listed(params).values()
                    if params.get('host') in (None, _host(s))
                ]
                return self._page('servers', found, params)
            case '/flavors/detail':
                flavors = list(self.flavors.values())
                return self._page('flavors', flavors, params)
            case '/os-hypervisors/detail':
                nodes = list(self.hypervisors.values())
                return self._page('hypervisors', nodes, params)
            case '/os-services' | '/os-aggregates':
                return self._about_hosts(path)
            case '/os-server-groups':
                first = params['offset']
                limit = min(params['limit'], self.max_limit)
                groups = self.groups[first : first + limit]
                return _ok({'server_groups': groups})
            case '/os-migrations':
                whose = params.get('instance_uuid')
                mine = [
                    m
                    for m in reversed(self.migrations)
                    if whose in (None, m['instance_uuid'])
                ]
                return _ok({'migrations': mine[: params['limit']]})
        return self._rights(parts, params)

    def _listed(self, params: dict[str, Any]) -> dict[str, dict[str, Any]]:
        if not params.get('deleted'):
            return self.servers
        assert params['changes-since'].endswith('+00:00')
        return self.departed

    def _rights(
        self, parts: list[str], params: dict[str, Any]
    ) -> fake_gnocchi.FakeResponse:
        if parts[-1] == 'os-flavor-access':
            if parts[1] not in self.access:
                return _fault(403, 'forbidden', 'not an administrator')
            projects = self.access[parts[1]]
            found = [{'flavor_id': parts[1], 'tenant_id': p} for p in projects]
            return _ok({'flavor_access': found})
        if parts[-1] != 'limits':
            return _fault(404, 'itemNotFound', 'no such path')
        project = params['tenant_id']
        if project not in self.limits:
            return _fault(403, 'forbidden', 'not an administrator')
        return _ok({'limits': {'absolute': self.limits[project]}})

    def _image(
        self, path: str, method: str, params: dict[str, Any], body: Any
    ) -> fake_gnocchi.FakeResponse:
        if self.images is None:
            return _fault(403, 'forbidden', 'not an administrator')
        wanted = params['id'].removeprefix('in:').split(',')
        found = [self.images[i] for i in wanted if i in self.images]
        return _ok({'images': found[: params['limit']]})

    def _about_hosts(self, path: str) -> fake_gnocchi.FakeResponse:
        if path == '/os-aggregates':
            return _ok({'aggregates': self.aggregates})
        services = [
            {'host': name, 'zone': 'nova'} for name in self.hypervisors
        ]
        return _ok({'services': services})

    def _page(
        self, key: str, items: list[dict[str, Any]], params: dict[str, Any]
    ) -> fake_gnocchi.FakeResponse:
        ids = [item['id'] for item in items]
        first = ids.index(params['marker']) + 1 if 'marker' in params else 0
        last = first + min(params['limit'], self.max_limit)
        answer: dict[str, Any] = {key: items[first:last]}
        if last < len(items):
            answer[f'{key}_links'] = [{'rel': 'next', 'href': 'http://x'}]
        return _ok(answer)

    def _server(
        self, name: str, rest: list[str], method: str, body: Any
    ) -> fake_gnocchi.FakeResponse:
        server = self.servers.get(name)
        if server is None:
            return _fault(404, 'itemNotFound', f'Instance {name} not found.')
        match rest:
            case []:
                with contextlib.suppress(StopIteration):
                    server.update(next(self.scripts.get(name, iter(()))))
                return _ok({'server': server})
            case ['action']:
                return self._action(server, body)
            case ['os-instance-actions']:
                listed = [
                    one
                    for one in self.actions
                    if one['instance_uuid'] == name
                ]
                return _ok({'instanceActions': listed})
            case ['os-instance-actions', request]:
                return self._instance_action(request)
            case ['migrations']:
                under_way = [
                    m for m in self.migrations if m['status'] == 'running'
                ]
                return _ok({'migrations': under_way})
            case ['migrations', _] if method == 'DELETE':
                self.migrations[-1]['status'] = 'cancelled'
                self.scripts[name] = iter([_back(server)])
                return fake_gnocchi.FakeResponse(status_code=202)
        return _fault(404, 'itemNotFound', 'no such path')

    def _instance_action(self, request: str) -> fake_gnocchi.FakeResponse:
        for one in self.actions:
            if one['request_id'] == request:
                return _ok({'instanceAction': one})
        details = self.errors.get(request)
        events = [{'result': 'Error', 'details': details}] if details else []
        return _ok(
            {
                'instanceAction': {
                    'message': 'Error' if details else None,
                    'events': events,
                }
            }
        )

    def _action(
        self, server: dict[str, Any], body: dict[str, Any]
    ) -> fake_gnocchi.FakeResponse:
        if self.refusal:
            return _fault(
                self.refusal[0], 'conflictingRequest', self.refusal[1]
            )
        ((kind, given),) = body.items()
        request = f'req-{len(self.requests)}'
        script = {
            'resize': self._resize,
            'confirmResize': self._confirm,
            'os-migrateLive': self._migrate,
        }[kind](server, given, request)
        self.scripts[server['id']] = script
        if kind != 'confirmResize':
            server.update(next(script))
        return fake_gnocchi.FakeResponse(
            status_code=202, headers={'x-openstack-request-id': request}
        )

    def _resize(
        self, server: dict[str, Any], given: Any, request: str
    ) -> Iterator[Change]:
        new = self.flavors[given['flavorRef']]['name']
        before = _back(server)
        if self.outcome == 'late':
            yield {}
            yield {}
        yield _state('RESIZE', 'resize_prep')
        if self.outcome == 'slow':
            yield from [{}] * 100
        if self.outcome == 'stuck':
            while True:
                yield {}
        if self.outcome == 'rescheduled':
            self.errors[request] = 'Insufficient compute resources'
            yield {}
        if self.outcome == 'back':
            self.errors[request] = 'No valid host was found.'
            yield before
            return
        if self.outcome == 'error':
            yield {
                **_state('ERROR', None),
                'fault': {'message': 'disk is full'},
            }
            return
        yield _state('RESIZE', 'resize_finish')
        status = 'ACTIVE' if self.outcome == 'confirmed' else 'VERIFY_RESIZE'
        yield {**_state(status, None), 'flavor': self._copy_of(new)}

    def _confirm(
        self, server: dict[str, Any], given: Any, request: str
    ) -> Iterator[Change]:
        assert server['status'] == 'VERIFY_RESIZE'
        yield {}
        if self.outcome == 'back':
            yield {**_state('ACTIVE', None), 'flavor': self._copy_of('small')}
            return
        yield _state('ACTIVE', None)

    def _migrate(
        self, server: dict[str, Any], given: Any, request: str
    ) -> Iterator[Change]:
        assert given['block_migration'] == 'auto'
        before = _back(server)
        migration = {
            'id': len(self.migrations) + 1,
            'instance_uuid': server['id'],
            'status': 'running',
        }
        self.migrations.append(migration)
        yield _state('MIGRATING', 'migrating')
        yield {}
        if self.outcome == 'stuck':
            while True:
                yield {}
        if self.outcome == 'back':
            self.errors[request] = 'CPU does not match'
            migration['status'] = 'error'
            yield {}
            yield before
            return
        migration['status'] = 'completed'
        yield {**_state('ACTIVE', None), 'OS-EXT-SRV-ATTR:host': given['host']}

    def _placement(
        self, path: str, method: str, params: dict[str, Any], body: Any
    ) -> fake_gnocchi.FakeResponse:
        found = self.inventories.get(path.split('/')[2])
        if found is None:
            return fake_gnocchi.FakeResponse(
                status_code=404,
                text='{"errors": [{"status": 404, "title": "Not Found"}]}',
            )
        return _ok({'inventories': found})


class _Proxy:
    """Stands where an openstacksdk proxy stands."""

    def __init__(self, nova: FakeNova, answer: Any) -> None:
        self._nova = nova
        self._answer = answer

    def request(
        self,
        path: str,
        method: str,
        *,
        microversion: str | None,
        timeout: float,
        raise_exc: bool,
        params: Any = None,
        json: Any = None,
    ) -> fake_gnocchi.FakeResponse:
        assert (microversion is None) == (self is self._nova.image)
        assert timeout
        assert not raise_exc
        self._nova.requests.append(f'{method} {path}')
        if self._nova.down:
            raise ks_exceptions.ConnectFailure('Connection refused')
        response: fake_gnocchi.FakeResponse = self._answer(
            path, method, dict(params or {}), json
        )
        return response


def _host(server: dict[str, Any]) -> Any:
    return server['OS-EXT-SRV-ATTR:host']


def _state(status: str, task: str | None) -> Change:
    return {'status': status, 'OS-EXT-STS:task_state': task}


def _back(server: dict[str, Any]) -> Change:
    return {**server, **_state('ACTIVE', None)}


def _ok(answer: Any) -> fake_gnocchi.FakeResponse:
    return fake_gnocchi.FakeResponse(text=json_module.dumps(answer))


def _fault(status: int, kind: str, message: str) -> fake_gnocchi.FakeResponse:
    return fake_gnocchi.FakeResponse(
        status_code=status,
        text=json_module.dumps({kind: {'code': status, 'message': message}}),
    )
