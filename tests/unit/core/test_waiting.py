"""For how long it pays to wait for a need to return."""

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import waiting


HOUR = 3600
NEVER = np.empty(0)


def wait_s(seen=NEVER, mean_s=6 * HOUR, **given):
    terms = {
        'return_cost': 600.0,
        'hour_cost': 60.0,
        'least_s': 900,
        'most_s': 24 * HOUR,
        **given,
    }
    return waiting.cheapest_s(np.asarray(seen, float), mean_s, **terms)


def cost(wait, pauses, return_cost, hour_cost):
    held = np.minimum(pauses, wait) / 3600 * hour_cost
    return float((held + return_cost * (pauses > wait)).mean())


def test_what_always_returned_within_the_hour_is_waited_for():
    always = [3000.0] * 50
    assert wait_s(mean_s=600 * HOUR) < 3000
    assert wait_s(always, mean_s=600 * HOUR) >= 3000


def test_who_never_returns_soon_is_not_waited_for():
    daily = [23.0 * HOUR] * 50
    assert wait_s(daily, mean_s=23.0 * HOUR) == 900


def test_a_room_that_costs_nothing_is_kept_for_as_long_as_may_be():
    assert wait_s(hour_cost=0.0) == 24 * HOUR


def test_a_return_that_costs_nothing_is_not_waited_for():
    assert wait_s(return_cost=0.0) == 900


def test_the_more_seldom_a_need_is_the_less_it_is_waited_for():
    waits = [wait_s(mean_s=hours * HOUR) for hours in (6, 60, 600)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] > 6 * HOUR and waits[-1] < HOUR


@hypothesis.given(
    pauses=st.lists(st.floats(300, 80000), max_size=20),
    mean_s=st.floats(600, 1e6),
    weight=st.floats(0.1, 10),
    room=st.floats(0.1, 10),
)
def test_the_heavier_waits_for_longer_and_the_larger_for_less(
    pauses, mean_s, weight, room
):
    one = wait_s(pauses, mean_s)
    heavier = wait_s(pauses, mean_s, return_cost=600.0 * (1 + weight))
    larger = wait_s(pauses, mean_s, hour_cost=60.0 * (1 + room))
    assert larger <= one <= heavier
    assert larger >= 900 and heavier <= 24 * HOUR


def test_with_many_pauses_known_no_wait_would_have_cost_much_less():
    pauses = np.random.default_rng(1).lognormal(8, 1.5, 2000)
    found = wait_s(pauses, float(pauses.mean()))
    best = min(
        cost(one, pauses, 600.0, 60.0)
        for one in np.geomspace(900, 86400, 400)
    )
    assert cost(found, pauses, 600.0, 60.0) <= 1.01 * best


def test_pauses_about_a_mean_have_that_mean_and_are_mostly_short():
    # no price for the room: it is the chance of a longer pause that counts
    spread = waiting.pauses_about(100.0)
    assert spread.mean() == pytest.approx(100, rel=0.15)
    assert np.median(spread) < 15
    assert spread.max() > 500
