"""Who moves together: found in what comes, kept from audit to audit."""

import dataclasses

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from benchmarks import surges
from predictive_watcher.core import correlation
from predictive_watcher.core import moving
from predictive_watcher.core import pairs
from predictive_watcher.core import together
from predictive_watcher.core import usage


DAY = 288
LEADERS, FOLLOWERS = 2, 3


def make(seed=1, instances=14, days=9, led=True):
    rng = np.random.default_rng(seed)
    window, limits = surges.independent(instances, days, rng)
    if not led:
        return surges.plant(window, limits, rng, leaders=0, followers=0)
    return surges.plant(
        window, limits, rng, leaders=LEADERS, followers=FOLLOWERS
    )


MADE = make()


def shuffled(made, order):
    window = dataclasses.replace(
        made.window,
        instances=tuple(made.window.instances[k] for k in order),
        usage=made.window.usage[order],
    )
    return dataclasses.replace(
        made, window=window, limits=made.limits[order]
    )


def audits(made, known=None, begin=DAY, end=None, every=12):
    """What audits know which look at the last day and an hour."""
    window = made.window
    end = end or window.usage.shape[1]
    for now in range(begin, end + 1, every):
        first = max(0, now - DAY - 12)
        part = usage.UsageWindow(
            instances=window.instances,
            start=window.start + first * window.step_s,
            step_s=window.step_s,
            usage=window.usage[:, first:now].copy(),
        )
        known = known or correlation.nothing(window.instances, window.step_s)
        known = correlation.learned(known, part, made.limits)
    return known


def groups(known):
    return {
        frozenset(np.array(known.instances)[known.group == number].tolist())
        for number in set(known.group.tolist()) - {together.NOBODY}
    }


def expected(made):
    names = made.window.instances
    found = {}
    for leader, follower in zip(made.leader, made.follower, strict=True):
        found.setdefault(leader, {names[leader]}).add(names[follower])
    return {frozenset(group) for group in found.values()}


@pytest.fixture(scope='module')
def known():
    return audits(MADE)


def test_instances_with_the_same_surges_are_found(known):
    assert groups(known) == expected(MADE)


def test_who_is_ahead_and_by_how_much_is_found(known):
    names = MADE.window.instances
    lag_min = {
        (names[a], names[b]): lag
        for a, b, lag in zip(
            MADE.leader, MADE.follower, MADE.lag_min, strict=True
        )
    }
    found = 0
    for k in np.flatnonzero(known.pairs.active):
        ends = (
            known.instances[known.pairs.first[k]],
            known.instances[known.pairs.second[k]],
        )
        ahead_min = 5 * int(pairs.LAGS[known.pairs.lag[k]])
        if ends in lag_min:
            assert abs(ahead_min - lag_min[ends]) <= 5
            found += 1
        elif ends[::-1] in lag_min:
            assert abs(-ahead_min - lag_min[ends[::-1]]) <= 5
            found += 1
    assert found >= LEADERS


@pytest.mark.parametrize('seed', range(3))
def test_who_has_nothing_to_do_with_one_another_is_not_grouped(seed):
    assert groups(audits(make(seed, led=False))) == set()


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(len(MADE.window.instances))))
def test_the_order_of_instances_changes_nothing(known, order):
    other = audits(shuffled(MADE, np.array(order)))
    ours, theirs = known.memory({}).parts, other.memory({}).parts
    assert other.instances == known.instances
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], name)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_what_is_unknown_never_becomes_a_number(seed, share):
    rng = np.random.default_rng(seed)
    window, limits = surges.independent(5, 2, rng)
    gone = rng.random(window.usage.shape[:2]) < share
    used = window.usage.copy()
    used[gone] = np.nan
    window = dataclasses.replace(window, usage=used)
    made = dataclasses.replace(MADE, window=window, limits=limits)
    found = audits(made, every=50)
    for name, part in found.memory({}).parts.items():
        if name not in ('move_last', 'move_recent'):
            assert np.isfinite(part).all(), name
    silent = gone.all(axis=1)
    assert (found.moves.count[silent] == 0).all()
    assert not np.isfinite(found.moves.recent[silent]).any()


def test_a_gap_costs_nothing_that_was_learned(known):
    window = MADE.window
    gap = dataclasses.replace(
        window,
        start=window.end + 3 * DAY * 300,
        usage=np.full_like(window.usage[:, :DAY], np.nan),
    )
    after = correlation.learned(known, gap, MADE.limits)
    assert groups(after) == groups(known)
    assert after.time == gap.end


