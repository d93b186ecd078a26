"""The databases that a ledger may be in.

More than SQLite is tested where PREDICTIVE_WATCHER_TEST_LEDGERS holds URLs
of empty databases, separated by blanks.
"""

from collections.abc import Iterator
import os
import pathlib

import pytest
import sqlalchemy as sa

from predictive_watcher.state import ledger as ledger_module
from predictive_watcher.state import schema


SHARED = ['sqlite:///FILE'] + os.environ.get(
    'PREDICTIVE_WATCHER_TEST_LEDGERS', ''
).split()


def _emptied(url: str) -> None:
    if not url.startswith('sqlite'):
        engine = sa.create_engine(url)
        schema.metadata.drop_all(engine)
        engine.dispose()


@pytest.fixture(params=['sqlite://', *SHARED])
def ledger(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> Iterator[ledger_module.Ledger]:
    url = request.param.replace('FILE', str(tmp_path / 'ledger.sqlite'))
    yield ledger_module.Ledger(url)
    _emptied(url)


@pytest.fixture(params=SHARED)
def shared(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> Iterator[str]:
    """The URL of a ledger that several processes use."""
    url = request.param.replace('FILE', str(tmp_path / 'ledger.sqlite'))
    yield url
    _emptied(url)
