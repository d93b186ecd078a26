"""Audits that cannot look, or not at everything: they hold, and go on."""

import pytest

from tests.functional.harness import loads
from tests.functional.harness import operator
from tests.functional.harness.clock import now
from tests.functional.harness.verdicts import assert_held
from tests.functional.harness.verdicts import reasons
from tests.functional.harness.verdicts import verdicts


def test_gnocchi_that_is_down_holds_all(watcher, cloud, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    with cloud.gnocchi.failing():
        uuid = audit(interval_s=1)
        assert_held(watcher, uuid, 'telemetry_failed', '503', 'gnocchi-api')


def test_gnocchi_that_is_slow_holds_all(watcher, cloud, audit, boot, option):
    option('telemetry_timeout', 1)
    boot('ramp', loads.ramping(0.6, 1.78))
    with cloud.gnocchi.hanging():
        uuid = audit(interval_s=1)
        assert_held(watcher, uuid, 'telemetry_failed', 'telemetry_timeout')


@pytest.mark.parametrize('service', ['nova', 'placement'])
def test_a_cloud_that_is_slow_holds_all(
    watcher, cloud, audit, boot, option, service
):
    option('cloud_timeout', 1)
    boot('ramp', loads.ramping(0.6, 1.78))
    uuid = audit(interval_s=1)
    watcher.first_plan(uuid)  # Watcher's own collector has looked
    with getattr(cloud, service).hanging():
        assert_held(watcher, uuid, 'cloud_failed', 'cloud_timeout')


def test_instances_without_samples_are_left_alone(watcher, cloud, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    silent = boot('silent', loads.steady(0.6))
    del cloud.gnocchi.usage[silent.id]
    uuid = audit()
    plan = watcher.first_plan(uuid)
    told = verdicts(watcher, uuid)
    assert told['silent']['reason'] == 'no_samples'
    assert told['ramp']['reason'] == 'violation_expected'
    assert len(watcher.actions(plan['uuid'])) == 1


def test_gnocchi_that_is_empty_holds_all(watcher, cloud, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    cloud.gnocchi.usage.clear()
    uuid = audit()
    plan = watcher.first_plan(uuid)
    assert watcher.actions(plan['uuid']) == []
    assert verdicts(watcher, uuid)['ramp']['reason'] == 'no_samples'
    assert watcher.audit(uuid)['state'] == 'ONGOING'


def test_samples_that_are_old_hold_the_instance(watcher, cloud, audit, boot):
    server = boot('late', loads.steady(0.6))
    cloud.gnocchi.usage.clear()
    cloud.gnocchi.record(
        server.id, loads.newest(now()) - 3600, cpu=loads.ramping(0.6, 1.78)
    )
    uuid = audit()
    watcher.first_plan(uuid)
    assert verdicts(watcher, uuid)['late']['reason'] == 'stale_samples'


@pytest.mark.parametrize('weight', ['heavy', '0', '-1', 'nan', 'inf'])
def test_a_weight_that_is_no_positive_number_leaves_the_instance_alone(
    watcher, site, audit, boot, weight
):
    site.add_flavor('bad', 2, 4096, extra_specs={'predictive:weight': weight})
    boot('ramp', loads.ramping(0.6, 1.78))
    boot('bad', loads.ramping(0.6, 1.78), flavor='bad')
    uuid = audit()
    plan = watcher.first_plan(uuid)
    [action] = watcher.actions(plan['uuid'])
    assert action['input_parameters']['resource_name'] == 'ramp'
    told = verdicts(watcher, uuid)['bad']
    assert told['reason'] == 'bad_extra_spec'
    assert f'predictive:weight={weight!r}' in told['text']
    assert 'openstack flavor set' in told['text']


def test_a_model_that_is_not_there_holds_all(
    watcher, audit, boot, option, tmp_path
):
    boot('ramp', loads.ramping(0.6, 1.78))
    option('model_directory', str(tmp_path / 'nowhere'))
    assert_held(watcher, audit(interval_s=1), 'model_refused', 'nowhere')


def test_a_damaged_model_holds_all(
    watcher, audit, boot, option, tmp_path, shipped_model
):
    boot('ramp', loads.ramping(0.6, 1.78))
    for path in shipped_model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    data = bytearray((tmp_path / 'model.onnx').read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / 'model.onnx').write_bytes(data)
    option('model_directory', str(tmp_path))
    assert_held(watcher, audit(interval_s=1), 'model_refused', 'sha256')


def test_a_ledger_that_cannot_be_used_holds_all(
    watcher, audit, boot, option, tmp_path
):
    boot('ramp', loads.ramping(0.6, 1.78))
    (tmp_path / 'file').touch()
    option('ledger_connection', f'sqlite:///{tmp_path}/file/ledger.sqlite')
    uuid = audit(interval_s=1)
    assert_held(watcher, uuid, 'state_failed', 'ledger_connection')


def test_a_cluster_model_that_cannot_be_made_holds_all(
    watcher, cloud, audit, boot
):
    boot('ramp', loads.ramping(0.6, 1.78))
    with cloud.nova.failing():
        assert_held(watcher, audit(interval_s=1), 'no_cluster_model')


def test_a_stale_cluster_model_holds_all(watcher, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    uuid = audit(interval_s=1)
    watcher.first_plan(uuid)
    watcher.collector().set_cluster_data_model_as_stale()
    assert_held(watcher, uuid, 'no_cluster_model')


def test_parameters_that_do_not_fit_together_hold_all(watcher, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    uuid = audit(1, risk_threshold=0.2, release_threshold=0.3)
    assert_held(watcher, uuid, 'bad_parameters', 'release_threshold 0.3')


def test_what_holds_an_audit_once_does_not_hold_it_for_ever(
    watcher, cloud, audit, boot
):
    boot('ramp', loads.ramping(0.6, 1.78))
    with cloud.gnocchi.failing():
        uuid = audit(interval_s=1)
        watcher.first_plan(uuid)
    operator.eventually(
        lambda: 'violation_expected' in reasons(watcher, uuid),
        what='a run that can look again',
    )
