"""Tables of the ledger, and the database that holds them.

The decision engine and the applier write at the same time, so SQLite runs
with a write-ahead log and takes its write lock when a transaction begins:
a reader that becomes a writer could not wait for another one.
"""

from collections.abc import Iterator
import contextlib
import pathlib
import sqlite3
import threading
import time
from typing import Any

from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import enginefacade
import sqlalchemy as sa

from predictive_watcher import exceptions


VERSION = 1
OPTION = '[predictive_watcher] ledger_connection'
BUSY_S = 30

metadata = sa.MetaData()

schema_version = sa.Table(
    'predictive_schema_version',
    metadata,
    sa.Column('version', sa.Integer, primary_key=True, autoincrement=False),
)

leases = sa.Table(
    'predictive_leases',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('instance_id', sa.String(36), nullable=False, index=True),
    sa.Column('instance_name', sa.String(255), nullable=False),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('origin_flavor_id', sa.String(255), nullable=False),
    sa.Column('origin_flavor_name', sa.String(255), nullable=False),
    sa.Column('flavor_id', sa.String(255), nullable=False),
    sa.Column('flavor_name', sa.String(255), nullable=False),
    sa.Column('reason', sa.Text, nullable=False),
    sa.Column('weight', sa.Float(53), nullable=False),
    sa.Column('created_at', sa.BigInteger, nullable=False),
    sa.Column('expires_at', sa.BigInteger, nullable=False),
    sa.Column('state', sa.String(16), nullable=False, index=True),
    sa.Column('closed_at', sa.BigInteger),
    sa.Column('reference', sa.String(64)),  # audit or action it came from
)

# There are 8,000 rows per audit of 1,000 instances: the natural key is the
# only index, and in SQLite the table itself is that index.
forecasts = sa.Table(
    'predictive_forecasts',
    metadata,
    sa.Column('origin', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('instance_id', sa.String(36), primary_key=True),
    sa.Column('resource', sa.String(16), primary_key=True),
    sa.Column('target', sa.String(8), primary_key=True),
    sa.Column('step_s', sa.Integer, nullable=False),
    sa.Column('q50', sa.Float(53), nullable=False),
    sa.Column('q95', sa.Float(53), nullable=False),
    sa.Column('risk', sa.Float(53)),
    sa.Column('limit', sa.Float(53)),
    sa.Column('actual', sa.Float(53)),
    sa.Column('settled_at', sa.BigInteger),
    sqlite_with_rowid=False,
)


class Database:
    """A database by URL: opened, and its tables made, at first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    @contextlib.contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction; committed at its end.

        :raises StateError: naming the database and the option.
        """
        with self._explained():
            with self._lock:
                if self._engine is None:
                    self._engine = self._open()
            with _transaction(self._engine) as connection:
                yield connection

    def _open(self) -> sa.Engine:
        url = sa.make_url(self._url)
        lite = url.get_backend_name() == 'sqlite'
        if lite and url.database not in (None, '', ':memory:'):
            folder = pathlib.Path(str(url.database)).parent
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        context = enginefacade.transaction_context()
        # nothing is tried again: an audit does not wait for its ledger
        context.configure(connection=self._url, max_retries=0)
        engine: sa.Engine = context.writer.get_engine()
        if lite:
            sa.event.listen(engine, 'connect', _prepare_sqlite)
        try:
            _make_tables(engine)
        except db_exception.DBError:
            # another process may have made them at the same moment
            _make_tables(engine)
        return engine

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (
            OSError,
            ImportError,
            sa.exc.SQLAlchemyError,
            db_exception.DBError,
        ) as error:
            words = str(error).split('\n[SQL')[0].split(' (Background')[0]
            words = ' '.join(words.split())
            raise exceptions.StateError(
                f'the ledger {self._shown()} cannot be used: {words}; check '
                f'its permissions, or set {OPTION} to another database'
            ) from error

    def _shown(self) -> str:
        """The URL without its password."""
        try:
            return sa.make_url(self._url).render_as_string()
        except sa.exc.ArgumentError:
            return '(unreadable URL)'


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.execute(f'PRAGMA busy_timeout = {BUSY_S * 1000}')
    # A file changes to a write-ahead log once.  SQLite does not wait for
    # others when it does: we have to.
    for _ in range(BUSY_S * 20):
        try:
            connection.execute('PRAGMA journal_mode = WAL')
        except sqlite3.OperationalError as error:
            if 'locked' not in str(error):
                raise
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def _transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Like ``engine.begin()``, but SQLite locks for writing at once."""
    lite = engine.dialect.name == 'sqlite'
    with engine.connect() as connection:
        if lite:
            # oslo.db begins with a plain BEGIN unless it sees this mark
            connection.info['in_transaction'] = True
        with connection.begin():
            if lite:
                connection.exec_driver_sql('BEGIN IMMEDIATE')
            yield connection


def _make_tables(engine: sa.Engine) -> None:
    with _transaction(engine) as connection:
        metadata.create_all(connection)
        found = connection.scalar(sa.select(schema_version.c.version))
        if found is None:
            connection.execute(
                sa.insert(schema_version).values(version=VERSION)
            )
        elif found > VERSION:
            raise exceptions.StateError(
                f'the ledger has schema version {found}, this release knows '
                f'{VERSION} at most: it was used by a newer release; upgrade '
                f'this one, or set {OPTION} to another database'
            )
