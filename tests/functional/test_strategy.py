"""CONTINUOUS audits of a fake cloud, run by Watcher's decision engine."""

import json

import pytest

from predictive_watcher import notifications
from tests.functional.harness import loads
from tests.functional.harness import operator
from tests.functional.harness.clock import now


# What the model says of a ramp changes a little with each training; what it
# says of a steady load is a thousand times less.
WARY = {
    'risk_threshold': 0.15,
    'release_threshold': 0.05,
    'cost_factor': 0.1,
    'lease_minimum': 0,
}


@pytest.fixture
def site(cloud):
    """Two nodes with room, and two flavors."""
    cloud.cluster.add_node('one')
    cloud.cluster.add_node('two')
    cloud.cluster.add_flavor('small', 2, 4096)
    cloud.cluster.add_flavor('large', 8, 8192)
    return cloud.cluster


@pytest.fixture
def boot(cloud, site):
    def make(name, cpu, flavor='small', **other):
        server = site.boot(
            name, site.flavors[f'id-of-{flavor}'], 'one', **other
        )
        use(cloud, server, cpu)
        return server

    return make


def use(cloud, server, cpu):
    """Let the server have used this much CPU, and little of the rest."""
    cloud.gnocchi.record(
        server.id,
        loads.newest(now()),
        cpu=cpu,
        memory=loads.steady(1000.0),
        disk=loads.steady(1e6),
        network=loads.steady(1e6),
    )


@pytest.fixture
def audit(watcher):
    """Creates audits, and stops them at the end.

    They run once, as far as a test is concerned, unless it asks for more: a
    next run would cancel the plan that the test is about to apply.
    """
    made = []

    def create(interval_s=3600, **parameters):
        given = {**WARY, **parameters}
        made.append(watcher.create_audit(given, interval_s)['uuid'])
        return made[-1]

    yield create
    for uuid in made:
        watcher.stop_audit(uuid)


def verdicts(watcher, audit):
    """Name → verdict of the audit's newest run that could look."""
    told = [
        payload
        for payload in watcher.notifications(notifications.VERDICTS)
        if payload['audit'] == audit
    ]
    newest = told[-1]['verdicts'] if told else []
    return {verdict['name']: verdict for verdict in newest}


def reasons(watcher, audit):
    return {v['reason'] for v in verdicts(watcher, audit).values()}


def assert_held(watcher, audit, reason, *words):
    """The audit goes on, run by run, with an empty plan and this reason.

    It has to be one that runs every second.
    """

    def told():
        return [
            payload
            for payload in watcher.notifications(notifications.HELD)
            if payload['audit'] == audit
        ]

    operator.eventually(lambda: len(told()) >= 2, what='a second held run')
    assert watcher.audit(audit)['state'] == 'ONGOING'
    plan = [p for p in watcher.plans(audit) if p['state'] == 'SUCCEEDED'][-1]
    assert watcher.actions(plan['uuid']) == []
    assert [e['value'] for e in plan['global_efficacy']] == [0.0]
    assert told()[-1]['reason'] == reason
    for word in words:
        assert word in told()[-1]['text']


def test_a_ramping_instance_gets_a_resize_with_the_reason(
    watcher, audit, boot
):
    ramp = boot('ramp', loads.ramping(0.6, 1.78))
    boot('calm', loads.steady(0.6))
    uuid = audit()
    plan = watcher.first_plan(uuid)
    assert plan['state'] == 'RECOMMENDED'
    [action] = watcher.actions(plan['uuid'])
    told = action['input_parameters']
    assert action['action_type'] == 'predictive_resize'
    assert (told['resource_id'], told['resource_name']) == (ramp.id, 'ramp')
    assert (told['flavor_name'], told['source_flavor']) == ('large', 'small')
    assert told['reason'].startswith('violation_expected: P(cpu > 0.9 of 2')
    assert told['explanation']['resources']['cpu']['risk'] > 0.15
    assert watcher.audit(uuid)['state'] == 'ONGOING'


