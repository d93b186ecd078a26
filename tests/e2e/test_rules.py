"""Rules that decide, on a real cloud: each server is there for one of them.

Audits run once each, one after the other, on measures that are there before
they begin; each test looks at what one of them found.
"""

from novaclient import exceptions as nova_exceptions
import pytest


#: A day has 24 hours: this window never ends.
ALWAYS = '{cron: "0 0 * * *", duration: 24h}'
_RULES = f"""
  - name: look first
    match: {{metadata: {{rule: watched}}}}
    set: {{observe_only: true}}
  - name: maintenance
    match: {{metadata: {{rule: closed}}}}
    set:
      no_actions_during: {ALWAYS}
  - name: no larger than it is
    match: {{metadata: {{rule: capped}}}}
    set: {{largest_flavor: plain.1}}
  - name: never restarted
    match: {{metadata: {{rule: movable}}}}
    set: {{actions: [live_migrate]}}
"""
EVERYBODY = f"""
rules:
  - name: everybody
    set:
      observation_time: 0
      anomalies: {{fleet: allow, node: allow}}
{_RULES}
"""
BROKEN = 'rules:\n  - name: everybody\n    set: {ceiling: 9}\n'
#: Those that are acted upon; of the others nothing is touched.
CHOSEN = ('plain', 'kept', 'owned', 'doomed', 'mover')


def _only(ids):
    """A policy file under which nobody but these is touched."""
    chosen = ', '.join(ids[name] for name in CHOSEN)
    return f"""
rules:
  - name: everybody
    set:
      observe_only: true
      observation_time: 0
      anomalies: {{fleet: allow, node: allow}}
  - name: the chosen
    match: {{instance: [{chosen}]}}
    set: {{observe_only: false}}
{_RULES}
"""


# ------------------------------------------------- nothing is done: verdicts
@pytest.fixture(scope='module')
def first(stage):
    """The first audit of a Watcher that knows nothing."""
    stage.policies(EVERYBODY)
    return stage.audit(observe_only=True)


@pytest.fixture(scope='module')
def second(stage, first):
    """The audit after it, of instances that somebody looks at."""
    return stage.audit(observe_only=True)


@pytest.fixture(scope='module')
def short(stage, second):
    """An audit that may do one thing."""
    return stage.audit(observe_only=True, max_actions=1)


@pytest.fixture(scope='module')
def disabled(stage, short):
    """An audit while the scheduler may not use one of the hosts."""
    stage.site.enable('compute1', really=False)
    try:
        return stage.audit(observe_only=True)
    finally:
        stage.site.enable('compute1')


def test_the_first_audit_acts_once(first):
    done = [n for n in first.verdicts if first.wanted(n)]
    assert len(done) == 1
    assert 'max_unwatched_actions' in first.text('plain')


def test_an_audit_that_observes_has_an_empty_plan(second):
    assert second.wanted('plain')
    assert second.actions == ()


def test_who_climbs_gets_the_next_flavor_and_who_is_calm_none(second):
    assert second.reason('plain') == 'violation_expected'
    assert second.wanted('plain')['flavor'] == 'plain.2'
    assert second.reason('calm') == 'low_risk'


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('locked', 'locked'),
        ('optout', 'opted_out'),
        ('stopped', 'not_active'),
        ('silent', 'no_samples'),
        ('unreadable', 'bad_extra_spec'),
        ('watched', 'observed_only'),
        ('closed', 'not_now'),
        ('movable', 'not_allowed'),
        ('capped', 'no_flavor'),
        ('quoted', 'quota'),
        ('aggregate', 'no_node'),
    ],
)
def test_who_must_not_be_touched_is_held(second, name, reason):
    assert second.reason(name) == reason, second.text(name)


def test_a_verdict_says_what_is_in_the_way(second):
    assert 'is larger than plain.1' in second.text('capped')
    assert 'lacks 1 vCPUs of quota' in second.text('quoted')
    assert 'compute1 is in no aggregate with disk=ssd' in (
        second.text('aggregate')
    )
    assert second.verdicts['watched']['rules'] == ['everybody', 'look first']


def test_a_private_flavor_is_for_its_project_only(second):
    assert second.wanted('partner')['flavor'] == 'partner.2'
    assert second.wanted('stranger')['flavor'] == 'partner.4'


