"""Resize and live migration, with failures seen at once.

Nova tells of a failure in three ways: the server is in ERROR with a fault;
or it is back as it was, and the instance action of the request has the
message; or the migration record ends in error.  All three are looked at,
because a server that is back as it was shows no fault.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.cloud import rest as rest_module
from predictive_watcher.core import fleet


# Nova sets the task state before it answers, so an idle server at the first
# look has failed or is done.  Replicated databases may show it a bit later.
IDLE_POLLS = 3
_IDLE = ('ACTIVE', 'SHUTOFF')
_FAILED = ('error', 'failed', 'cancelled')
# details of what went wrong, without administrator's traceback
_ACTION_MICROVERSION = '2.84'


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How to wait: seconds between looks, and at most in all."""

    poll_s: float
    timeout_s: float
    sleep: Callable[[float], None]
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """One move under way; ``done`` says whether a server has arrived."""

    what: str
    server_id: str
    request_id: str
    deadline: float
    done: Callable[[fleet.Instance], bool]
    migration: Callable[[], str | None] = lambda: None


class Moves:
    """Moves servers and waits for the outcome."""

    def __init__(
        self,
        rest: rest_module.Rest,
        live: Callable[[str], fleet.Instance | None],
        patience: Patience,
    ) -> None:
        self._rest = rest
        self._live = live
        self._patience = patience

    def resize(
        self, server_id: str, flavor_id: str, flavor: fleet.Flavor | None
    ) -> fleet.Instance:
        """See `nova.Nova.resize`."""
        if flavor is None:
            raise exceptions.CloudError(
                f'server {server_id} cannot be resized: there is no flavor '
                f'with the id {flavor_id}'
            )
        name = flavor.name
        what = f'resize of server {server_id} to flavor {name}'
        deadline = self._deadline()
        resized = self._wait(
            _Move(
                what=what,
                server_id=server_id,
                request_id=self._rest.action(
                    server_id, {'resize': {'flavorRef': flavor_id}}
                ),
                deadline=deadline,
                # with resize_confirm_window Nova may confirm it by itself
                done=lambda s: (
                    s.status == 'VERIFY_RESIZE' or s.flavor.name == name
                ),
            )
        )
        if resized.status in _IDLE:
            return resized
        return self._confirm(server_id, name, deadline)

    def confirm(self, server_id: str) -> fleet.Instance:
        """See `nova.Nova.confirm`."""
        server = self._live(server_id)
        if server is None:
            raise exceptions.CloudError(
                f'server {server_id} cannot be confirmed: it is gone'
            )
        return self._confirm(server_id, server.flavor.name, self._deadline())

    def live_migrate(self, server_id: str, node: str) -> fleet.Instance:
        """See `nova.Nova.live_migrate`."""
        before = self._newest_migration(server_id)['id']

        def outcome() -> str | None:
            newest = self._newest_migration(server_id)
            if newest['id'] == before or newest['status'] not in _FAILED:
                return None
            return str(newest['status'])

        return self._wait(
            _Move(
                what=f'live migration of server {server_id} to {node}',
                server_id=server_id,
                request_id=self._rest.action(
                    server_id,
                    {
                        'os-migrateLive': {
                            'host': node,
                            'block_migration': 'auto',
                        }
                    },
                ),
                deadline=self._deadline(),
                done=lambda s: s.node == node,
                migration=outcome,
            )
        )

    def abort_live_migration(self, server_id: str) -> bool:
        """See `nova.Nova.abort_live_migration`."""
        path = f'/servers/{server_id}/migrations'
        try:
            under_way = self._rest.get(path)['migrations']
            for migration in under_way:
                self._rest.delete(f'{path}/{migration["id"]}')
        except rest_module.Refused as error:
            if error.status in (400, 404, 409):  # it was over, or too late
                return False
            raise
        return bool(under_way)

    def _confirm(
        self, server_id: str, flavor: str, deadline: float
    ) -> fleet.Instance:
        return self._wait(
            _Move(
                what=f'confirming the resize of server {server_id} to flavor '
                f'{flavor}',
                server_id=server_id,
                request_id=self._order_confirmation(server_id),
                deadline=deadline,
                done=lambda s: s.status in _IDLE and s.flavor.name == flavor,
            )
        )

    def _order_confirmation(self, server_id: str) -> str:
        try:
            return self._rest.action(server_id, {'confirmResize': None})
        except rest_module.Refused as error:
            if error.status == 409:  # Nova was faster: the wait will tell
                return ''
            raise

    def _deadline(self) -> float:
        return self._patience.clock() + self._patience.timeout_s

    def _wait(self, move: _Move) -> fleet.Instance:
        idle = 0
        while True:
            server = self._live(move.server_id)
            if server is None:
                raise _failure(move, 'the server is gone')
            if server.status == 'ERROR':
                raise _failure(
                    move, f'the server is in ERROR: {self._fault(move)}'
                )
            if server.task_state is None:
                if move.done(server):
                    return server
                idle += 1
            self._check(move, server, idle)
            if self._patience.clock() >= move.deadline:
                raise _failure(
                    move,
                    f'not done after {self._patience.timeout_s:g} s; the '
                    f'server is {server.status} with the task '
                    f'{server.task_state}; look at it with "openstack server '
                    f'event list {move.server_id}"',
                )
            self._patience.sleep(self._patience.poll_s)

    def _check(self, move: _Move, server: fleet.Instance, idle: int) -> None:
        """Raise where the move has failed, though the server looks well."""
        status = move.migration()
        if status is not None:
            raise _failure(
                move,
                f'the migration ended in {status}: '
                f'{self._action_error(move) or "Nova does not say why"}',
            )
        if server.task_state is not None:
            return
        why = self._action_error(move)
        # a server that waits for a confirmation is idle, and not back
        if why is None and (idle < IDLE_POLLS or server.status not in _IDLE):
            return
        raise _failure(
            move,
            f'the server is back in {server.status} on {server.node} with '
            f'flavor {server.flavor.name}: {why or "Nova does not say why"}',
        )

    def _fault(self, move: _Move) -> str:
        """The fault that Nova shows of a server in ERROR."""
        try:
            data = self._rest.get(f'/servers/{move.server_id}')['server']
            fault = str(data.get('fault', {}).get('message', ''))
        except exceptions.CloudError:
            fault = ''
        return fault or self._action_error(move) or 'Nova does not say why'

    def _action_error(self, move: _Move) -> str | None:
        """Why the request failed; None where it has not, as far as known."""
        if not move.request_id:
            return None
        path = f'/servers/{move.server_id}/os-instance-actions'
        try:
            action = self._rest.get(
                f'{path}/{move.request_id}', microversion=_ACTION_MICROVERSION
            )['instanceAction']
        except rest_module.Refused:
            # not recorded yet, or a Nova that knows less: others will tell
            return None
        if action['message'] != 'Error':
            return None
        details = [
            event['details']
            for event in action.get('events', [])
            if event.get('details')
        ]
        return str(details[0]) if details else 'Error'

    def _newest_migration(self, server_id: str) -> dict[str, Any]:
        found = self._rest.get(
            '/os-migrations',
            {
                'instance_uuid': server_id,
                'migration_type': 'live-migration',
                'limit': 1,
            },
        )['migrations']
        return dict(found[0]) if found else {'id': None, 'status': ''}


def _failure(move: _Move, why: str) -> exceptions.CloudError:
    return exceptions.CloudError(f'{move.what} failed: {why}')
