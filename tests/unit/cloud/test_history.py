"""How long actions took, as Nova's own history tells it."""

import datetime

import pytest

from predictive_watcher import exceptions
from predictive_watcher.cloud import nova
from predictive_watcher.core.durations import Done
from predictive_watcher.core.leases import Kind
from tests.fakes import nova as fake_nova


NOW = 1_700_000_100


def told(seconds):
    """A time as Nova writes it."""
    moment = datetime.datetime.fromtimestamp(NOW + seconds, datetime.UTC)
    return moment.strftime('%Y-%m-%dT%H:%M:%S.000000')


@pytest.fixture
def cloud():
    made = fake_nova.FakeNova()
    made.add_flavor('small', 2)
    for name in 'ab':
        made.add_server(name, 'n1')
    return made


def event(name, start, finish, result='Success'):
    return {
        'event': name,
        'start_time': told(start),
        'finish_time': None if finish is None else told(finish),
        'result': result,
    }


def done(cloud, server, kind, *events, at=0, status, number=1):
    """A migration in the lists, and the action behind it."""
    cloud.migrations.append(
        {
            'uuid': f'migration-{number}',
            'instance_uuid': server,
            'migration_type': kind,
            'status': status,
            'created_at': told(at + 2),
        }
    )
    cloud.actions.append(
        {
            'instance_uuid': server,
            'action': kind,
            'request_id': f'req-{number}',
            'start_time': told(at),
            'events': list(events),
        }
    )


def history(cloud, known=(), most=5):
    return nova.Nova(cloud).history(NOW - 86400, known, most)


def test_a_resize_stops_the_guest_from_its_shutdown_until_it_boots(cloud):
    done(
        cloud, 'a', 'resize',
        event('compute_prep_resize', 5, 8),
        event('compute_resize_instance', 10, 70),
        event('compute_finish_resize', 70, 95),
        status='confirmed',
    )  # fmt: skip
    assert history(cloud) == [
        Done(
            id='migration-1', instance_id='a', kind=Kind.RESIZE, at=NOW + 2,
            duration_s=95.0, interruption_s=85.0,
        )
    ]  # fmt: skip


def test_of_a_live_migration_only_the_duration_is_told(cloud):
    done(
        cloud, 'b', 'live-migration',
        event('compute__do_live_migration', 3, 20),
        event('compute_post_live_migration_at_destination', 20, 24),
        status='completed',
    )  # fmt: skip
    [found] = history(cloud)
    assert (found.kind, found.duration_s) == (Kind.MIGRATE, 24.0)
    assert found.interruption_s is None


def test_what_is_known_is_not_asked_about_again(cloud):
    for number in range(4):
        done(
            cloud, 'a', 'resize', event('compute_finish_resize', 0, 9),
            status='finished', number=number, at=number * 600,
        )  # fmt: skip
    found = history(cloud, known={'migration-3'}, most=2)
    assert [one.id for one in found] == ['migration-2', 'migration-1']
    assert cloud.requests.count('GET /os-migrations') == 1
    assert len(cloud.requests) == 1 + 2 * 2


@pytest.mark.parametrize('status', ['error', 'migrating', 'reverted'])
def test_what_did_not_end_well_tells_nothing(cloud, status):
    events = event('compute_finish_resize', 0, 9)
    done(cloud, 'a', 'resize', events, status=status)
    assert history(cloud) == []


@pytest.mark.parametrize(
    'events',
    [
        [],
        [event('compute_prep_resize', 0, 9)],
        [event('compute_finish_resize', 0, None)],
        [event('compute_finish_resize', 0, 9, 'Error')],
    ],
)
def test_an_action_without_its_end_has_no_duration(cloud, events):
    done(cloud, 'a', 'resize', *events, status='confirmed')
    assert [one.duration_s for one in history(cloud)] == [None]


def test_a_server_that_is_gone_has_no_duration(cloud):
    done(
        cloud, 'gone', 'resize', event('compute_finish_resize', 0, 9),
        status='confirmed',
    )  # fmt: skip
    assert [one.duration_s for one in history(cloud)] == [None]


def test_another_resize_of_the_same_server_is_not_taken_for_it(cloud):
    for number, at in enumerate((0, 3600)):
        done(
            cloud, 'a', 'resize',
            event('compute_finish_resize', at, at + 9 + number),
            status='confirmed', number=number, at=at,
        )  # fmt: skip
    assert {one.id: one.duration_s for one in history(cloud)} == {
        'migration-0': 9.0,
        'migration-1': 10.0,
    }


@pytest.mark.parametrize(
    'found',
    [
        {'instance_uuid': 'a'},
        {
            'migration_type': 'resize', 'instance_uuid': 'a',
            'status': 'confirmed',
        },
        {'migration_type': 'resize', 'instance_uuid': 'a'},
        {
            'migration_type': 'resize', 'uuid': 'm', 'status': 'confirmed',
            'instance_uuid': 'a', 'created_at': None,
        },
    ],
)  # fmt: skip
def test_a_list_of_another_form_is_an_error(cloud, found):
    cloud.migrations = [found]
    with pytest.raises(exceptions.CloudError, match='list of migrations'):
        history(cloud)
