"""Which flavor a lease is of, and what a lease is kept for."""

import dataclasses
import re

import numpy as np
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import profiling
from predictive_watcher.core import usage
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.budgets import Spent
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


DAY = 288  # steps
MEMORY = data.flavor('small-memory', 2, 5)
CPU = data.flavor('small-cpu', 3, 4)
BOTH = data.flavor('small-both', 3, 5)
CPUS = 0
MEMORIES = 1


def decision(
    expected, *, flavors, window=None, leases=(), own=data.SMALL, known=True,
    spent=None, **rules,
):  # fmt: skip
    """Of one instance, with its profile if a window is given."""
    fleet = data.a_fleet(
        data.instance('a', flavor=own), flavors=(data.SMALL, *flavors)
    )
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet) if window is None else window,
        forecaster=FakeForecaster({'a': expected}),
        leases=leases,
        policy=Policy(**rules),
        now=data.NOW,
        spent=spent,
        profiling=profiling.Profiling() if known and window else None,
    )
    return found.verdicts[0].adjustment


def days(count, *peaks):
    """So many days of .5 vCPUs and 1 GiB; each day has the peaks: when it
    begins and ends (steps of the day), the resource, and the use.
    """
    used = np.zeros((1, count * DAY, 4), np.float32)
    used[:] = (0.5, 1024, 1e6, 1e6)
    for day in range(count):
        for begin, end, resource, amount in peaks:
            used[0, day * DAY + begin : day * DAY + end, resource] = amount
    return usage.UsageWindow(
        instances=('a',),
        start=data.NOW - (count * DAY - 1) * data.STEP_S,
        step_s=data.STEP_S,
        usage=used,
    )


# --------------------------------------------------- a lease that begins early


def test_a_lease_that_begins_early_is_of_what_is_short():
    # P(cpu > 1.8) = .38: below the threshold that flavors had to bring it
    # to, and so the smallest flavor of all seemed to be enough
    chosen = decision(
        {'cpu': (1.7, 0.2)},
        flavors=(MEMORY, data.MEDIUM),
        begin_threshold=0.3,
    )
    assert isinstance(chosen, Resize)
    assert chosen.flavor == data.MEDIUM


def test_a_flavor_that_leaves_most_of_the_risk_is_none():
    chosen = decision(
        {'cpu': (1.7, 0.2)}, flavors=(MEMORY,), begin_threshold=0.3
    )
    assert chosen.reason is Reason.NO_FLAVOR


# ------------------------------------------------------ what else is returning


@pytest.mark.parametrize('times', [0, 1])
def test_a_lease_covers_what_else_is_known_to_be_short_now_and_then(times):
    window = days(5, *[(100, 103, MEMORIES, 3900.0)] * times)
    chosen = decision(
        {'cpu': (1.95, 0.01)}, flavors=(CPU, BOTH), window=window
    )
    assert chosen.flavor == (BOTH if times else CPU)


def test_where_nothing_covers_it_too_the_need_of_now_is_served():
    window = days(5, (100, 103, MEMORIES, 3900.0))
    chosen = decision({'cpu': (1.95, 0.01)}, flavors=(CPU,), window=window)
    assert chosen.flavor == CPU


# ------------------------------------------------------- leases that are kept


def kept(
    window, *, flavor=data.MEDIUM, since=7200, expected=None, **given
):
    """A lease of MEDIUM."""
    return decision(
        expected or {},
        flavors=(flavor,),
        own=flavor,
        window=window,
        leases=[
            data.lease(
                'a', flavor_name=flavor.name, since=data.NOW - since
            )
        ],
        **given,
    )


NEEDED = {'cpu': (2.0, 0.01)}
TWICE = [(50, 55, CPUS, 1.9), (260, 265, CPUS, 1.9)]  # two hours ago
LONG_AGO = [(50, 55, CPUS, 1.9), (100, 105, CPUS, 1.9)]  # 15 hours ago


def test_a_lease_goes_on_where_the_profile_knows_the_need_to_return():
    chosen = kept(days(5, *TWICE), flavor=CPU, lease_cost=10.0)
    assert chosen.reason is Reason.LEASE_KEPT
    assert 'the pauses of its need last 4' in chosen.text  # about 13 h
    assert 'goes on until its need has been gone for' in chosen.text


def test_a_lease_ends_where_the_need_was_a_rare_one():
    window = days(5)
    usage = window.usage.copy()
    usage[0, -24:-18, CPUS] = 1.9
    window = dataclasses.replace(window, usage=usage)
    assert isinstance(kept(window), Release)


def waited_s(flavor=CPU, **given):
    """For how long the lease of a need that comes twice a day waits."""
    window = days(5, *TWICE)
    usage = window.usage.copy()
    usage[0, -1, CPUS] = 1.9  # now
    window = dataclasses.replace(window, usage=usage)
    # the nodes have four vCPUs to promise for each core
    rules = {'lease_cost': 960.0, **given}
    chosen = kept(window, flavor=flavor, expected=NEEDED, **rules)
    assert chosen.reason is Reason.LEASE_KEPT
    told = re.search(r'gone for (\d+) s', chosen.text)
    return int(told[1]) if told else 900  # lease_minimum


