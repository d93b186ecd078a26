"""What the actions write into the ledger, whatever comes of them."""

from dataclasses import replace
import logging

import pytest
from watcher.common import exception

from predictive_watcher import exceptions
from predictive_watcher.cloud import nova
from predictive_watcher.core import leases
from predictive_watcher.plugin import action_inputs
from predictive_watcher.state import ledger as ledger_module
from tests.fakes import gnocchi as fake_gnocchi
from tests.fakes import nova as fake_nova
from tests.unit.plugin import acting


def assert_fails(action, words):
    with pytest.raises(exception.ActionExecutionFailure, match=words):
        action.execute()


def attempt(ledger):
    return ledger.recent_attempts(0)[acting.SERVER]


def flavors(ledger):
    """The way of the one lease: from, now, ordered."""
    (lease,) = ledger.active_leases()
    return (
        lease.origin_flavor_name,
        lease.flavor_name,
        lease.pending_flavor_name,
    )


def test_a_resize_opens_a_lease(cloud, ledger):
    assert acting.resize(cloud, ledger).execute() is True
    assert cloud.server.flavor == acting.LARGE
    assert ledger.active_leases() == (
        leases.Lease(
            instance_id=acting.SERVER,
            instance_name='web',
            project_id='p',
            audit=acting.AUDIT,
            origin_flavor_name='small',
            flavor_name='large',
            pending_flavor_name=None,
            reason=acting.COMMON['reason'],
            since=acting.NOW,
            expires_at=acting.NOW + 3600,
        ),
    )
    assert attempt(ledger) == leases.Attempt(
        instance_id=acting.SERVER,
        kind=leases.Kind.RESIZE,
        at=acting.NOW,
        failed=False,
        text='resized from small to large',
        project_id='p',
        duration_s=0.0,  # the clock of a test stands still
    )


def test_a_release_closes_the_lease(cloud, ledger):
    acting.resize(cloud, ledger).execute()
    back = acting.release(cloud, ledger)
    back.pre_condition()
    assert back.execute() is True
    assert cloud.server.flavor == acting.SMALL
    assert ledger.active_leases() == ()
    assert attempt(ledger).kind is leases.Kind.RELEASE


def test_the_lease_is_written_before_nova_is_asked(cloud, ledger):
    seen = []
    resize = cloud.resize

    def watched(server_id, flavor_id):
        seen.append(flavors(ledger))
        resize(server_id, flavor_id)

    cloud.resize = watched
    acting.resize(cloud, ledger).execute()
    acting.release(cloud, ledger).execute()
    assert seen == [('small', 'small', 'large'), ('small', 'large', 'small')]


def test_without_its_lease_in_the_ledger_nothing_is_resized(cloud):
    ledger = acting.BrokenLedger('begin')
    assert_fails(acting.resize(cloud, ledger), 'web.*read-only')
    assert cloud.server.flavor == acting.SMALL


def test_an_arrival_that_cannot_be_written_is_left_to_the_next_audit(
    cloud, caplog
):
    ledger = acting.BrokenLedger('arrive')
    with caplog.at_level(logging.ERROR):
        assert acting.resize(cloud, ledger).execute() is True
    assert 'read-only' in caplog.text
    assert flavors(ledger) == ('small', 'small', 'large')


def test_an_attempt_that_cannot_be_written_changes_nothing(cloud, caplog):
    ledger = acting.BrokenLedger('note_attempt')
    with caplog.at_level(logging.ERROR):
        assert acting.resize(cloud, ledger).execute() is True
        assert acting.migrate(cloud, ledger).execute() is True
    assert caplog.text.count('read-only') == 2
    assert flavors(ledger) == ('small', 'large', None)


@pytest.mark.parametrize('broken', ['note_attempt', 'withdraw'])
def test_a_failure_keeps_novas_words_whatever_the_ledger_says(cloud, broken):
    cloud.order_fails = 'Quota exceeded for cores'
    ledger = acting.BrokenLedger(broken)
    assert_fails(acting.resize(cloud, ledger), 'Quota exceeded')


def test_a_resize_that_changed_nothing_is_withdrawn(cloud, ledger):
    cloud.order_fails = 'Quota exceeded for cores'
    assert_fails(acting.resize(cloud, ledger), 'Quota exceeded')
    assert ledger.active_leases() == ()
    assert attempt(ledger).failed
    assert attempt(ledger).text == 'Quota exceeded for cores'


