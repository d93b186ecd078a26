"""Actions against a cloud and a ledger that are fakes."""

from dataclasses import replace

from predictive_watcher import exceptions
from predictive_watcher import notifications
from predictive_watcher.core import fleet
from predictive_watcher.plugin import actions
from predictive_watcher.state import ledger as ledger_module


NOW = 1_750_000_000
SERVER = 'c0ffee00-0000-4000-8000-000000000001'
AUDIT = 'aaaaaaaa-0000-4000-8000-000000000001'
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
        self.fails = None  # whatever Nova is asked for
        self.order_fails = None
        self.aborted = False

    def _fail(self, why=None):
        if why := self.fails or why:
            raise exceptions.CloudError(why)

    def live(self, server_id):
        self._fail()
        return self.server

    def flavor(self, flavor_id):
        return self.flavors.get(flavor_id)

    def node(self, name):
        return self.nodes.get(name)

    def flavor_named(self, name):
        return next((f for f in self.flavors.values() if f.name == name), None)

    def resize(self, server_id, flavor_id):
        self._fail(self.order_fails)
        self.server = replace(self.server, flavor=self.flavors[flavor_id])

    def confirm(self, server_id):
        self._fail(self.order_fails)
        self.server = replace(self.server, status='ACTIVE')

    def live_migrate(self, server_id, node):
        self._fail(self.order_fails)
        self.server = replace(self.server, node=node)

    def abort_live_migration(self, server_id):
        self.aborted = True
        return True


class BrokenLedger:
    """Fails at what it is told to fail at, and works otherwise."""

    def __init__(self, *fails):
        self._fails = fails
        self._ledger = ledger_module.Ledger('sqlite://')

    def mend(self):
        self._fails = ()

    def __getattr__(self, name):
        return (
            self._fail if name in self._fails else getattr(self._ledger, name)
        )

    def _fail(self, *_):
        raise exceptions.StateError('the ledger is read-only; mount it')


class Publisher:
    """Remembers what it is to send."""

    def __init__(self):
        self.sent = []

    def publish(self, event, payload):
        assert set(payload) == set(notifications.PAYLOADS[event])
        self.sent.append((event, payload))


class Resize(actions.PredictiveResize):
    cloud = None
    ledger = None

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.publisher = Publisher()

    def now(self):
        return NOW + 60


class Migrate(actions.PredictiveMigrate):
    cloud = None
    ledger = None

    def now(self):
        return NOW + 60


COMMON = {
    'resource_id': SERVER,
    'resource_name': 'web',
    'project_id': 'p',
    'audit': AUDIT,
    'reason': 'violation_expected: P(cpu > 0.9 of 1 vCPUs) = 0.8',
    'decided_at': NOW,
    'valid_until': NOW + 900,
    'weight': 2.0,
    'explanation': {'resources': {'cpu': {'risk': 0.8, 'lead_s': None}}},
}


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


def migrate(cloud, ledger, **other):
    action = Migrate(config={})
    action.cloud, action.ledger = cloud, ledger
    action.input_parameters = {
        **COMMON,
        'source_node': 'one',
        'destination_node': 'two',
        **other,
    }
    action.validate_parameters()
    return action


def release(cloud, ledger, **other):
    return resize(
        cloud,
        ledger,
        **{
            'kind': 'release',
            'flavor': 's',
            'flavor_name': 'small',
            'source_flavor': 'large',
            **other,
        },
    )


def confirm(cloud, ledger, **other):
    return resize(cloud, ledger, kind='confirm', **other)
