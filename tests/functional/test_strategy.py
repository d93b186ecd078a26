"""CONTINUOUS audits of a fake cloud, run by Watcher's decision engine."""

import json

from oslo_config import cfg

from predictive_watcher import wiring
from predictive_watcher.cli import main
from predictive_watcher.plugin import learning
from tests.functional.harness import loads
from tests.functional.harness.verdicts import verdicts


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
    watcher, ledger, audit, boot, use
):
    ramp = boot('ramp', loads.ramping(0.6, 1.78))
    done = watcher.apply(watcher.first_plan(audit())['uuid'])
    assert done['state'] == 'SUCCEEDED'
    assert (ramp.flavor.name, ramp.status) == ('large', 'ACTIVE')
    [lease] = ledger.active_leases()
    assert (lease.instance_id, lease.origin_flavor_name) == (ramp.id, 'small')

    use(ramp, loads.steady(0.6))
    plan = watcher.first_plan(audit())
    [action] = watcher.actions(plan['uuid'])
    assert action['input_parameters']['kind'] == 'release'
    assert watcher.apply(plan['uuid'])['state'] == 'SUCCEEDED'
    assert (ramp.flavor.name, ramp.status) == ('small', 'ACTIVE')
    assert ledger.active_leases() == ()


def test_a_lost_ledger_is_made_again_of_the_actions_of_watcher(
    watcher, ledger, audit, boot, use, tmp_path, option, policies
):
    # both in the first plan
    policies('rules: [{name: a, set: {budgets: {unwatched: 2}}}]')
    ramp = boot('ramp', loads.ramping(0.6, 1.78))
    watcher.apply(watcher.first_plan(audit())['uuid'])
    [lease] = ledger.active_leases()
    lost = tmp_path / 'lost.sqlite'
    option('ledger_connection', f'sqlite:///{lost}')
    use(ramp, loads.steady(1.7))  # of 2: it still needs its lease
    watcher.first_plan(audit())
    # Watcher's database also has the actions of the tests before this one
    made = wiring.ledger(cfg.CONF).active_leases()
    [found] = [one for one in made if one.instance_id == ramp.id]
    assert found.origin_flavor_name == 'small'
    assert found.flavor_name == 'large'
    assert found.expires_at >= lease.expires_at


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
    assert asked.count('/v1/aggregates') == 4
    # which metrics there are, once in a process, and what is new
    assert len(asked) <= 8


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


def test_an_audit_keeps_who_moves_together_for_the_command(
    watcher, audit, boot, tmp_path, option, capsys
):
    option('state_directory', str(tmp_path))
    boot('quiet', loads.steady(0.4))
    uuid = audit()
    watcher.first_plan(uuid)
    shown = ['group', 'list', '--state-directory', str(tmp_path), '--json']
    assert main.main(shown) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told['audit'], told['groups']) == (uuid, [])


def test_what_cannot_be_learned_does_not_cost_the_plan(
    watcher, audit, boot, monkeypatch
):
    def broken(*_):
        raise OverflowError('as from a number that nobody thought of')

    monkeypatch.setattr(learning, 'learn', broken)
    boot('ramp', loads.ramping(0.6, 1.78))
    plan = watcher.first_plan(audit())
    assert len(watcher.actions(plan['uuid'])) == 1
