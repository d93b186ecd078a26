"""Every sample is judged by what its own series did before."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import surprise


STEP_S = 300
START = 1_000_000_200


def noise(steps, seed=0, series=1):
    rng = np.random.default_rng(seed)
    return rng.normal(10, 1, (steps, series, 1)).astype(np.float32)


def judged(values, expected=None, state=None, begin=0):
    """-ln p of all samples, (steps, series, 1, views)."""
    state = state or surprise.Surprise(values.shape[1], values.shape[2])
    found = []
    for t, sample in enumerate(values):
        time = START + (begin + t) * STEP_S
        more = None if expected is None else expected[t]
        found.append(state.advance(sample, time, more)[0])
    return np.array(found)


def test_nothing_is_said_of_a_young_series():
    values = noise(surprise.YOUNG)
    values[-1] = 1e6
    assert not judged(values).any()


def test_a_sample_far_outside_is_surprising():
    values = noise(600)
    values[500] = 40
    found = judged(values).max(axis=-1)[:, 0, 0]
    assert found[500] > 9
    assert found[500] > np.delete(found, 500)[100:].max()


def test_as_rare_as_it_says_on_noise():
    found = judged(noise(1500, series=40))[500:]
    for level in (3.5, 4.5):
        share = (found > level).mean(axis=(0, 1, 2))
        for view in (0, 1, 2, 3, 4, 5, 6):
            assert share[view] < 6 * np.exp(-level), surprise.View(view)


def test_what_never_moved_is_surprising_when_it_moves():
    values = np.full((400, 1, 1), 5, np.float32)
    values[300] = 6
    found = judged(values).max(axis=-1)[:, 0, 0]
    assert not found[:300].any()
    assert found[300] == pytest.approx(np.log(300), abs=0.1)


def test_another_time_of_the_day_is_surprising():
    day = 288
    t = np.arange(10 * day)
    rng = np.random.default_rng(1)
    values = np.where(t % day < 60, 50, 10) + rng.normal(0, 1, len(t))
    usual, odd = values.copy(), values.copy()
    odd[8 * day + 100 : 8 * day + 160] += 40  # six hours late
    values = np.stack([usual, odd], axis=1)[..., None].astype(np.float32)
    found = judged(values)[8 * day + 100 : 8 * day + 160, 0:2, 0]
    daily = found[..., surprise.View.DAILY].max(axis=0)
    assert daily[0] < 5
    assert daily[1] > 6


def test_what_was_forecast_is_less_surprising_than_what_was_not():
    values = noise(400, series=2)
    values[350] = 16
    expected = np.tile(np.float32([8, 10, 12]), (400, 2, 1, 1))
    expected[350, 0] = [14, 16, 18]
    found = judged(values, expected)[350, :, 0, surprise.View.FORECAST]
    assert found[0] == 0
    assert found[1] > 3


def test_a_forecast_without_spread_says_nothing():
    values = noise(100)
    expected = np.full((100, 1, 1, 3), 10, np.float32)
    assert not judged(values, expected)[..., surprise.View.FORECAST].any()


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 99),
    power=st.integers(-20, 20),
    gaps=st.floats(0, 0.5),
)
def test_the_unit_of_a_series_does_not_matter(seed, power, gaps):
    values = noise(120, seed) ** 2
    lost = np.random.default_rng(seed).random(values.shape) < gaps
    values[lost] = np.nan
    # powers of two, so that rounding is the same
    other = values * np.float32(2.0**power)
    assert np.array_equal(judged(values), judged(other))


def test_a_factor_that_rounds_changes_hardly_anything():
    values = noise(400) ** 2
    assert np.allclose(
        judged(values), judged(values * np.float32(3.7)), atol=0.02
    )


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 119), st.integers(0, 99))
def test_the_future_changes_nothing(cut, seed):
    values = noise(120, seed)
    other = values.copy()
    other[cut:] = -1000
    assert np.array_equal(judged(values)[:cut], judged(other)[:cut])


def test_a_gap_is_not_judged_and_teaches_nothing():
    values = noise(300)
    gap = np.full((50, 1, 1), np.nan, np.float32)
    state = surprise.Surprise(1, 1)
    judged(values, state=state)
    before = {name: part.copy() for name, part in state.parts().items()}
    assert not judged(gap, state=state, begin=300).any()
    for name, part in state.parts().items():
        assert np.array_equal(part, before[name], equal_nan=True), name


def test_who_else_is_watched_does_not_matter():
    values = noise(300, series=7)
    assert np.array_equal(
        judged(values)[:, 2:3], judged(values[:, 2:3].copy())
    )


def test_a_series_takes_a_few_hundred_bytes():
    parts = surprise.Surprise(100, 4).parts()
    assert sum(part.nbytes for part in parts.values()) / 400 < 600


@given(st.lists(st.floats(0, 50), min_size=4, max_size=4))
def test_more_surprise_never_makes_less(values):
    few = np.array([values])
    more = few + np.array([[1.0, 0, 0, 0]])
    assert surprise.joint(more)[0] >= surprise.joint(few)[0]
    assert surprise.together(more)[0] >= surprise.together(few)[0]
