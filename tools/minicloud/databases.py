"""Database servers, schemas, and snapshots of set-up SQLite files."""

import base64
from collections.abc import Iterator
import contextlib
import hashlib
import os
from pathlib import Path
import shutil
import sqlite3

from minicloud.commands import Chain
from minicloud.commands import Command
from minicloud.settings import MYSQL_PORT
from minicloud.settings import PASSWORD
from minicloud.settings import REGION
from minicloud.settings import Settings


NAMES = (
    'keystone',
    'placement',
    'glance',
    'nova_api',
    'nova_cell0',
    'nova_cell1',
    'watcher',
    'gnocchi',
)
GNOCCHI_SACKS = 4
_HERE = Path(__file__).resolve().parent
#: A change of these makes older snapshots useless.
_MADE_BY = ('constraints.txt', 'databases.py', 'catalog.py', 'cloud.py')


def create(s: Settings) -> None:
    """Empty SQLite files and the keys of Keystone."""
    if s.db == 'sqlite':
        for name in NAMES:
            path = s.data / f'{name}.sqlite'
            with contextlib.closing(sqlite3.connect(path)) as connection:
                # It sticks to the file: readers never block writers.
                connection.execute('PRAGMA journal_mode=WAL')
    for folder in (s.data / 'fernet', s.data / 'cred'):
        for name in '01':
            key = folder / name
            key.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
            key.chmod(0o600)


def mysql_initialize(s: Settings) -> Command:
    """Make MariaDB's data directory."""
    argv = [
        'mariadb-install-db',
        '--no-defaults',
        f'--datadir={s.data}/mariadb',
        '--auth-root-authentication-method=normal',
        *_as_root(),
    ]
    return Command(name='setup-mariadb', argv=tuple(argv))


def mysql_server(s: Settings) -> tuple[str, ...]:
    """MariaDB's command line."""
    folder = s.data / 'mariadb'
    return (
        'mariadbd',
        '--no-defaults',
        f'--datadir={folder}',
        f'--socket={folder}/socket',
        f'--pid-file={folder}/pid',
        f'--port={s.base_port + MYSQL_PORT}',
        '--bind-address=127.0.0.1',
        '--max-connections=400',
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-buffer-pool-size=64M',
        '--performance-schema=off',
        '--skip-log-bin',
        *_as_root(),
    )


def _as_root() -> list[str]:
    return ['--user=root'] if os.getuid() == 0 else []


def mysql_create(s: Settings) -> Command:
    """Make the empty databases and our account."""
    lines = [
        f'CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8;'
        for name in NAMES
    ]
    for host in ('127.0.0.1', 'localhost'):
        account = f"minicloud@'{host}'"
        lines += [
            f'CREATE USER IF NOT EXISTS {account} '
            f"IDENTIFIED BY '{PASSWORD}';",
            f'GRANT ALL ON *.* TO {account};',
        ]
    socket = f'--socket={s.data}/mariadb/socket'
    argv = ('mariadb', '--no-defaults', '-uroot', socket, '-e', ''.join(lines))
    return Command(name='setup-mysql', argv=argv)


def schemas(s: Settings) -> list[Chain]:
    """The commands that fill the empty databases, the longest first."""
    return [
        list(_nova(s)),
        list(_keystone(s)),
        list(_others(s)),
    ]


def _tool(s: Settings, tool: str, conf: list[str], *words: str) -> Command:
    files = [part for c in conf for part in ('--config-file', str(s.etc / c))]
    return Command(
        name='setup-' + '-'.join([tool, *words[:2]]),
        argv=(str(s.venv / 'bin' / tool), *files, *words),
    )


def _nova(s: Settings) -> Iterator[Command]:
    conf = ['nova.conf', 'nova-db.conf']
    cell0 = ('--database_connection', s.database('nova_cell0'))
    yield _tool(s, 'nova-manage', conf, 'api_db', 'sync')
    yield _tool(s, 'nova-manage', conf, 'cell_v2', 'map_cell0', *cell0)
    yield _tool(s, 'nova-manage', conf, 'db', 'sync')
    cell1 = ('create_cell', '--name', 'cell1')
    yield _tool(s, 'nova-manage', conf, 'cell_v2', *cell1)


def _keystone(s: Settings) -> Iterator[Command]:
    conf = ['keystone.conf']
    yield _tool(s, 'keystone-manage', conf, 'db_sync')
    options = {
        'password': PASSWORD,
        'region-id': REGION,
        'public-url': s.auth_url,
        'internal-url': s.auth_url,
    }
    words = [w for k, v in options.items() for w in (f'--bootstrap-{k}', v)]
    yield _tool(s, 'keystone-manage', conf, 'bootstrap', *words)


def _others(s: Settings) -> Iterator[Command]:
    yield _tool(s, 'placement-manage', ['placement.conf'], 'db', 'sync')
    yield _tool(s, 'glance-manage', ['glance-api.conf'], 'db_sync')
    # Watcher's migrations cannot alter SQLite's columns; the schema can be
    # created as it is at their end.
    how = 'create_schema' if s.db == 'sqlite' else 'upgrade'
    yield _tool(s, 'watcher-db-manage', ['watcher.conf'], how)
    sacks = f'--sacks-number={GNOCCHI_SACKS}'
    yield Command(
        name='setup-gnocchi',
        argv=(*role(s, 'gnocchi-upgrade', 0), sacks),
    )


def resource_types(s: Settings) -> Command:
    """Teach Gnocchi what Ceilometer measures; its API must answer."""
    return _tool(s, 'ceilometer-upgrade', ['ceilometer.conf'])


def role(s: Settings, name: str, port: int) -> tuple[str, ...]:
    """The command line of one of our own roles."""
    messages = str(s.messages) if s.mq == 'fs' else ''
    module = 'minicloud.inside.roles'
    return (
        *(str(s.python), '-m', module),
        *(name, str(s.etc), messages, str(port)),
    )


class Snapshot:
    """Set-up SQLite databases, kept for the next cloud of the same kind.

    Addresses and paths are part of the databases' content, so a snapshot
    only fits the same place, ports and versions.
    """

    def __init__(self, s: Settings) -> None:
        self._data = s.data
        self._usable = s.db == 'sqlite'
        self._path = s.home / 'snapshots' / self._key(s)

    @staticmethod
    def _key(s: Settings) -> str:
        digest = hashlib.sha256()
        for name in _MADE_BY:
            digest.update((_HERE / name).read_bytes())
        digest.update(f'{s.run} {s.base_port} {s.mq} {s.hosts}'.encode())
        return digest.hexdigest()[:16]

    def save(self) -> None:
        """Keep the databases as they are now."""
        if not self._usable:
            return
        unfinished = self._path.with_suffix('.unfinished')
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name in NAMES:
            file = f'{name}.sqlite'
            _copy_sqlite(self._data / file, unfinished / file)
        for folder in ('fernet', 'cred', 'gnocchi'):
            shutil.copytree(self._data / folder, unfinished / folder)
        shutil.rmtree(self._path, ignore_errors=True)
        unfinished.rename(self._path)

    def restore(self) -> bool:
        """Put the kept databases in place; False if there are none."""
        if not self._usable or not self._path.exists():
            return False
        shutil.copytree(self._path, self._data, dirs_exist_ok=True)
        return True


def _copy_sqlite(source: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute('PRAGMA journal_mode=WAL')
