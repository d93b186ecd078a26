"""What a fake Nova manages: nodes, flavors, and servers that change.

Nothing here knows of time.  A resize or a migration goes one step further
each time somebody reads the server, so that whoever waits for it sees every
state that Nova shows, and tests never sleep.
"""

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
import enum
from typing import Any
import uuid as uuid_module


class Outcome(enum.Enum):
    """How the next resize or live migration of the cluster ends."""

    WORKS = 'works'
    REFUSED = 'refused'  # the API says no
    FAILS = 'fails'  # the server ends in ERROR
    FALLS_BACK = 'falls back'  # it is ACTIVE again and nothing has changed


NO_ROOM = 'No space left on device'


@dataclass(frozen=True)
class Flavor:
    id: str
    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int = 10
    disabled: bool = False
    extra_specs: dict[str, str] = field(default_factory=dict)


@dataclass
class Node:
    name: str
    vcpus: int = 16
    memory_mib: int = 32768
    disk_gib: int = 500
    cpu_ratio: float = 4.0
    status: str = 'enabled'
    state: str = 'up'

    @property
    def uuid(self) -> str:
        return str(uuid_module.uuid5(uuid_module.NAMESPACE_DNS, self.name))


@dataclass
class Server:
    id: str
    name: str
    flavor: Flavor
    node: str
    status: str = 'ACTIVE'
    vm_state: str = 'active'
    task_state: str | None = None
    locked: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    fault: str | None = None
    created: str = '2025-01-01T00:00:00Z'
    project: str = 'a-project'
    # what the server had before a resize that is not confirmed yet
    before: tuple[Flavor, str] | None = None
    to_come: list[dict[str, Any]] = field(default_factory=list)
    # what was asked for, the newest last
    migrations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)

    def step(self) -> None:
        """Go on to the next state, if there is one."""
        if not self.to_come:
            return
        for name, value in self.to_come.pop(0).items():
            setattr(self, name, value)
        if not self.to_come:
            for record in (*self.migrations, *self.actions):
                if record['status'] == 'running':
                    record['status'] = record['ends']


