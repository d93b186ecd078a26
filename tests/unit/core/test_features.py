import hypothesis
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest

from predictive_watcher.core import features
from predictive_watcher.core import following
from predictive_watcher.core import forecast
from predictive_watcher.core import inputs
from predictive_watcher.core import usage
from tests.unit.core import plain_features


STEP_S = 300
LIMITS = np.array([[4.0, 8192.0, np.nan, np.nan]] * 3, np.float32)


def made(steps, instances=3, seed=0):
    rng = np.random.default_rng(seed)
    base = np.array([1.0, 2000.0, 1e6, 1e5])
    values = base * rng.uniform(0.5, 1.5, (instances, steps, 4))
    return values.astype(np.float32)


def window(values, start=0):
    names = tuple(f'i{k}' for k in range(len(values)))
    return usage.UsageWindow(
        instances=names, start=start, step_s=STEP_S, usage=values
    )


def walked(values, limits=LIMITS):
    x, _ = following.context(window(values.copy()), limits, values.shape[1])
    return x


def test_the_names_are_unique_and_as_many_as_the_features():
    assert len(set(inputs.NAMES)) == len(inputs.NAMES)
    assert walked(made(3)).shape == (3, 3, len(inputs.NAMES))


def test_the_future_changes_nothing():
    values = made(400)
    other = values.copy()
    other[:, 350:] = made(50, seed=1) * 100
    assert np.array_equal(walked(values)[:350], walked(other)[:350])
    assert not np.array_equal(walked(values)[350], walked(other)[350])


def test_one_sample_at_a_time_is_bit_for_bit_the_whole_window():
    values = made(330)
    state = features.FeatureState(LIMITS, STEP_S)
    rows = []
    for t in range(330):
        state.advance(values[:, t], t * STEP_S)
        rows.append(state.features())
    assert np.array_equal(np.stack(rows), walked(values))


def test_a_long_context_ends_as_a_short_one():
    values = made(300)
    whole, _ = following.context(window(values.copy()), LIMITS, 300)
    end, _ = following.context(window(values.copy()), LIMITS, 48)
    assert np.array_equal(whole[-48:], end)


@hypothesis.given(
    arrays.arrays(
        np.float32,
        strategies.tuples(
            strategies.just(3), strategies.integers(1, 30), strategies.just(4)
        ),
        elements=strategies.one_of(
            strategies.just(np.nan),
            strategies.just(0.0),
            strategies.floats(0, 2.0**40, width=32),
        ),
    )
)
@hypothesis.settings(max_examples=60, deadline=None)
def test_features_are_finite_whatever_the_usage(values):
    limits = np.array([[np.nan] * 4, [0.5, 1, 1, 1], [4, 8192, 1e9, 1e9]])
    x = walked(values, limits)
    assert np.isfinite(x).all()
    assert np.abs(x).max() < 100


def test_instances_do_not_see_each_other():
    values = made(40)
    order = np.array([2, 0, 1])
    assert np.array_equal(
        walked(values)[:, order], walked(values[order], LIMITS[order])
    )


def test_what_was_never_seen_is_zero_and_unknown():
    values = made(20)
    values[1, :, 2] = np.nan
    x, state = following.context(window(values), LIMITS, 1)
    disk = [k for k, n in enumerate(inputs.NAMES) if n.startswith('disk.')]
    assert not x[-1][1, disk].any()
    assert not state.known[1, 2]
    assert state.known[0].all()


@pytest.mark.parametrize('gap', range(5))
def test_a_value_is_known_for_a_few_steps_without_a_sample(gap):
    values = made(20 + gap)
    values[0, 20:, 0] = np.nan
    _, state = following.context(window(values.copy()), LIMITS, 1)
    assert state.known[0, 0] == (gap <= forecast.MAX_AGE)
    assert state.last[0, 0] == values[0, 19, 0]


def test_a_jump_across_a_gap_is_not_taken_for_one_step():
    values = np.ones((3, 40, 4), np.float32)
    values[:, 20:25] = np.nan
    values[:, 25:] = 1000.0
    _, state = following.context(window(values), LIMITS, 1)
    assert (state.scale[:, 0] < 1.0).all()


def test_the_scale_is_the_mean_step():
    values = np.zeros((1, 600, 4), np.float32)
    values[:, 1::2] = 1e6
    _, state = following.context(window(values), LIMITS[:1], 1)
    assert state.scale[0, 2] == pytest.approx(1e6, rel=0.02)


def test_the_profile_is_what_was_at_that_time_yesterday():
    values = np.zeros((1, 288 + 10, 4), np.float32)
    values[0, :, 0] = np.arange(298)
    x, state = following.context(window(values), LIMITS[:1], 1)
    place = inputs.NAMES.index('cpu.yesterday_1')
    expected = np.arcsinh((10 - 297) / state.scale[0, 0])
    assert x[-1][0, place] == pytest.approx(expected, rel=1e-5)


def test_a_steady_climb_is_straight_and_noise_is_not():
    climb = np.arange(30, dtype=np.float32)
    noise = made(30)[0, :, 0]
    values = np.zeros((2, 30, 4), np.float32)
    values[:, :, 0] = climb, noise
    x = walked(values, LIMITS[:2])[-1]
    place = inputs.NAMES.index('cpu.straight11')
    assert x[0, place] == pytest.approx(1.0)
    assert abs(x[1, place]) < 0.6


def test_a_forgotten_instance_is_as_new():
    values = made(60)
    state = features.FeatureState(LIMITS, STEP_S)
    fresh = features.FeatureState(LIMITS, STEP_S)
    for t in range(60):
        if t == 50:
            state.forget(np.array([False, True, False]))
        state.advance(values[:, t], t * STEP_S)
        if t >= 50:
            fresh.advance(values[:, t], t * STEP_S)
    assert np.array_equal(state.features()[1], fresh.features()[1])
    assert not np.array_equal(state.features()[0], fresh.features()[0])


def test_usage_scaled_by_a_constant_looks_nearly_the_same():
    values = made(400)
    limits = np.full((3, 4), np.nan, np.float32)
    amounts = [
        k
        for k, n in enumerate(inputs.NAMES)
        if n.split('.')[1] in (*inputs.SCALED,) and not n.endswith('limit')
    ]
    small = walked(values, limits)[-1][:, amounts]
    large = walked(values * 64, limits)[-1][:, amounts]
    assert np.allclose(small, large, atol=0.03)


@hypothesis.given(
    seed=strategies.integers(0, 2**32 - 1),
    steps=strategies.one_of(
        strategies.integers(1, 40), strategies.integers(280, 900)
    ),
    gaps=strategies.sampled_from([0.0, 0.1, 0.7]),
)
@hypothesis.settings(max_examples=30, deadline=None)
def test_step_by_step_gives_what_the_definition_reads_off_the_history(
    seed, steps, gaps
):
    rng = np.random.default_rng(seed)
    values = made(steps, instances=2, seed=seed)
    values[rng.random(values.shape) < gaps] = np.nan
    values[:, :, 1] = np.round(values[:, :, 1], -3)  # often unchanged
    if steps > 30:  # long gaps too
        begin = rng.integers(0, steps - 20)
        values[0, begin : begin + 15] = np.nan
    start = 300 * int(rng.integers(0, 10_000))
    found, state = following.context(window(values, start), LIMITS[:2], 1)
    for row in range(2):
        expected = plain_features.features(
            values[row], start, LIMITS[row], state.floor[row]
        )
        assert np.allclose(found[-1][row], expected, rtol=1e-3, atol=2e-3)
