"""The ``openstack`` command as an operator types it, and what APIs say."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import io
import logging
import os
import shlex
import sys
from typing import Any

from minicloud.errors import MiniCloudError
from minicloud.settings import Settings
import openstack as sdk


_MICROVERSION = '2.90'
#: From 1.5 on, an action tells why it was skipped or failed.
_WATCHER_VERSION = {'OpenStack-API-Version': 'infra-optim 1.5'}


class Operator:
    """Types ``openstack`` commands.

    They run in this process through the command's own entry point: starting
    an interpreter anew for each would take most of the time.
    """

    def __init__(self, settings: Settings) -> None:
        os.environ |= settings.credentials()

    def type(self, *words: str, show: bool = True) -> str:
        """Run a command; show it and what it says.

        :raises MiniCloudError: it failed; the message is its own.
        """
        from openstackclient import shell

        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _quiet_logging(),
        ):
            code = shell.OpenStackShell().run(list(words))
        line = 'openstack ' + shlex.join(words)
        if code:
            said = err.getvalue().strip().splitlines() or ['no reason given']
            raise MiniCloudError(f'{line}: {said[-1]}')
        if show:
            sys.stdout.write(f'$ {line}\n{out.getvalue()}')
            sys.stdout.flush()
        return out.getvalue()


@contextlib.contextmanager
def _quiet_logging() -> Iterator[None]:
    """Drop the handlers that the command installs for its own lifetime."""
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        yield
    finally:
        root.handlers[:] = before


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A server as Nova shows it now."""

    id: str
    name: str
    status: str
    task_state: str | None
    flavor: str
    host: str


class Clients:
    """What Nova and Watcher say."""

    def __init__(self, settings: Settings) -> None:
        self.connection = sdk.connect(
            auth_url=settings.auth_url,
            username='admin',
            password=settings.credentials()['OS_PASSWORD'],
            project_name='admin',
            user_domain_name='Default',
            project_domain_name='Default',
            region_name=settings.credentials()['OS_REGION_NAME'],
        )
        self.connection.compute.default_microversion = _MICROVERSION

    def servers(self) -> dict[str, Seen]:
        """Every server, by name."""
        found = {}
        for server in self.connection.compute.servers():
            found[server.name] = Seen(
                id=server.id,
                name=server.name,
                status=server.status,
                task_state=server.task_state,
                flavor=server.flavor.original_name,
                host=server.compute_host or '',
            )
        return found

    def watcher(self, path: str, **query: str | int) -> Any:
        """A GET of Watcher's API."""
        service = {'service_type': 'infra-optim', 'interface': 'public'}
        answer = self.connection.session.get(
            '/v1/' + path,
            endpoint_filter=service,
            params=query,
            headers=_WATCHER_VERSION,
        )
        return answer.json()

    def strategies(self) -> list[str]:
        """Names of the strategies that Watcher knows."""
        return [s['name'] for s in self.watcher('strategies')['strategies']]

    def plans(self, audit: str, newest: int = 3) -> list[dict[str, Any]]:
        """The newest action plans of an audit, the newest first."""
        found: list[dict[str, Any]] = self.watcher(
            'action_plans/detail',
            audit_uuid=audit,
            sort_dir='desc',
            limit=newest,
        )['action_plans']
        return found

    def actions(self, plan: str) -> list[dict[str, Any]]:
        """The actions of a plan, in full."""
        found: list[dict[str, Any]] = self.watcher(
            'actions/detail', action_plan_uuid=plan
        )['actions']
        return found
