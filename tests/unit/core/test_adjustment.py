"""How much, and whether it pays."""

import hypothesis
from hypothesis import strategies as st
import numpy as np

from predictive_watcher.core import adjustment


AMOUNTS = st.floats(0.0, 1e6)


@hypothesis.given(
    predicted=AMOUNTS,
    more=AMOUNTS,
    limit=st.floats(0.1, 1e6),
    weight=st.floats(0.1, 10.0),
    heavier=st.floats(0.0, 10.0),
)
def test_the_amount_never_falls_when_need_or_weight_rises(
    predicted, more, limit, weight, heavier
):
    def amount(need, importance):
        return adjustment.amount(
            np.array([need]), np.array([limit]), importance, 0.9
        )[0]

    base = amount(predicted, weight)
    assert base >= 0
    assert amount(predicted + more, weight) >= base
    assert amount(predicted, weight + heavier) >= base


@hypothesis.given(
    predicted=AMOUNTS, limit=st.floats(0.1, 1e6), weight=st.floats(0.1, 10.0)
)
def test_what_is_needed_ends_the_violation_and_never_takes_away(
    predicted, limit, weight
):
    need = adjustment.needed(
        np.array([predicted]), np.array([limit]), weight, 0.9
    )[0]
    assert need >= limit
    assert predicted <= 0.9 * need * (1 + 1e-9)


def test_nothing_known_asks_for_nothing():
    nan = np.array([np.nan])
    assert adjustment.amount(nan, np.array([4.0]), 2.0, 0.9)[0] == 0.0
    assert adjustment.amount(np.array([9.0]), nan, 2.0, 0.9)[0] == 0.0


def worth(lead_s, cost_factor=1.0):
    return adjustment.worth(
        weight=2.0,
        risk=0.5,
        excess_s=1000.0,
        lead_s=lead_s,
        duration_s=100.0,
        interruption_s=60.0,
        cost_factor=cost_factor,
    )


def test_an_action_in_time_averts_the_whole_violation():
    assert worth(100.0) == worth(500.0) == (1000.0, 120.0)


def test_an_action_that_comes_late_averts_what_is_left():
    benefit, _ = worth(-300.0)
    assert benefit == 600.0


def test_an_action_that_comes_when_all_is_over_is_worth_nothing():
    benefit, _ = worth(-5000.0)
    assert benefit == 0.0


def test_interruptions_can_be_made_to_count_more():
    assert worth(100.0, cost_factor=3.0)[1] == 360.0
