"""Audits that obey a policy file, which changes while they run."""

import datetime
import json

from predictive_watcher.cli import main
from tests.functional.harness import loads
from tests.functional.harness import operator
from tests.functional.harness.clock import now
from tests.functional.harness.verdicts import assert_held
from tests.functional.harness.verdicts import reasons
from tests.functional.harness.verdicts import verdicts


def observe(flavor):
    return f"""
rules:
  - name: look first
    match: {{flavor: {flavor}}}
    set: {{observe_only: true}}
"""


def test_an_audit_obeys_the_policy_file(watcher, site, audit, boot, policies):
    site.add_flavor('own', 2, 4096)
    site.aggregates.append({'name': 'ssd', 'hosts': ['one']})
    policies("""
rules:
  - name: look first
    match: {flavor: own, aggregate: ssd, user: a-user, image: an-image}
    set: {observe_only: true}
  - name: heavy
    match: {project: a-project}
    set: {weight_factor: 3, budgets: {unwatched: 9}}
""")
    boot('ramp', loads.ramping(0.6, 1.78))
    boot('watched', loads.ramping(0.6, 1.78), flavor='own')
    uuid = audit()
    plan = watcher.first_plan(uuid)
    [action] = watcher.actions(plan['uuid'])
    told = action['input_parameters']
    assert (told['resource_name'], told['weight']) == ('ramp', 3.0)
    assert told['explanation']['rules'] == ['heavy']
    found = verdicts(watcher, uuid)
    assert found['watched']['reason'] == 'observed_only'
    assert found['watched']['rules'] == ['heavy', 'look first']


def test_a_file_that_breaks_leaves_the_rules_and_says_so(
    watcher, audit, boot, policies
):
    boot('ramp', loads.ramping(0.6, 1.78))
    policies(observe('small'))
    uuid = audit(interval_s=1)
    plan = watcher.first_plan(uuid)
    assert watcher.actions(plan['uuid']) == []
    broken = policies('rules:\n  - name: a\n    set: {ceiling: 9}\n')

    def told():
        note = verdicts(watcher, uuid)['ramp']['note']
        return note if 'policies' in note else None

    note = operator.eventually(told, what='a verdict that tells of it')
    assert f'{broken}:3: rules[0].set.ceiling: 9 is more than 1.0' in note
    assert verdicts(watcher, uuid)['ramp']['reason'] == 'observed_only'
    policies('rules: []')
    operator.eventually(
        lambda: 'violation_expected' in reasons(watcher, uuid),
        what='a run with the mended file',
    )
    assert watcher.audit(uuid)['state'] == 'ONGOING'


def test_a_file_that_was_never_good_holds_all(
    watcher, audit, boot, policies, option, tmp_path
):
    option('state_directory', str(tmp_path / 'empty'))
    boot('ramp', loads.ramping(0.6, 1.78))
    policies('rules: 1')
    uuid = audit(interval_s=1)
    assert_held(watcher, uuid, 'bad_policies', 'rules: 1 is not a list')


def test_the_first_plan_acts_on_one_instance_and_the_next_on_all(
    watcher, audit, boot
):
    for name in 'abc':
        boot(name, loads.ramping(0.6, 1.78))
    uuid = audit(interval_s=1)
    assert len(watcher.actions(watcher.first_plan(uuid)['uuid'])) == 1
    operator.eventually(
        lambda: any(
            len(watcher.actions(plan['uuid'])) > 1
            for plan in watcher.plans(uuid)
        ),
        what='a plan with more than one action',
    )


def test_a_new_server_is_observed(watcher, audit, boot):
    made = datetime.datetime.fromtimestamp(now() - 600, datetime.UTC)
    server = boot('ramp', loads.ramping(0.6, 1.78))
    server.created = made.strftime('%Y-%m-%dT%H:%M:%SZ')
    uuid = audit()
    plan = watcher.first_plan(uuid)
    assert watcher.actions(plan['uuid']) == []
    assert verdicts(watcher, uuid)['ramp']['reason'] == 'observing'


def test_the_policy_of_a_server_is_explained_from_nova(
    cloud, site, boot, tmp_path, capsys
):
    url = cloud.keystone.url + '/v3'
    site.aggregates.append({'name': 'ssd', 'hosts': ['one']})
    server = boot('shop', loads.steady(0.6), metadata={'tier': 'gold'})
    rules = tmp_path / 'policies.yaml'
    rules.write_text(
        'rules:\n'
        '  - name: gold\n'
        '    match: {metadata: {tier: gold}, aggregate: ssd}\n'
        '    set: {ceiling: 0.95}\n'
    )
    conf = tmp_path / 'watcher.conf'
    conf.write_text(f"""
[watcher_clients_auth]
auth_type = password
auth_url = {url}
username = watcher
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
""")
    for wanted in ('shop', server.id):
        code = main.main(
            [
                *('policy', 'explain', wanted, '--json'),
                *('--config-file', str(conf), '--policies', str(rules)),
            ]
        )
        told = json.loads(capsys.readouterr().out)
        assert code == 0
        assert told['instance'] == server.id
        assert told['policy']['ceiling'] == {
            'value': 0.95,
            'rule': 'gold',
            'line': 4,
        }