def test_going_on_after_a_restart_is_going_on(known):
    half = audits(MADE, end=3 * DAY)
    again = correlation.of_memory(half.memory({'name': {}}))
    whole = audits(MADE, known=again, begin=3 * DAY + 12)
    for name, part in known.memory({}).parts.items():
        np.testing.assert_array_equal(part, whole.memory({}).parts[name])


def test_a_memory_of_another_make_is_not_used(known):
    memory = known.memory({})
    parts = {**memory.parts, 'pair_moment': np.zeros((1, 2))}
    assert correlation.of_memory(dataclasses.replace(memory, parts=parts)) is (
        None
    )


def test_the_same_step_is_learned_once(known):
    again = correlation.learned(known, MADE.window, MADE.limits)
    assert again is known


def test_steps_that_nobody_saw_are_no_move():
    window = MADE.window
    first = usage.UsageWindow(
        instances=window.instances,
        start=window.start,
        step_s=300,
        usage=window.usage[:, :DAY].copy(),
    )
    later = dataclasses.replace(
        window,
        start=window.start + 3 * DAY * 300,
        usage=np.full_like(window.usage[:, :1], 4.0),
    )
    known = correlation.nothing(window.instances, 300)
    known = correlation.learned(known, first, MADE.limits)
    after = correlation.learned(known, later, MADE.limits)
    assert after.time == later.end
    assert np.isnan(after.moves.recent).all()
    np.testing.assert_array_equal(after.moves.scale, known.moves.scale)


def back(known, days):
    """What is known after telemetry that went back."""
    window = MADE.window
    old = dataclasses.replace(window, start=window.start - days * DAY * 300)
    return correlation.learned(known, old, MADE.limits), old


def test_telemetry_that_went_back_a_little_costs_nothing(known):
    found, _ = back(known, 6)
    assert found is known


def test_a_memory_that_is_far_ahead_is_not_waited_for(known):
    found, old = back(known, 30)
    assert found.time == old.end
    assert not found.pairs.active.any() and groups(found) == set()


def test_who_connected_others_leaves_them_alone_at_once():
    """Also in an audit that has no new sample."""
    window, limits = surges.independent(3, 2, np.random.default_rng(0))
    fresh = correlation.nothing(window.instances, window.step_s)
    known = correlation.learned(fresh, window, limits)
    joined = pairs.Pairs(np.array([0, 1]), np.array([1, 2]))
    joined.active[:] = True
    known = dataclasses.replace(
        known, pairs=joined, group=np.array([5, 5, 5]), following=6
    )
    rest = window.only([0, 2])
    found = correlation.learned(known, rest, limits[[0, 2]])
    assert found.time == known.time
    assert found.group.tolist() == [together.NOBODY] * 2
    kept = known.among(rest.instances)
    assert kept.group.tolist() == [5, 5]
    again = correlation.of_memory(kept.memory({}))
    assert again.group.tolist() == [together.NOBODY] * 2


def test_whoever_is_gone_leaves_its_group(known):
    one = sorted(min(groups(known), key=sorted))[0]
    left = known.among([name for name in known.instances if name != one])
    assert one not in left.instances
    assert (np.diff(left.pairs.first) >= 0).all()
    assert len(left.pairs.first) < len(known.pairs.first)


def test_a_group_keeps_its_number_while_members_come_and_go():
    before = np.array([7, 7, 7, -1, 3, 3])
    component = np.array([0, 0, 2, 0, 4, 4])  # the third left, one came
    found, following = together.numbered(component, before, 8)
    assert found.tolist() == [7, 7, -1, 7, 3, 3]
    assert following == 8


def test_of_a_group_that_falls_apart_the_larger_part_keeps_the_number():
    before = np.array([5, 5, 5, 5, 5])
    component = np.array([0, 0, 2, 2, 2])
    found, following = together.numbered(component, before, 6)
    assert found.tolist() == [6, 6, 5, 5, 5]
    assert following == 7


def test_two_groups_that_become_one_have_one_number():
    before = np.array([1, 1, 2, 2, 2])
    found, _ = together.numbered(np.zeros(5, int), before, 3)
    assert found.tolist() == [2, 2, 2, 2, 2]


@given(
    count=st.integers(2, 20),
    ends=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19))),
)
def test_components_are_what_is_connected(count, ends):
    ends = [(a % count, b % count) for a, b in ends]
    first = np.array([a for a, _ in ends], int)
    second = np.array([b for _, b in ends], int)
    found = together.components(count, first, second)
    reach = {row: {row} for row in range(count)}
    for a, b in ends:
        joined = reach[a] | reach[b]
        for row in joined:
            reach[row] = joined
    assert found.tolist() == [min(reach[row]) for row in range(count)]


