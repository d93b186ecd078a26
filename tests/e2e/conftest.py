"""A mini cloud for the session, in which the demonstration was played.

The story is the one of ``make demo``, run by the same command in a directory
and on ports of its own. The tests look at the cloud that it leaves behind.
"""

import json
from pathlib import Path
import subprocess
import sys

from keystoneauth1 import loading
from keystoneauth1 import session as ks_session
from novaclient import client as nova_client
import pytest


CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / 'tools'))

from minicloud import cloud as cloud_module  # noqa: E402
from minicloud import settings as settings_module  # noqa: E402

from tests.e2e.rules import stage as stage_module  # noqa: E402
from tests.e2e.rules.scenes import acted  # noqa: E402, F401
from tests.e2e.rules.scenes import after  # noqa: E402, F401
from tests.e2e.rules.scenes import anew  # noqa: E402, F401
from tests.e2e.rules.scenes import disabled  # noqa: E402, F401
from tests.e2e.rules.scenes import first  # noqa: E402, F401
from tests.e2e.rules.scenes import flood  # noqa: E402, F401
from tests.e2e.rules.scenes import messages  # noqa: E402, F401
from tests.e2e.rules.scenes import over  # noqa: E402, F401
from tests.e2e.rules.scenes import second  # noqa: E402, F401
from tests.e2e.rules.scenes import served  # noqa: E402, F401
from tests.e2e.rules.scenes import short  # noqa: E402, F401
from tests.e2e.rules.scenes import storm  # noqa: E402, F401
from tests.e2e.rules.scenes import together  # noqa: E402, F401


HOME = Path(
    settings_module.from_environment('home') or CHECKOUT / '.minicloud'
)
RUN = HOME / 'e2e'
OUTPUT = HOME / 'e2e.log'
RESULT = HOME / 'e2e-result.json'


def _play():
    command = [
        *(sys.executable, str(CHECKOUT / 'tools' / 'demo'), '--keep'),
        *('--run', str(RUN), '--result', str(RESULT)),
    ]
    HOME.mkdir(exist_ok=True)
    RESULT.unlink(missing_ok=True)
    with OUTPUT.open('w') as output:
        return subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, check=False
        )


FAILED = pytest.StashKey[bool]()


def pytest_runtest_setup(item):
    """One demonstration that failed is one error, not one for each test."""
    if item.session.stash.get(FAILED, False):
        pytest.skip('the demonstration failed, as the first error tells')


@pytest.fixture(scope='session')
def cloud(request):
    """The cloud after the story; its logs stay when its processes end."""
    try:
        played = _play()
        if played.returncode:
            request.session.stash[FAILED] = True
            tail = OUTPUT.read_text().splitlines()[-15:]
            pytest.fail('the demonstration failed:\n' + '\n'.join(tail))
        yield cloud_module.Cloud(settings_module.settle(HOME, RUN))
    finally:
        cloud_module.Cloud(settings_module.settle(HOME, RUN)).down()


@pytest.fixture(scope='session')
def result(cloud):
    """What the demonstration says about itself."""
    return json.loads(RESULT.read_text())


@pytest.fixture(scope='session')
def output(cloud):
    """What the demonstration printed."""
    return OUTPUT.read_text()


@pytest.fixture(scope='session')
def keystone(cloud):
    """A session of the administrator."""
    said = cloud.settings.credentials()
    names = ('auth_url', 'username', 'password', 'project_name')
    given = {name: said['OS_' + name.upper()] for name in names}
    auth = loading.get_plugin_loader('password').load_from_options(
        user_domain_name='Default', project_domain_name='Default', **given
    )
    return ks_session.Session(auth=auth)


@pytest.fixture(scope='session')
def nova(keystone):
    """Nova through python-novaclient, which the product does not use."""
    return nova_client.Client('2.90', session=keystone)


class Watcher:
    """Watcher's API, as it answers anybody."""

    def __init__(self, session, audit):
        self._session = session
        self.audit = audit

    def _call(self, method, path, **kwargs):
        service = {'service_type': 'infra-optim', 'interface': 'public'}
        return self._session.request(
            '/v1/' + path,
            method,
            endpoint_filter=service,
            headers={'OpenStack-API-Version': 'infra-optim 1.5'},
            raise_exc=False,
            **kwargs,
        )

    def state(self):
        return self._call('GET', f'audits/{self.audit}').json()['state']

    def plan(self, uuid):
        return self._call('GET', f'action_plans/{uuid}').json()

    def plans(self, newest=5):
        query = {
            'audit_uuid': self.audit,
            'sort_dir': 'desc',
            'limit': newest,
        }
        answer = self._call('GET', 'action_plans/detail', params=query)
        return answer.json()['action_plans']

    def actions(self, plan):
        query = {'action_plan_uuid': plan}
        answer = self._call('GET', 'actions/detail', params=query)
        return answer.json()['actions']

    def start(self, plan):
        """Whether the plan could be started."""
        answer = self._call('POST', f'action_plans/{plan}/start', json={})
        return answer.status_code < 400


@pytest.fixture(scope='session')
def stage(cloud, keystone, watcher):
    """The same cloud with other servers; the demonstration is over."""
    made = stage_module.Stage(cloud.settings, keystone)
    made.audits.cancel(watcher.audit)
    made.set_up()
    yield made
    made.cloud.down()


@pytest.fixture(scope='session')
def watcher(keystone, result):
    return Watcher(keystone, result['audit'])
