"""Forecasts that get worse are watched, answered, and forgiven."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np

from predictive_watcher.core import drift
from predictive_watcher.core import forecast
from predictive_watcher.core import standing_in
from predictive_watcher.core import usage


START = 1_700_000_100
STEP_S = 300
LIMITS = np.full((1, 4), 4.0)
CPU = 0


class Fixed:
    """Expects the same quantiles of everybody, at any time."""

    name = 'fixed-1'
    history_s = 86400

    def __init__(self, middle=1.5, upper=2.4):
        self.middle, self.upper = middle, upper
        self.hastened = []

    def hasten(self, cells):
        self.hastened.append(cells)

    def forecast(self, window, limits):
        q = np.full((len(window.instances), 4, 4, 9), self.middle, np.float32)
        q[..., forecast.LEVELS.index(0.95) :] = self.upper
        return forecast.Forecast(
            instances=window.instances,
            origin=window.end,
            model=self.name,
            quantiles=q,
        )


def window_of(values):
    grid = np.full((1, len(values), 4), np.nan, np.float32)
    grid[0, :, CPU] = values
    return usage.UsageWindow(
        instances=('a',), start=START, step_s=STEP_S, usage=grid
    )


def audits(values, inner, first=300, every=1, watch=None):
    """Audit after audit over the values; the last forecaster, and the steps
    of drift on the way.
    """
    steps = []
    watched = None
    for end in range(first, len(values) + 1, every):
        watched = standing_in.Watched(inner, watch)
        watched.given = watched.forecast(window_of(values[:end]), LIMITS)
        watch = watched.watch
        steps.append(drift.Step(int(watch.step[0, CPU])))
    return watched, steps


def test_good_forecasts_are_left_alone():
    rng = np.random.default_rng(1)
    values = np.clip(rng.normal(1.0, 0.6, 900), 0, 4)
    watched, steps = audits(values, Fixed())
    assert set(steps) == {drift.Step.NONE}
    assert not watched.given.notes
    assert watched.given.plain is None


def test_a_changed_instance_is_widened_then_replaced_then_reported():
    rng = np.random.default_rng(1)
    values = rng.normal(3.0, 0.02, 300 + 2 * 288 + 100)
    inner = Fixed()
    watched, steps = audits(values, inner)
    firsts = [steps.index(step) for step in drift.Step if step in steps]
    assert steps[0] is drift.Step.NONE
    assert firsts == sorted(firsts)
    assert set(steps) == set(drift.Step)
    assert any(cells['a'][CPU] for cells in inner.hastened)
    upper = watched.given.level(forecast.Target.MAX900, 0.95)[0, CPU]
    assert 2.9 < upper < 3.2
    assert 'stands in for the model' in watched.given.notes['a']
    assert 'should be retrained' in watched.given.notes['a']


def test_who_stands_in_gives_the_chance_as_well():
    values = np.full(300 + 2 * 288, 3.0) + 0.01 * (np.arange(876) % 3)
    watched, steps = audits(values, Fixed())
    assert steps[-1] >= drift.Step.FALLEN_BACK
    chance = watched.given.probability(np.full((1, 4), 3.5))
    assert chance[0, CPU] < 0.01
    assert watched.own.probability(np.full((1, 4), 2.0))[0, CPU] > 0.05


def test_a_model_that_is_good_again_speaks_again():
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [rng.normal(3.0, 0.02, 300 + 200), rng.normal(1.0, 0.6, 2 * 288)]
    )
    _, steps = audits(values, Fixed())
    assert drift.Step.FALLEN_BACK in steps
    assert steps[-1] is drift.Step.NONE


def test_a_gap_between_audits_settles_what_waited():
    values = np.full(600, 1.0)
    before, _ = audits(values[:300], Fixed())
    later, _ = audits(values, Fixed(), 500, 999, before.watch)
    assert before.watch.settled[0, CPU] == 0
    assert later.watch.settled[0, CPU] == 1


def test_missing_samples_settle_nothing_and_give_up_in_the_end():
    values = np.full(400, np.nan)
    values[:300] = 1.0
    before, _ = audits(values[:300], Fixed())
    soon = drift.settle(before.watch, window_of(values[:310]))
    late = drift.settle(before.watch, window_of(values))
    assert soon.origin[0] == before.watch.origin[0]
    assert late.origin[0] == -1
    assert late.settled[0, CPU] == 0


def test_a_forecast_of_a_time_far_ahead_does_not_block_those_of_now():
    """The clock, or telemetry, went back."""
    ahead, _ = audits(np.full(300, 1.5), Fixed())
    later = ahead.watch.origin + 30 * 86400
    watch = dataclasses.replace(ahead.watch, origin=later)
    values = np.full(310, 1.5)
    watched, _ = audits(values, Fixed(), first=300, watch=watch)
    assert watched.watch.origin[0] <= window_of(values).end
    assert watched.watch.settled[0, CPU] > ahead.watch.settled[0, CPU]


def test_what_is_known_of_others_is_kept_for_new_company():
    values = np.full(310, 1.0)
    watch = audits(values, Fixed())[0].watch
    among = watch.among(('b', 'a'))
    assert among.settled[:, CPU].tolist() == [0, watch.settled[0, CPU]]
    assert among.among(('a',)).parts().keys() == watch.parts().keys()


def test_another_flavor_begins_anew_and_hastens_whether_told_or_not():
    values = np.full(330, 1.0)
    watch = audits(values, Fixed())[0].watch
    assert watch.settled[0, CPU] > 0
    for limits, told in ((2 * LIMITS, set()), (LIMITS, {'a'})):
        inner = Fixed()
        watched = standing_in.Watched(inner, watch, frozenset(told))
        watched.forecast(window_of(np.full(331, 1.0)), limits)
        assert watched.watch.settled[0, CPU] == 0
        assert inner.hastened[0]['a'].all()
    inner = Fixed()
    standing_in.Watched(inner, watch).forecast(window_of(values), LIMITS)
    assert inner.hastened == []


@hypothesis.given(
    st.lists(st.floats(0, 10, width=32), min_size=4, max_size=30),
    st.integers(0, 2**31 - 1),
)
@hypothesis.settings(max_examples=50, deadline=None)
def test_shares_stay_shares_and_sums_stay_above_nothing(values, seed):
    rng = np.random.default_rng(seed)
    watch = drift.nothing(('a',))
    for n in range(1, len(values)):
        watch = dataclasses.replace(
            watch,
            origin=np.array([START]),
            waiting=rng.random(watch.waiting.shape).astype(np.float32),
        )
        window = window_of([0.0, *values[n - 1 : n + 3]])
        watch = drift.settle(watch, window)
        watch, _ = drift.judge(watch, window.end)
        assert ((watch.missed >= 0) & (watch.missed <= 1)).all()
        assert (watch.often >= 0).all() and (watch.seldom >= 0).all()
        assert (watch.settled >= 0).all()
