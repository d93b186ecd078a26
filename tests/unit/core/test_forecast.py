import hypothesis
from hypothesis import strategies
import numpy as np

from predictive_watcher.core import forecast


NUMBERS = strategies.floats(-5, 5)


@hypothesis.given(
    weights=strategies.lists(
        strategies.floats(0.01, 1), min_size=4, max_size=4
    ),
    means=strategies.lists(NUMBERS, min_size=4, max_size=4),
    spreads=strategies.lists(
        strategies.floats(0.02, 5), min_size=4, max_size=4
    ),
    last=strategies.floats(0, 1e6),
    scale=strategies.floats(1e-3, 1e6),
    limits=strategies.lists(strategies.floats(0, 1e7), min_size=2),
)
@hypothesis.settings(deadline=None)
def test_the_chance_to_pass_a_limit_never_rises_with_the_limit(
    weights, means, spreads, last, scale, limits
):
    weight = np.array(weights) / sum(weights)
    chance = [
        forecast.Exceedance(
            weight=weight[None, None],
            mean=np.array(means)[None, None],
            spread=np.array(spreads)[None, None],
            last=np.array([[last]]),
            scale=np.array([[scale]]),
        ).probability(np.array([[limit]]))[0, 0]
        for limit in sorted(limits)
    ]
    assert (np.diff(chance) <= 1e-12).all()
    assert 0 <= chance[-1] <= chance[0] <= 1 + 1e-12


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
