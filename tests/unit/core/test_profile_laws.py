"""What holds of profiles in every audit, whatever the usage is."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np

from benchmarks import regimes
from predictive_watcher.core import adjustment
from predictive_watcher.core import fleet
from predictive_watcher.core import ladder
from predictive_watcher.core import pipeline
from predictive_watcher.core import profiling
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


MADE = regimes.make(6, 1, seed=4).window
NAN = np.float32(np.nan)
WHO = {
    name: profiling.Subject(name=name, kin=(k % 2 * 'web', '', 'small', 'p'))
    for k, name in enumerate(MADE.instances)
}
QUICK = hypothesis.settings(max_examples=12, deadline=None)


def audit(window, memory=None, now=None):
    """One run, with what it found and what it remembers."""
    learner = profiling.Profiling(memory, WHO)
    found = pipeline.propose(
        fleet=data.a_fleet(*map(data.instance, window.instances)),
        window=window,
        forecaster=FakeForecaster({}),
        leases=(),
        policy=Policy(risk_threshold=0.3),
        now=window.end if now is None else now,
        profiling=learner,
    )
    return found, learner.memory


def made(used, rows=None, start=MADE.start):
    names = MADE.instances
    return dataclasses.replace(
        MADE,
        instances=names if rows is None else tuple(names[k] for k in rows),
        start=start,
        usage=used if rows is None else used[rows],
    )


def plain(found):
    """All that is decided of each instance, and every number behind it."""
    return {
        v.instance.id: (v.adjustment, str(v.numbers()), v.rung, v.prior)
        for v in found.verdicts
    }


def parts_of(memory, name):
    row = memory.instances.index(name)
    return {key: part[row] for key, part in memory.parts.items()}


@QUICK
@hypothesis.given(st.data())
def test_what_nobody_measured_is_no_number_in_any_verdict(draw):
    row = draw.draw(st.integers(0, 5))
    resource = draw.draw(st.integers(0, 3))
    holes = draw.draw(st.lists(st.integers(0, 149), max_size=20))
    used = MADE.usage[:, :150].copy()
    used[row, :, resource] = NAN
    used[:, holes] = NAN
    found, memory = audit(made(used))
    [verdict] = [
        v for v in found.verdicts if v.instance.id == MADE.instances[row]
    ]
    numbers = verdict.numbers()[fleet.RESOURCES[resource]]
    assert numbers['predicted'] is None and numbers['risk'] is None
    assert np.isnan(verdict.age_s[resource])
    parts = parts_of(memory, MADE.instances[row])
    assert parts['level.weight'][resource] == 0
    assert not parts['day.weight'][:, resource].any()
    assert not parts['segments.weight'][:, resource].any()
    normal = found.seen.known.behaviour.normal()
    assert np.isnan(normal.usual[row, resource])


@QUICK
@hypothesis.given(st.permutations(range(6)), st.integers(100, 150))
def test_the_order_of_instances_changes_no_profile_and_no_verdict(order, k):
    used = MADE.usage[:, :k].copy()
    used[2, 40:70] = NAN
    one, before = audit(made(used))
    other, after = audit(made(used, list(order)))
    assert plain(one) == plain(other)
    for name in MADE.instances:
        mine, theirs = parts_of(before, name), parts_of(after, name)
        for key, part in mine.items():
            assert np.array_equal(part, theirs[key], equal_nan=True), key


@QUICK
@hypothesis.given(st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_samples_that_are_shown_again_teach_nothing_again(overlaps):
    """Each audit reads what the one before has read, and more."""
    memory, end = None, 60
    for overlap in overlaps:
        window = made(MADE.usage[:, :end].copy())
        for _ in range(2):  # twice the same
            found, memory = audit(window, memory)
        end += overlap
    whole, alone = audit(window)
    assert plain(found) == plain(whole)
    for key, part in memory.parts.items():
        assert np.array_equal(part, alone.parts[key], equal_nan=True), key


def test_a_week_of_silence_is_told_by_the_audit():
    _, memory = audit(made(MADE.usage[:, :280].copy()))
    silent = MADE.usage[:, :280].copy()
    silent[:] = NAN
    week = made(silent, start=MADE.start + 7 * 86400)
    found, after = audit(week, memory)
    for verdict in found.verdicts:
        assert isinstance(verdict.adjustment, adjustment.Hold)
        assert verdict.adjustment.reason in adjustment.UNKNOWN
    known = found.seen.known.behaviour
    assert (known.age_s >= 7 * 86400 - 300).all()
    before = memory.parts['seen']
    assert (after.parts['seen'] < before).all()
    # what was usual is still known, and that it is old as well
    assert np.array_equal(
        after.parts['level.mean'], memory.parts['level.mean']
    )
    rungs = {v.rung for v in found.verdicts}
    assert rungs == {ladder.Rung.FIRST_HOURS}


@QUICK
@hypothesis.given(
    st.lists(st.integers(61, 150), min_size=2, max_size=5, unique=True),
    st.integers(0, 4),
)
def test_a_plan_with_its_cache_is_the_plan_without_it(ends, lost):
    """However often audits ran, and whenever the cache was lost."""
    memory = None
    for k, end in enumerate(sorted(ends)):
        window = made(MADE.usage[:, :end].copy())
        if k == lost:
            memory = None
        found, memory = audit(window, memory)
        assert plain(found) == plain(audit(window)[0])
