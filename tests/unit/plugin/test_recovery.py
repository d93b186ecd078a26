"""Leases read from Watcher's actions."""

import dataclasses
from types import SimpleNamespace

import pytest

from predictive_watcher.core import leases
from predictive_watcher.core import reconciling
from predictive_watcher.plugin import action_inputs
from predictive_watcher.plugin import recovery
from predictive_watcher.state import ledger as ledger_module
from tests.fakes import cloud_data as data


SERVER = 'aaaaaaaa-1111-4000-8000-000000000000'


def action(state='SUCCEEDED', kind='lease', ago_s=600, **other):
    made = action_inputs.ResizeInput(
        **{
            'resource_id': SERVER,
            'resource_name': 'shop',
            'project_id': 'p',
            'audit': data.AUDIT,
            'reason': 'violation_expected: P(...)',
            'decided_at': data.NOW - ago_s,
            'valid_until': data.NOW,
            'weight': 1.0,
            'kind': kind,
            'flavor': 'id-medium',
            'flavor_name': 'medium',
            'source_flavor': 'small',
            'origin_flavor': 'small',
            'expires_at': data.NOW + 3000,
            **other,
        }
    )
    return SimpleNamespace(
        uuid='u',
        state=state,
        action_type='predictive_resize',
        input_parameters={**made.parameters(), 'resource_id': SERVER},
    )


def release(**other):
    return action(
        kind='release',
        **{
            'flavor_name': 'small',
            'source_flavor': 'medium',
            'expires_at': data.NOW - 100,
            **other,
        },
    )


def leases_of(*actions):
    return recovery.leases_of(actions, data.NOW)


def held(flavor, *actions):
    """What an audit makes of it, with the flavor that Nova shows."""
    server = data.instance(SERVER, flavor=flavor)
    return reconciling.reconcile(leases_of(*actions), [server], data.NOW)


def test_a_lease_comes_back_with_origin_and_expiry():
    (lease,) = leases_of(action())
    assert (lease.instance_id, lease.instance_name) == (SERVER, 'shop')
    assert lease.origin_flavor_name == 'small'
    assert lease.expires_at == data.NOW + 3000
    valid = held(data.MEDIUM, action()).valid[SERVER]
    assert (valid.flavor_name, valid.pending_flavor_name) == ('medium', None)


def test_a_lease_that_was_released_is_none():
    assert leases_of(action(ago_s=900), release(ago_s=300)) == []
    assert leases_of(release(ago_s=300), action(ago_s=900)) == []


def test_one_that_began_again_after_a_release_is_one():
    (lease,) = leases_of(release(ago_s=900), action(ago_s=300))
    assert lease.since == data.NOW - 300


def test_a_lease_that_grew_returns_to_where_it_began():
    first = action(ago_s=900)
    grown = action(ago_s=300, flavor_name='large', source_flavor='medium')
    (lease,) = leases_of(first, grown)
    assert lease.origin_flavor_name == 'small'
    assert held(data.LARGE, first, grown).valid[SERVER].flavor_name == 'large'


@pytest.mark.parametrize('state', ['FAILED', 'ONGOING'])
def test_of_a_doubtful_action_the_live_server_tells(state):
    assert held(data.MEDIUM, action(state)).valid[SERVER]
    late = action(state, expires_at=data.NOW - 1)
    assert SERVER in held(data.SMALL, late).lost
    # a release that failed: the lease goes on
    assert held(data.MEDIUM, release(state=state)).valid[SERVER]


def test_what_the_owner_changed_meanwhile_is_left_alone():
    other = dataclasses.replace(data.LARGE, name='chosen')
    found = held(other, action())
    assert not found.valid
    assert 'changed by its owner' in found.lost[SERVER]


@pytest.mark.parametrize('state', ['PENDING', 'CANCELLED', 'SKIPPED'])
def test_what_was_not_done_left_no_lease(state):
    assert leases_of(action(state)) == []


def test_what_is_old_or_not_ours_or_not_understood_is_left_out(caplog):
    stranger = action()
    stranger.action_type = 'resize'
    odd = action()
    odd.input_parameters['colour'] = 'blue'
    assert leases_of(action(ago_s=8 * 86400), stranger, odd) == []
    assert 'not understood' in caplog.text


def test_a_ledger_that_only_is_older_gets_no_lease_back(tmp_path):
    ledger = ledger_module.Ledger(f'sqlite:///{tmp_path}/ledger.sqlite')
    found = leases_of(action())
    assert recovery.unknown_to(ledger, found) == found
    # it saw the resize, and gave the lease up: the flavor is its owner's now
    ledger.begin(found[0])
    ledger.arrive(SERVER, data.NOW - 600)
    ledger.note_attempt(
        leases.Attempt(
            instance_id=SERVER,
            kind=leases.Kind.RESIZE,
            at=data.NOW - 600,
            failed=False,
            text='',
        )
    )
    assert recovery.unknown_to(ledger, found) == []
    ledger.close_lease(SERVER, data.NOW, 'lost')
    assert recovery.unknown_to(ledger, found) == []