def weighing(weight, vcpus=3):
    return data.flavor(f'w{weight}', vcpus, 4, weight=weight)


def test_what_weighs_more_is_waited_for_for_longer():
    waits = [waited_s(flavor=weighing(weight)) for weight in ('1', '2', '8')]
    assert waits == sorted(waits) and waits[0] < waits[-1]


def test_what_is_larger_is_waited_for_for_less():
    waits = [waited_s(flavor=weighing('2', size)) for size in (3, 4, 6)]
    assert waits == sorted(waits, reverse=True) and waits[0] > waits[-1]


def test_the_price_of_room_says_for_how_long():
    assert waited_s(lease_cost=960.0) < waited_s(lease_cost=80.0)
    assert waited_s(lease_cost=0.0) >= waited_s(lease_cost=80.0) > 15 * 3600


def test_who_is_restarted_unwillingly_is_waited_for_for_longer():
    assert waited_s(cost_factor=5.0) > waited_s()


@pytest.mark.parametrize('flavor', [data.MEDIUM, CPU])
def test_a_need_that_the_lease_does_not_help_keeps_it_not(flavor):
    twice = [(50, 55, MEMORIES, 3900), (260, 265, MEMORIES, 3900)]
    chosen = kept(days(5, *twice), flavor=flavor, lease_cost=10.0)
    assert isinstance(chosen, Release) is (flavor == CPU)


def test_that_another_lease_ended_today_counts_where_nothing_else_is_known():
    window = days(5, *LONG_AGO)
    again = Spent(releases={'a': 1})
    # 15 hours after the last need
    known = kept(window, since=16 * 3600, spent=again)
    assert isinstance(known, Release)
    unknown = kept(window, since=16 * 3600, spent=again, known=False)
    assert unknown.reason is Reason.LEASE_KEPT
    assert 'another lease of it ended within a day' in unknown.text


def test_a_lease_that_comes_again_waits_four_times_as_long_for_each():
    window = days(5, *TWICE)

    def wait_s(ended):
        spent = Spent(releases={'a': ended})
        chosen = kept(
            window, flavor=CPU, expected=NEEDED, spent=spent, lease_cost=4800.0
        )
        told = re.search(r'gone for (\d+) s', chosen.text)
        return int(told[1])

    assert [wait_s(n) for n in (1, 2, 9)] == [3600, 14400, 86400]


def test_one_that_comes_again_and_is_not_needed_waits_twice_as_long():
    window = days(5, *LONG_AGO)

    def after(since):
        return kept(
            window,
            since=since,
            flavor=CPU,
            lease_cost=4800.0,
            spent=Spent(releases={'a': 3}),
        )

    assert after(8 * 900 - 1).reason is Reason.LEASE_KEPT
    assert isinstance(after(8 * 900), Release)


def test_a_need_that_was_over_when_the_lease_came_counts_as_its_own():
    # five minutes of need, and the resize was done ten minutes later
    window = days(5, *LONG_AGO)
    usage = window.usage.copy()
    usage[0, -12, CPUS] = 1.9
    chosen = kept(
        dataclasses.replace(window, usage=usage),
        since=55 * 60 - 420,
        flavor=CPU,
        lease_cost=4800.0,
        spent=Spent(releases={'a': 2}),
    )
    assert chosen.reason is Reason.LEASE_KEPT
    assert 'gone for 14400 s' in chosen.text


# ------------------------------------------------------- a lease that grows
def grown(used, **rules):
    """Of a lease of MEDIUM that is expected to be short soon."""
    fleet = data.a_fleet(data.instance('a', flavor=data.MEDIUM))
    return decision(
        {'cpu': (3.9, 0.1)},
        flavors=data.FLAVORS[1:],
        own=data.MEDIUM,
        window=data.window(fleet, {'a': used}),
        leases=[data.lease('a', since=data.NOW - 7200)],
        **rules,
    )


def test_a_lease_grows_only_while_it_is_needed():
    idle = grown(1.7)  # SMALL would do
    assert idle.reason is Reason.LEASE_KEPT
    assert 'medium has yet to show whether it is enough' in idle.text
    assert 'uses no more than small is good for' in idle.text
    needed = grown(1.9)
    assert isinstance(needed, Resize) and needed.flavor == data.LARGE


def test_what_a_lease_does_not_help_needs_no_showing():
    fleet = data.a_fleet(data.instance('a', flavor=CPU))
    chosen = decision(
        {'memory': (3900, 50)},
        flavors=(CPU, BOTH),
        own=CPU,
        window=data.window(fleet, {'a': 1.0}),
        leases=[data.lease('a', flavor_name=CPU.name, since=data.NOW - 7200)],
    )
    assert isinstance(chosen, Resize) and chosen.flavor == BOTH


def test_a_resource_that_no_flavor_helps_keeps_none_from_helping_another():
    # P(cpu) = .38, P(memory) = .35: more memory is not to be had
    chosen = decision(
        {'cpu': (1.7, 0.2), 'memory': (3562, 200)},
        flavors=(CPU,),
        begin_threshold=0.3,
        quantile_level=0.25,
    )
    assert isinstance(chosen, Resize)
    assert chosen.flavor == CPU
