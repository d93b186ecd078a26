"""Who weighs more is helped earlier, and kept helped for longer."""

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import resolving
from predictive_watcher.core import urgency
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def thresholds(weight, **rules):
    fleet = data.a_fleet(data.instance('a'))
    own = resolving.resolve((), fleet, Policy(**rules), data.NOW)
    found = urgency.by_weight(own, np.array([weight], float)).of(0)
    return found.risk_threshold, found.release_threshold


def test_without_urgency_all_have_the_same_thresholds():
    assert thresholds(4) == thresholds(1) == (0.5, 0.1)


def test_both_thresholds_fall_with_the_weight():
    assert thresholds(1, weight_urgency=0.5) == (0.5, 0.1)
    assert thresholds(4, weight_urgency=0.5) == (0.25, 0.05)
    assert thresholds(4, weight_urgency=1.0) == (0.125, 0.025)


@hypothesis.given(
    st.floats(1e-3, 1e4), st.floats(1.0, 100.0), st.floats(0.0, 1.0)
)
def test_a_higher_weight_never_waits_for_more_risk(weight, times, power):
    low, high = (
        thresholds(w, weight_urgency=power) for w in (weight * times, weight)
    )
    assert 0.05 <= low[0] <= high[0] <= 0.95
    assert 0 <= low[1] < low[0]


def test_of_two_alike_only_the_heavier_is_served_yet():
    heavy = data.flavor('heavy', 2, 4, weight='4')
    heavier = data.flavor('heavier', 4, 8, weight='4')
    fleet = data.a_fleet(
        data.instance('a'),
        data.instance('b', flavor=heavy),
        flavors=(*data.FLAVORS, heavy, heavier),
    )
    # a chance of a third to pass 1.8 vCPUs
    climbing = {'cpu': (1.73, 0.1)}
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(dict.fromkeys('ab', climbing)),
        leases=(),
        policy=Policy(weight_urgency=0.5),
        now=data.NOW,
    )
    light, served = (verdict.adjustment for verdict in found.verdicts)
    assert isinstance(light, Hold)
    assert isinstance(served, Resize)


@pytest.mark.parametrize('rows', [0, 1, 3])
def test_a_fleet_of_any_size_keeps_its_order(rows):
    fleet = data.a_fleet(*(data.instance(f'i{n}') for n in range(rows)))
    own = resolving.resolve((), fleet, Policy(weight_urgency=1.0), data.NOW)
    weights = 2.0 ** np.arange(rows)
    found = urgency.by_weight(own, weights)
    told = [found.of(row).risk_threshold for row in range(rows)]
    assert told == pytest.approx([0.5 / w for w in weights])