def test_a_family_is_not_left_for_a_flavor_that_would_be_nearer(second):
    assert second.wanted('family')['flavor'] == 'own.4'


def test_the_heavier_gets_more_for_the_same_need(second):
    bronze, gold = (
        float(second.wanted(name)['flavor'].removeprefix(f'{name}.'))
        for name in ('bronze', 'gold')
    )
    assert 1 < bronze < gold
    weights = {
        name: second.verdicts[name]['base_weight']
        for name in ('bronze', 'gold', 'percpu', 'plain')
    }
    assert weights == {'bronze': 1, 'gold': 4, 'percpu': 3, 'plain': 1}


def test_a_migration_keeps_to_group_and_zone(second):
    assert second.reason('mover') == 'node_overload_expected'
    assert second.wanted('mover')['to'] == 'compute1'


def test_where_little_may_be_done_the_heaviest_comes_first(short):
    assert [n for n in short.verdicts if short.wanted(n)] == ['gold']
    assert short.reason('bronze') == 'budget'


def test_a_disabled_host_is_no_target(disabled):
    assert disabled.reason('mover') == 'no_node'
    text = disabled.text('mover')
    assert 'compute1 is disabled or down' in text
    assert 'compute2 holds a member of anti-affinity group' in text
    assert 'compute5 holds a member of anti-affinity group' in text
    assert 'compute4 is in zone elsewhere, not nova' in text


# ------------------------------------------------------------ what is done
@pytest.fixture(scope='module')
def acted(stage, disabled):
    """A plan that was applied, after one of its servers had gone."""
    stage.policies(_only(stage.site.ids))
    found = stage.audit()
    stage.site.delete('doomed')
    return found, stage.audits.apply(found.plan)


@pytest.fixture(scope='module')
def after(stage, acted):
    """An audit while the need lasts; somebody has resized one by hand, and
    broken the policy file.
    """
    stage.site.resize('owned', 'plain.4')
    stage.policies(BROKEN)
    stage.go_on(plain=0.97, kept=0.97, watched=0.97)
    return stage.audit(lease_minimum=0)


@pytest.fixture(scope='module')
def over(stage, after):
    """A plan that was applied after the need of one had passed."""
    stage.policies(_only(stage.site.ids))
    stage.go_on(4, kept=0.97)
    found = stage.audit(lease_minimum=0)
    return found, stage.audits.apply(found.plan)


@pytest.fixture(scope='module')
def messages(stage, over):
    """What we have published up to here."""
    return stage.published()


def test_only_the_chosen_are_acted_upon(acted):
    assert acted[0].acted() == set(CHOSEN)
    assert acted[0].reason('gold') == 'observed_only'


def test_the_plan_does_what_it_says(stage, acted):
    states = {name: one['state'] for name, one in acted[1].items()}
    assert states == {
        **dict.fromkeys(CHOSEN, 'SUCCEEDED'),
        'doomed': 'SKIPPED',
    }
    assert 'the server is gone' in acted[1]['doomed']['status_message']
    host = getattr(stage.site.server('mover'), 'OS-EXT-SRV-ATTR:host')
    assert host == 'compute1'


def test_a_lease_goes_on_while_it_is_needed(after):
    for name in ('plain', 'kept'):
        assert after.reason(name) == 'lease_kept', after.text(name)


def test_what_its_owner_has_resized_is_left_alone(stage, after, over):
    assert 'owned' not in after.acted() | over[0].acted()
    assert stage.site.flavor_of('owned') == 'plain.4'
    leases = stage.book('rules').active_leases()
    assert 'owned' not in {one.instance_name for one in leases}


def test_a_broken_policy_file_leaves_the_rules_and_says_so(stage, after):
    note = after.verdicts['plain']['note']
    assert f'{stage.policy_file}:3: rules[0].set.ceiling: 9' in note
    assert 'good last are in use' in note
    assert after.reason('watched') == 'observed_only'


def test_what_is_not_needed_any_more_goes_back(stage, over):
    found, done = over
    assert found.reason('plain') == 'need_passed', found.text('plain')
    assert done['plain']['state'] == 'SUCCEEDED'
    assert stage.site.flavor_of('plain') == 'plain.1'
    assert stage.site.flavor_of('kept') == 'plain.2'


