"""Plans that are applied: what they do, what follows, and what tells of it."""

from tests.e2e.rules import policies


def test_only_the_chosen_are_acted_upon(acted):
    assert acted.found.acted() == set(policies.CHOSEN)
    assert acted.found.reason('gold') == 'observed_only'


def test_the_plan_does_what_it_says(stage, acted):
    states = {name: one['state'] for name, one in acted.done.items()}
    assert states == {
        **dict.fromkeys(policies.CHOSEN, 'SUCCEEDED'),
        'doomed': 'SKIPPED',
    }
    assert 'the server is gone' in acted.done['doomed']['status_message']
    assert stage.site.host_of('mover') == 'compute1'


def test_a_lease_goes_on_while_it_is_needed(after):
    for name in ('plain', 'kept'):
        assert after.reason(name) == 'lease_kept', after.text(name)


def test_what_its_owner_has_resized_is_left_alone(stage, after, over):
    assert 'owned' not in after.acted() | over.found.acted()
    assert stage.site.flavor_of('owned') == 'plain.4'
    leases = stage.book('rules').active_leases()
    assert 'owned' not in {one.instance_name for one in leases}


def test_a_broken_policy_file_leaves_the_rules_and_says_so(stage, after):
    note = after.verdicts['plain']['note']
    assert f'{stage.policy_file}:3: rules[0].set.ceiling: 9' in note
    assert 'good last are in use' in note
    assert after.reason('watched') == 'observed_only'


def test_what_is_not_needed_any_more_goes_back(stage, over):
    found, done = over.found, over.done
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
    told = {one['audit']: one for one in stage.asked('explain', 'plain')}
    verdict = told[over.found.uuid]
    assert verdict['reason'] == 'need_passed'
    assert verdict['resources']['cpu']['limit'] == 2


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
