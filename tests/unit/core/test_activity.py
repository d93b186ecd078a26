"""Who serves others, and who computes by itself."""

import numpy as np
import pytest

from predictive_watcher.core import activity
from predictive_watcher.core import profile


def followed(value, present=None):
    """Learns (time, resources) of one instance."""
    found = activity.Activity(1, 4)
    present = np.ones_like(value) if present is None else present
    for row, there in zip(value, present, strict=True):
        found.take(
            row[None].astype(np.float32), there[None].astype(np.float32)
        )
    return found.follows()[0]


def test_it_is_the_correlation_with_the_network():
    rng = np.random.default_rng(0)
    value = rng.normal(3, 1, (400, 4))
    value[:, 0] = 0.5 * value[:, 3] + 0.1 * rng.normal(size=400)
    found = followed(value)
    want = np.corrcoef(value.T)[3, :3]
    assert found[:3] == pytest.approx(want, abs=1e-3)
    assert found[0] > 0.95
    assert np.isnan(found[3])


def test_only_what_both_have_is_compared():
    rng = np.random.default_rng(1)
    value = rng.normal(3, 1, (600, 4))
    present = (rng.random((600, 4)) > 0.3).astype(float)
    both = (present[:, 0] > 0) & (present[:, 3] > 0)
    want = np.corrcoef(value[both, 0], value[both, 3])[0, 1]
    assert followed(value, present)[0] == pytest.approx(want, abs=1e-3)


def test_without_network_or_change_nothing_is_said():
    rng = np.random.default_rng(2)
    value = rng.normal(3, 1, (100, 4))
    present = np.ones((100, 4))
    present[:, 3] = 0
    assert np.isnan(followed(value, present)).all()
    value[:, 0] = 2.0
    assert np.isnan(followed(value)[0])
    assert np.isnan(followed(value[:20])).all()


def test_the_profile_learns_it():
    rng = np.random.default_rng(3)
    found = profile.BehaviouralProfile(1, 300)
    for k in range(200):
        busy = rng.lognormal(0, 1)
        sample = np.array([[busy, 1000.0, 1e6, 1e6 * busy]], np.float32)
        found.advance(sample, 300 * (k + 1))
    follows = found.activity.follows()[0]
    assert follows[0] > 0.95
    assert np.isnan(follows[1])


def with_metric(value, active):
    found = activity.Activity(1, 4)
    gain = np.ones((1, 4), np.float32)
    for row, one in zip(value, active, strict=True):
        metric = None if one is None else np.array([one], np.float32)
        found.take(row[None].astype(np.float32), gain, metric)
    return found


def test_a_metric_of_activity_stands_before_the_network():
    rng = np.random.default_rng(4)
    value = rng.normal(3, 1, (300, 4))
    active = rng.lognormal(0, 1, 300)
    value[:, 0] = activity.squeezed(active) + 0.1 * rng.normal(size=300)
    found = with_metric(value, active)
    follows = found.follows()[0]
    assert follows[0] > 0.95
    assert np.isfinite(follows).all()  # the network may follow it as well
    assert abs(follows[3]) < 0.2


def test_what_is_usual_depends_on_the_activity_of_now():
    rng = np.random.default_rng(5)
    value = rng.normal(3, 0.1, (400, 4))
    active = rng.lognormal(0, 1, 400)
    active[-1] = 10.0
    value[:, 0] = 1 + 0.5 * activity.squeezed(active)
    value[:, 0] += 0.05 * rng.normal(size=400)
    level, spread = with_metric(value, active).usual()
    want = 1 + 0.5 * float(activity.squeezed(np.array(10.0)))
    assert level[0, 0] == pytest.approx(want, abs=0.05)
    assert spread[0, 0] == pytest.approx(0.05, rel=0.3)
    assert np.isnan(level[0, 1:]).all()  # they follow nothing


def test_a_load_that_users_are_not_the_reason_of_is_beyond_the_usual():
    rng = np.random.default_rng(6)
    value = rng.normal(3, 0.1, (400, 4))
    active = rng.lognormal(0, 1, 400)
    value[:, 0] = 1 + 0.5 * activity.squeezed(active)
    value[:, 0] += 0.05 * rng.normal(size=400)
    found = with_metric(value, active)
    usual = found.usual()[0][0, 0]
    for more, beyond in ((0.0, False), (1.0, True), (np.nan, False)):
        now = np.array([[usual + more, 3, 3, 3]], np.float32)
        assert found.beyond(now)[0].tolist() == [beyond, False, False, False]


def test_activity_that_is_missing_now_tells_nothing_of_now():
    rng = np.random.default_rng(7)
    value = rng.normal(3, 0.1, (200, 4))
    active = rng.lognormal(0, 1, 200)
    value[:, 0] = activity.squeezed(active)
    active[-1] = np.nan
    found = with_metric(value, active)
    assert found.follows()[0, 0] > 0.95
    assert np.isnan(found.usual()[0]).all()


def test_the_two_kinds_of_activity_are_not_mixed():
    rng = np.random.default_rng(8)
    value = rng.normal(3, 1, (400, 4))
    value[:, 0] = value[:, 3]
    active = rng.lognormal(0, 1, 400)
    begun = with_metric(value, [None] * 200 + list(active[200:]))
    alone = with_metric(value[200:], active[200:])
    assert np.array_equal(begun.follows(), alone.follows())
    # the option was taken away: the network stands for it again
    ended = with_metric(value, [*active[:200], *[None] * 200])
    assert ended.follows()[0, 0] > 0.99