def test_durations_are_learned_from_novas_own_history(stage, over):
    done = stage.book('rules').done(0)
    kinds = {one.kind.value for one in done if one.duration_s}
    assert kinds == {'resize', 'migrate'}
    resizes = [one for one in done if one.kind.value == 'resize']
    assert all(0 < one.interruption_s <= one.duration_s for one in resizes)


# ----------------------------------------------------------------- the bus
def test_the_listener_hears_nova_and_watcher(stage, over):
    ids = stage.site.ids
    heard = stage.heard()
    assert {
        ('instance.resize_finish.end', ids['plain']),
        ('instance.delete.end', ids['doomed']),
        ('instance.live_migration_post.end', ids['mover']),
        ('action.execution.end', ids['plain']),
    } <= heard
    assert 'action_plan.execution.end' in {event for event, _ in heard}


def test_leases_and_broken_rules_are_published(stage, messages):
    changes = {
        (payload['instance'], payload['change'])
        for event, payload in messages
        if event == 'predictive_watcher.lease'
    }
    plain, owned = stage.site.ids['plain'], stage.site.ids['owned']
    assert {
        (plain, 'ordered'),
        (plain, 'arrived'),
        (plain, 'released'),
        (owned, 'lost'),
    } <= changes
    events = {event for event, _ in messages}
    assert 'predictive_watcher.policies.broken' in events
    assert 'predictive_watcher.audit.verdicts' in events
    assert 'predictive_watcher.adjustment' in events


# ------------------------------------------------------------ the commands
def test_a_verdict_is_explained(stage, over):
    told = stage.asked('explain', 'plain')
    assert told[0]['reason'] == 'need_passed'
    assert told[0]['audit'] == over[0].uuid
    assert told[0]['resources']['cpu']['limit'] == 2


def test_a_policy_is_explained(stage, over):
    told = stage.asked('policy', 'explain', 'closed')
    assert [rule['name'] for rule in told['rules']][0] == 'maintenance'
    assert told['policy']['observe_only']['value'] is True


def test_the_policy_file_is_checked(stage, over):
    done = stage.command('policy', 'check', str(stage.policy_file))
    assert done.returncode == 0, done.stderr
    assert 'the chosen' in done.stdout


def test_what_came_of_forecasts_is_shown(stage, over):
    told = stage.asked('feedback', 'show', '--days', '9')
    assert {one['resource'] for one in told['accuracy']} >= {'cpu', 'memory'}
    actions = stage.asked('feedback', 'actions', '--days', '9')
    resized = {one['instance_id'] for one in actions['actions']}
    assert stage.site.ids['plain'] in resized


def test_a_profile_is_shown(stage, over):
    told = stage.asked('profile', 'show', 'plain')
    assert told['instance'] == stage.site.ids['plain']


# -------------------------------------------------------------- validators
@pytest.mark.parametrize(
    'specs',
    [
        {'predictive:weight': 'heavy'},
        {'predictive:weight_cpu': '-1'},
        {'predictive:family': 'a b'},
        {'predictive:wieght': '2'},
    ],
)
def test_nova_refuses_extra_specs_that_nobody_can_read(stage, specs):
    flavor = stage.site.nova.flavors.create('bad', 64, 1, 1)
    try:
        with pytest.raises(nova_exceptions.BadRequest) as refused:
            flavor.set_keys(specs)
    finally:
        flavor.delete()
    assert refused.value.code == 400


# ------------------------------------------------------------ a lost ledger
@pytest.fixture(scope='module')
def anew(stage, messages):
    """The first audit of a Watcher that has lost its ledger."""
    stage.restart_without_ledger()
    return stage.audit()


def test_a_lost_ledger_is_made_again_of_watchers_actions(stage, anew):
    leases = {
        one.instance_name: one for one in stage.book('anew').active_leases()
    }
    assert leases['kept'].origin_flavor_name == 'plain.1'
    assert leases['kept'].origin_vcpus == 1
    # what was released, deleted or changed by its owner is nobody's lease
    assert set(leases) & {'plain', 'doomed', 'owned'} == set()


def test_by_the_real_clock_old_measures_are_no_reason(anew):
    assert anew.reason('kept') == 'stale_samples'
    assert anew.actions == ()
