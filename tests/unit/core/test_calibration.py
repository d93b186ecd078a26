import hypothesis
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest

from predictive_watcher.core import calibration
from predictive_watcher.core import forecast


NAN = float('nan')
LEVELS = np.array(forecast.LEVELS)
ODDS = np.log(LEVELS / (1 - LEVELS)).astype(np.float32)
Q95 = forecast.LEVELS.index(0.95)


def quantiles(middle=0.0, width=1.0, instances=1):
    one = np.float32(middle) + np.float32(width) * ODDS
    return np.broadcast_to(one, (instances, 1, 4, len(LEVELS))).copy()


def cell(value, instances=1):
    return np.full((instances, 1), value, np.float32)


def same(a, b):
    """But for what is rounded off."""
    return np.allclose(a, b, atol=1 / 4096)


def follow(samples, z, found=None):
    """Forecast ``z`` at every step, with last 0 and scale 1."""
    found = found or calibration.Calibration(1, 1)
    out = None
    for sample in samples:
        found.advance(cell(sample), found.count + 1)
        out = found.correct(z, cell(0.0), cell(1.0))
    return found, out


def test_without_a_settled_forecast_nothing_changes():
    z = quantiles()
    _, out = follow([5.0], z)
    assert same(out, z)
    _, out = follow([NAN] * 20, z)
    assert same(out, z)


def test_a_target_is_settled_when_all_it_speaks_of_has_come():
    offsets = []
    found = calibration.Calibration(1, 1)
    for sample in (0.0, 99.0, 99.0, 99.0):
        follow([sample], quantiles(), found)
        offsets.append(found.offset[:, Q95, 0, 0].copy())
    moved = np.array(offsets) > 0
    assert moved[0].tolist() == [False, False, False, False]
    assert moved[1].tolist() == [True, False, False, False]
    assert moved[2].tolist() == [True, True, False, False]
    assert moved[3].tolist() == [True, True, True, True]


def test_the_maximum_is_settled_by_the_largest_of_three():
    found, _ = follow([0.0, 99.0, 0.0, 0.0], quantiles())
    assert found.offset[3, Q95, 0, 0] > 0  # passed by the first of them
    assert found.offset[2, Q95, 0, 0] < 0  # the third is not above


def test_a_gap_settles_nothing_that_it_touches():
    found, _ = follow([0.0, NAN, 99.0, 99.0], quantiles())
    assert found.offset[0, Q95, 0, 0] > 0  # from the third to the fourth
    assert found.offset[3, Q95, 0, 0] == 0


def test_a_step_that_was_not_forecast_is_not_settled():
    found = calibration.Calibration(1, 1)
    for _ in range(10):
        found.advance(cell(5.0), found.count + 1)
    assert not found.offset.any()
    follow([0.0, 0.0], quantiles(), found)
    for _ in range(4):
        found.advance(cell(99.0), found.count + 1)
    before = found.offset.copy()
    found.advance(cell(99.0), found.count + 1)
    assert np.array_equal(found.offset, before)


def test_what_is_unknown_stays_unknown_and_harms_nothing():
    found = calibration.Calibration(1, 1)
    for sample in (1.0, 2.0, NAN, 4.0):
        found.advance(cell(sample), found.count + 1)
        out = found.correct(quantiles(middle=NAN), cell(NAN), cell(1.0))
        assert np.isnan(out).all()
    assert not found.offset.any()


@pytest.mark.parametrize(('middle', 'width'), [(-1, 1), (0.7, 1), (0, 0.5)])
def test_in_the_long_run_coverage_is_as_promised(middle, width):
    rng = np.random.default_rng(0)
    found = calibration.Calibration(1, 1)
    wrong = quantiles(middle, width)
    covered = []
    above = None
    for z in rng.logistic(size=8000):
        sample = np.sinh(z)
        if above is not None:
            covered.append(z <= above[0, 0, 0])
        found.advance(cell(sample), found.count + 1)
        above = found.correct(wrong, cell(0.0), cell(1.0))
    share = np.mean(covered[3500:], axis=0)
    assert np.allclose(share, LEVELS, atol=0.02)


def test_instances_do_not_learn_from_each_other():
    found = calibration.Calibration(2, 1)
    for _ in range(8):
        found.advance(np.array([[99.0], [NAN]], np.float32), found.count + 1)
        out = found.correct(quantiles(instances=2), cell(0, 2), cell(1, 2))
    assert (out[0] > quantiles()[0]).all()
    assert same(out[1], quantiles()[0])


def test_an_offset_does_not_run_away_where_quantiles_cross():
    rng = np.random.default_rng(0)
    found = calibration.Calibration(1, 1)
    for width in rng.uniform(0.01, 3.0, 4000):
        # the same again and again: all cross at 0
        found.advance(cell(0.0), found.count + 1)
        found.correct(quantiles(width=width), cell(0.0), cell(1.0))
    assert np.abs(found.offset).max() < 3.0 * ODDS.max() + 0.1
    before = found.offset.copy()
    for width in rng.uniform(0.01, 3.0, 4000):
        found.advance(cell(0.0), found.count + 1)
        found.correct(quantiles(width=width), cell(0.0), cell(1.0))
    extreme = np.abs(found.offset).max() - np.abs(before).max()
    assert extreme < 0.5 * np.abs(before).max()


def test_a_young_cell_learns_faster_than_an_old_one():
    young, _ = follow([99.0] * 2, quantiles())
    old, _ = follow([0.0] * 300, quantiles())
    before = old.offset.copy()
    follow([99.0], quantiles(), old)
    steps = [young.offset[0, Q95, 0, 0], (old.offset - before)[0, Q95, 0, 0]]
    assert np.allclose(steps, [0.1 * 0.95, 0.01 * 0.95], atol=1e-4)


def test_forgetting_begins_anew():
    found, _ = follow([99.0] * 9, quantiles())
    found.forget(np.array([True]))
    _, out = follow([99.0], quantiles(), found)
    assert same(out, quantiles())


VALUES = strategies.one_of(
    strategies.just(NAN),
    strategies.floats(0, 2.0**40, width=32),
)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    samples=arrays.arrays(np.float32, (12, 3, 2), elements=VALUES),
    seed=strategies.integers(0, 2**32 - 1),
)
def test_quantiles_ascend_whatever_comes_and_repeat(samples, seed):
    results = []
    for _ in range(2):
        rng = np.random.default_rng(seed)
        found = calibration.Calibration(3, 2)
        for sample in samples:
            z = rng.normal(0, 5, (3, 2, 4, len(LEVELS))).astype(np.float32)
            z.sort(axis=-1)
            found.advance(sample, found.count + 1)
            scale = rng.uniform(0.1, 10, (3, 2)).astype(np.float32)
            out = found.correct(z, sample, scale)
            assert (np.diff(out, axis=-1) >= 0).all()
            assert np.isfinite(out).all()
        assert np.abs(found.offset).max() <= 0.1 * len(samples)
        results.append(out)
    assert np.array_equal(*results)
