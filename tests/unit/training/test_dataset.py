import numpy as np

from predictive_watcher.core import following
from predictive_watcher.training import dataset
from predictive_watcher.training import generated
from predictive_watcher.training import split
from tests.unit.training import made


def part(**other):
    series = dataset.follow(made.window(), made.limits())
    return dataset.Part(
        **{'series': series, 'end': 100, 'share': 1.0, **other}
    )


def test_a_fifth_of_the_instances_is_held_out_and_nobody_is_lost():
    learn, held = split.hold_out(np.random.default_rng(0), 50)
    assert len(held) == 10
    assert sorted([*learn, *held]) == list(range(50))


def test_a_series_is_what_an_audit_would_see():
    series = dataset.follow(made.window(), made.limits())
    x, state = following.context(made.window(), made.limits(), 1)
    assert np.allclose(series.x[-1], x[0], atol=0.01)  # kept as float16
    assert np.array_equal(series.scale[-1], state.scale)


def test_targets_are_the_next_steps_and_their_maximum():
    batch = dataset.batch(
        part().series, np.array([40, 50]), np.array([1, 2]), 8
    )
    usage = made.window().usage
    y = usage[2, 53:56, 1]  # the third step of the second stretch
    expected = np.array([*y, y.max()])
    series = part().series
    last, scale = series.last[52, 2, 1], series.scale[52, 2, 1]
    assert np.allclose(batch.z[2, 1, 1], np.arcsinh((expected - last) / scale))
    assert batch.valid.all()


def test_a_missing_sample_is_no_target():
    batch = dataset.batch(part().series, np.array([10]), np.array([0]), 12)
    # samples 20 to 29 are missing: at step 18 the next one is there
    assert batch.valid[18 - 10, 0, 0].tolist() == [True, False, False, False]
    assert not batch.valid[19 - 10, 0].any()


def test_no_batch_looks_beyond_the_end():
    p = part(end=40)
    p.series.usage[40:] = np.nan
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch = dataset.draw([p], rng, 16, 20)
        assert batch.x.shape[:2] == (20, 16)
        there = batch.valid.all(axis=(0, 2, 3))
        first = batch.valid[:, ~there]
        # only instance 0 lacks samples, and it lacks them in the middle
        assert first.size == 0 or first.any()


def test_parts_are_drawn_by_their_share():
    ours, other = part(share=3.0), part(share=1.0)
    other.series.x[:] = 99
    rng = np.random.default_rng(0)
    batch = dataset.draw([ours, other], rng, 4000, 2)
    assert abs((batch.x[0, :, 0] == 99).mean() - 0.25) < 0.03


def test_forgetting_makes_young_instances_of_old_ones():
    series = dataset.follow(
        made.window(steps=600), made.limits(), np.random.default_rng(0)
    )
    age = series.x[:, :, -1]
    assert np.isfinite(age).all()
    assert not series.known.all()


def test_made_load_is_within_its_limits_and_repeats_with_the_seed():
    one, limits = generated.window(np.random.default_rng(5), 4, 700, 0)
    other, _ = generated.window(np.random.default_rng(5), 4, 700, 0)
    assert np.array_equal(one.usage, other.usage, equal_nan=True)
    assert (np.nan_to_num(one.usage) >= 0).all()
    share = one.usage[:, :, 0] / limits[:, None, 0]
    assert np.nanmax(share) <= 1.0 + 1e-6
    assert np.isfinite(one.usage).mean() > 0.95


def test_made_load_climbs_steadily():
    window, limits = generated.window(np.random.default_rng(1), 30, 2000, 0)
    share = window.usage[:, :, 0] / limits[:, None, 0]
    climbed = share[:, 6:] - share[:, :-6]
    assert (np.nanmax(climbed, axis=1) > 0.2).mean() > 0.5


def test_climbs_laid_over_recorded_load_leave_its_gaps_and_its_limits():
    window = made.window(steps=900)
    laid, limits = generated.overlay(
        np.random.default_rng(2), window, made.limits(), 5, 600
    )
    assert laid.usage.shape == (5, 600, 4)
    assert limits.shape == (5, 4)
    begin = (laid.start - window.start) // 300
    for name, usage in zip(laid.instances, laid.usage, strict=True):
        source = window.instances.index(name.split('-')[0])
        before = window.usage[source, begin : begin + 600]
        assert np.array_equal(np.isnan(usage), np.isnan(before))
        assert (np.nan_to_num(usage - before) >= 0).all()
        cpu = np.nan_to_num(usage[:, 0])
        most = np.maximum(1.6, np.nan_to_num(before[:, 0]))
        assert (cpu <= most + 1e-6).all()
        assert not np.array_equal(np.nan_to_num(usage), np.nan_to_num(before))
