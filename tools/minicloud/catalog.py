"""Fill Keystone: the services' accounts, and where their APIs are."""

from typing import Any

from minicloud import rest
from minicloud.settings import PASSWORD
from minicloud.settings import REGION
from minicloud.settings import Settings


#: Account: the type of its service, the path below the API's root.
SERVICES = {
    'placement': ('placement', ''),
    'glance': ('image', ''),
    'nova': ('compute', '/v2.1'),
    'gnocchi': ('metric', ''),
    'watcher': ('infra-optim', ''),
    'neutron': ('network', ''),
    'ceilometer': (None, ''),
}


class Catalog:
    """Keystone's API, as far as it is needed here."""

    def __init__(self, s: Settings) -> None:
        self._root = s.auth_url
        self._settings = s
        self._headers = {'X-Auth-Token': rest.token(s)}

    def fill(self) -> None:
        """Create everything that an empty Keystone lacks."""
        project = self._create(
            'project', {'name': 'service', 'domain_id': 'default'}
        )
        roles = [self._role('admin'), self._role('service')]
        for name, (service_type, path) in SERVICES.items():
            self._account(name, project, roles)
            if service_type:
                url = self._settings.url(service_type) + path
                self._endpoints(name, service_type, url)

    def _create(self, noun: str, body: dict[str, Any]) -> str:
        answer, _ = rest.call(
            'POST', f'{self._root}/{noun}s', {noun: body}, self._headers
        )
        identity: str = answer[noun]['id']
        return identity

    def _role(self, name: str) -> str:
        url = f'{self._root}/roles?name={name}'
        answer, _ = rest.call('GET', url, headers=self._headers)
        identity: str = answer['roles'][0]['id']
        return identity

    def _account(self, name: str, project: str, roles: list[str]) -> None:
        user = self._create(
            'user',
            {
                'name': name,
                'password': PASSWORD,
                'domain_id': 'default',
                'default_project_id': project,
            },
        )
        for role in roles:
            url = f'{self._root}/projects/{project}/users/{user}/roles/{role}'
            rest.call('PUT', url, headers=self._headers)

    def _endpoints(self, name: str, service_type: str, url: str) -> None:
        service = self._create('service', {'name': name, 'type': service_type})
        for interface in ('public', 'internal'):
            self._create(
                'endpoint',
                {
                    'service_id': service,
                    'interface': interface,
                    'region_id': REGION,
                    'url': url,
                },
            )
