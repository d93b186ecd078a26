"""Resize and live migration: to the end, or to the first sign of failure."""

import pytest

from predictive_watcher import exceptions
from predictive_watcher.cloud import nova
from tests.fakes import gnocchi as fake_gnocchi
from tests.fakes import nova as fake_nova


@pytest.fixture
def cloud() -> fake_nova.FakeNova:
    cloud = fake_nova.FakeNova()
    cloud.add_flavor('small')
    cloud.add_flavor('large', vcpus=4)
    for name in ('n1', 'n2'):
        cloud.add_node(name)
    cloud.add_server('a', 'n1')
    return cloud


@pytest.fixture
def clock() -> fake_gnocchi.FakeClock:
    return fake_gnocchi.FakeClock()


@pytest.fixture
def mover(cloud, clock) -> nova.Nova:
    return nova.Nova(
        cloud, poll_s=2.0, timeout_s=60.0, sleep=clock.sleep, clock=clock
    )


def test_a_resize_is_confirmed_and_waited_for(cloud, mover):
    server = mover.resize('a', 'id-large')
    assert (server.status, server.flavor.name) == ('ACTIVE', 'large')
    assert cloud.requests.count('POST /servers/a/action') == 2


def test_a_resize_that_waits_for_it_can_be_confirmed(cloud, mover):
    cloud.outcome = 'slow'
    with pytest.raises(exceptions.CloudError, match='not done after 60 s'):
        mover.resize('a', 'id-large')
    while mover.live('a').status != 'VERIFY_RESIZE':
        pass
    server = mover.confirm('a')
    assert (server.status, server.flavor.name) == ('ACTIVE', 'large')


def test_a_server_that_is_gone_is_not_confirmed(mover):
    with pytest.raises(exceptions.CloudError, match='it is gone'):
        mover.confirm('gone')


def test_a_resize_that_nova_confirms_itself_is_done(cloud, mover):
    cloud.outcome = 'confirmed'
    assert mover.resize('a', 'id-large').flavor.name == 'large'
    assert cloud.requests.count('POST /servers/a/action') == 1


def test_a_resize_may_fail_on_one_host_and_work_on_the_next(cloud, mover):
    cloud.outcome = 'rescheduled'
    assert mover.resize('a', 'id-large').flavor.name == 'large'


def test_a_resize_without_a_host_fails_at_once(cloud, mover, clock):
    cloud.outcome = 'back'
    with pytest.raises(exceptions.CloudError) as caught:
        mover.resize('a', 'id-large')
    for part in ('flavor large', 'flavor small', 'No valid host was found'):
        assert part in str(caught.value)
    assert clock.now - 1000.0 <= 2.0


def test_an_error_is_told_with_its_fault_at_once(cloud, mover, clock):
    cloud.outcome = 'error'
    with pytest.raises(exceptions.CloudError, match='ERROR: disk is full'):
        mover.resize('a', 'id-large')
    assert clock.now - 1000.0 <= 2.0


def test_a_refusal_is_told_in_novas_words(cloud, mover):
    cloud.refusal = (403, 'Quota exceeded for cores')
    with pytest.raises(exceptions.CloudError, match=r'403.*Quota exceeded'):
        mover.resize('a', 'id-large')


def test_a_move_that_does_not_end_is_given_up(cloud, mover, clock):
    cloud.outcome = 'stuck'
    with pytest.raises(exceptions.CloudError, match='60 s; the .* RESIZE'):
        mover.resize('a', 'id-large')
    assert clock.now == 1060.0


def test_a_task_that_is_seen_late_is_waited_for(cloud, mover):
    cloud.outcome = 'late'
    assert mover.resize('a', 'id-large').flavor.name == 'large'


def test_an_unknown_flavor_is_refused_before_anything_happens(cloud, mover):
    with pytest.raises(exceptions.CloudError, match='no flavor.*id-gone'):
        mover.resize('a', 'id-gone')
    assert 'POST /servers/a/action' not in cloud.requests


def test_a_server_that_is_gone_ends_the_wait(cloud, mover):
    with pytest.raises(exceptions.CloudError, match='404'):
        mover.live_migrate('gone', 'n2')


def test_a_live_migration_is_waited_for(cloud, mover):
    server = mover.live_migrate('a', 'n2')
    assert (server.status, server.node) == ('ACTIVE', 'n2')


def test_a_failed_migration_is_seen_in_its_record(cloud, mover, clock):
    cloud.outcome = 'back'
    with pytest.raises(exceptions.CloudError) as caught:
        mover.live_migrate('a', 'n2')
    for part in ('to n2', 'ended in error', 'CPU does not match'):
        assert part in str(caught.value)
    assert clock.now - 1000.0 <= 4.0


def test_an_earlier_failed_migration_does_not_count(cloud, mover):
    cloud.migrations = [{'id': 1, 'instance_uuid': 'a', 'status': 'error'}]
    assert mover.live_migrate('a', 'n2').node == 'n2'


def test_a_migration_under_way_can_be_aborted(cloud, mover):
    assert mover.abort_live_migration('a') is False
    cloud.migrations = [{'id': 1, 'instance_uuid': 'a', 'status': 'running'}]
    assert mover.abort_live_migration('a') is True
    assert cloud.migrations[0]['status'] == 'cancelled'


def test_nothing_can_be_aborted_of_a_server_that_is_gone(mover):
    assert mover.abort_live_migration('gone') is False
