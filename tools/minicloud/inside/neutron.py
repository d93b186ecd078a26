"""The few Neutron calls that Nova makes for servers without ports.

Answers an empty collection to whatever is listed.
"""

from collections.abc import Callable
import json
from typing import Any


Body = dict[str, Any]

_EXTENSIONS: list[dict[str, Any]] = [
    {
        'alias': alias,
        'name': alias,
        'description': alias,
        'links': [],
        'updated': '2020-01-01T00:00:00-00:00',
    }
    for alias in ('binding', 'binding-extended', 'port-resource-request')
]


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> list[bytes]:
    """WSGI."""
    environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
    verb = environ['REQUEST_METHOD']
    if verb == 'DELETE':
        start_response('204 No Content', [])
        return [b'']
    path = environ.get('PATH_INFO', '').strip('/')
    status, body = _answer(verb, path, 'http://' + environ['HTTP_HOST'])
    data = json.dumps(body).encode()
    headers = [
        ('Content-Type', 'application/json'),
        ('Content-Length', str(len(data))),
    ]
    start_response(status, headers)
    return [data]


def _answer(verb: str, path: str, base: str) -> tuple[str, Body]:
    if path in ('', 'v2.0'):
        link = {'rel': 'self', 'href': base + '/v2.0/'}
        version = {'id': 'v2.0', 'status': 'CURRENT', 'links': [link]}
        return '200 OK', {'versions': [version]}
    noun = path.split('/')[1].removesuffix('.json')
    if noun == 'extensions':
        return '200 OK', {'extensions': _EXTENSIONS}
    if noun == 'quotas':
        return '200 OK', {'quota': {}}
    if verb == 'GET' and path.count('/') == 1:
        return '200 OK', {noun.replace('-', '_'): []}
    error = {'type': 'NotFound', 'message': path, 'detail': ''}
    return '404 Not Found', {'NeutronError': error}
