"""One Watcher for all tests of this folder, one empty cloud for each."""

from collections.abc import Iterator
import pathlib

from oslo_config import cfg
import pytest

from predictive_watcher import wiring
from predictive_watcher.models import registry
from predictive_watcher.state import ledger as ledger_module
from tests.functional.harness import cloud as cloud_module
from tests.functional.harness import control
from tests.functional.harness import loads
from tests.functional.harness.clock import now


# What the model says of a ramp changes a little with each training; what it
# says of a steady load is a thousand times less.
WARY = {
    'risk_threshold': 0.15,
    'release_threshold': 0.05,
    'cost_factor': 0.1,
    'lease_minimum': 0,
}


@pytest.fixture(scope='session')
def _running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[cloud_module.FakeCloud, control.Watcher]]:
    folder = tmp_path_factory.mktemp('watcher')
    cloud = cloud_module.FakeCloud()
    own = f"""
ledger_connection = sqlite:///{folder}/ledger.sqlite
state_directory = {folder}/state
telemetry_timeout = 20
circuit_reset = 0
"""
    with (
        cloud.serving() as auth_url,
        control.running(folder, auth_url, own) as watcher,
    ):
        yield cloud, watcher


@pytest.fixture
def cloud(_running) -> cloud_module.FakeCloud:
    _running[0].reset()
    return _running[0]


@pytest.fixture
def watcher(_running, cloud) -> control.Watcher:
    made = _running[1]
    made.forget_cluster()
    made.forget_notifications()
    return made


@pytest.fixture
def ledger(_running) -> ledger_module.Ledger:
    """The ledger that decision engine and applier write, without leases."""
    made = wiring.ledger(cfg.CONF)
    for lease in made.active_leases():
        made.close_lease(lease.instance_id, lease.expires_at)
    return made


@pytest.fixture
def shipped_model() -> pathlib.Path:
    """The folder of the model that comes with the package."""
    return registry.SHIPPED


@pytest.fixture
def option():
    """Sets options of [predictive_watcher] until the end of the test."""
    changed = []

    def change(name, value):
        cfg.CONF.set_override(name, value, group='predictive_watcher')
        changed.append(name)

    yield change
    for name in changed:
        cfg.CONF.clear_override(name, group='predictive_watcher')


@pytest.fixture
def policies(option, tmp_path):
    """Writes the policy file of the site."""
    path = tmp_path / 'policies.yaml'
    option('policy_file', str(path))

    def write(text):
        path.write_text(text, encoding='utf-8')
        return path

    return write


@pytest.fixture
def site(cloud):
    """Two nodes with room, and two flavors."""
    cloud.cluster.add_node('one')
    cloud.cluster.add_node('two')
    cloud.cluster.add_flavor('small', 2, 4096)
    cloud.cluster.add_flavor('large', 8, 8192)
    return cloud.cluster


@pytest.fixture
def use(cloud):
    """Lets a server have used this much CPU, and little of the rest."""

    def record(server, cpu):
        cloud.gnocchi.record(
            server.id,
            loads.newest(now()),
            cpu=cpu,
            memory=loads.steady(1000.0),
            disk=loads.steady(1e6),
            network=loads.steady(1e6),
        )

    return record


@pytest.fixture
def boot(site, use):
    """Boots servers on the first node that have used this much CPU."""

    def make(name, cpu, flavor='small', **other):
        server = site.boot(
            name, site.flavors[f'id-of-{flavor}'], 'one', **other
        )
        use(server, cpu)
        return server

    return make


@pytest.fixture
def audit(watcher):
    """Creates audits, and stops them at the end.

    They run once, as far as a test is concerned, unless it asks for more: a
    next run would cancel the plan that the test is about to apply.
    """
    made = []

    def create(interval_s=3600, *, auto_trigger=False, **parameters):
        given = {**WARY, **parameters}
        begun = watcher.create_audit(given, interval_s, auto_trigger)
        made.append(begun['uuid'])
        return made[-1]

    yield create
    for uuid in made:
        watcher.stop_audit(uuid)