def test_the_plan_shows_what_it_removes(watcher, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    plan = watcher.first_plan(audit())
    shown = {e['name']: e['value'] for e in plan['efficacy_indicators']}
    assert shown['risk_before'] > 0.15 > shown['risk_after']
    assert (shown['violations_predicted'], shown['resizes']) == (1, 1)
    assert plan['global_efficacy'][0]['value'] > 50


def test_each_instance_gets_a_verdict(watcher, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    boot('calm', loads.steady(0.6))
    boot('locked', loads.ramping(0.6, 1.78), locked=True)
    uuid = audit()
    watcher.first_plan(uuid)
    told = verdicts(watcher, uuid)
    assert {name: v['reason'] for name, v in told.items()} == {
        'ramp': 'violation_expected',
        'calm': 'low_risk',
        'locked': 'locked',
    }
    assert told['ramp']['resources']['cpu']['limit'] == 2.0


def test_an_applied_plan_is_a_lease_that_ends_when_the_load_has_gone(
    watcher, ledger, cloud, audit, boot
):
    ramp = boot('ramp', loads.ramping(0.6, 1.78))
    done = watcher.apply(watcher.first_plan(audit())['uuid'])
    assert done['state'] == 'SUCCEEDED'
    assert (ramp.flavor.name, ramp.status) == ('large', 'ACTIVE')
    [lease] = ledger.active_leases()
    assert (lease.instance_id, lease.origin_flavor_name) == (ramp.id, 'small')

    use(cloud, ramp, loads.steady(0.6))
    plan = watcher.first_plan(audit())
    [action] = watcher.actions(plan['uuid'])
    assert action['input_parameters']['kind'] == 'release'
    assert watcher.apply(plan['uuid'])['state'] == 'SUCCEEDED'
    assert (ramp.flavor.name, ramp.status) == ('small', 'ACTIVE')
    assert ledger.active_leases() == ()


def test_an_instance_locked_after_the_audit_is_skipped(watcher, audit, boot):
    ramp = boot('ramp', loads.ramping(0.6, 1.78))
    plan = watcher.first_plan(audit())
    ramp.locked = True
    assert watcher.apply(plan['uuid'])['state'] == 'SUCCEEDED'
    [action] = watcher.actions(plan['uuid'])
    assert action['state'] == 'SKIPPED'
    assert 'the server is locked' in action['status_message']
    assert ramp.flavor.name == 'small'


def test_an_audit_that_observes_proposes_nothing(watcher, audit, boot):
    boot('ramp', loads.ramping(0.6, 1.78))
    uuid = audit(observe_only=True)
    plan = watcher.first_plan(uuid)
    assert watcher.actions(plan['uuid']) == []
    assert verdicts(watcher, uuid)['ramp']['reason'] == 'violation_expected'


def test_an_overloaded_node_gives_away_an_instance(
    watcher, cloud, site, audit, boot
):
    site.nodes['one'].vcpus = 8
    for name in 'abcde':
        boot(name, loads.steady(1.7))
    uuid = audit(risk_threshold=0.5)
    plan = watcher.first_plan(uuid)
    [action] = watcher.actions(plan['uuid'])
    told = action['input_parameters']
    assert action['action_type'] == 'predictive_migrate'
    assert (told['source_node'], told['destination_node']) == ('one', 'two')
    assert told['reason'].startswith('node_overload_expected: one: P(')
    assert watcher.apply(plan['uuid'])['state'] == 'SUCCEEDED'
    assert site.servers[told['resource_id']].node == 'two'


def test_more_instances_take_no_more_requests(watcher, cloud, audit, boot):
    for number in range(30):
        boot(f'calm-{number}', loads.steady(0.6))
    uuid = audit()
    watcher.first_plan(uuid)
    assert len(verdicts(watcher, uuid)) == 30
    asked = [request.path for request in cloud.gnocchi.requests]
    assert asked == ['/v1/aggregates'] * 4


# ------------------------------------------------------------- bad input


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


# ------------------------------------------------------------------ sync


def test_two_syncs_leave_a_running_audit_alone(watcher, audit, boot):
    boot('calm', loads.steady(0.6))
    uuid = audit(interval_s=1)
    watcher.first_plan(uuid)
    watcher.sync()
    watcher.sync()
    assert watcher.audit(uuid)['state'] == 'ONGOING'


def test_the_strategys_state_shows_datasource_and_metrics(watcher, boot):
    boot('calm', loads.steady(0.6))
    state = {
        entry['type']: entry['state']
        for entry in watcher.get('/strategies/predictive_adjustment/state')
    }
    assert state['Datasource'] == 'gnocchi: available'
    assert json.dumps({'cpu': 'available'}) in map(
        json.dumps, state['Metrics']
    )
