"""What projects may use, asked of Nova."""

import pytest

from predictive_watcher.cloud import nova
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes import nova as fake_nova
from tests.fakes.forecaster import FakeForecaster


@pytest.fixture
def cloud():
    cloud = fake_nova.FakeNova()
    cloud.add_flavor('small')
    cloud.add_flavor('secret', vcpus=4)
    cloud.flavors['id-secret']['os-flavor-access:is_public'] = False
    cloud.access['id-secret'] = ('p', 'q')
    cloud.add_node('n1')
    cloud.add_server('a', 'n1')
    return cloud


def test_private_flavors_come_with_the_projects_that_may_use_them(cloud):
    found = {f.name: f for f in nova.Nova(cloud).load_fleet().flavors}
    assert found['secret'].projects == {'p', 'q'}
    assert found['small'].public and not found['small'].projects
    asked = [r for r in cloud.requests if 'os-flavor-access' in r]
    assert len(asked) == 1


def test_a_private_flavor_whose_access_is_not_told_is_nobodys(cloud, caplog):
    del cloud.access['id-secret']
    found = {f.name: f for f in nova.Nova(cloud).load_fleet().flavors}
    assert not found['secret'].public
    assert found['secret'].projects == frozenset()
    assert 'id-secret is not known, it is leased to nobody' in caplog.text


def absolute(cores, used, ram=-1):
    return {
        'maxTotalCores': cores,
        'totalCoresUsed': used,
        'maxTotalRAMSize': ram,
        'totalRAMUsed': 512,
    }


def test_the_quota_of_a_project_is_asked_once(cloud):
    cloud.limits['p'] = absolute(20, 12)
    quotas = nova.Nova(cloud).quotas()
    assert quotas['p'].vcpus == 8
    assert quotas['p'].memory_mib == float('inf')
    assert (len(quotas), list(quotas)) == (1, ['p'])
    assert cloud.requests.count('GET /limits') == 1


def test_a_quota_that_nova_does_not_tell_is_not_known(cloud, caplog):
    quotas = nova.Nova(cloud).quotas()
    assert quotas.get('p') is None
    assert quotas.get('p') is None
    assert cloud.requests.count('GET /limits') == 1
    assert 'not an administrator' in caplog.text
    cloud.limits['q'] = {'maxTotalCores': 1}
    assert nova.Nova(cloud).quotas().get('q') is None


def test_a_plan_asks_for_the_quota_and_keeps_it(cloud):
    cloud.limits['p'] = absolute(20, 19)
    fleet = data.a_fleet(data.instance('a'))
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster({'a': {'cpu': (1.95, 0.01)}}),
        leases=(),
        policy=Policy(),
        now=data.NOW,
        quotas=nova.Nova(cloud).quotas(),
    )
    assert proposal.verdicts[0].adjustment.reason is Reason.QUOTA
    assert cloud.requests.count('GET /limits') == 1