def test_a_release_that_changed_nothing_leaves_the_lease(cloud, ledger):
    acting.resize(cloud, ledger).execute()
    cloud.order_fails = 'Quota exceeded for cores'
    assert_fails(acting.release(cloud, ledger), 'Quota exceeded')
    assert flavors(ledger) == ('small', 'large', None)
    assert attempt(ledger).kind is leases.Kind.RELEASE


@pytest.mark.parametrize(
    'change',
    [
        {'status': 'ERROR'},
        {'status': 'RESIZE', 'task_state': 'resize_prep'},
        {'task_state': 'resize_finish'},
        {'status': 'VERIFY_RESIZE', 'flavor': acting.LARGE},
        {'flavor': acting.LARGE},
    ],
)
def test_a_resize_of_which_something_may_come_stays_pending(
    cloud, ledger, change
):
    cloud.order_fails = 'not done after 900 s'
    cloud.server = replace(cloud.server, **change)
    assert_fails(acting.resize(cloud, ledger), 'not done')
    assert flavors(ledger) == ('small', 'small', 'large')
    assert attempt(ledger).failed


def test_a_server_that_cannot_be_looked_at_leaves_the_lease_pending(
    cloud, ledger
):
    cloud.fails = 'no route to host'
    assert_fails(acting.resize(cloud, ledger), 'no route')
    assert flavors(ledger) == ('small', 'small', 'large')
    cloud.fails, cloud.server = None, None
    cloud.order_fails = 'the server is gone'
    assert_fails(acting.resize(cloud, ledger), 'gone')
    assert flavors(ledger) == ('small', 'small', 'large')


def test_a_resize_that_is_reverted_ends_its_lease(cloud, ledger):
    action = acting.resize(cloud, ledger)
    action.execute()
    action.revert()
    assert cloud.server.flavor == acting.SMALL
    assert ledger.active_leases() == ()
    assert attempt(ledger).kind is leases.Kind.RELEASE


def test_a_release_that_is_reverted_has_its_lease_again(cloud, ledger):
    acting.resize(cloud, ledger).execute()
    action = acting.release(cloud, ledger)
    action.execute()
    action.revert()
    assert cloud.server.flavor == acting.LARGE
    assert flavors(ledger) == ('small', 'large', None)


def test_a_further_growth_that_is_reverted_keeps_the_lease(cloud, ledger):
    cloud.flavors['x'] = replace(acting.LARGE, id='x', name='huge')
    acting.resize(cloud, ledger).execute()
    action = acting.resize(
        cloud, ledger, flavor='x', flavor_name='huge', source_flavor='large'
    )
    action.execute()
    assert flavors(ledger) == ('small', 'huge', None)
    action.revert()
    assert flavors(ledger) == ('small', 'large', None)


def test_a_way_back_that_fails_leaves_the_lease(cloud, ledger):
    action = acting.resize(cloud, ledger)
    action.execute()
    cloud.order_fails = 'Quota exceeded for cores'
    with pytest.raises(exception.ActionExecutionFailure, match='Quota'):
        action.revert()
    assert flavors(ledger) == ('small', 'large', None)


def test_a_way_back_that_fails_forgets_no_late_arrival(cloud):
    ledger = acting.BrokenLedger('arrive')
    action = acting.resize(cloud, ledger)
    action.execute()  # the lease is still pending
    ledger.mend()
    cloud.order_fails = 'Quota exceeded for cores'
    with pytest.raises(exception.ActionExecutionFailure, match='Quota'):
        action.revert()
    assert flavors(ledger) == ('small', 'large', None)


@pytest.mark.parametrize(
    'change',
    [
        {'flavor': replace(acting.LARGE, id='x', name='huge')},
        {'status': 'VERIFY_RESIZE'},
        {'task_state': 'resize_finish'},
    ],
)
def test_a_resize_that_somebody_changed_is_not_reverted(cloud, ledger, change):
    action = acting.resize(cloud, ledger)
    action.execute()
    cloud.server = changed = replace(cloud.server, **change)
    action.revert()
    assert cloud.server == changed
    assert flavors(ledger) == ('small', 'large', None)


def test_migrations_are_remembered_too(cloud, ledger):
    acting.migrate(cloud, ledger).execute()
    assert attempt(ledger) == leases.Attempt(
        instance_id=acting.SERVER,
        kind=leases.Kind.MIGRATE,
        at=acting.NOW,
        failed=False,
        text='migrated to two',
        project_id='p',
        duration_s=0.0,
    )
    cloud.order_fails = 'CPU does not match'
    assert_fails(acting.migrate(cloud, ledger), 'CPU does not')
    assert attempt(ledger).failed
    assert attempt(ledger).text == 'CPU does not match'
    assert ledger.active_leases() == ()


