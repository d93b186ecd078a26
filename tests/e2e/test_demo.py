"""Nova, Watcher and Gnocchi confirm what the demonstration claims."""

import datetime

from demo import fleet
import numpy as np
import pytest


OWN = {server.name: server for server in fleet.SERVERS}


def _moment(text):
    """Unix seconds of one of Nova's timestamps."""
    moment = datetime.datetime.fromisoformat(text.rstrip('Z'))
    return moment.replace(tzinfo=datetime.UTC).timestamp()


def _rows(result, word):
    """Each action of this kind that succeeded, with its server's row."""
    return [
        (row, action)
        for row in result['servers']
        for action in row['actions']
        if action['word'] == word
    ]


def _server(nova, name):
    return next(s for s in nova.servers.list() if s.name == name)


def _first_violation(result, name):
    """When the first measure was written that would have been a violation."""
    names = [row['name'] for row in result['servers']]
    own = OWN[name].flavor.limits
    for step in result['steps']:
        demand = np.array(step['demand'][names.index(name)])
        if (demand > fleet.CEILING * own).any():
            return step['written_at']
    return None


def _first_overload(result, node):
    """The same for the servers that were on a node at the beginning."""
    for step in result['steps']:
        load = sum(
            min(demand[fleet.CPU], server.flavor.vcpus)
            for demand, server in zip(
                step['demand'], fleet.SERVERS, strict=True
            )
            if server.node == node
        )
        if load > fleet.CEILING * fleet.NODE_VCPUS:
            return step['written_at']
    return None


def _confirmed_resizes(nova, name):
    """When each resize of a server was confirmed, says Nova."""
    events = nova.instance_action.list(_server(nova, name))
    return sorted(
        _moment(event.updated_at)
        for event in events
        if event.action == 'confirmResize'
    )


def test_nova_confirmed_a_resize_before_each_violation(nova, result):
    resized = {row['name'] for row, _ in _rows(result, 'resize')}
    assert resized
    for name in resized:
        violation = _first_violation(result, name)
        assert violation is not None
        assert _confirmed_resizes(nova, name)[0] < violation


def test_nova_completed_a_live_migration_before_the_node_was_full(
    nova, result
):
    moved = _rows(result, 'migrate')
    assert moved
    for row, action in moved:
        migrations = [
            migration
            for migration in nova.migrations.list(
                instance_uuid=_server(nova, row['name']).id
            )
            if migration.migration_type == 'live-migration'
        ]
        assert [m.status for m in migrations] == ['completed']
        (migration,) = migrations
        assert migration.source_compute == action['before']
        assert migration.dest_compute == action['after']
        overload = _first_overload(result, action['before'])
        assert _moment(migration.updated_at) < overload


def test_every_lease_was_released_to_the_own_flavor(nova, result):
    released = {row['name'] for row, _ in _rows(result, 'release')}
    assert released == {row['name'] for row, _ in _rows(result, 'resize')}
    for name in released:
        flavor = _server(nova, name).flavor['original_name']
        assert flavor == OWN[name].flavor.name
        assert len(_confirmed_resizes(nova, name)) >= 2


def test_every_server_is_active_and_idle_in_nova(nova):
    for server in nova.servers.list():
        assert server.status == 'ACTIVE'
        assert getattr(server, 'OS-EXT-STS:task_state') is None


def test_the_audit_still_runs_and_its_plans_succeeded(watcher, result):
    assert watcher.state() == 'ONGOING'
    plans = [step['plan'] for step in result['steps'] if step['plan']]
    assert plans
    for plan in plans:
        assert watcher.plan(plan['uuid'])['state'] == plan['state']
    states = {a['state'] for plan in plans for a in plan['actions']}
    assert states <= {'SUCCEEDED', 'SKIPPED'}


def test_gnocchi_holds_more_use_than_the_own_flavor_allows(
    keystone, nova, result
):
    """What was averted was not there because the demand was cut off."""
    rows = [row for row, _ in _rows(result, 'resize')]
    name = next(row['name'] for row in rows if row['resource'] == 'cpu')
    path = (
        f'/v1/resource/instance/{_server(nova, name).id}'
        '/metric/cpu/measures?aggregation=rate:mean'
    )
    answer = keystone.get(path, endpoint_filter={'service_type': 'metric'})
    most = max(value for _, _, value in answer.json()) / (300 * 1e9)
    assert most > OWN[name].flavor.vcpus


def test_each_violation_that_was_to_come_was_averted(result):
    rows = [*result['servers'], *result['nodes']]
    to_come = [row for row in rows if row['minutes_without']]
    assert to_come
    assert {row['verdict'] for row in to_come} == {'averted'}
    assert not any(row['minutes_with'] for row in rows)


@pytest.mark.parametrize(
    'word', ['violation_expected', 'node_overload_expected', 'need_passed']
)
def test_every_kind_of_action_came_with_its_reason(output, word):
    assert f'because {word}: ' in output
