"""What the ledger tells an audit of what was done."""

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


def test_a_lease_that_has_arrived_is_not_under_way():
    assert hours(data.lease('a', pending_flavor_name=None), data.NOW) == 0
