"""Risk of instances and of nodes."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import load as load_module
from predictive_watcher.core import risk
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def load_of(*peaks, used=None, steps=12):
    """The NodeLoad of instances named a, b, ... on one node."""
    names = 'abcdefgh'[: len(peaks)]
    fleet = data.a_fleet(*(data.instance(name) for name in names))
    window = data.window(fleet, steps=steps) if used is None else used(fleet)
    expected = {
        name: {'cpu': peak}
        for name, peak in zip(names, peaks, strict=True)
        if peak is not None
    }
    limits = np.array([i.flavor.limits() for i in fleet.instances])
    forecast = FakeForecaster(expected).forecast(window, limits)
    return load_module.of_forecast(forecast, window, limits)


def node_risk(load, members, vcpus=4, **other):
    capacity = data.node('n', vcpus).capacity()
    extra = np.zeros((load.limit.shape[0], load_module.NODE_RESOURCES))
    chances = load.chances(
        members, capacity, ceiling=0.9, extra=extra, **other
    )
    return float(chances.max())


def test_two_that_fill_a_node_put_it_at_risk_and_one_does_not():
    load = load_of((1.9, 0.01), (1.9, 0.01))
    assert node_risk(load, [0, 1]) > 0.99
    assert node_risk(load, [0]) < 0.01


def test_an_empty_node_has_no_risk():
    assert node_risk(load_of((1.9, 0.1)), []) == 0.0


def test_a_peak_above_the_own_limit_counts_with_the_limit():
    load = load_of((50.0, 0.1))
    # recorded cpu passes its limit by up to a tenth
    assert load.mean[-1, 0, 0] == pytest.approx(2.2)


def unsampled(fleet):
    window = data.window(fleet)
    used = window.usage.copy()
    used[1] = np.nan
    return type(window)(
        instances=window.instances,
        start=window.start,
        step_s=window.step_s,
        usage=used,
    )


def test_an_unknown_member_lowers_no_risk_and_fills_a_target():
    load = load_of((1.9, 0.01), None, used=unsampled)
    assert node_risk(load, [0, 1]) == node_risk(load, [0])
    assert node_risk(load, [0, 1], unknown_is_full=True) > 0.99


def test_instances_that_move_together_spread_further_than_strangers():
    rng = np.random.default_rng(1)
    common = rng.normal(size=300)

    def window(fleet, together):
        base = data.window(fleet, steps=300)
        used = base.usage.copy()
        for row in range(len(fleet.instances)):
            noise = common if together else rng.normal(size=300)
            used[row, :, 0] = 1 + 0.1 * noise
        return type(base)(
            instances=base.instances,
            start=base.start,
            step_s=base.step_s,
            usage=used,
        )

    peaks = [(1.5, 0.1)] * 4
    alike = load_of(*peaks, used=lambda f: window(f, True))
    strange = load_of(*peaks, used=lambda f: window(f, False))
    members = [0, 1, 2, 3]
    # six of the eight vCPUs are expected, so that more spread is more risk
    assert node_risk(alike, members, 8) > 2 * node_risk(strange, members, 8)


@hypothesis.given(
    peaks=st.lists(
        st.tuples(st.floats(0, 2), st.floats(0.01, 0.5)),
        min_size=2,
        max_size=8,
    ),
    vcpus=st.integers(1, 16),
)
@hypothesis.settings(deadline=None, max_examples=60)
def test_node_risk_is_a_chance_and_falls_with_capacity(peaks, vcpus):
    load = load_of(*peaks)
    members = list(range(len(peaks)))
    small, large = (node_risk(load, members, n) for n in (vcpus, vcpus + 1))
    assert 0.0 <= large <= small <= 1.0


@pytest.mark.parametrize('count', [5, 30, 60])
def test_the_risk_of_a_crowd_agrees_with_a_simulation(count):
    rng = np.random.default_rng(count)
    spread = 0.12 / 1.6  # of a logistic with a deviation of about .13
    names = [f'i{n:02}' for n in range(count)]
    fleet = data.a_fleet(*(data.instance(name) for name in names))
    base = data.window(fleet, steps=289)
    used = base.usage.copy()
    used[:, :, 0] = rng.normal(0.5, 0.1, size=used.shape[:2])
    window = dataclasses.replace(base, usage=used)
    limits = np.array([i.flavor.limits() for i in fleet.instances])
    expected = {name: {'cpu': (0.5, spread)} for name in names}
    forecast = FakeForecaster(expected).forecast(window, limits)
    load = load_module.of_forecast(forecast, window, limits)
    drawn = rng.logistic(0.5, spread, size=(20_000, count)).sum(axis=1)
    for share in (0.5, 0.9, 0.97):
        capacity = np.quantile(drawn, share) / 0.9
        chances = load.chances(
            list(range(count)),
            np.array([capacity, np.nan, np.nan, np.nan]),
            ceiling=0.9,
            extra=np.zeros((count, 2)),
        )
        assert chances.max() == pytest.approx(1 - share, abs=0.03)


def test_the_lead_is_the_first_likely_horizon_less_the_age_of_the_data():
    fleet = data.a_fleet(data.instance('a'))
    window = data.window(fleet)
    limits = np.array([i.flavor.limits() for i in fleet.instances])
    forecast = FakeForecaster({'a': {'cpu': (1.95, 0.01)}}).forecast(
        window, limits
    )
    seen = risk.of_instances(forecast, limits, ceiling=0.9, age_s=120.0)
    assert seen.lead_s[0, 0] == 180.0


@hypothesis.given(
    limit=st.floats(0.1, 100.0),
    more=st.floats(0.0, 10.0),
    middle=st.floats(0.0, 50.0),
    spread=st.floats(0.01, 5.0),
)
@hypothesis.settings(deadline=None, max_examples=60)
def test_a_higher_limit_never_has_a_higher_risk(limit, more, middle, spread):
    fleet = data.a_fleet(data.instance('a'))
    window = data.window(fleet)
    forecast = FakeForecaster({'a': {'cpu': (middle, spread)}}).forecast(
        window, np.full((1, 4), np.nan)
    )
    low, high = (
        risk.with_limits(forecast, np.full((1, 4), value), ceiling=0.9)
        for value in (limit, limit + more)
    )
    assert (high <= low).all()
