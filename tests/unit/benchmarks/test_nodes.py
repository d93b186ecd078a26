import numpy as np

from benchmarks import nodes
from predictive_watcher.core import forecast
from predictive_watcher.core import replay
from predictive_watcher.core import usage


def test_groups_are_disjoint_and_of_the_size_asked_for():
    rng = np.random.default_rng(1)
    errors = rng.normal(size=(11, 50))
    for kind in ('random', 'correlated'):
        found = nodes.groups(errors, 3, kind, rng)
        members = [row for group in found for row in group]
        assert [len(group) for group in found] == [3, 3, 3]
        assert len(set(members)) == 9


def test_those_who_err_together_are_put_together():
    rng = np.random.default_rng(1)
    common = np.repeat(rng.normal(size=(3, 200)), 4, axis=0)
    errors = common + 0.1 * rng.normal(size=(12, 200))
    mixed = rng.permutation(12)
    found = nodes.groups(errors[mixed], 4, 'correlated', rng)
    assert {frozenset(mixed[g] // 4) for g in found} == {
        frozenset({0}), frozenset({1}), frozenset({2})
    }  # fmt: skip


def test_a_spread_that_is_too_narrow_is_corrected():
    rng = np.random.default_rng(1)
    length, people = 3000, 4
    used = rng.normal(10, 2, (people, length, 4)).astype(np.float32)
    window = usage.UsageWindow(
        instances=tuple('abcd'), start=0, step_s=300, usage=used
    )
    at = np.arange(300, length - 3, 3)
    # half as wide as it has to be
    z = np.array([-1.645, -1.282, -0.674, 0, 0.674, 1.282, 1.645, 1.96, 2.326])
    quantiles = np.broadcast_to(
        10 + z, (people, len(at), 4, len(forecast.TARGETS), len(z))
    ).astype(np.float32)
    replayed = replay.Replayed(
        origins=at, quantiles=quantiles, risk=np.zeros((people, len(at), 4)),
        ceiling=0.9,
    )  # fmt: skip
    limits = np.full((people, 4), 1000.0)
    found = nodes.cover(replayed, window, limits, [[0, 1], [2, 3]], 1500)
    assert np.nanmean(found['normal']) < 0.85
    assert 0.91 < np.nanmean(found['corrected']) < 0.97
