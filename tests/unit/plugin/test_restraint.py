"""What the ledger tells an audit of what was done."""

import dataclasses

from predictive_watcher.core import leases
from predictive_watcher.core.budgets import Spent
from predictive_watcher.plugin import restraint
from tests.fakes import cloud_data as data


def hours(lease, now):
    return Spent.of(restraint.under_way((lease,), now), now).hour


def test_a_resize_under_way_counts_but_one_that_hangs_does_not_for_ever():
    lease = data.lease(
        'a', pending_flavor_name='medium', expires_at=data.NOW + 3600
    )
    assert hours(lease, data.NOW) == 1
    assert hours(lease, data.NOW + 3600) == 1
    assert hours(lease, data.NOW + 2 * 3600) == 0


def attempt(instance, at):
    return leases.Attempt(
        instance_id=instance, kind=leases.Kind.RESIZE, at=at, failed=False,
        text='',
    )  # fmt: skip


def test_what_others_plan_counts_until_it_is_done():
    plans = [attempt('a', 600), attempt('b', 600)]
    assert restraint.waiting(plans, []) == plans
    # an action is noted with the time of its decision
    done = [attempt('a', 600), attempt('b', 300)]
    assert restraint.waiting(plans, done) == plans[1:]


def release(instance, at):
    return dataclasses.replace(
        attempt(instance, at), kind=leases.Kind.RELEASE
    )


def test_a_release_that_another_audit_plans_has_ended_no_lease():
    planned = restraint.spent([], [], [release('a', 600)], 900)
    assert planned.hour == 1 and not planned.releases
    done = restraint.spent([release('a', 600)], [], [], 900)
    assert done.hour == 1 and done.releases == {'a': 1}


def test_what_another_audit_planned_and_is_under_way_counts_once():
    lease = data.lease('a', pending_flavor_name='medium', expires_at=9999)
    orders = restraint.under_way((lease,), 900)
    found = restraint.spent([], orders, [attempt('a', 600)], 900)
    assert found.hour == 1 and found.instance_hour == {'a': 1}


def test_a_lease_that_has_arrived_is_not_under_way():
    assert hours(data.lease('a', pending_flavor_name=None), data.NOW) == 0