class Refused(Exception):
    """The API's answer to a request that cannot be done now."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.flavors: dict[str, Flavor] = {}
        self.servers: dict[str, Server] = {}
        self.departed: dict[str, Server] = {}  # deleted ones
        self.groups: list[dict[str, Any]] = []
        self.aggregates: list[dict[str, Any]] = []
        self.resize_outcome = Outcome.WORKS
        self.migration_outcome = Outcome.WORKS

    # ------------------------------------------------------ what tests build

    def add_node(self, name: str, **amounts: Any) -> Node:
        self.nodes[name] = Node(name=name, **amounts)
        return self.nodes[name]

    def add_flavor(
        self, name: str, vcpus: int, memory_mib: int, **rest: Any
    ) -> Flavor:
        made = Flavor(
            id=f'id-of-{name}',
            name=name,
            vcpus=vcpus,
            memory_mib=memory_mib,
            **rest,
        )
        self.flavors[made.id] = made
        return made

    def boot(
        self, name: str, flavor: Flavor, node: str, **rest: Any
    ) -> Server:
        made = Server(
            id=str(uuid_module.uuid4()),
            name=name,
            flavor=flavor,
            node=node,
            **rest,
        )
        self.servers[made.id] = made
        return made

    def disable_flavor(self, flavor: Flavor) -> None:
        self.flavors[flavor.id] = replace(flavor, disabled=True)

    # ------------------------------------------------------- what the API does

    def resize(self, server: Server, flavor_id: str) -> None:
        self._must_be_idle(server)
        flavor = self.flavors.get(flavor_id)
        if flavor is None:
            raise Refused(400, f'Flavor {flavor_id} could not be found.')
        if self.resize_outcome is Outcome.REFUSED:
            raise Refused(403, 'Quota exceeded for cores: Requested 2')
        self._note(server, 'resize', self.resize_outcome)
        server.before = (server.flavor, server.node)
        server.status, server.task_state = 'RESIZE', 'resize_prep'
        server.to_come = [{'task_state': 'resize_migrating'}]
        match self.resize_outcome:
            case Outcome.WORKS:
                server.to_come += [
                    {'task_state': 'resize_finish'},
                    {
                        'status': 'VERIFY_RESIZE',
                        'vm_state': 'resized',
                        'task_state': None,
                        'flavor': flavor,
                        'node': self._another_node(server),
                    },
                ]
            case Outcome.FAILS:
                server.to_come.append(_error(NO_ROOM))
            case _:
                server.to_come.append(_ACTIVE)

    @staticmethod
    def _note(server: Server, name: str, outcome: Outcome) -> None:
        works = outcome is Outcome.WORKS
        server.actions.append(
            {
                'request_id': f'req-{uuid_module.uuid4()}',
                'name': name,
                'status': 'running',
                'ends': None if works else NO_ROOM,
            }
        )

    def confirm_resize(self, server: Server) -> None:
        self._must_be_resized(server)
        self._note(server, 'confirmResize', Outcome.WORKS)
        server.before = None
        server.task_state = 'resize_confirming'
        server.to_come = [_ACTIVE]

    def revert_resize(self, server: Server) -> None:
        self._must_be_resized(server)
        self._note(server, 'revertResize', Outcome.WORKS)
        flavor, node = server.before or (server.flavor, server.node)
        server.task_state = 'resize_reverting'
        server.status = 'REVERT_RESIZE'
        server.to_come = [{**_ACTIVE, 'flavor': flavor, 'node': node}]

    def live_migrate(self, server: Server, node: str | None) -> None:
        self._must_be_idle(server)
        target = node or self._another_node(server)
        if target not in self.nodes:
            raise Refused(400, f'Compute host {target} could not be found.')
        if self.migration_outcome is Outcome.REFUSED:
            raise Refused(409, f'{target} is not suitable: no room')
        self._note(server, 'live-migration', self.migration_outcome)
        works = self.migration_outcome is Outcome.WORKS
        server.migrations.append(
            {
                'id': len(server.migrations) + 1,
                'status': 'running',
                'ends': 'completed' if works else 'error',
                'source': server.node,
                'target': target,
            }
        )
        server.status, server.task_state = 'MIGRATING', 'migrating'
        server.to_come = [{'task_state': 'migrating'}]
        match self.migration_outcome:
            case Outcome.WORKS:
                server.to_come.append({**_ACTIVE, 'node': target})
            case Outcome.FAILS:
                server.to_come.append(_error(NO_ROOM))
            case _:
                server.to_come.append(_ACTIVE)

    def abort_migration(self, server: Server, number: int) -> None:
        for migration in server.migrations:
            if migration['id'] == number and migration['status'] == 'running':
                migration['ends'] = 'cancelled'
                server.to_come = [_ACTIVE]
                return
        raise Refused(404, f'Migration {number} not found')

    def _another_node(self, server: Server) -> str:
        """Where the scheduler puts it: Nova's default is not the same host."""
        others = [
            node.name
            for node in self.nodes.values()
            if node.name != server.node
            and (node.status, node.state) == ('enabled', 'up')
        ]
        return sorted(others)[0] if others else server.node

    @staticmethod
    def _must_be_idle(server: Server) -> None:
        if server.task_state or server.status not in ('ACTIVE', 'SHUTOFF'):
            raise Refused(
                409,
                f'Cannot do this while it is in vm_state {server.vm_state}, '
                f'task_state {server.task_state}',
            )

    @staticmethod
    def _must_be_resized(server: Server) -> None:
        if server.status != 'VERIFY_RESIZE':
            raise Refused(409, 'Instance has not been resized.')


_ACTIVE = {'status': 'ACTIVE', 'vm_state': 'active', 'task_state': None}


def _error(message: str) -> dict[str, Any]:
    return {
        'status': 'ERROR',
        'vm_state': 'error',
        'task_state': None,
        'fault': message,
    }
