"""Plans made by hand, applied by Watcher's applier to a fake Nova."""

import pytest

from predictive_watcher.plugin import action_inputs
from tests.functional.harness.clock import now
from tests.functional.harness.compute import Outcome


AUDIT = 'aaaaaaaa-0000-4000-8000-000000000001'


@pytest.fixture
def site(cloud):
    """Two nodes and two flavors."""
    cloud.cluster.add_node('one')
    cloud.cluster.add_node('two')
    cloud.cluster.add_flavor('small', 1, 1024)
    cloud.cluster.add_flavor('large', 4, 4096)
    return cloud.cluster


@pytest.fixture
def web(site):
    return site.boot('web', site.flavors['id-of-small'], 'one')


def told(server, **other):
    return {
        'resource_id': server.id,
        'resource_name': server.name,
        'project_id': 'a-project',
        'audit': AUDIT,
        'reason': 'violation_expected: P(cpu > 0.9 of 1 vCPUs) = 0.8',
        'decided_at': now(),
        'valid_until': now() + 900,
        'weight': 1.0,
        'explanation': {},
        **other,
    }


def resize(server, source='small', target='large', **other):
    given = action_inputs.ResizeInput(
        **told(
            server,
            kind='release' if target == 'small' else 'lease',
            flavor=f'id-of-{target}',
            flavor_name=target,
            source_flavor=source,
            origin_flavor='small',
            expires_at=now() + 3600,
            **other,
        )
    )
    return {
        'action_type': 'predictive_resize',
        'resource_id': server.id,
        'input_parameters': given.parameters(),
    }


def migrate(server, source='one', target='two', **other):
    given = action_inputs.MigrateInput(
        **told(server, source_node=source, destination_node=target, **other)
    )
    return {
        'action_type': 'predictive_migrate',
        'resource_id': server.id,
        'input_parameters': given.parameters(),
    }


def applied(watcher, *actions):
    """The plan's state, and each action's state and message."""
    plan = watcher.plan_by_hand(*actions)
    ended = watcher.apply(plan)
    done = watcher.actions(plan)
    return ended['state'], [
        (action['state'], action['status_message'] or '') for action in done
    ]


def test_a_resize_gives_the_server_its_flavor_and_opens_a_lease(
    watcher, ledger, web
):
    assert applied(watcher, resize(web)) == ('SUCCEEDED', [('SUCCEEDED', '')])
    assert (web.flavor.name, web.status) == ('large', 'ACTIVE')
    (lease,) = ledger.active_leases()
    assert (lease.instance_id, lease.audit) == (web.id, AUDIT)
    assert (lease.origin_flavor_name, lease.flavor_name) == ('small', 'large')
    assert lease.pending_flavor_name is None
    assert ledger.recent_attempts(now() - 60)[web.id].failed is False


def test_a_server_that_nova_put_on_an_unfit_node_goes_on_to_the_fit_one(
    watcher, site, web
):
    site.add_node('three')  # where this Nova puts it
    asked = resize(web, fit_node='two', unfit_nodes=('three',))
    assert applied(watcher, asked) == ('SUCCEEDED', [('SUCCEEDED', '')])
    assert (web.flavor.name, web.status) == ('large', 'ACTIVE')
    (migration,) = web.migrations
    assert (migration['source'], migration['target']) == ('three', 'two')
    assert web.node == 'two'


def test_a_release_gives_the_flavor_back_and_ends_the_lease(
    watcher, ledger, web
):
    applied(watcher, resize(web))
    back = resize(web, source='large', target='small')
    assert applied(watcher, back) == ('SUCCEEDED', [('SUCCEEDED', '')])
    assert (web.flavor.name, web.status) == ('small', 'ACTIVE')
    assert ledger.active_leases() == ()


def test_a_resize_that_nobody_confirmed_is_confirmed(
    watcher, ledger, site, web
):
    action = resize(web)
    action['input_parameters']['kind'] = 'confirm'
    site.resize(web, 'id-of-large')
    while web.status != 'VERIFY_RESIZE':
        web.step()
    assert applied(watcher, action) == ('SUCCEEDED', [('SUCCEEDED', '')])
    assert (web.flavor.name, web.status) == ('large', 'ACTIVE')
    (lease,) = ledger.active_leases()
    assert (lease.origin_flavor_name, lease.flavor_name) == ('small', 'large')


def test_a_live_migration_moves_the_server(watcher, web):
    assert applied(watcher, migrate(web)) == (
        'SUCCEEDED',
        [('SUCCEEDED', '')],
    )
    assert (web.node, web.status) == ('two', 'ACTIVE')


