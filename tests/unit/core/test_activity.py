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
