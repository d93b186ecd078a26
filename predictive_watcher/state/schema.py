"""Tables of the ledger, and the database that holds them.

The decision engine and the applier write at the same time, so SQLite runs
with a write-ahead log, and a transaction that will write takes the write lock
when it begins: a reader that becomes a writer could not wait for another one.
Those that only read take no lock and wait for nobody.
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
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

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

# A lease is active while ``active_instance_id`` holds its instance's id.  Any
# number of NULLs may stand in a unique column, in every database, so that an
# instance has one active lease at most.
leases = sa.Table(
    'predictive_leases',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('active_instance_id', sa.String(36), unique=True),
    sa.Column('instance_id', sa.String(36), nullable=False),
    sa.Column('instance_name', sa.String(255), nullable=False),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('audit', sa.String(36), nullable=False),
    sa.Column('origin_flavor_name', sa.String(255), nullable=False),
    sa.Column('flavor_name', sa.String(255), nullable=False),
    sa.Column('pending_flavor_name', sa.String(255)),
    sa.Column('reason', sa.Text, nullable=False),
    sa.Column('since', sa.BigInteger, nullable=False),
    sa.Column('expires_at', sa.BigInteger, nullable=False),
    sa.Column('outcome', sa.String(16)),  # how it was closed
    sa.Column('closed_at', sa.BigInteger),
    sa.Column('origin_vcpus', sa.Integer),
    sa.Column('origin_memory_mib', sa.Integer),
    sa.Column('origin_specs', sa.Text),  # JSON
)

attempts = sa.Table(
    'predictive_attempts',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('instance_id', sa.String(36), nullable=False),
    sa.Column('kind', sa.String(16), nullable=False),
    sa.Column('at', sa.BigInteger, nullable=False, index=True),
    sa.Column('failed', sa.Boolean, nullable=False),
    sa.Column('text', sa.Text, nullable=False),
    sa.Column('project_id', sa.String(255)),
    sa.Column('duration_s', sa.Float(53)),
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
    # of the same origin, where they were asked
    sa.Column('persistence_q50', sa.Float(53)),
    sa.Column('persistence_q95', sa.Float(53)),
    sa.Column('mean60_q50', sa.Float(53)),
    sa.Column('mean60_q95', sa.Float(53)),
    sa.Column('ceiling', sa.Float(53)),
    sa.Column('segment', sa.String(64)),
    # within the horizon of the instance's policy, where that is not 900 s
    sa.Column('own_risk', sa.Float(53)),
    sqlite_with_rowid=False,
)


def insert_new(dialect: str, table: sa.Table) -> sa.Insert:
    """An INSERT that leaves alone what is there already.

    Inline: there may be no new key to tell.
    """
    if dialect == 'mysql':
        return mysql.insert(table).prefix_with('IGNORE').inline()
    if dialect == 'postgresql':
        return postgresql.insert(table).on_conflict_do_nothing().inline()
    return sqlite.insert(table).on_conflict_do_nothing().inline()


class Database:
    """A database by URL: opened, and its tables made, at first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads.

        :raises StateError: naming the database and the option.
        """
        with self._explained(), _transaction(self._opened()) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes; committed at its end.

        :raises StateError: naming the database and the option.
        """
        with (
            self._explained(),
            _transaction(self._opened(), 'IMMEDIATE') as connection,
        ):
            yield connection

    @contextlib.contextmanager
    def alone(self) -> Iterator[sa.Connection]:
        """A transaction that writes, and that no other of this kind overlaps:
        what it reads holds until its end.

        SQLite has one writer anyhow; elsewhere all of them lock one row.

        :raises StateError: naming the database and the option.
        """
        with self.writing() as connection:
            # before anything is read: MySQL goes on seeing what it saw first
            connection.execute(
                sa.select(schema_version.c.version).with_for_update()
            )
            yield connection

    def _opened(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                self._engine = self._open()
            return self._engine

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
        if not _is_made(engine):
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
def _transaction(
    engine: sa.Engine, lock: str = 'DEFERRED'
) -> Iterator[sa.Connection]:
    """Like ``engine.begin()``, with the kind of lock that SQLite takes."""
    lite = engine.dialect.name == 'sqlite'
    with engine.connect() as connection:
        if lite:
            # oslo.db begins with a plain BEGIN unless it sees this mark
            connection.info['in_transaction'] = True
        with connection.begin():
            if lite:
                connection.exec_driver_sql(f'BEGIN {lock}')
            yield connection


def _is_made(engine: sa.Engine) -> bool:
    """Whether all is there; the version is written after the tables.

    :raises StateError: where a newer release has made them.
    """
    with _transaction(engine) as connection:
        if not sa.inspect(connection).has_table(schema_version.name):
            return False
        found = connection.scalar(sa.select(schema_version.c.version))
        if found is not None and found > VERSION:
            raise exceptions.StateError(
                f'the ledger has schema version {found}, this release knows '
                f'{VERSION} at most: it was used by a newer release; upgrade '
                f'this one, or set {OPTION} to another database'
            )
        return found is not None and not _missing(connection)


def _missing(connection: sa.Connection) -> list[sa.Table | sa.Column[Any]]:
    """Tables, and columns of those that are there, that this release knows
    and an older one did not make.
    """
    there = sa.inspect(connection)
    found: list[sa.Table | sa.Column[Any]] = []
    for table in metadata.sorted_tables:
        if not there.has_table(table.name):
            found.append(table)
            continue
        names = {column['name'] for column in there.get_columns(table.name)}
        found += [c for c in table.columns if c.name not in names]
    return found


def _make_tables(engine: sa.Engine) -> None:
    """Make what is missing.  A column that is added later has to be one that
    may be NULL: rows of an older release do not have it, and that release
    may go on writing.
    """
    with _transaction(engine, 'IMMEDIATE') as connection:
        metadata.create_all(connection)
        quote = connection.dialect.identifier_preparer.format_table
        for column in _missing(connection):
            if isinstance(column, sa.Column):
                words = sa.schema.CreateColumn(column).compile(
                    dialect=connection.dialect
                )
                connection.exec_driver_sql(
                    f'ALTER TABLE {quote(column.table)} ADD COLUMN {words}'
                )
        if connection.scalar(sa.select(schema_version.c.version)) is None:
            connection.execute(
                sa.insert(schema_version).values(version=VERSION)
            )