def test_migrations_are_done_before_resizes(watcher, site, web):
    other = site.boot('other', site.flavors['id-of-small'], 'one')
    plan = watcher.plan_by_hand(resize(web), migrate(other))
    first, second = sorted(
        watcher.actions(plan), key=lambda a: len(a['parents'])
    )
    assert first['action_type'] == 'predictive_migrate'
    assert second['parents'] == [first['uuid']]


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'locked': True}, 'locked'),
        ({'task_state': 'rebooting'}, "task_state is 'rebooting'"),
        ({'status': 'PAUSED'}, "status is 'PAUSED'"),
    ],
)
def test_a_server_that_changed_meanwhile_is_skipped_with_the_reason(
    watcher, web, change, reason
):
    actions = [resize(web), migrate(web)]
    for name, value in change.items():
        setattr(web, name, value)
    state, (first, second) = applied(watcher, *actions)
    assert state == 'SUCCEEDED'
    for action in first, second:
        assert action[0] == 'SKIPPED'
        assert reason in action[1]
    assert (web.flavor.name, web.node) == ('small', 'one')


def test_a_server_that_was_deleted_is_skipped(watcher, site, web):
    del site.servers[web.id]
    _, [(state, message)] = applied(watcher, resize(web))
    assert state == 'SKIPPED'
    assert 'gone' in message


def test_a_forecast_that_is_too_old_is_skipped(watcher, web):
    late = resize(web, valid_until=now() - 5)
    _, [(state, message)] = applied(watcher, late)
    assert state == 'SKIPPED'
    assert 'expired' in message


def test_a_server_that_its_owner_resized_is_skipped(watcher, site, web):
    action = resize(web)
    web.flavor = site.add_flavor('medium', 2, 2048)
    _, [(state, message)] = applied(watcher, action)
    assert state == 'SKIPPED'
    assert 'medium' in message


def test_a_flavor_that_was_disabled_is_skipped(watcher, site, web):
    site.disable_flavor(site.flavors['id-of-large'])
    _, [(state, message)] = applied(watcher, resize(web))
    assert state == 'SKIPPED'
    assert 'flavor large (id-of-large) is disabled' in message


@pytest.mark.parametrize('change', [{'status': 'disabled'}, {'state': 'down'}])
def test_a_destination_that_cannot_take_it_is_skipped(
    watcher, site, web, change
):
    for name, value in change.items():
        setattr(site.nodes['two'], name, value)
    _, [(state, message)] = applied(watcher, migrate(web))
    assert state == 'SKIPPED'
    assert 'two is disabled or down' in message


@pytest.mark.parametrize(
    ('outcome', 'words', 'pending'),
    [
        # a server in ERROR may still get its flavor: the next audit sees
        (Outcome.FAILS, ['ERROR', 'No space left on device'], ['large']),
        (Outcome.FALLS_BACK, ['ACTIVE', 'No space left on device'], []),
        (Outcome.REFUSED, ['403', 'Quota exceeded'], []),
    ],
)
def test_a_resize_that_does_not_work_fails_at_once_with_novas_words(
    watcher, cloud, ledger, site, web, outcome, words, pending
):
    site.resize_outcome = outcome
    plan, [(state, message)] = applied(watcher, resize(web))
    looks = [
        request
        for request in cloud.nova.requests
        if request.method == 'GET' and request.path.endswith(web.id)
    ]
    assert len(looks) < 10  # it would be given 180
    assert (plan, state) == ('FAILED', 'FAILED')
    for word in ('Action failed in execute', web.name, *words):
        assert word in message
    leases = ledger.active_leases()
    assert [lease.pending_flavor_name for lease in leases] == pending
    attempt = ledger.recent_attempts(now() - 60)[web.id]
    assert attempt.failed
    assert words[1] in attempt.text


@pytest.mark.parametrize(
    ('outcome', 'words'),
    [
        (Outcome.FAILS, ['error', 'No space left on device']),
        (Outcome.FALLS_BACK, ['error', 'No space left on device']),
        (Outcome.REFUSED, ['409', 'not suitable']),
    ],
)
def test_a_migration_that_does_not_work_fails_at_once_with_novas_words(
    watcher, site, web, outcome, words
):
    site.migration_outcome = outcome
    plan, [(state, message)] = applied(watcher, migrate(web))
    assert (plan, state) == ('FAILED', 'FAILED')
    for word in (web.name, *words):
        assert word in message
    assert web.node == 'one'


def test_nova_that_is_down_fails_the_action_and_says_so(watcher, cloud, web):
    plan = watcher.plan_by_hand(resize(web))
    with cloud.nova.failing():
        watcher.apply(plan)
    [action] = watcher.actions(plan)
    assert action['state'] == 'FAILED'
    assert '503' in action['status_message']


def test_one_action_that_is_skipped_does_not_stop_the_others(
    watcher, site, web
):
    other = site.boot('other', site.flavors['id-of-small'], 'one')
    actions = [resize(web), resize(other)]
    web.locked = True
    state, done = applied(watcher, *actions)
    assert state == 'SUCCEEDED'
    assert sorted(state for state, _ in done) == ['SKIPPED', 'SUCCEEDED']
    assert other.flavor.name == 'large'


def test_a_plan_without_actions_succeeds_with_a_finite_efficacy(watcher):
    plan = watcher.get(f'/action_plans/{watcher.plan_by_hand()}')
    assert plan['state'] == 'SUCCEEDED'
    assert [e['value'] for e in plan['global_efficacy']] == [0.0]
    assert len(plan['efficacy_indicators']) == 7
