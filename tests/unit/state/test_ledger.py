"""The ledger on a file that several processes share."""

import concurrent.futures
import pathlib
import sqlite3
import stat

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

from predictive_watcher import exceptions
from predictive_watcher.core import leases
from predictive_watcher.state import ledger as ledger_module
from predictive_watcher.state import schema
from tests.fakes import cloud_data


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / 'new' / 'ledger.sqlite'


def test_making_a_ledger_touches_nothing(path):
    ledger_module.Ledger(f'sqlite:///{path}')
    assert not path.parent.exists()


def test_a_missing_folder_is_made_for_us_and_the_group_only(path):
    ledger_module.Ledger(f'sqlite:///{path}').active_leases()
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o027 == 0


def test_what_one_process_writes_another_reads(path):
    engine, applier = (
        ledger_module.Ledger(f'sqlite:///{path}') for _ in range(2)
    )
    assert engine.active_leases() == ()
    applier.begin(cloud_data.lease('a'))
    assert engine.active_leases() == (cloud_data.lease('a'),)


def test_many_writers_wait_for_each_other(path):
    def write(number: int) -> None:
        own = ledger_module.Ledger(f'sqlite:///{path}')  # as a process has it
        for i in range(5):
            own.begin(cloud_data.lease(f'{number}-{i}'))

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    found = ledger_module.Ledger(f'sqlite:///{path}').active_leases()
    assert len(found) == 30


def test_a_newer_schema_is_refused(path):
    ledger_module.Ledger(f'sqlite:///{path}').active_leases()
    engine = sa.create_engine(f'sqlite:///{path}')
    with engine.begin() as connection:
        connection.execute(sa.update(schema.schema_version).values(version=9))
    engine.dispose()
    with pytest.raises(exceptions.StateError, match='version 9.*newer'):
        ledger_module.Ledger(f'sqlite:///{path}').active_leases()


def test_a_ledger_of_an_older_release_gets_what_it_lacks(path):
    ledger = ledger_module.Ledger(f'sqlite:///{path}')
    ledger.begin(cloud_data.lease('a'))
    engine = sa.create_engine(f'sqlite:///{path}')
    with engine.begin() as connection:
        connection.execute(sa.text('DROP TABLE predictive_accuracy'))
        connection.execute(
            sa.text('ALTER TABLE predictive_forecasts DROP COLUMN segment')
        )
    opened = ledger_module.Ledger(f'sqlite:///{path}')
    assert [lease.instance_id for lease in opened.active_leases()] == ['a']
    with engine.connect() as connection:
        there = sa.inspect(connection)
        for table in schema.metadata.sorted_tables:
            names = {c['name'] for c in there.get_columns(table.name)}
            assert names == set(table.columns.keys()), table.name
    engine.dispose()


def test_an_attempt_of_an_older_release_is_of_no_known_project(path):
    ledger = ledger_module.Ledger(f'sqlite:///{path}')
    ledger.note_attempt(
        leases.Attempt(
            instance_id='a',
            kind=leases.Kind.RESIZE,
            at=100,
            failed=False,
            text='',
            project_id='p',
        )
    )
    engine = sa.create_engine(f'sqlite:///{path}')
    with engine.begin() as connection:
        connection.execute(
            sa.text('ALTER TABLE predictive_attempts DROP COLUMN project_id')
        )
    engine.dispose()
    [found] = ledger_module.Ledger(f'sqlite:///{path}').attempts_since(0)
    assert found.project_id == ''


@pytest.mark.parametrize(
    ('url', 'words'),
    [
        ('sqlite:////proc/none/ledger.sqlite', '/proc/none'),
        ('sqlite:////proc', 'unable to open'),
        ('nonsense', 'unreadable URL'),
        ('nodatabase://somewhere/x', 'nodatabase'),
    ],
)
def test_a_ledger_that_cannot_be_opened_names_itself_and_the_option(
    url, words
):
    with pytest.raises(exceptions.StateError, match=words) as caught:
        ledger_module.Ledger(url).active_leases()
    assert '[predictive_watcher] ledger_connection' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_file_that_is_no_database_is_an_error_of_state(tmp_path):
    path = tmp_path / 'ledger.sqlite'
    path.write_text('dear diary, ' * 100)
    with pytest.raises(exceptions.StateError, match='not a database'):
        ledger_module.Ledger(f'sqlite:///{path}').active_leases()


def test_a_password_is_not_shown():
    with pytest.raises(exceptions.StateError) as caught:
        ledger_module.Ledger('nodatabase://user:secret@host/x').active_leases()
    assert 'secret' not in str(caught.value)


def test_an_unknown_outcome_is_refused():
    with pytest.raises(ValueError, match='forgotten'):
        ledger_module.Ledger('sqlite://').close_lease('a', 5, 'forgotten')


@pytest.mark.parametrize('dialect', [mysql.dialect(), postgresql.dialect()])
def test_tables_and_statements_compile_for_servers(dialect):
    words = {
        'mysql': 'INSERT IGNORE INTO',
        'postgresql': 'ON CONFLICT DO NOTHING',
    }[dialect.name]
    for table in schema.metadata.tables.values():
        made = str(sa.schema.CreateTable(table).compile(dialect=dialect))
        # PostgreSQL refuses a TEXT with a length
        assert 'TEXT(' not in made
    for table in (schema.leases, schema.forecasts):
        insert = schema.insert_new(dialect.name, table)
        statement = str(insert.compile(dialect=dialect))
        assert words in statement
        assert 'RETURNING' not in statement


def test_reading_does_not_wait_for_a_writer(path, monkeypatch):
    monkeypatch.setattr(schema, 'BUSY_S', 1)
    url = f'sqlite:///{path}'
    ledger_module.Ledger(url).begin(cloud_data.lease('a'))
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute('BEGIN IMMEDIATE')
    reader = ledger_module.Ledger(url)  # opens the database under the lock
    assert reader.active_leases() == (cloud_data.lease('a'),)
    assert reader.recent_attempts(0) == {}
    assert len(reader.pending(cloud_data.NOW).instances) == 0
    with pytest.raises(exceptions.StateError, match='locked'):
        reader.renew('a', 9000)
    writer.rollback()
    writer.close()


def test_the_database_itself_refuses_a_second_active_lease(path):
    url = f'sqlite:///{path}'
    ledger = ledger_module.Ledger(url)
    ledger.begin(cloud_data.lease('a'))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        row = connection.execute(sa.select(schema.leases)).mappings().one()
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(
            sa.insert(schema.leases).values(**{**row, 'id': None})
        )
    engine.dispose()


def test_two_who_begin_at_once_begin_one_lease(path):
    def begin(number):
        own = ledger_module.Ledger(f'sqlite:///{path}')
        own.begin(cloud_data.lease('a', pending_flavor_name=f'f{number}'))

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(begin, range(6)))
    assert len(ledger_module.Ledger(f'sqlite:///{path}').active_leases()) == 1
