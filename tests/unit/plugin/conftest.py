"""What the tests of actions share."""

import pytest

from predictive_watcher.state import ledger as ledger_module
from tests.unit.plugin import acting


@pytest.fixture
def cloud():
    return acting.FakeCloud()


@pytest.fixture
def ledger():
    return ledger_module.Ledger('sqlite://')