def parted(count, ends, sure, before):
    """Groups, as numbers, that some pairs make after those of an audit."""
    first, second = np.array(ends, int).T
    component = together.components(count, first, second)
    bounded = together.bounded(component, first, second, sure, before)
    return component, bounded, together.numbered(bounded, before, 1000)[0]


@settings(deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), share=st.floats(0.5, 8))
def test_a_group_that_would_be_too_large_is_parted_for_good(seed, share):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 400))
    ends = rng.integers(0, count, (int(1 + share * count), 2))
    nobody = np.full(count, together.NOBODY)
    sure = rng.uniform(2, 9, len(ends))
    component, bounded, groups_ = parted(count, ends, sure, nobody)
    assert np.bincount(bounded).max() <= together.MOST
    # nobody is put together who was not, and what is small enough stays
    assert (component[bounded] == component).all()
    small = np.bincount(component)[component] <= together.MOST
    assert (bounded[small] == component[small]).all()
    # a pair that is parted would have made too many
    sizes = np.bincount(bounded, minlength=count)
    one, other = bounded[ends.T]
    apart = one != other
    assert (sizes[one] + sizes[other])[apart].min(initial=999) > together.MOST
    # the next audit has the same groups, however sure the pairs are by then
    anew = rng.uniform(2, 9, len(ends))
    assert parted(count, ends, anew, groups_)[2].tolist() == groups_.tolist()


def test_what_is_parted_is_parted_at_its_least_sure_pairs():
    half = together.MOST // 2 + 1
    ends = [(k, k + 1) for k in range(2 * half - 1)]
    sure = np.full(len(ends), 8.0)
    sure[half - 1] = 4.0
    nobody = np.full(2 * half, together.NOBODY)
    _, bounded, _ = parted(2 * half, ends, sure, nobody)
    assert bounded.tolist() == [0] * half + [half] * half


def test_no_chain_of_pairs_makes_one_group_of_a_cloud():
    names = tuple(f'i{row:03d}' for row in range(300))
    chain = pairs.Pairs(np.arange(299), np.arange(1, 300))
    chain.active[:] = True
    known = dataclasses.replace(
        correlation.nothing(names, 300), pairs=chain, time=0
    )
    found = correlation.of_memory(known.memory({}))
    sizes = np.bincount(found.group)
    assert sizes.sum() == 300
    assert 1 < sizes.max() <= together.MOST
    assert sizes[sizes > 0].min() > 1


def paired(products, active=False):
    """Pairs after some steps in which both moved so far."""
    found = pairs.Pairs(np.array([0]), np.array([1]))
    found.active[:] = active
    for one, other in products:
        recent = np.zeros((2, moving.LAGS + 1), np.float32)
        recent[:, 0] = one, other
        found.advance(recent)
    return found


def test_one_burst_at_the_same_time_makes_no_pair():
    quiet = [(0.1, -0.1), (0.1, 0.1), (-0.1, 0.1), (-0.1, -0.1)] * 100
    found = paired([*quiet, (6.0, 6.0)])
    here = pairs.LAGS.tolist().index(0)
    assert found.correlation()[0, here] > 0.8
    assert found.deviations()[0, here] < 1.0
    assert not found.judged().active.any()


def test_it_takes_more_to_enter_than_to_stay():
    rng = np.random.default_rng(0)
    common = rng.standard_normal(400)
    noise = rng.standard_normal((2, 400))
    moves = (0.5 * common + noise).T  # a correlation of 0.2
    here = pairs.LAGS.tolist().index(0)
    assert 0.15 < paired(moves).correlation()[0, here] < 0.3
    assert not paired(moves).judged().active.any()
    assert paired(moves, active=True).judged().active.all()


def test_a_candidate_of_which_nothing_comes_is_given_up():
    rng = np.random.default_rng(0)
    found = paired(rng.standard_normal((300, 2)) * [1, -1])
    found.moment[:] = -1.0
    assert len(found.judged().first) == 0


def test_pairs_stay_as_few_as_promised():
    made = make(instances=40, days=3)
    same = np.repeat(made.window.usage[:1], 40, axis=0)
    noise = np.random.default_rng(0).normal(0, 0.02, same.shape)
    window = dataclasses.replace(
        made.window, usage=(same + noise).astype(np.float32)
    )
    found = audits(dataclasses.replace(made, window=window))
    assert len(found.pairs.first) <= 40 * pairs.OWNED
    assert groups(found) == {frozenset(window.instances)}


def test_moves_below_a_hundredth_of_the_limit_are_none():
    moved = moving.changes(
        np.array([1.0, 1.0]), np.array([0.97, 0.9]), np.array([4.0, 4.0])
    )
    assert moved.tolist() == [0.0, pytest.approx(0.1)]