@pytest.fixture
def slow():
    """A Nova that takes longer than anybody waits."""
    made = fake_nova.FakeNova()
    made.add_flavor('small')
    made.add_flavor('large', vcpus=4)
    made.add_node('n1')
    made.add_server(acting.SERVER, 'n1')
    made.outcome = 'slow'
    return made


def test_a_resize_that_outlives_its_wait_keeps_its_lease(slow, ledger):
    clock = fake_gnocchi.FakeClock()
    mover = nova.Nova(
        slow, poll_s=2.0, timeout_s=60.0, sleep=clock.sleep, clock=clock
    )
    assert_fails(
        acting.resize(mover, ledger, flavor='id-large'), 'not done after 60 s'
    )
    assert flavors(ledger) == ('small', 'small', 'large')
    while mover.live(acting.SERVER).status != 'VERIFY_RESIZE':
        pass
    assert flavors(ledger) == ('small', 'small', 'large')

    late = acting.confirm(mover, ledger, flavor='id-large')
    late.pre_condition()
    assert late.execute() is True
    assert mover.live(acting.SERVER).status == 'ACTIVE'
    assert flavors(ledger) == ('small', 'large', None)
    assert attempt(ledger).kind is leases.Kind.CONFIRM
    assert not attempt(ledger).failed


def test_a_confirmation_of_what_nova_took_back_is_withdrawn(slow, ledger):
    clock = fake_gnocchi.FakeClock()
    mover = nova.Nova(
        slow, poll_s=2.0, timeout_s=60.0, sleep=clock.sleep, clock=clock
    )
    with pytest.raises(exceptions.CloudError, match='not done'):
        mover.resize(acting.SERVER, 'id-large')
    while mover.live(acting.SERVER).status != 'VERIFY_RESIZE':
        pass
    slow.outcome = 'back'
    late = acting.confirm(mover, ledger, flavor='id-large')
    assert_fails(late, 'back in ACTIVE on n1 with flavor small')
    assert ledger.active_leases() == ()


# ------------------------------------------------------------ what is told
def told(action):
    return [(p['change'], p['flavor']) for _, p in action.publisher.sent]


def test_a_lease_is_told_when_it_is_ordered_and_when_it_arrives(cloud, ledger):
    action = acting.resize(cloud, ledger)
    action.execute()
    assert told(action) == [('ordered', 'small'), ('arrived', 'large')]
    _, payload = action.publisher.sent[-1]
    assert payload == {
        'audit': acting.AUDIT,
        'at': acting.NOW,
        'instance': acting.SERVER,
        'change': 'arrived',
        'origin_flavor': 'small',
        'flavor': 'large',
        'expires_at': acting.NOW + 3600,
        'reason': acting.COMMON['reason'],
    }
    back = acting.release(cloud, ledger)
    back.execute()
    assert told(back) == [('ordered', 'large'), ('released', 'small')]


def test_a_lease_that_nova_refuses_is_told_as_withdrawn(cloud, ledger):
    cloud.order_fails = 'no valid host'
    action = acting.resize(cloud, ledger)
    assert_fails(action, 'no valid host')
    assert told(action) == [('ordered', 'small'), ('withdrawn', 'small')]


def test_the_lease_knows_what_the_origin_offers(cloud, ledger):
    numbers = {'origin_vcpus': 1, 'origin_memory_mib': 1024}
    specs = {'origin_specs': {'hw:cpu_policy': 'dedicated'}}
    acting.resize(cloud, ledger, **numbers, **specs).execute()
    (lease,) = ledger.active_leases()
    assert (lease.origin_vcpus, lease.origin_memory_mib) == (1, 1024)
    assert lease.origin_specs == {'hw:cpu_policy': 'dedicated'}
    # a plan of an older release does not tell
    other = ledger_module.Ledger('sqlite://')
    acting.resize(acting.FakeCloud(), other).execute()
    (lease,) = other.active_leases()
    assert (lease.origin_vcpus, lease.origin_memory_mib) == (None, None)
    assert lease.origin_specs is None


def test_what_nobody_knows_of_an_origin_is_no_parameter():
    # Watcher refuses None, and with it the whole plan
    given = action_inputs.ResizeInput(
        **acting.COMMON,
        kind=action_inputs.RELEASE,
        flavor='s',
        flavor_name='small',
        source_flavor='large',
        origin_flavor='small',
        expires_at=acting.NOW,
    )
    assert given.origin_specs is None
    told = given.parameters()
    assert None not in told.values()
    assert 'origin_specs' not in told
