"""Actions take their budgets when they begin, and give back what they skip."""

from dataclasses import replace

import pytest
from watcher.common import exception

from predictive_watcher.core import claims
from predictive_watcher.core import leases
from tests.unit.plugin import acting


OTHER = 'bbbbbbbb-0000-4000-8000-000000000002'
ONE = {'budgets': {'max_actions_per_hour': 1}}
ACTIONS = (acting.resize, acting.migrate)


def reserved(ledger, instance=acting.SERVER, audit=acting.AUDIT):
    made = claims.Claim(
        audit=audit, instance_id=instance, project_id='p',
        kind=leases.Kind.RESIZE, at=acting.NOW, until=acting.NOW + 900,
    )  # fmt: skip
    assert ledger.reserve([made], acting.NOW) == {}


def counted(ledger, at=acting.NOW):
    return [one.instance_id for one in ledger.claims(at)]


@pytest.mark.parametrize('make', ACTIONS)
def test_a_plan_that_is_started_by_hand_takes_what_is_left(
    cloud, ledger, make
):
    make(cloud, ledger, **ONE).pre_condition()
    # an hour from its decision, or until it is noted what came of it
    assert counted(ledger, acting.NOW + 3599) == [acting.SERVER]


@pytest.mark.parametrize('make', ACTIONS)
def test_an_action_for_which_no_budget_is_left_is_skipped(cloud, ledger, make):
    reserved(ledger, 'another', OTHER)
    with pytest.raises(exception.ActionSkipped, match='per_hour = 1 is used'):
        make(cloud, ledger, **ONE).pre_condition()
    assert counted(ledger) == ['another']


@pytest.mark.parametrize('make', ACTIONS)
def test_an_action_that_was_reserved_takes_nothing_twice(cloud, ledger, make):
    reserved(ledger)
    make(cloud, ledger, **ONE).pre_condition()
    assert counted(ledger) == [acting.SERVER]


def test_an_instance_on_which_another_audit_acts_is_left_alone(cloud, ledger):
    reserved(ledger, audit=OTHER)
    with pytest.raises(exception.ActionSkipped, match=OTHER):
        acting.resize(cloud, ledger).pre_condition()


@pytest.mark.parametrize(
    ('change', 'parameters'),
    [({'locked': True}, {}), ({}, {'valid_until': acting.NOW})],
)
def test_what_is_skipped_is_given_back(cloud, ledger, change, parameters):
    reserved(ledger)
    cloud.server = replace(cloud.server, **change)
    with pytest.raises(exception.ActionSkipped):
        acting.resize(cloud, ledger, **parameters).pre_condition()
    assert counted(ledger) == []


def test_a_confirmation_takes_no_budget(cloud, ledger):
    reserved(ledger, 'another', OTHER)
    cloud.server = replace(
        cloud.server, status='VERIFY_RESIZE', flavor=acting.LARGE
    )
    acting.confirm(cloud, ledger, **ONE).pre_condition()
    assert counted(ledger) == ['another']


def test_without_a_ledger_nothing_that_has_a_budget_begins(cloud):
    broken = acting.BrokenLedger('claim')
    with pytest.raises(exception.ActionExecutionFailure, match='read-only'):
        acting.migrate(cloud, broken, **ONE).pre_condition()
    acting.migrate(cloud, broken).pre_condition()


def test_what_cannot_be_given_back_is_skipped_all_the_same(cloud):
    cloud.server = None
    with pytest.raises(exception.ActionSkipped, match='gone'):
        acting.migrate(cloud, acting.BrokenLedger('give_back')).pre_condition()
