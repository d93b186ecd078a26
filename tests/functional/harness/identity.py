"""A fake Keystone: any password gets a token and the catalog."""

from typing import Any

from tests.functional.harness import web


class FakeKeystone(web.Service):
    def __init__(self) -> None:
        super().__init__()
        self.endpoints: dict[str, str] = {}

    def _version(self) -> dict[str, Any]:
        return {
            'id': 'v3.14',
            'status': 'stable',
            'updated': '2020-04-07T00:00:00Z',
            'links': [{'rel': 'self', 'href': f'{self.url}/v3/'}],
            'media-types': [],
        }

    @web.route('GET', '')
    def versions(self, request: web.Request) -> web.Reply:
        return web.Reply({'versions': {'values': [self._version()]}}, 300)

    @web.route('GET', '/v3')
    def version(self, request: web.Request) -> dict[str, Any]:
        return {'version': self._version()}

    @web.route('POST', '/v3/auth/tokens')
    def issue(self, request: web.Request) -> web.Reply:
        catalog = [
            {
                'id': kind,
                'type': kind,
                'name': kind,
                'endpoints': [
                    {
                        'id': f'{kind}-{interface}',
                        'interface': interface,
                        'region': 'RegionOne',
                        'region_id': 'RegionOne',
                        'url': url,
                    }
                    for interface in ('public', 'internal', 'admin')
                ],
            }
            for kind, url in self.endpoints.items()
        ]
        token = {
            'methods': ['password'],
            'expires_at': '2099-01-01T00:00:00.000000Z',
            'issued_at': '2020-01-01T00:00:00.000000Z',
            'user': {
                'id': 'watcher',
                'name': 'watcher',
                'domain': {'id': 'default', 'name': 'Default'},
            },
            'project': {
                'id': 'service',
                'name': 'service',
                'domain': {'id': 'default', 'name': 'Default'},
            },
            'roles': [{'id': 'admin', 'name': 'admin'}],
            'catalog': catalog,
        }
        return web.Reply({'token': token}, 201, {'X-Subject-Token': 'a-token'})
