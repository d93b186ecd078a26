"""Which flavor a lease is of, and what a lease is kept for."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import profiling
from predictive_watcher.core import usage
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
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
    expected, *, flavors, window=None, leases=(), own=data.SMALL, **rules
):
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
        profiling=None if window is None else profiling.Profiling(),
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


def kept(window, *, flavor=data.MEDIUM, since=7200):
    """A lease of MEDIUM."""
    return decision(
        {},
        flavors=(flavor,),
        own=flavor,
        window=window,
        leases=[
            data.lease(
                'a', flavor_name=flavor.name, since=data.NOW - since
            )
        ],
    )


TWICE = [(50, 55, CPUS, 1.9), (260, 265, CPUS, 1.9)]  # two hours ago
LONG_AGO = [(50, 55, CPUS, 1.9), (100, 105, CPUS, 1.9)]  # 15 hours ago


def test_a_lease_goes_on_where_the_profile_knows_the_need_to_return():
    chosen = kept(days(5, *TWICE))
    assert chosen.reason is Reason.LEASE_KEPT
    assert 'it passes what small is good for 1.6 times a day' in chosen.text
    assert 'gone for 21600 s' in chosen.text


def test_a_lease_ends_where_the_need_was_a_rare_one():
    window = days(5)
    usage = window.usage.copy()
    usage[0, -24:-18, CPUS] = 1.9
    window = dataclasses.replace(window, usage=usage)
    assert isinstance(kept(window), Release)


def test_a_lease_ends_at_last_where_the_need_stays_away():
    chosen = kept(days(5, *LONG_AGO), since=16 * 3600)
    assert isinstance(chosen, Release)


def test_that_of_a_heavy_one_waits_for_longer():
    heavy = data.flavor('medium', 4, 8, weight='4')
    chosen = kept(days(5, *LONG_AGO), since=16 * 3600, flavor=heavy)
    assert chosen.reason is Reason.LEASE_KEPT
    assert 'gone for 86400 s' in chosen.text


@pytest.mark.parametrize('flavor', [data.MEDIUM, CPU])
def test_a_need_that_the_lease_does_not_help_keeps_it_not(flavor):
    twice = [(50, 55, MEMORIES, 3900), (260, 265, MEMORIES, 3900)]
    chosen = kept(days(5, *twice), flavor=flavor)
    assert isinstance(chosen, Release) is (flavor == CPU)


@pytest.mark.parametrize('weight', ['0.1', '1'])
def test_no_weight_waits_for_less_than_a_pause_asks_for(weight):
    # the need came back after five hours, and was there 5.4 hours ago
    often = [(160, 162, CPUS, 1.9), (222, 224, CPUS, 1.9)]
    light = data.flavor('medium', 4, 8, weight=weight)
    chosen = kept(days(5, *often), since=16 * 3600, flavor=light)
    assert chosen.reason is Reason.LEASE_KEPT
    assert 'gone for 36' in chosen.text


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
