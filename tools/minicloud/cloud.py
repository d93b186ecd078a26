"""Bring a cloud up, take it down, restart parts of it."""

from collections.abc import Iterable
import os
import shutil
import socket

from minicloud import brokers
from minicloud import catalog
from minicloud import commands
from minicloud import configure
from minicloud import databases
from minicloud import rest
from minicloud.errors import MiniCloudError
from minicloud.processes import Processes
from minicloud.progress import say
from minicloud.progress import wait_for
from minicloud.settings import API_PORTS
from minicloud.settings import HOST
from minicloud.settings import MYSQL_PORT
from minicloud.settings import RABBIT_PORT
from minicloud.settings import Settings
from minicloud.settings import taken_ports
from minicloud.settings import TOOLS


#: Role of each API, by the type of its service.
APIS = {
    'identity': 'keystone',
    'placement': 'placement',
    'image': 'glance',
    'compute': 'nova-api',
    'metric': 'gnocchi-api',
    'infra-optim': 'watcher-api',
    'network': 'neutron',
}
WATCHER = ('watcher-decision-engine', 'watcher-applier')
#: Ended last, started first.
SERVERS = ('mariadb', 'epmd', 'rabbitmq')
_PATIENCE_S = 120.0


class Cloud:
    """One mini cloud, running or not."""

    def __init__(self, s: Settings) -> None:
        self.settings = s
        self.processes = Processes(s.pids, s.log, s.messages)

    @property
    def roles(self) -> list[str]:
        """Every role, in the order in which they are started."""
        return [
            'nova-conductor',
            *APIS.values(),
            'nova-scheduler',
            *(f'nova-compute:{host}' for host in self.settings.computes),
            'gnocchi-metricd',
            *WATCHER,
        ]

    def up(self) -> None:
        """Start everything that does not run; nothing stays if it fails."""
        try:
            self._up()
        except BaseException:
            self.down()
            raise

    def _up(self) -> None:
        s = self.settings
        if not (s.venv / 'installed').exists():
            raise MiniCloudError(f'nothing is installed in {s.venv}: install')
        if not s.ready.exists():
            self.wipe()  # what is left of a start that was cut off
        self._check_ports()
        configure.write_all(s)
        self._start_servers()
        snapshot = databases.Snapshot(s)
        is_filled = s.ready.exists() or snapshot.restore()
        if not is_filled:
            self._create_databases()
        self._start_first()
        if not is_filled:
            catalog.Catalog(s).fill()
        # A snapshot holds nothing that Watcher learns from its plugins.
        self.start(r for r in self.roles if is_filled or r not in WATCHER)
        self._wait_for_answers()
        if not is_filled:
            self._run([[databases.resource_types(s)]])
            snapshot.save()
            self.start(WATCHER)
        self._check_alive(self.roles)
        s.ready.touch()
        say(f'{s.hosts} hypervisors are up; credentials: {s.openrc}')

    def _check_ports(self) -> None:
        s = self.settings
        if any(record.alive for record in self.processes.records()):
            return
        taken = taken_ports(s)
        if taken:
            raise MiniCloudError(
                f'port {taken[0]} is taken: choose another --base-port '
                f'than {s.base_port}'
            )

    def _start_servers(self) -> None:
        s = self.settings
        if s.db == 'mysql':
            if not (s.data / 'mariadb' / 'mysql').exists():
                self._run([[databases.mysql_initialize(s)]])
            self._start('mariadb', databases.mysql_server(s))
            self._wait_for_port('mariadb', MYSQL_PORT)
        if s.mq == 'rabbit':
            self._start('epmd', brokers.port_mapper(s))
            self._wait_for_port('epmd', RABBIT_PORT + 2)
            argv, variables = brokers.rabbit_server(s)
            self._start('rabbitmq', argv, variables)
            self._wait_for_port('rabbitmq', RABBIT_PORT)

    def _create_databases(self) -> None:
        s = self.settings
        say('creating the databases (a minute, once)')
        databases.create(s)
        if s.db == 'mysql':
            self._run([[databases.mysql_create(s)]])
        self._run(databases.schemas(s))
        say('databases are ready')

    def _start_first(self) -> None:
        """Start what the others need at their own start."""
        self.start(['keystone', 'nova-conductor', 'placement'])
        self.wait_for_apis(['identity', 'placement'])

    def _wait_for_answers(self) -> None:
        s = self.settings
        self.wait_for_apis(API_PORTS)
        say('all APIs answer')
        wait_for(
            lambda: rest.hypervisors_up(s) >= s.hosts,
            f'{s.hosts} hypervisors',
            within_s=_PATIENCE_S,
            every_s=0.5,
        )

    def wait_for_apis(self, service_types: Iterable[str]) -> None:
        """Return when these answer, be it to refuse."""
        silent = list(service_types)

        def all_answer() -> bool:
            self._check_alive(APIS[kind] for kind in silent)
            url = self.settings.url
            silent[:] = [k for k in silent if not rest.answers(url(k) + '/')]
            return not silent

        wait_for(
            all_answer,
            'the APIs to answer',
            within_s=_PATIENCE_S,
            every_s=0.5,
            hint=lambda: ', '.join(APIS[kind] for kind in silent),
        )

    def _wait_for_port(self, name: str, offset: int) -> None:
        address = (HOST, self.settings.base_port + offset)

        def accepts() -> bool:
            self._check_alive([name])
            try:
                socket.create_connection(address, 2).close()
            except OSError:
                return False
            return True

        wait_for(accepts, f'the port of {name}', within_s=_PATIENCE_S)

    def _check_alive(self, names: Iterable[str]) -> None:
        for name in names:
            if not self.processes.alive(name):
                word = commands.last_word(self.processes, name)
                log = self.processes.log_file(name)
                raise MiniCloudError(f'{name} died: {word} (see {log})')

    def _run(self, chains: list[commands.Chain]) -> None:
        commands.run(self.processes, self._environment(), chains)

    def _environment(self) -> dict[str, str]:
        etc = str(self.settings.etc)
        mine = {
            'PYTHONPATH': str(TOOLS),
            'PYTHONUNBUFFERED': '1',
            'OS_NOVA_CONFIG_DIR': etc,
            'OS_PLACEMENT_CONFIG_DIR': etc,
            'OS_GLANCE_CONFIG_DIR': etc,
            'NO_PROXY': '*',
        }
        theirs = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(('OS_', 'PYTHON', 'RABBITMQ_'))
        }
        return theirs | mine

    def _start(
        self,
        name: str,
        argv: tuple[str, ...],
        variables: dict[str, str] | None = None,
    ) -> None:
        if not self.processes.alive(name):
            env = self._environment() | (variables or {})
            self.processes.start(name, argv, env)

    def start(self, roles: Iterable[str]) -> None:
        """Start those of these roles that do not run."""
        ports = {role: API_PORTS[kind] for kind, role in APIS.items()}
        for role in roles:
            port = self.settings.base_port + ports.get(role, 0)
            self._start(role, databases.role(self.settings, role, port))

    def stop(self, roles: Iterable[str]) -> None:
        """End these roles."""
        self.processes.stop(roles)

    def restart(self, roles: Iterable[str]) -> None:
        """End these roles and start them again, their configuration anew."""
        roles = list(roles)
        configure.write_all(self.settings)
        self.stop(roles)
        self.start(roles)

    def down(self) -> None:
        """End every process of this cloud."""
        names = [record.name for record in self.processes.records()]
        self.processes.stop(n for n in names if n not in SERVERS)
        self.processes.stop(n for n in names if n in SERVERS)

    def wipe(self) -> None:
        """End it and remove its data; the environment stays."""
        self.down()
        shutil.rmtree(self.settings.run, ignore_errors=True)
