"""Regimes that are known, and found again."""

import numpy as np
import pytest

from benchmarks import regimes
from predictive_watcher.core import profile


LEARNED = 4 * regimes.DAY


def labels(window, **other):
    found = profile.BehaviouralProfile(
        len(window.instances), window.step_s, **other
    )
    out = []
    for k, time in enumerate(window.times()):
        found.advance(window.usage[:, k], int(time))
        out.append(found.segments.now)
    return np.array(out).T, found


@pytest.mark.parametrize(
    ('apart', 'cpu_only', 'least'),
    [(1.0, False, 0.9), (0.35, False, 0.9), (1.0, True, 0.9)],
)
def test_known_regimes_are_recovered_as_they_come(apart, cpu_only, least):
    made = regimes.make(8, 9, seed=3, apart=apart, cpu_only=cpu_only)
    found, _ = labels(made.window)
    for row in range(8):
        agreed = regimes.adjusted_rand(
            made.truth[row, LEARNED:], found[row, LEARNED:]
        )
        assert agreed >= least, row


def test_one_regime_is_not_cut_to_pieces():
    made = regimes.make(8, 7, seed=4, apart=0.0)
    found, _ = labels(made.window)
    assert (found[:, LEARNED:] == found[:, -1:]).mean() > 0.95


def test_a_spike_is_no_regime():
    made = regimes.make(1, 2, seed=4, apart=0.0)
    used = made.window.usage.copy()
    used[0, 400:403, 0] *= 50
    spiky = regimes.replaced(made.window, used)
    found, known = labels(spiky)
    assert (known.segments.mass > 0).sum() == 1
    assert set(found[0]) == {0}


def test_a_fifth_regime_finds_room_among_four():
    levels = [0.01, 0.3, 2.0, 15.0, 120.0]
    used = np.repeat(levels * 2, 60)[None, :, None] * np.ones((1, 1, 4))
    rng = np.random.default_rng(0)
    used = used * np.exp(0.05 * rng.normal(size=used.shape))
    made = regimes.make(1, 3, seed=1).window
    window = regimes.replaced(made, used.astype(np.float32))
    found, known = labels(window)
    assert (known.segments.mass > 0).all()
    # the newest is told from the rest
    assert len(set(found[0, -50:])) == 1
    assert found[0, -1] not in set(found[0, 310:470])


def test_regimes_that_have_become_alike_are_one():
    levels = np.r_[np.full(200, 1.0), np.full(200, 9.0)]
    drift = np.geomspace(9.0, 1.0, 2000)
    rng = np.random.default_rng(0)
    used = np.r_[levels, drift, np.full(2000, 1.0)]
    used = used[None, :, None] * np.ones((1, 1, 4))
    used = used * np.exp(0.2 * rng.normal(size=used.shape))
    made = regimes.make(1, 1, seed=1).window
    window = regimes.replaced(made, used.astype(np.float32))
    _, then = labels(window.until(window.start + 399 * 300))
    _, after = labels(window)
    assert (then.segments.mass > 0).sum() == 2
    assert (after.segments.mass > 0).sum() <= 2


def test_in_silence_the_time_of_day_says_what_to_expect():
    made = regimes.make(1, 6, seed=1)  # a batch at night
    used = made.window.usage.copy()
    silence = np.full((1, 3, 4), np.nan, np.float32)
    begin = int(np.flatnonzero(made.truth[0] == 1)[-1]) + 1
    window = regimes.replaced(
        made.window, np.concatenate([used[:, :begin], silence], axis=1)
    )
    _, found = labels(window)
    assert found.segments.belief.sum() == pytest.approx(1, rel=1e-3)
    assert found.segments.now[0] >= 0


def test_one_segment_can_be_asked_for():
    made = regimes.make(2, 1, seed=3)
    found, _ = labels(made.window, most_segments=1)
    assert set(found.ravel()) == {0}
