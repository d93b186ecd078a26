"""Gnocchi's indexer on SQLite; upstream ships MySQL and PostgreSQL."""

from typing import Any
from urllib import parse

from alembic import command
from alembic import migration
from gnocchi import indexer
from gnocchi import resource_type
from gnocchi.indexer import sqlalchemy as upstream
from oslo_db import exception
import sqlalchemy
from sqlalchemy import event


class SQLiteIndexer(upstream.SQLAlchemyIndexer):
    """The upstream indexer with an upgrade that SQLite can do."""

    def upgrade(self, nocreate: bool = False) -> None:
        """Create or migrate the schema.

        Upstream stamps the version through a second connection while the
        first one holds the write lock, which never ends on SQLite.
        """
        config = self._get_alembic_config()
        config.conf = self.conf
        with self.facade.writer_connection() as connection:
            context = migration.MigrationContext.configure(connection)
            is_new = context.get_current_revision() is None
            if is_new:
                upstream.Base.metadata.create_all(connection)
        (command.stamp if is_new else command.upgrade)(config, 'head')
        try:
            with self.facade.writer() as session:
                session.add(_generic())
        except exception.DBDuplicateEntry:
            return


def _generic() -> Any:
    return upstream.ResourceType(
        name='generic',
        tablename='generic',
        state='active',
        attributes=resource_type.ResourceTypeAttributes(),
    )


def install() -> None:
    """Make Gnocchi use this indexer for ``sqlite://``."""
    event.listen(sqlalchemy.engine.Engine, 'connect', _configure)
    original = indexer.get_driver

    def get_driver(conf: Any) -> Any:
        if parse.urlsplit(conf.indexer.url).scheme == 'sqlite':
            return SQLiteIndexer(conf)
        return original(conf)

    indexer.get_driver = get_driver


def _configure(connection: Any, record: Any) -> None:
    if type(connection).__module__.startswith('sqlite3'):
        connection.execute('PRAGMA foreign_keys=ON')
        connection.execute('PRAGMA busy_timeout=60000')
