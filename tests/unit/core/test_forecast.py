import dataclasses

import hypothesis
from hypothesis import strategies
import numpy as np
import pytest

from predictive_watcher.core import forecast


POSITIVE = strategies.floats(1e-6, 1e6)
WILD = strategies.floats(0) | strategies.just(np.nan)


def four(values):
    return strategies.lists(values, min_size=4, max_size=4)


@strategies.composite
def exceedances(draw):
    """One cell; parameters far beyond what a network says."""
    weights = np.array(draw(four(strategies.floats(0.0, 1)))) + 1e-9
    bias = draw(strategies.none() | strategies.floats(-40, 40))
    return forecast.Exceedance(
        weight=(weights / weights.sum())[None, None],
        mean=np.array(draw(four(strategies.floats(-30, 30))))[None, None],
        spread=np.array(draw(four(POSITIVE)))[None, None],
        last=np.array([[draw(strategies.floats(0, 1e12))]]),
        scale=np.array([[draw(POSITIVE)]]),
        bias=None if bias is None else np.array([[bias]], np.float32),
    )


@hypothesis.given(
    exceedances(),
    strategies.lists(
        strategies.floats(0, 1e15) | strategies.just(np.inf), min_size=2
    ),
)
@hypothesis.settings(deadline=None)
def test_the_chance_to_pass_a_limit_never_rises_with_the_limit(
    exceedance, thresholds
):
    chance = [
        exceedance.probability(np.array([[threshold]]))[0, 0]
        for threshold in sorted(thresholds)
    ]
    assert (np.diff(chance) <= 1e-9).all()
    assert chance[-1] >= 0
    assert chance[0] <= 1 + 1e-9
    assert exceedance.probability(np.array([[np.inf]])) == 0


@hypothesis.given(
    exceedances(),
    strategies.lists(strategies.floats(0, 1e12), min_size=9, max_size=9),
    strategies.floats(0, 1),
    strategies.lists(strategies.floats(0, 1e15), min_size=2),
)
@hypothesis.settings(deadline=None)
def test_nor_does_it_where_somebody_else_has_a_share_in_it(
    exceedance, quantiles, share, thresholds
):
    mixed = dataclasses.replace(
        exceedance,
        beside=np.sort(quantiles)[None, None],
        share=np.array([[share]]),
    )
    chance = [
        mixed.probability(np.array([[threshold]]))[0, 0]
        for threshold in sorted(thresholds)
    ]
    assert (np.diff(chance) <= 1e-9).all()
    assert chance[-1] >= 0
    assert chance[0] <= 1 + 1e-9


def test_where_nobody_else_tells_a_chance_it_stays_as_it_is():
    alone = forecast.Exceedance(
        weight=np.ones((1, 2, 1)),
        mean=np.zeros((1, 2, 1)),
        spread=np.ones((1, 2, 1)),
        last=np.ones((1, 2)),
        scale=np.ones((1, 2)),
    )
    beside = np.full((1, 2, len(forecast.LEVELS)), np.nan)
    beside[0, 0] = 9.0
    mixed = dataclasses.replace(
        alone, beside=beside, share=np.array([[0.5, 0.5]])
    )
    threshold = np.full((1, 2), 2.0)
    before, after = alone.probability(threshold), mixed.probability(threshold)
    assert after[0, 0] == pytest.approx(0.5 * before[0, 0] + 0.5, abs=0.01)
    assert after[0, 1] == before[0, 1]
    assert mixed.alone().probability(threshold) == pytest.approx(before)


@hypothesis.given(
    exceedances(),
    strategies.sampled_from(['weight', 'mean', 'spread', 'last', 'scale']),
    strategies.floats(0, 1e9),
)
@hypothesis.settings(deadline=None)
def test_what_is_unknown_has_no_chance(exceedance, name, threshold):
    unknown = getattr(exceedance, name).copy()
    unknown[..., -1] = np.nan
    broken = dataclasses.replace(exceedance, **{name: unknown})
    assert np.isnan(broken.probability(np.array([[threshold]])))
    assert np.isnan(exceedance.probability(np.array([[np.nan]])))


