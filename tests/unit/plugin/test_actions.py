"""The actions against a cloud and a ledger that are fakes."""

from dataclasses import replace
import logging

import jsonschema
import pytest
from watcher.common import exception

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.plugin import action_inputs
from predictive_watcher.plugin import actions
from predictive_watcher.state import ledger as ledger_module


NOW = 1_750_000_000
SERVER = 'c0ffee00-0000-4000-8000-000000000001'
SMALL = fleet.Flavor(
    id='s', name='small', vcpus=1, memory_mib=1024, disk_gib=10
)
LARGE = fleet.Flavor(
    id='l', name='large', vcpus=4, memory_mib=4096, disk_gib=10
)


class FakeCloud:
    """Does at once what it is asked for."""

    def __init__(self):
        self.flavors = {'s': SMALL, 'l': LARGE}
        self.nodes = {
            name: fleet.Node(name=name, vcpus=8, memory_mib=8192, disk_gib=99)
            for name in ('one', 'two')
        }
        self.server = fleet.Instance(
            id=SERVER,
            name='web',
            project_id='p',
            flavor=SMALL,
            node='one',
        )
        self.fails = None
        self.aborted = False

    def _fail(self):
        if self.fails:
            raise exceptions.CloudError(self.fails)

    def live(self, server_id):
        self._fail()
        return self.server

    def flavor(self, flavor_id):
        return self.flavors.get(flavor_id)

    def node(self, name):
        return self.nodes.get(name)

    def load_fleet(self, nodes=None, scope=None):
        return fleet.Fleet(
            instances=(),
            nodes=(),
            flavors=tuple(self.flavors.values()),
            scope=frozenset(),
        )

    def resize(self, server_id, flavor_id):
        self._fail()
        self.server = replace(self.server, flavor=self.flavors[flavor_id])

    def live_migrate(self, server_id, node):
        self._fail()
        self.server = replace(self.server, node=node)

    def abort_live_migration(self, server_id):
        self.aborted = True
        return True


class BrokenLedger:
    def open_lease(self, lease):
        raise exceptions.StateError('the ledger is read-only; mount it')

    def close_lease(self, instance_id, now, outcome='released'):
        raise exceptions.StateError('the ledger is read-only; mount it')


class Resize(actions.PredictiveResize):
    cloud = None
    ledger = None

    def now(self):
        return NOW + 60


class Migrate(actions.PredictiveMigrate):
    cloud = None

    def now(self):
        return NOW + 60


COMMON = {
    'resource_id': SERVER,
    'resource_name': 'web',
    'project_id': 'p',
    'reason': 'violation_expected: P(cpu > 0.9 of 1 vCPUs) = 0.8',
    'decided_at': NOW,
    'valid_until': NOW + 900,
    'weight': 2.0,
    'explanation': {'resources': {'cpu': {'risk': 0.8, 'lead_s': None}}},
}


@pytest.fixture
def cloud():
    return FakeCloud()


@pytest.fixture
def ledger():
    return ledger_module.Ledger('sqlite://')


def resize(cloud, ledger, **other):
    action = Resize(config={})
    action.cloud, action.ledger = cloud, ledger
    action.input_parameters = {
        **COMMON,
        'kind': 'lease',
        'flavor': 'l',
        'flavor_name': 'large',
        'source_flavor': 'small',
        'origin_flavor': 'small',
        'expires_at': NOW + 3600,
        **other,
    }
    action.validate_parameters()
    return action


def migrate(cloud, **other):
    action = Migrate(config={})
    action.cloud = cloud
    action.input_parameters = {
        **COMMON,
        'source_node': 'one',
        'destination_node': 'two',
        **other,
    }
    action.validate_parameters()
    return action


def both(cloud, ledger):
    return [resize(cloud, ledger), migrate(cloud)]


def assert_skipped(action, *words):
    with pytest.raises(exception.ActionSkipped) as skipped:
        action.pre_condition()
    for word in ('web', SERVER, *words):
        assert word in str(skipped.value)


def test_what_still_holds_is_not_skipped(cloud, ledger):
    for action in both(cloud, ledger):
        action.pre_condition()


def test_a_deleted_server_is_skipped(cloud, ledger):
    cloud.server = None
    for action in both(cloud, ledger):
        assert_skipped(action, 'gone')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'locked': True}, ['locked']),
        ({'task_state': 'rebooting'}, ['rebooting']),
        ({'status': 'SHUTOFF'}, ['SHUTOFF', 'ACTIVE']),
        ({'metadata': {'predictive:optout': 'true'}}, ['predictive:optout']),
    ],
)
def test_a_server_that_nobody_may_touch_is_skipped(
    cloud, ledger, change, words
):
    cloud.server = replace(cloud.server, **change)
    for action in both(cloud, ledger):
        assert_skipped(action, *words)


def test_a_stale_forecast_is_skipped(cloud, ledger):
    assert_skipped(resize(cloud, ledger, valid_until=NOW), 'expired 60 s ago')
    assert_skipped(migrate(cloud, valid_until=NOW), 'expired 60 s ago')


