"""A contender knows what returns, as an audit would."""

import dataclasses

import numpy as np

from predictive_watcher.backtest import predictive
from predictive_watcher.backtest import proposing
from predictive_watcher.backtest import rivals
from predictive_watcher.backtest import run
from predictive_watcher.core import profiling
from predictive_watcher.core.policy import Policy
from tests.unit.backtest import made


def test_before_the_first_step_nothing_is_known():
    assert predictive.profiled(made.demand(), made.limits(), 0) is None


def test_what_was_before_the_scene_is_known_and_no_more():
    demand, begin = made.demand(), 20
    used = demand.usage.copy()
    used[:, begin:] = 7.0
    other = dataclasses.replace(demand, usage=used)
    ours, theirs = (
        predictive.profiled(one, made.limits(), begin)
        for one in (demand, other)
    )
    assert ours.time == demand.start + (begin - 1) * demand.step_s
    for name, part in ours.parts.items():
        np.testing.assert_array_equal(part, theirs.parts[name])


def test_demand_beyond_a_limit_was_never_seen():
    demand, limits = made.demand(), made.limits()
    used = demand.usage.copy()
    used[:, 3, 0], used[:, 4, 0] = 100 * limits[:, 0], np.nan
    cut = used.copy()
    cut[:, 3, 0] = limits[:, 0]
    ours, theirs = (
        predictive.profiled(dataclasses.replace(demand, usage=one), limits, 9)
        for one in (used, cut)
    )
    for name, part in ours.parts.items():
        np.testing.assert_array_equal(part, theirs.parts[name])


def test_each_audit_of_a_contender_goes_on_learning():
    own, scene = profiling.Profiling(), made.a_scene()
    contender = proposing.Proposing(
        'one', rivals.Reactive(), Policy(), profiling=own
    )
    run.live(scene, contender, lambda _: None)
    # the newest steps may still change
    assert own.memory.time > scene.demand.end - 3600
    assert own.memory.instances == scene.demand.instances