@hypothesis.given(
    strategies.lists(WILD, min_size=9, max_size=9),
    strategies.lists(strategies.floats(0, 1e9), min_size=2),
)
@hypothesis.settings(deadline=None)
def test_quantiles_read_off_never_rise_with_the_limit(quantiles, thresholds):
    q = np.sort(np.minimum(np.array(quantiles), 1e30))
    p = forecast.exceeds(
        np.tile(q, (len(thresholds), 1)), np.sort(np.array(thresholds))
    )
    if np.isnan(q).any():
        assert np.isnan(p).all()
    else:
        assert (np.diff(p) <= 1e-12).all()
        assert ((p >= 0) & (p <= 1)).all()


@hypothesis.given(
    strategies.floats(0, 1),
    strategies.floats(-50, 50),
    strategies.floats(0, 9),
)
def test_a_higher_bias_never_lowers_a_chance(chance, bias, more):
    p = np.array([chance, chance])
    low, high = forecast.with_bias(p, np.array([bias, bias + more]))
    assert 0 <= low <= high + 1e-15 <= 1 + 1e-14
    assert forecast.with_bias(np.array(chance), np.array(0.0)) == (
        pytest.approx(chance, abs=1e-15)
    )


def test_a_threshold_without_a_limit_has_no_chance():
    exceedance = forecast.Exceedance(
        weight=np.ones((1, 1, 1)),
        mean=np.zeros((1, 1, 1)),
        spread=np.ones((1, 1, 1)),
        last=np.ones((1, 1)),
        scale=np.ones((1, 1)),
    )
    assert np.isnan(exceedance.probability(np.array([[np.nan]])))


def test_quantiles_read_off_fall_as_the_threshold_rises():
    q = np.sort(np.random.default_rng(0).normal(5, 2, 9))
    p = forecast.exceeds(np.tile(q, (50, 1)), np.linspace(-10, 20, 50))
    assert (np.diff(p) <= 1e-12).all()


def units(z, last, limit):
    shape = (1, 4)
    return forecast.in_units(
        np.full((1, 4, 4, 9), z, np.float32),
        np.full(shape, last, np.float32),
        np.ones(shape, np.float32),
        np.full(shape, limit, np.float32),
    )


def test_usage_is_never_below_zero():
    assert (units(-3.0, 1.0, 4.0) == 0).all()


def test_memory_stays_below_its_limit_disk_and_network_need_not():
    y = units(5.0, 1.0, 4.0)
    assert (y[:, 1] == 4.0).all()
    assert (y[:, 2:] > 70).all()


def test_cpu_may_pass_its_limit_by_what_measuring_allows():
    assert (units(5.0, 1.0, 4.0)[:, 0] == np.float32(4.4)).all()


def test_usage_that_is_above_its_limit_may_stay_there():
    assert (units(0.0, 4.6, 4.0)[:, :2] == np.float32(4.6)).all()


def test_without_a_limit_nothing_is_cut_off():
    assert (units(5.0, 1.0, np.nan) > 70).all()


def test_what_is_unknown_stays_unknown():
    assert np.isnan(units(0.0, np.nan, 4.0)).all()


def test_of_levels_that_nobody_tells_the_others_stay_as_they_are():
    z = np.zeros((1, 4, 4, 9), np.float32) + np.arange(9, dtype=np.float32)
    z[..., [0, 4]] = np.nan
    ones = np.ones((1, 4), np.float32)
    found = forecast.in_units(z, ones, ones, ones * 1e9)
    assert np.array_equal(np.isnan(found), np.isnan(z))
    assert np.allclose(found[..., 3], 1 + np.sinh(3))


@hypothesis.given(
    strategies.floats(0, 1e9, width=32),
    strategies.floats(0.001953125, 1e9, width=32),
    strategies.lists(
        strategies.floats(-12, 12, width=32), min_size=9, max_size=9
    ),
)
def test_quantiles_ascend_in_units_as_well(last, scale, levels):
    z = np.sort(np.array(levels, np.float32))
    z = np.broadcast_to(z, (1, 4, 4, 9))
    given = np.full((1, 4), last), np.full((1, 4), scale)
    found = forecast.in_units(z, *given, np.full((1, 4), np.nan))
    assert (np.diff(found, axis=-1) >= 0).all() and (found >= 0).all()
