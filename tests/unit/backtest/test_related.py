"""A contender knows who moves together, as an audit would."""

import numpy as np

from predictive_watcher.backtest import predictive
from predictive_watcher.backtest import proposing
from predictive_watcher.backtest import rivals
from predictive_watcher.backtest import run
from predictive_watcher.core import relating
from predictive_watcher.core.policy import Policy
from tests.unit.backtest import made
from tests.unit.core import test_correlation as led


def test_before_the_first_step_nobody_knows():
    assert predictive.related(made.demand(), made.limits(), 0) is None


def test_groups_are_learned_before_the_scene_begins():
    window, begin = led.MADE.window, 8 * 288
    found = predictive.related(window, led.MADE.limits, begin)
    assert found.time == window.start + (begin - 1) * window.step_s
    assert led.groups(found) == led.expected(led.MADE)


def test_nothing_of_the_scene_is_known_before_it_begins():
    window, begin = led.MADE.window, 5 * 288
    used = window.usage.copy()
    used[:, begin:] = np.nan
    other = led.dataclasses.replace(window, usage=used)
    ours, theirs = (
        predictive.related(one, led.MADE.limits, begin)
        for one in (window, other)
    )
    for name, part in ours.memory({}).parts.items():
        np.testing.assert_array_equal(part, theirs.memory({}).parts[name])


def test_each_audit_of_a_contender_goes_on_learning():
    own, scene = relating.Correlating(), made.a_scene()
    contender = proposing.Proposing(
        'one', rivals.Reactive(), Policy(), correlating=own
    )
    run.live(scene, contender, lambda _: None)
    assert own.known.time == scene.demand.end
    assert own.known.instances == scene.demand.instances
