"""Of the host of a resize Nova has the choice; what follows a bad one."""

from dataclasses import replace
import logging

import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import leases
from predictive_watcher.state import ledger as ledger_module
from tests.unit.plugin import acting


class Elsewhere(acting.FakeCloud):
    """Its scheduler moves whatever is resized."""

    def __init__(self, node, migration_fails=None):
        super().__init__()
        self.nodes['three'] = replace(self.nodes['two'], name='three')
        self._node = node
        self._migration_fails = migration_fails

    def resize(self, server_id, flavor_id):
        super().resize(server_id, flavor_id)
        self.server = replace(self.server, node=self._node)

    def live_migrate(self, server_id, node):
        if self._migration_fails:
            raise exceptions.CloudError(self._migration_fails)
        super().live_migrate(server_id, node)


@pytest.fixture
def ledger():
    return ledger_module.Ledger('sqlite://')


LED = {'fit_node': 'three', 'unfit_nodes': ['two']}


@pytest.mark.parametrize('kind', [acting.resize, acting.release])
def test_a_server_leaves_an_unfit_node_at_once(ledger, kind):
    cloud = Elsewhere('two')
    assert kind(cloud, ledger, **LED).execute() is True
    assert cloud.server.node == 'three'


def test_a_server_that_nova_put_on_a_fit_node_stays_there(ledger):
    cloud = Elsewhere('one')
    acting.resize(cloud, ledger, **LED).execute()
    assert cloud.server.node == 'one'


def test_a_plan_of_an_older_release_knows_of_no_unfit_node(ledger):
    cloud = Elsewhere('two')
    acting.resize(cloud, ledger).execute()
    assert cloud.server.node == 'two'


def test_a_resize_is_done_though_its_server_cannot_go_on(ledger, caplog):
    cloud = Elsewhere('two', migration_fails='No valid host')
    with caplog.at_level(logging.WARNING):
        assert acting.resize(cloud, ledger, **LED).execute() is True
    assert 'No valid host' in caplog.text
    assert 'not on three' in caplog.text
    assert not ledger.recent_attempts(0)[acting.SERVER].failed
    (lease,) = ledger.active_leases()
    assert lease.flavor_name == 'large'
    assert ledger.recent_attempts(0)[acting.SERVER].kind is leases.Kind.RESIZE