def test_a_server_whose_flavor_was_changed_is_not_resized(cloud, ledger):
    cloud.server = replace(cloud.server, flavor=replace(SMALL, name='medium'))
    assert_skipped(resize(cloud, ledger), 'medium', 'small')


def test_a_flavor_that_is_gone_or_disabled_is_skipped(cloud, ledger):
    cloud.flavors['l'] = replace(LARGE, disabled=True)
    assert_skipped(resize(cloud, ledger), 'large', 'disabled')
    del cloud.flavors['l']
    assert_skipped(resize(cloud, ledger), 'large', 'gone')


def test_a_server_that_moved_is_not_migrated(cloud):
    cloud.server = replace(cloud.server, node='three')
    assert_skipped(migrate(cloud), 'three', 'one')


def test_a_destination_that_is_gone_or_disabled_is_skipped(cloud):
    cloud.nodes['two'] = replace(cloud.nodes['two'], enabled=False)
    assert_skipped(migrate(cloud), 'two', 'disabled')
    del cloud.nodes['two']
    assert_skipped(migrate(cloud), 'two', 'gone')


def test_nova_that_does_not_answer_fails_the_action_with_its_words(
    cloud, ledger
):
    cloud.fails = 'Nova GET /servers failed: no route to host'
    for action in both(cloud, ledger):
        with pytest.raises(exception.ActionExecutionFailure, match='route'):
            action.pre_condition()
        with pytest.raises(exception.ActionExecutionFailure, match='route'):
            action.execute()


def test_a_resize_opens_a_lease(cloud, ledger):
    assert resize(cloud, ledger).execute() is True
    assert cloud.server.flavor == LARGE
    (lease,) = ledger.active_leases()
    assert lease.instance_id == SERVER
    assert (lease.origin_flavor_id, lease.origin_flavor_name) == (
        's',
        'small',
    )
    assert (lease.flavor_id, lease.flavor_name) == ('l', 'large')
    assert (lease.created_at, lease.expires_at) == (NOW, NOW + 3600)
    assert lease.weight == 2.0
    assert lease.reason == COMMON['reason']


def test_a_release_closes_the_lease(cloud, ledger):
    resize(cloud, ledger).execute()
    back = resize(
        cloud,
        ledger,
        kind='release',
        flavor='s',
        flavor_name='small',
        source_flavor='large',
    )
    back.pre_condition()
    assert back.execute() is True
    assert cloud.server.flavor == SMALL
    assert ledger.active_leases() == ()


def test_a_ledger_that_fails_leaves_the_resize_done_and_is_logged(
    cloud, caplog
):
    with caplog.at_level(logging.ERROR):
        assert resize(cloud, BrokenLedger()).execute() is True
    assert cloud.server.flavor == LARGE
    assert 'read-only' in caplog.text
    assert f'expires_at={NOW + 3600}' in caplog.text


def test_a_resize_can_be_reverted(cloud, ledger):
    action = resize(cloud, ledger)
    action.execute()
    action.revert()
    assert cloud.server.flavor == SMALL
    assert ledger.active_leases() == ()


def test_a_resize_that_somebody_changed_is_not_reverted(cloud, ledger):
    action = resize(cloud, ledger)
    action.execute()
    other = replace(LARGE, id='x', name='huge')
    cloud.server = replace(cloud.server, flavor=other)
    action.revert()
    assert cloud.server.flavor == other


def test_a_migration_moves_the_server_and_can_be_reverted(cloud):
    action = migrate(cloud)
    assert action.execute() is True
    assert cloud.server.node == 'two'
    action.revert()
    assert cloud.server.node == 'one'


def test_only_a_migration_can_be_aborted(cloud, ledger):
    migration, resizing = migrate(cloud), resize(cloud, ledger)
    assert migration.check_abort() is True
    assert migration.abort() is True
    assert cloud.aborted
    assert resizing.check_abort() is False
    assert resizing.abort() is False


def test_the_descriptions_say_what_is_done(cloud, ledger):
    assert 'lease' in resize(cloud, ledger).get_description()
    assert 'Live-migrates' in migrate(cloud).get_description()


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('resource_id', 'not a uuid'),
        ('kind', 'forever'),
        ('expires_at', None),
        ('flavor', ''),
        ('reason', ''),
        ('surprise', 1),
    ],
)
def test_parameters_of_another_form_are_refused(cloud, ledger, name, value):
    with pytest.raises(jsonschema.ValidationError):
        resize(cloud, ledger, **{name: value})


def test_inputs_become_parameters_that_the_schema_takes(cloud):
    action = migrate(cloud)
    parameters = action.given.parameters()
    assert 'resource_id' not in parameters  # Watcher adds it itself
    jsonschema.validate(
        {'resource_id': SERVER, **parameters}, action_inputs.MIGRATE_SCHEMA
    )
