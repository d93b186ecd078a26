"""Where a cloud lives: its directories, ports and kinds of backends."""

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
import json
import os
from pathlib import Path
import socket
from typing import Any

from minicloud.errors import MiniCloudError


CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = CHECKOUT / 'tools'

#: The password of every account; nothing listens beyond 127.0.0.1.
PASSWORD = 'minicloud'  # noqa: S105
REGION = 'RegionOne'
HOST = '127.0.0.1'

#: Offset of each API's port, by its type in the service catalog.
API_PORTS = {
    'identity': 0,
    'placement': 1,
    'image': 2,
    'compute': 3,
    'metric': 4,
    'infra-optim': 5,
    'network': 6,
}
MYSQL_PORT = 306
RABBIT_PORT = 673
FIRST_PORT = 15000
LEAST_HOSTS = 3  # a node to leave, one to go to, one to be refused
PORT_BLOCK = 1000
DATABASES = ('sqlite', 'mysql')
BROKERS = ('fs', 'rabbit')

#: ``{section: {option: value}}`` to be laid over a service's configuration.
Overlay = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One mini cloud: a place, a block of ports and its backends."""

    home: Path
    run: Path
    base_port: int = FIRST_PORT
    db: str = 'sqlite'
    mq: str = 'fs'
    hosts: int = 3
    #: Options for Watcher's configuration beyond our own.
    watcher: Overlay = field(default_factory=dict)

    @property
    def venv(self) -> Path:
        """The private virtual environment."""
        return self.home / 'venv'

    @property
    def python(self) -> Path:
        """The interpreter of that environment."""
        return self.venv / 'bin' / 'python'

    @property
    def etc(self) -> Path:
        """Configuration files."""
        return self.run / 'etc'

    @property
    def log(self) -> Path:
        """What the processes say."""
        return self.run / 'log'

    @property
    def pids(self) -> Path:
        """Records of the processes that were started."""
        return self.run / 'pids'

    @property
    def data(self) -> Path:
        """Databases, images, measures, messages."""
        return self.run / 'data'

    @property
    def messages(self) -> Path:
        """The directory that serves as message broker."""
        return self.data / 'mq'

    @property
    def openrc(self) -> Path:
        """Credentials, for the shell."""
        return self.run / 'openrc'

    @property
    def ready(self) -> Path:
        """Exists once the cloud was up for the first time."""
        return self.run / 'ready'

    @property
    def computes(self) -> list[str]:
        """Names of the hypervisors."""
        return [f'compute{i}' for i in range(1, self.hosts + 1)]

    @property
    def auth_url(self) -> str:
        """Keystone, version 3."""
        return self.url('identity') + '/v3'

    def url(self, service_type: str) -> str:
        """Root of a service's API."""
        port = self.base_port + API_PORTS[service_type]
        return f'http://{HOST}:{port}'

    def database(self, name: str) -> str:
        """SQLAlchemy URL of the database ``name``."""
        if self.db == 'mysql':
            port = self.base_port + MYSQL_PORT
            login = f'minicloud:{PASSWORD}@{HOST}:{port}'
            return f'mysql+pymysql://{login}/{name}?charset=utf8'
        return f'sqlite:///{self.data}/{name}.sqlite?timeout=60'

    @property
    def transport(self) -> str:
        """oslo.messaging's transport URL."""
        if self.mq == 'rabbit':
            port = self.base_port + RABBIT_PORT
            return f'rabbit://guest:guest@{HOST}:{port}/'
        return 'kombu+filesystem://'

    def ports(self) -> list[int]:
        """Every port this cloud listens on."""
        offsets = list(API_PORTS.values())
        if self.db == 'mysql':
            offsets.append(MYSQL_PORT)
        if self.mq == 'rabbit':
            # The server, its distribution port and Erlang's port mapper.
            offsets.extend(RABBIT_PORT + i for i in range(3))
        return [self.base_port + offset for offset in offsets]

    def credentials(self) -> dict[str, str]:
        """The administrator's ``OS_*`` variables."""
        return {
            'OS_AUTH_URL': self.auth_url,
            'OS_USERNAME': 'admin',
            'OS_PASSWORD': PASSWORD,
            'OS_PROJECT_NAME': 'admin',
            'OS_USER_DOMAIN_NAME': 'Default',
            'OS_PROJECT_DOMAIN_NAME': 'Default',
            'OS_REGION_NAME': REGION,
            'OS_IDENTITY_API_VERSION': '3',
            'OS_COMPUTE_API_VERSION': '2.90',
        }

    def save(self) -> None:
        """Remember with what the cloud in ``run`` was made."""
        made = asdict(self)
        del made['home'], made['run']
        self.run.mkdir(parents=True, exist_ok=True)
        _file(self.run).write_text(json.dumps(made, indent=2) + '\n')


def _file(run: Path) -> Path:
    return run / 'settings.json'


def _saved(run: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = json.loads(_file(run).read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise MiniCloudError(
            f'{_file(run)} is damaged ({error}): remove {run}'
        ) from error
    return saved


def settle(
    home: Path | None = None, run: Path | None = None, **wanted: Any
) -> Settings:
    """Settings from what is wanted, the cloud that exists and defaults.

    ``None`` means no wish. What exists cannot be changed by a wish, but for
    Watcher's options.
    """
    home = (home or CHECKOUT / '.minicloud').resolve()
    run = (run or home / 'run').resolve()
    saved = _saved(run)
    wishes = {k: v for k, v in wanted.items() if v is not None}
    if wishes.get('hosts', LEAST_HOSTS) < LEAST_HOSTS:
        raise MiniCloudError(
            f'{wishes["hosts"]} hypervisors are too few: --hosts '
            f'{LEAST_HOSTS} at least'
        )
    for name in sorted(saved.keys() & wishes.keys() - {'watcher'}):
        if saved[name] != wishes[name]:
            raise MiniCloudError(
                f'the cloud in {run} was made with {name} = {saved[name]}, '
                f'not {wishes[name]}: wipe it first, or choose another --run'
            )
    settings = Settings(home=home, run=run, **(saved | wishes))
    if 'base_port' in saved or 'base_port' in wishes:
        return settings
    return replace(settings, base_port=_free_block(settings))


def _free_block(settings: Settings) -> int:
    for first in range(FIRST_PORT, FIRST_PORT + 10 * PORT_BLOCK, PORT_BLOCK):
        if not taken_ports(replace(settings, base_port=first)):
            return first
    raise MiniCloudError(
        'no free block of ports found from '
        f'{FIRST_PORT} on: name one with --base-port'
    )


def taken_ports(settings: Settings) -> list[int]:
    """Those of the cloud's ports on which somebody listens already."""
    return [port for port in settings.ports() if not _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def from_environment(name: str) -> str | None:
    """The variable ``MINICLOUD_<NAME>``, if it says anything."""
    return os.environ.get('MINICLOUD_' + name.upper()) or None
