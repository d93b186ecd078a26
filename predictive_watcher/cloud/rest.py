"""Calls to Nova and Placement, with errors that name the call.

Plain JSON under one microversion each: what is read does not depend on the
release of openstacksdk or on the operator's default microversion.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import threading
from typing import Any

from keystoneauth1 import exceptions as ks_exceptions
from openstack import connection as sdk_connection
from openstack import exceptions as sdk_exceptions

from predictive_watcher import exceptions


# 2.47 embeds the flavor in a server, 2.61 shows extra specs of flavors, 2.64
# the policy of server groups; 2.68 and later change live migration.
MICROVERSION = '2.64'
PLACEMENT_MICROVERSION = '1.10'
PAGE = 1000
IMAGES = 100  # ids in the address of one request
TIMEOUT_S = 60.0
_NAMES = {'compute': 'Nova', 'placement': 'Placement', 'image': 'Glance'}
_HINTS = {
    401: 'check the credentials',
    403: "an administrator's role is needed, and quota for a resize",
    406: 'this Nova is older than 18 (Rocky)',
}


class Refused(exceptions.CloudError):
    """An answer with an error status."""

    def __init__(self, call: str, status: int, message: str) -> None:
        hint = _HINTS.get(status)
        super().__init__(
            f'{call} was answered {status}: {message}'
            + (f' ({hint})' if hint else '')
        )
        self.status = status
        self.message = message


class Rest:
    """GET, POST and DELETE; counts its requests in ``count``."""

    def __init__(self, connection: sdk_connection.Connection) -> None:
        self._connection = connection
        self._counting = threading.Lock()
        self.count = 0

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        microversion: str = MICROVERSION,
    ) -> dict[str, Any]:
        """Nova's JSON answer."""
        response = self._send(
            'compute', 'GET', path, microversion, params=params
        )
        return _json(f'Nova GET {path}', response)

    def inventories(self, provider: str) -> dict[str, Any]:
        """Placement's inventories of a provider; {} where it has none."""
        path = f'/resource_providers/{provider}/inventories'
        try:
            response = self._send(
                'placement', 'GET', path, PLACEMENT_MICROVERSION
            )
        except Refused as error:
            if error.status == 404:
                return {}
            raise
        found = _json(f'Placement GET {path}', response)
        return dict(found['inventories'])

    def pages(
        self, path: str, key: str, params: Mapping[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """All items of a list that Nova gives in pages with links."""
        query: dict[str, Any] = {**(params or {}), 'limit': PAGE}
        while True:
            answer = self.get(path, query)
            items = answer[key]
            yield from items
            links = answer.get(f'{key}_links', [])
            if not items or not any(x['rel'] == 'next' for x in links):
                return
            query['marker'] = items[-1]['id']

    def offsets(
        self, path: str, key: str, params: Mapping[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """All items of a list without links: up to the first empty page,
        because the server may allow less than a page of ours.
        """
        offset = 0
        while True:
            items = self.get(
                path, {**(params or {}), 'limit': PAGE, 'offset': offset}
            )[key]
            if not items:
                return
            yield from items
            offset += len(items)

    def images(self, ids: Collection[str]) -> Iterator[dict[str, Any]]:
        """Glance's images of these ids; those that are gone are not there."""
        names = sorted(ids)
        for i in range(0, len(names), IMAGES):
            response = self._send(
                'image',
                'GET',
                '/images',
                None,
                params={
                    'id': f'in:{",".join(names[i : i + IMAGES])}',
                    'limit': IMAGES,
                },
            )
            yield from _json('Glance GET /images', response)['images']

    def action(self, server_id: str, body: Mapping[str, Any]) -> str:
        """Ask Nova to do something with a server; the request's id."""
        response = self._send(
            'compute',
            'POST',
            f'/servers/{server_id}/action',
            MICROVERSION,
            json=body,
        )
        return str(response.headers.get('x-openstack-request-id', ''))

    def delete(self, path: str) -> None:
        """Nova's DELETE."""
        self._send('compute', 'DELETE', path, '2.65')

    def _send(
        self,
        service: str,
        method: str,
        path: str,
        microversion: str | None,
        **more: Any,
    ) -> Any:
        with self._counting:
            self.count += 1
        call = f'{_NAMES[service]} {method} {path}'
        try:
            proxy = getattr(self._connection, service)
            response = proxy.request(
                path,
                method,
                microversion=microversion,
                timeout=TIMEOUT_S,
                raise_exc=False,
                **more,
            )
        except (
            ks_exceptions.ClientException,
            sdk_exceptions.SDKException,
        ) as error:
            raise exceptions.CloudError(
                f'{call} failed: {error}; check that the service runs and '
                'that Keystone has its endpoint'
            ) from error
        if response.status_code >= 400:
            raise Refused(call, response.status_code, _message(response))
        return response


@contextlib.contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn a surprise in an answer into a CloudError that says which one."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise exceptions.CloudError(
            f'{what} has a form that is not known: {error!r}; is the '
            'release older than 2018 or much newer than this package?'
        ) from error


def _json(call: str, response: Any) -> dict[str, Any]:
    with understood(f'the answer to {call}'):
        return dict(response.json())


def _message(response: Any) -> str:
    """What the service says, from {"badRequest": {"message": ...}}."""
    try:
        for fault in response.json().values():
            if isinstance(fault, dict) and 'message' in fault:
                return str(fault['message'])
    except (ValueError, AttributeError):
        pass
    return ' '.join(str(response.text).split())[:200]
