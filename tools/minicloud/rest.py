"""Plain HTTP to the cloud's APIs, before any client can be imported."""

import json
from typing import Any
from urllib import error
from urllib import request

from minicloud.settings import PASSWORD
from minicloud.settings import Settings


_TIMEOUT_S = 30
_OPENER = request.build_opener(request.ProxyHandler({}))


def call(
    method: str,
    url: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[Any, dict[str, str]]:
    """Send a request and return the JSON answer and its headers."""
    data = None if body is None else json.dumps(body).encode()
    wanted = request.Request(  # noqa: S310
        url,
        data=data,
        method=method,
        headers={'Content-Type': 'application/json', **(headers or {})},
    )
    with _OPENER.open(wanted, timeout=_TIMEOUT_S) as answer:
        content = answer.read()
        return json.loads(content) if content else None, dict(answer.headers)


def answers(url: str) -> bool:
    """Whether somebody speaks HTTP there, be it to refuse."""
    try:
        _OPENER.open(url, timeout=_TIMEOUT_S).close()
    except error.HTTPError:
        return True
    except OSError:
        return False
    return True


def token(s: Settings) -> str:
    """A token of the administrator."""
    domain = {'name': 'Default'}
    user = {'name': 'admin', 'domain': domain, 'password': PASSWORD}
    body = {
        'auth': {
            'identity': {
                'methods': ['password'],
                'password': {'user': user},
            },
            'scope': {'project': {'name': 'admin', 'domain': domain}},
        }
    }
    _, headers = call('POST', s.auth_url + '/auth/tokens', body)
    return headers['X-Subject-Token']


def hypervisors_up(s: Settings) -> int:
    """How many hypervisors report for work."""
    try:
        headers = {'X-Auth-Token': token(s)}
        url = s.url('compute') + '/v2.1/os-hypervisors'
        answer, _ = call('GET', url, headers=headers)
    except OSError:
        return 0
    return sum(h['state'] == 'up' for h in answer['hypervisors'])
