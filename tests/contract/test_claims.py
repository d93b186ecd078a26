"""Budgets that several audits and appliers take from at the same moment."""

from concurrent import futures
import dataclasses
import threading

import pytest
import sqlalchemy as sa

from predictive_watcher.core import leases
from predictive_watcher.state import fact_tables
from predictive_watcher.state import ledger as ledger_module
from tests.fakes import cloud_data
from tests.unit.core.test_claims import claim


def ids(ledger, now=700):
    return [one.instance_id for one in ledger.claims(now)]


def note(ledger, instance, at):
    ledger.note_attempt(
        leases.Attempt(
            instance_id=instance, kind=leases.Kind.RESIZE, at=at,
            failed=False, text='',
        )
    )  # fmt: skip


def test_what_an_audit_plans_counts_for_a_while(ledger):
    assert ledger.reserve([claim('a'), claim('b')], 600) == {}
    [found, _] = ledger.claims(700)
    assert found == claim('a')
    assert ids(ledger, 1499) == ['a', 'b']
    assert ids(ledger, 1500) == []


def test_a_plan_gets_no_more_than_is_left(ledger):
    ledger.reserve([claim('a', audit='x')], 600)
    note(ledger, 'z', 100)
    wanted = [claim(name, audit='y', hour=3) for name in 'bcd']
    assert list(ledger.reserve(wanted, 600)) == ['c', 'd']
    assert ids(ledger) == ['a', 'b']


def test_a_resize_that_was_ordered_counts_once(ledger):
    ledger.reserve([claim('a')], 600)
    ledger.begin(
        cloud_data.lease('a', pending_flavor_name='f', expires_at=9000)
    )
    assert ledger.reserve([claim('b', audit='y', hour=2)], 600) == {}


def test_what_is_given_back_can_be_claimed_by_others(ledger):
    ledger.reserve([claim('a'), claim('b')], 600)
    ledger.give_back([claim('a').key])
    ledger.give_back([])
    assert ids(ledger) == ['b']
    # of another decision, which counts
    ledger.give_back([claim('b', 300).key])
    assert ids(ledger) == ['b']


def test_a_plan_that_nobody_carries_out_makes_room_for_the_next(ledger):
    ledger.reserve([claim('a', hour=1)], 600)
    wanted = [claim('b', 900, audit='y', hour=1)]
    assert list(ledger.reserve(wanted, 900)) == ['b']
    assert ledger.reserve(wanted, 900, {claim('a').key}) == {}
    assert ids(ledger, 900) == ['b']


def test_an_action_that_was_reserved_has_its_budget(ledger):
    ledger.reserve([claim('a', hour=1)], 600)
    assert ledger.claim(claim('a', hour=1)) == ''


def test_an_action_that_was_only_recommended_needs_what_is_left(ledger):
    ledger.reserve([claim('a', audit='x', hour=2)], 600)
    assert ledger.claim(claim('b', 650, audit='y', hour=2)) == ''
    why = ledger.claim(claim('c', 650, audit='y', hour=2))
    assert 'max_actions_per_hour = 2' in why
    assert ids(ledger) == ['a', 'b']


def test_an_action_that_has_begun_counts_until_it_is_over(ledger):
    ledger.reserve([claim('a')], 600)
    ledger.claim(dataclasses.replace(claim('a'), until=4200))
    assert ids(ledger, 4199) == ['a']


@pytest.mark.parametrize('round_', range(3))
def test_audits_at_the_same_moment_stay_within_the_budget(shared, round_):
    ledger_module.Ledger(shared).claims(0)  # which makes the tables
    together = threading.Barrier(6)

    def audit(number):
        own = ledger_module.Ledger(shared)  # as a process has it
        assert own.claims(700) == ()
        together.wait(30)
        wanted = [
            claim(f'{number}-{i}', audit=f'a{number}', hour=7)
            for i in range(4)
        ]
        return 4 - len(own.reserve(wanted, 600))

    with futures.ThreadPoolExecutor(6) as pool:
        taken = sum(pool.map(audit, range(6)))
    assert taken == len(ledger_module.Ledger(shared).claims(700)) == 7


def test_appliers_at_the_same_moment_stay_within_the_budget(shared):
    ledger_module.Ledger(shared).claims(0)
    together = threading.Barrier(6)

    def begin(number):
        own = ledger_module.Ledger(shared)
        together.wait(30)
        return own.claim(claim(f'{number}', audit='a', hour=2)) == ''

    with futures.ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(begin, range(6))) == 2


def test_a_claim_of_an_older_release_counts_for_a_quarter_of_an_hour(shared):
    ledger = ledger_module.Ledger(shared)
    ledger.reserve([claim('a')], 600)
    engine = sa.create_engine(shared)
    with engine.begin() as connection:
        connection.execute(sa.update(fact_tables.planned).values(until=None))
    engine.dispose()
    assert ids(ledger, 1499) == ['a']
    assert ids(ledger, 1500) == []
