"""Profiles that go on from audit to audit."""

import dataclasses

import numpy as np
import pytest

from benchmarks import regimes
from predictive_watcher.core import conditions
from predictive_watcher.core import ladder
from predictive_watcher.core import profiling


MADE = regimes.make(6, 1, seed=9).window
BERLIN = conditions.Zone(name='Berlin', since=(0,), offset_s=(3600,))
WHO = {
    name: profiling.Subject(
        name=f'vm{k}',
        image='ubuntu',
        kin=('web' if k % 2 else 'db', 'p'),
        zone=BERLIN if k > 3 else conditions.UTC,
    )
    for k, name in enumerate(MADE.instances)
}
LEVEL = np.full((6, 4), 1.0)


def part(begin, end, who=None, used=None):
    who = list(range(6)) if who is None else who
    used = MADE.usage if used is None else used
    return dataclasses.replace(
        MADE,
        instances=tuple(MADE.instances[k] for k in who),
        start=MADE.start + begin * 300,
        usage=used[who, begin:end].copy(),
    )


def audit(memory, window, who=WHO):
    learner = profiling.Profiling(memory, who)
    return learner.learn(window), learner


def same(one, other, rows=None):
    rows = slice(None) if rows is None else rows
    for name, part_of_it in one.behaviour.parts().items():
        pair = part_of_it[rows], other.behaviour.parts()[name][rows]
        assert np.array_equal(*pair, equal_nan=True), name


def test_the_next_audit_goes_on_where_the_one_before_ended():
    memory = None
    for end in (40, 41, 41, 50, 130):
        found, learner = audit(memory, part(0, end))
        whole, _ = audit(None, part(0, end))
        same(found, whole)
        assert learner.resumed == (6 if end > 40 else 0)
        memory = learner.memory
    assert learner.memory.labels['name'] == tuple(f'vm{k}' for k in range(6))


def test_what_was_learned_outlives_the_window():
    _, learner = audit(None, part(0, 100))
    found, _ = audit(learner.memory, part(80, 120))
    same(found, audit(None, part(0, 120))[0])


def test_instances_come_go_and_change_places():
    _, learner = audit(None, part(0, 60, [0, 1, 2, 3]))
    who = [3, 5, 1, 4]
    found, learner = audit(learner.memory, part(0, 70, who))
    assert learner.resumed == 2
    same(found, audit(None, part(0, 70, who))[0])


def test_a_deleted_instance_is_forgotten():
    _, learner = audit(None, part(0, 60))
    _, learner = audit(learner.memory, part(0, 61, [0, 1]))
    assert learner.memory.instances == ('i0', 'i1')
    assert all(len(p) == 2 for p in learner.memory.parts.values())


def test_a_renamed_instance_keeps_its_profile():
    _, learner = audit(None, part(0, 60))
    other = dict(WHO, i0=dataclasses.replace(WHO['i0'], name='new'))
    found, learner = audit(learner.memory, part(50, 61), other)
    assert learner.resumed == 6
    assert learner.memory.labels['name'][0] == 'new'
    same(found, audit(None, part(0, 61))[0])


def test_a_rebuilt_instance_begins_anew():
    _, learner = audit(None, part(0, 100))
    other = dict(WHO, i0=dataclasses.replace(WHO['i0'], image='debian'))
    found, learner = audit(learner.memory, part(90, 101), other)
    assert learner.resumed == 5
    fresh, _ = audit(None, part(90, 101))
    same(found, fresh, rows=[0])
    same(found, audit(None, part(0, 101))[0], rows=[1, 2, 3, 4, 5])


def test_another_time_zone_means_to_learn_the_times_again():
    _, learner = audit(None, part(0, 100))
    other = dict(WHO, i0=dataclasses.replace(WHO['i0'], zone=BERLIN))
    _, learner = audit(learner.memory, part(90, 101), other)
    assert learner.resumed == 5


def test_a_resized_instance_keeps_what_it_is_and_is_asked_for_new_levels():
    found, learner = audit(None, part(0, 100))
    other = dict(WHO, i1=dataclasses.replace(WHO['i1'], kin=('', 'p')))
    after, learner = audit(learner.memory, part(0, 100), other)
    assert learner.resumed == 6
    same(found, after)
    assert after.excess_s(2 * LEVEL).shape == (6, 4)


