"""What the actions do, and when they are skipped."""

from dataclasses import replace

import jsonschema
import pytest
from watcher.common import exception

from predictive_watcher.plugin import action_inputs
from tests.unit.plugin import acting


def both(cloud, ledger):
    return [acting.resize(cloud, ledger), acting.migrate(cloud, ledger)]


def assert_skipped(action, *words):
    with pytest.raises(exception.ActionSkipped) as skipped:
        action.pre_condition()
    for word in ('web', acting.SERVER, *words):
        assert word in str(skipped.value)


def test_what_still_holds_is_not_skipped(cloud, ledger):
    for action in both(cloud, ledger):
        action.pre_condition()


def test_a_deleted_server_is_skipped(cloud, ledger):
    cloud.server = None
    for action in both(cloud, ledger):
        assert_skipped(action, 'gone')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'locked': True}, ['locked']),
        ({'task_state': 'rebooting'}, ['rebooting']),
        ({'status': 'SHUTOFF'}, ['SHUTOFF', 'ACTIVE']),
        ({'metadata': {'predictive:optout': 'true'}}, ['predictive:optout']),
    ],
)
def test_a_server_that_nobody_may_touch_is_skipped(
    cloud, ledger, change, words
):
    cloud.server = replace(cloud.server, **change)
    for action in both(cloud, ledger):
        assert_skipped(action, *words)


@pytest.mark.parametrize(
    'make', [acting.resize, acting.migrate, acting.release, acting.confirm]
)
def test_what_has_waited_longer_than_its_forecast_holds_is_skipped(
    cloud, ledger, make
):
    assert_skipped(
        make(cloud, ledger, valid_until=acting.NOW),
        'it has waited too long',
        'expired 60 s ago',
    )


def test_a_server_that_its_owner_resized_is_not_migrated(cloud, ledger):
    acting.migrate(cloud, ledger, server_flavor='small').pre_condition()
    cloud.server = replace(cloud.server, flavor=acting.LARGE)
    assert_skipped(
        acting.migrate(cloud, ledger, server_flavor='small'),
        'its flavor is large, not small',
    )
    # an older release does not tell
    acting.migrate(cloud, ledger).pre_condition()


def test_a_server_whose_flavor_was_changed_is_not_resized(cloud, ledger):
    cloud.server = replace(
        cloud.server, flavor=replace(acting.SMALL, name='medium')
    )
    assert_skipped(acting.resize(cloud, ledger), 'medium', 'small')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({}, []),
        ({'status': 'ACTIVE'}, ['it is confirmed already']),
        ({'status': 'SHUTOFF'}, ['SHUTOFF', 'VERIFY_RESIZE is needed']),
        ({'status': 'RESIZE'}, ['RESIZE', 'VERIFY_RESIZE is needed']),
        ({'flavor': acting.SMALL}, ['small', 'not large']),
        ({'status': 'ACTIVE', 'flavor': acting.SMALL}, ['ACTIVE']),
        ({'task_state': 'resize_reverting'}, ['resize_reverting']),
        ({'locked': True}, ['locked']),
    ],
)
def test_only_a_server_that_waits_for_it_is_confirmed(
    cloud, ledger, change, words
):
    waiting = {'status': 'VERIFY_RESIZE', 'flavor': acting.LARGE}
    cloud.server = replace(cloud.server, **{**waiting, **change})
    action = acting.confirm(cloud, ledger)
    if words:
        assert_skipped(action, *words)
    else:
        action.pre_condition()


def test_a_confirmation_does_not_need_the_flavor_any_more(cloud, ledger):
    cloud.server = replace(
        cloud.server, status='VERIFY_RESIZE', flavor=acting.LARGE
    )
    cloud.flavors = {}
    acting.confirm(cloud, ledger, flavor='').pre_condition()


def test_no_resize_leads_to_other_disks(cloud, ledger):
    cloud.flavors['l'] = replace(acting.LARGE, disk_gib=5)
    assert_skipped(acting.resize(cloud, ledger), 'large', 'other disks')


def test_a_release_to_what_the_origin_is_no_more_is_skipped(cloud, ledger):
    cloud.server = replace(cloud.server, flavor=acting.LARGE)
    had = {'origin_specs': {'hw:cpu_policy': 'dedicated'}, 'origin_vcpus': 2}
    assert_skipped(
        acting.release(cloud, ledger, **had),
        '1 vCPUs instead of 2',
        'hw:cpu_policy=None instead of dedicated',
    )
    acting.release(cloud, ledger, origin_vcpus=1).pre_condition()


def test_a_flavor_that_is_gone_or_disabled_is_skipped(cloud, ledger):
    cloud.flavors['l'] = replace(acting.LARGE, disabled=True)
    assert_skipped(acting.resize(cloud, ledger), 'large', 'disabled')
    del cloud.flavors['l']
    assert_skipped(acting.resize(cloud, ledger), 'large', 'gone')


def test_a_server_that_moved_is_not_migrated(cloud, ledger):
    cloud.server = replace(cloud.server, node='three')
    assert_skipped(acting.migrate(cloud, ledger), 'three', 'one')


def test_a_destination_that_is_gone_or_disabled_is_skipped(cloud, ledger):
    cloud.nodes['two'] = replace(cloud.nodes['two'], enabled=False)
    assert_skipped(acting.migrate(cloud, ledger), 'two', 'disabled')
    del cloud.nodes['two']
    assert_skipped(acting.migrate(cloud, ledger), 'two', 'gone')


def test_nova_that_does_not_answer_fails_the_action_with_its_words(
    cloud, ledger
):
    cloud.fails = 'Nova GET /servers failed: no route to host'
    for action in both(cloud, ledger):
        with pytest.raises(exception.ActionExecutionFailure, match='route'):
            action.pre_condition()
        with pytest.raises(exception.ActionExecutionFailure, match='route'):
            action.execute()


def test_a_migration_moves_the_server_and_can_be_reverted(cloud, ledger):
    action = acting.migrate(cloud, ledger)
    assert action.execute() is True
    assert cloud.server.node == 'two'
    action.revert()
    assert cloud.server.node == 'one'


def test_only_a_migration_can_be_aborted(cloud, ledger):
    migration, resizing = (
        acting.migrate(cloud, ledger),
        acting.resize(cloud, ledger),
    )
    assert migration.check_abort() is True
    assert migration.abort() is True
    assert cloud.aborted
    assert resizing.check_abort() is False
    assert resizing.abort() is False


def test_the_descriptions_say_what_is_done(cloud, ledger):
    assert 'lease' in acting.resize(cloud, ledger).get_description()
    assert 'Live-migrates' in acting.migrate(cloud, ledger).get_description()


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('resource_id', 'not a uuid'),
        ('kind', 'forever'),
        ('audit', '-'),
        ('expires_at', None),
        ('flavor', None),
        ('flavor_name', ''),
        ('reason', ''),
        ('surprise', 1),
    ],
)
def test_parameters_of_another_form_are_refused(cloud, ledger, name, value):
    with pytest.raises(jsonschema.ValidationError):
        acting.resize(cloud, ledger, **{name: value})


def test_inputs_become_parameters_that_the_schema_takes(cloud, ledger):
    action = acting.migrate(cloud, ledger)
    parameters = action.given.parameters()
    assert 'resource_id' not in parameters  # Watcher adds it itself
    jsonschema.validate(
        {'resource_id': acting.SERVER, **parameters},
        action_inputs.MIGRATE_SCHEMA,
    )
