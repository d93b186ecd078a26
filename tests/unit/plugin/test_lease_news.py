"""Leases whose server is not where the audit looks."""

import pytest

from predictive_watcher.plugin import lease_news
from predictive_watcher.plugin import scope as scope_module
from predictive_watcher.state import ledger as ledger_module
from tests.fakes import cloud_data as data


OTHER = 'bbbbbbbb-0000-4000-8000-000000000000'
SCOPE = scope_module.Scope(
    nodes=frozenset({'n1'}), instances=frozenset({'here'})
)
HERE = data.instance('here', 'n1')


class Cloud:
    """Servers by id, and who was asked for."""

    def __init__(self, *servers):
        self.servers = {one.id: one for one in servers}
        self.asked = []

    def live(self, server_id):
        self.asked.append(server_id)
        return self.servers.get(server_id)

    def load_fleet(self, nodes, scope):
        found = [one for one in self.servers.values() if one.node in nodes]
        return data.a_fleet(*found)


@pytest.fixture
def ledger():
    return ledger_module.Ledger('sqlite://')


def look(cloud, ledger, *, observes=False, now=data.NOW):
    away = lease_news.Away(observes=observes)
    fleet = away.fleet(data.AUDIT, cloud, ledger, SCOPE, now)
    return {one.id for one in fleet.instances}, away.told


def held(ledger):
    return [lease.instance_id for lease in ledger.active_leases()]


@pytest.mark.parametrize('audit', [data.AUDIT, OTHER])
def test_the_lease_of_a_deleted_server_ends_and_is_told(ledger, audit):
    """Also where the audit that made it is gone, and nobody listens."""
    ledger.begin(data.lease('deleted', audit=audit))
    _, [told] = look(Cloud(HERE), ledger)
    assert held(ledger) == []
    assert (told['instance'], told['change']) == ('deleted', 'lost')
    assert told['reason'] == 'the server was deleted'
    assert look(Cloud(HERE), ledger)[1] == ()


def test_an_audit_that_observes_ends_no_lease(ledger):
    ledger.begin(data.lease('deleted'))
    assert look(Cloud(HERE), ledger, observes=True)[1] == ()
    assert held(ledger) == ['deleted']


def test_a_server_that_an_own_lease_sent_elsewhere_is_looked_at(ledger):
    ledger.begin(data.lease('mine'))
    ledger.begin(data.lease('theirs', audit=OTHER))
    cloud = Cloud(
        HERE, data.instance('mine', 'n2'), data.instance('theirs', 'n3')
    )
    assert look(cloud, ledger) == ({'here', 'mine'}, ())
    assert held(ledger) == ['mine', 'theirs']


def test_of_many_leases_of_others_those_that_nobody_renews_come_first(ledger):
    alive = [data.instance(f'o{n:02}', 'n9') for n in range(30)]
    for n, one in enumerate(alive):
        ledger.begin(
            data.lease(one.id, audit=OTHER, expires_at=data.NOW + n)
        )
    ledger.begin(data.lease('dead', audit=OTHER, expires_at=data.NOW - 1))
    ledger.begin(data.lease('mine', expires_at=data.NOW + 9000))
    cloud = Cloud(HERE, *alive, data.instance('mine', 'n2'))
    _, [told] = look(cloud, ledger)
    assert told['instance'] == 'dead'
    assert cloud.asked[:2] == ['mine', 'dead']
    assert len(cloud.asked) == 21