def test_a_late_sample_counts_when_it_comes():
    late = MADE.usage.copy()
    late[2, 69] = np.nan
    _, learner = audit(None, part(0, 70, used=late))
    assert learner.memory.time == MADE.start + 68 * 300
    found, _ = audit(learner.memory, part(0, 71))
    same(found, audit(None, part(0, 71))[0])


@pytest.mark.parametrize(
    'other', [{'model': 'profile 0'}, {'step_s': 600}, {'time': 10**9}]
)
def test_a_foreign_memory_is_replaced(other):
    _, learner = audit(None, part(0, 60))
    foreign = dataclasses.replace(learner.memory, **other)
    found, learner = audit(foreign, part(0, 60))
    assert learner.resumed == 0
    same(found, audit(None, part(0, 60))[0])


def test_a_memory_that_is_ahead_is_kept_for_the_next_audit():
    _, learner = audit(None, part(0, 72))
    memory = learner.memory
    _, learner = audit(memory, part(0, 70))
    assert learner.memory is memory


def test_telemetry_that_went_back_for_days_does_not_cost_a_profile():
    _, learner = audit(None, part(0, 72))
    days = dataclasses.replace(
        learner.memory, time=learner.memory.time + 6 * 86400
    )
    _, learner = audit(days, part(0, 72))
    assert learner.memory is days
    # a clock that was wrong by months is no reason to wait for it
    months = dataclasses.replace(days, time=days.time + 60 * 86400)
    _, learner = audit(months, part(0, 72))
    assert learner.memory is not months


def test_nobody_in_scope_is_no_error():
    found, learner = audit(None, part(0, 50, []), {})
    assert found.excess_s(np.zeros((0, 4))).shape == (0, 4)
    assert found.behaviour.rung.shape == (0,)


def test_a_new_instance_stands_on_its_group():
    used = MADE.usage.copy()
    used[1, :95] = np.nan
    found, _ = audit(None, part(0, 100, used=used))
    rungs = [ladder.Rung(int(r)) for r in found.behaviour.rung]
    assert rungs[1] is ladder.Rung.GROUP_PRIOR
    assert rungs[0] is ladder.Rung.FIRST_HOURS


def test_a_profile_outlives_a_pause_longer_than_the_window():
    _, learner = audit(None, part(0, 100))
    found, learner = audit(learner.memory, part(150, 200))
    assert learner.resumed == 6
    whole = MADE.usage.copy()
    whole[:, 100:150] = np.nan
    wanted, _ = audit(None, part(0, 200, used=whole))
    # but for what was believed of regimes meanwhile, all is as in silence
    for name in ('level.mean', 'day.weight', 'excess.runs', 'age'):
        pair = (k.behaviour.parts()[name] for k in (found, wanted))
        np.testing.assert_array_equal(*pair, err_msg=name)
    np.testing.assert_allclose(
        found.behaviour.seen_s, wanted.behaviour.seen_s, rtol=1e-4
    )


def test_who_is_new_after_a_pause_is_learned_from_the_window():
    _, learner = audit(None, part(0, 100, [0, 1]))
    found, learner = audit(learner.memory, part(150, 200, [1, 2]))
    assert learner.known == {'i1'}
    fresh, _ = audit(None, part(150, 200, [1, 2]))
    pair = (k.behaviour.level.mean[1] for k in (found, fresh))
    np.testing.assert_array_equal(*pair)
    assert found.behaviour.rung[1] == fresh.behaviour.rung[1]


def test_a_pause_off_the_grid_begins_anew():
    _, learner = audit(None, part(0, 100))
    window = part(150, 200)
    moved = dataclasses.replace(window, start=window.start + 100)
    _, learner = audit(learner.memory, moved)
    assert learner.resumed == 0


def with_activity(window):
    made = np.full((*window.usage.shape[:2], 2), np.nan, np.float32)
    steps = (window.times() - MADE.start) // 300
    made[:3, :, 1] = 5 + 4 * np.sin(steps / 7)
    made[1, steps % 5 == 0, 1] = np.nan
    return dataclasses.replace(window, conditions=made)


def test_a_metric_of_activity_is_gone_on_with_bit_for_bit():
    memory = None
    for end in (60, 61, 100):
        found, learner = audit(memory, with_activity(part(0, end)))
        whole, _ = audit(None, with_activity(part(0, end)))
        same(found, whole)
        memory = learner.memory
    measured = found.behaviour.activity.measured
    assert measured.tolist() == [1, 1, 1, 0, 0, 0]
    assert learner.resumed == 6
