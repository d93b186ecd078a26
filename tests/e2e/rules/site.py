"""What an operator sets up, through the APIs: nothing of ours is needed."""

from collections.abc import Mapping
from typing import Any

from demo.gnocchi import Described
from demo.openstack import Clients
from minicloud.progress import wait_for
from novaclient import client as nova_client

from tests.e2e.rules import servers


_DISK_GB = 10
_PATIENCE_S = 600.0
#: The newest version whose API does not look at extra specs.
_WITHOUT_VALIDATION = '2.85'
#: How often Nova may promise each vCPU of a narrow host: two of sixteen.
_NARROW_RATIO = 0.125
_OK = 200


class Site:
    """Flavors, projects, aggregates and servers of a cloud that is empty."""

    def __init__(self, nova: Any, clients: Clients, login: Any) -> None:
        self.nova = nova
        self._connection = clients.connection
        self._login = login
        self.ids: dict[str, str] = {}
        self._flavors: dict[str, str] = {}

    def clear(self) -> None:
        """Delete all servers that are there."""
        for server in self.nova.servers.list():
            server.unlock()
            server.delete()
        wait_for(
            lambda: not self.nova.servers.list(),
            'the servers to be deleted',
            within_s=_PATIENCE_S,
        )

    def create_flavors(self) -> None:
        """Flavors and who may use them, as an operator makes them."""
        for name, about in servers.FLAVORS.items():
            self._flavor(name, about, public=name != servers.PRIVATE)
        old = nova_client.Client(_WITHOUT_VALIDATION, session=self._login)
        made = self._flavor(
            servers.UNREADABLE,
            servers.Flavor(vcpus=1, memory_mib=512, specs={}),
            public=True,
        )
        old.flavors.get(made).set_keys({'predictive:weight': 'heavy'})

    def _flavor(
        self, name: str, about: servers.Flavor, *, public: bool
    ) -> str:
        made = self.nova.flavors.create(
            name, about.memory_mib, about.vcpus, _DISK_GB, is_public=public
        )
        if about.specs:
            made.set_keys(dict(about.specs))
        self._flavors[name] = made.id
        return str(made.id)

    def create_aggregates(self) -> None:
        """Hosts with fast disks, before anybody asks for them."""
        fast = self.nova.aggregates.create('fast', None)
        fast.add_host('compute2')
        fast.set_metadata({'disk': 'ssd'})

    def boot(self) -> None:
        """All servers where they belong, and wait until they run."""
        self._meet_new_hosts()
        image = next(iter(self._connection.image.images())).id
        groups = {
            name: self.nova.server_groups.create(name, policy).id
            for name, policy in servers.GROUPS.items()
        }
        novas = {
            servers.HOME: self.nova,
            servers.QUOTED: self._project(servers.QUOTED),
            servers.PARTNERS: self._project(servers.PARTNERS),
        }
        for server in servers.SERVERS:
            made = novas[server.project].servers.create(
                server.name,
                image,
                self._flavors[server.flavor],
                nics='none',
                host=server.host,
                availability_zone=server.zone,
                meta=dict(server.metadata),
                scheduler_hints=(
                    {'group': groups[server.group]} if server.group else None
                ),
            )
            self.ids[server.name] = made.id
        self._wait_for_boot()
        for name in servers.LOCKED:
            self.nova.servers.lock(self.ids[name])
        self.nova.servers.stop(self.ids['stopped'])
        self.wait_for('stopped', status='SHUTOFF')

    def _project(self, name: str) -> Any:
        """A project of its own, its quota, and Nova as its members see it."""
        identity = self._connection.identity
        project = identity.create_project(name=name)
        user = identity.find_user('admin')
        identity.assign_project_role_to_user(
            project, user, identity.find_role('admin')
        )
        if name == servers.QUOTED:
            self.nova.quotas.update(project.id, cores=1)
        if name == servers.PARTNERS:
            self.nova.flavor_access.add_tenant_access(
                self._flavors[servers.PRIVATE], project.id
            )
        there = self._connection.connect_as_project(project)
        return nova_client.Client('2.90', session=there.session)

    def _wait_for_boot(self) -> None:
        def all_active() -> bool:
            found = [s.status for s in self.all_servers().values()]
            assert 'ERROR' not in found
            return found == ['ACTIVE'] * len(servers.SERVERS)

        wait_for(all_active, 'the servers to run', within_s=_PATIENCE_S)

    def wait_for(self, name: str, **wanted: str) -> None:
        """Return when a server shows these attributes, and is idle."""

        def seen() -> bool:
            server = self.server(name)
            return getattr(server, 'OS-EXT-STS:task_state') is None and all(
                getattr(server, key) == value for key, value in wanted.items()
            )

        wait_for(seen, f'{name} to be {wanted}', within_s=_PATIENCE_S)

    def all_servers(self) -> dict[str, Any]:
        """Every server of every project, by name."""
        found = self.nova.servers.list(search_opts={'all_tenants': True})
        return {server.name: server for server in found}

    def server(self, name: str) -> Any:
        """A server as Nova shows it now."""
        return self.nova.servers.get(self.ids[name])

    def flavor_of(self, name: str) -> str:
        """The name of the flavor that a server has now."""
        return str(self.server(name).flavor['original_name'])

    def resize(self, name: str, flavor: str) -> None:
        """What an owner does: resize it, look, and confirm."""
        self.nova.servers.resize(self.ids[name], self._flavors[flavor])
        self.wait_for(name, status='VERIFY_RESIZE')
        self.nova.servers.confirm_resize(self.ids[name])
        self.wait_for(name, status='ACTIVE')

    def _meet_new_hosts(self) -> None:
        def known() -> bool:
            # without details: for those Nova asks each host, which may not
            # listen yet
            found = self.nova.hypervisors.list(detailed=False)
            names = {one.hypervisor_hostname for one in found}
            return names >= set(servers.NEW_HOSTS)

        wait_for(known, 'Nova to discover hosts', within_s=_PATIENCE_S)
        for zone, hosts in servers.ZONES.items():
            aggregate = self.nova.aggregates.create(zone, zone)
            for host in hosts:
                aggregate.add_host(host)
        for host in servers.ZONES[servers.NARROW]:
            self._promise_less(host)

    def _promise_less(self, host: str) -> None:
        """Set the allocation ratio of a host's vCPUs, in Placement."""

        def done() -> bool:
            found = self._placement('GET', f'?name={host}').json()
            for provider in found['resource_providers']:
                path = f'/{provider["uuid"]}/inventories/VCPU'
                inventory = self._placement('GET', path)
                if inventory.status_code == _OK:
                    less = {'allocation_ratio': _NARROW_RATIO}
                    answer = self._placement(
                        'PUT', path, json=inventory.json() | less
                    )
                    return bool(answer.status_code == _OK)
            return False

        wait_for(done, f'{host} to promise less', within_s=_PATIENCE_S)

    def _placement(self, method: str, path: str, **more: Any) -> Any:
        return self._login.request(
            '/resource_providers' + path,
            method,
            endpoint_filter={'service_type': 'placement'},
            headers={'OpenStack-API-Version': 'placement 1.39'},
            raise_exc=False,
            **more,
        )

    def host_of(self, name: str) -> str:
        """Where a server runs now."""
        return str(getattr(self.server(name), 'OS-EXT-SRV-ATTR:host'))

    def delete(self, name: str) -> None:
        """What its owner does; gone when this returns."""
        self.nova.servers.delete(self.ids[name])
        wait_for(
            lambda: name not in self.all_servers(),
            f'{name} to be deleted',
            within_s=_PATIENCE_S,
        )

    def enable(self, host: str, *, really: bool = True) -> None:
        """Let the scheduler use a host, or not."""
        (service,) = self.nova.services.list(host, 'nova-compute')
        if really:
            self.nova.services.enable(service.id)
        else:
            self.nova.services.disable_log_reason(service.id, 'on test')

    def described(self) -> Mapping[str, Described]:
        """What Ceilometer tells of each server beside its use."""
        return {
            server.name: Described(
                id=self.ids[server.name],
                name=server.name,
                flavor_id=self._flavors[server.flavor],
                flavor_name=server.flavor,
                host=server.host,
            )
            for server in servers.SERVERS
        }
