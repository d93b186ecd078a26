"""What is normal for an instance, and when."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from benchmarks import regimes
from predictive_watcher.core import decay
from predictive_watcher.core import excess
from predictive_watcher.core import ladder
from predictive_watcher.core import profile
from predictive_watcher.core import scale
from predictive_watcher.core import usage


STEP = 300
MONDAY = 1_767_571_200  # 2026-01-05, 00:00 UTC
DAY = 86400 // STEP
NAN = float('nan')


def window(used, start=None, step=STEP):
    return usage.UsageWindow(
        instances=tuple(f'i{k}' for k in range(len(used))),
        start=MONDAY + step if start is None else start,
        step_s=step,
        usage=np.asarray(used, np.float32),
    )


def learned(seen, **other):
    found = profile.BehaviouralProfile(
        len(seen.instances), seen.step_s, **other
    )
    found.learn(seen)
    return found


def same(one, other):
    assert one.time == other.time
    for name, part in one.parts().items():
        assert np.array_equal(part, other.parts()[name], equal_nan=True), name


MADE = regimes.make(8, 1, seed=5).window
with_gaps = MADE.usage.copy()
with_gaps[0, 100:160] = NAN
with_gaps[1, ::7, 2] = NAN
with_gaps[2] = NAN
GAPS = dataclasses.replace(MADE, usage=with_gaps)


@hypothesis.settings(max_examples=8, deadline=None)
@hypothesis.given(st.lists(st.integers(1, DAY - 1), max_size=3))
def test_learning_in_pieces_is_learning_at_once(cuts):
    found = profile.BehaviouralProfile(8, STEP)
    for end in sorted(cuts):
        found.learn(GAPS.until(GAPS.start + end * STEP))
        again = profile.BehaviouralProfile(8, STEP)
        again.resume(found.parts(), np.arange(8), found.time)
        found = again
    found.learn(GAPS)
    same(found, learned(GAPS))


def test_nobody_learns_from_another_instance():
    alone = learned(window(GAPS.usage[3:4]))
    together = learned(GAPS).parts()
    for name, part in alone.parts().items():
        assert np.array_equal(part[0], together[name][3]), name


def test_steps_that_were_left_out_are_silence():
    silent = GAPS.usage.copy()
    silent[:, 100:150] = NAN
    whole = learned(window(silent))
    parts = profile.BehaviouralProfile(8, STEP)
    parts.learn(window(GAPS.usage[:, :100]))
    parts.learn(window(GAPS.usage[:, 150:], MADE.start + 150 * STEP))
    same(whole, parts)


def test_a_step_that_is_not_newer_is_refused():
    found = learned(MADE)
    with pytest.raises(ValueError, match='is not after'):
        found.advance(MADE.usage[:, 0], found.time)


@hypothesis.settings(max_examples=12, deadline=None)
@hypothesis.given(st.data())
def test_what_is_unknown_never_becomes_a_number(data):
    resource = data.draw(st.integers(0, 3))
    odd = data.draw(st.sampled_from([NAN, -1.0, -np.inf, np.inf]))
    used = GAPS.usage[:4, :90].copy()
    used[:, :, resource] = odd
    found = learned(window(used))
    assert np.isnan(found.level.known()[:, resource]).all()
    assert np.isnan(found.level.spread()[:, resource]).all()
    moment = found.calendar.at(found.time)
    assert np.isnan(found.season.level(moment)[:, resource]).all()
    normal = found.normal()
    for limit in (normal.low, normal.usual, normal.high):
        assert np.isnan(limit[:, resource]).all()
    without = used.copy()
    without[:, :, resource] = NAN
    same(found, learned(window(without)))


def test_who_was_never_seen_has_no_profile():
    found = learned(GAPS)
    assert found.rung[2] == ladder.Rung.NO_SAMPLES
    assert np.isnan(found.age_s[2])
    assert found.normal().segment[2] == -1
    assert np.isnan(found.level.known()[2]).all()
    asked = found.excess_s(np.ones((8, 4)))[2]
    assert asked.tolist() == [profile.PRIOR_EXCESS_S] * 4


def test_a_week_of_silence_ages_the_profile():
    busy = np.tile(MADE.usage[:1, ::6], (1, 9, 1))
    before = learned(window(busy, step=6 * STEP))
    assert before.rung[0] == ladder.Rung.FIRST_WEEK
    assert before.age_s[0] == 0
    silence = np.full((1, 7 * DAY // 6, 4), NAN)
    after = learned(
        window(np.concatenate([busy, silence], axis=1), step=6 * STEP)
    )
    assert after.age_s[0] == 7 * 86400
    assert after.rung[0] == ladder.Rung.FIRST_DAY
    assert after.seen_s[0] < before.seen_s[0]
    same_level = np.allclose(after.level.mean, before.level.mean)
    assert same_level


def test_what_is_old_counts_half_after_a_half_life():
    half = profile.HALF_LIFE_S // 3600
    used = np.full((1, 2 * half, 4), 2.0)
    used[:, :half] = 1.0
    found = learned(window(used, step=3600))
    share = 2 / 3  # the newer half-life against the older one
    want = scale.squeezed(np.full(4, 1.0)) * (1 - share)
    want = want + scale.squeezed(np.full(4, 2.0)) * share
    assert np.allclose(found.level.mean[0], want, rtol=0.01)


def test_an_instance_takes_at_most_12_kilobytes():
    parts = learned(MADE).parts().values()
    assert sum(part.nbytes for part in parts) / 8 <= 12_000


def test_working_days_and_weekends_have_levels_of_their_own():
    used = np.full((1, 28 * 24, 4), 1.0)
    weekend = (np.arange(28 * 24) // 24) % 7 >= 5
    used[:, weekend] = 8.0
    found = learned(window(used, step=3600), most_segments=1)
    friday, saturday = MONDAY + 4 * 86400, MONDAY + 5 * 86400
    for day, want in ((friday, 1.0), (saturday, 8.0)):
        moment = found.calendar.at(day + 12 * 3600)
        level = scale.amount(found.season.level(moment))
        assert np.allclose(level, want, rtol=0.02)


def test_the_end_of_a_month_is_told_where_there_was_one():
    # 120 days from the 5th of January on
    used = np.full((1, 120 * 24, 4), 1.0)
    for last in (26, 54, 85, 115):  # the 31st of January, ...
        used[:, last * 24 : (last + 2) * 24] = 16.0
    found = learned(window(used, step=3600), most_segments=1)
    noon = MONDAY + 12 * 3600
    usual = scale.amount(found.season.level(found.calendar.at(noon)))
    end = found.calendar.at(noon + 146 * 86400)  # the 31st of May
    assert np.allclose(usual, 1.0, rtol=0.02)
    assert (scale.amount(found.season.level(end)) > 8).all()


def test_the_mean_excess_is_that_of_the_runs_above_any_level():
    used = np.zeros((1, 48, 4))
    used[0, 3:5, 0] = used[0, 8:12, 0] = 4.0
    used[0, 20:30, 0] = 1.0
    found = learned(window(used))

    def asked(level):
        return float(found.excess_s(np.full((1, 4), level))[0, 0])

    prior = profile.PRIOR_EXCESS_S
    assert asked(2.0) == pytest.approx((6 * STEP + prior) / 3, rel=5e-3)
    assert asked(0.5) == pytest.approx((16 * STEP + prior) / 4, rel=5e-3)
    assert asked(7.0) == prior
    assert asked(NAN) == prior


def test_the_profile_and_the_window_know_the_same_of_excess():
    limits = np.quantile(MADE.usage, 0.9, axis=1)
    from_profile = learned(MADE).excess_s(limits)
    from_window = excess.of_window(MADE, limits)
    # between two levels of the grid it is in between; a day or two old
    assert np.median(np.abs(np.log(from_profile / from_window))) < 0.15


def test_levels_of_excess_follow_the_largest_use():
    used = np.full((1, 40, 4), 0.01)
    used[0, 20:23] = 1.0
    found = learned(window(used))
    level = np.full((1, 4), 0.7)
    one = decay.weight(found.time, profile.HALF_LIFE_S)
    seconds, runs = found.excess.above(level, one)
    assert runs[0, 0] == pytest.approx(1, rel=0.1)
    assert seconds[0, 0] == pytest.approx(3 * STEP, rel=0.1)


def test_who_has_no_excess_of_its_own_takes_that_of_its_kin():
    used = np.full((3, 100, 4), 1.0)
    used[0, 10:30] = used[0, 50:70] = 8.0  # 6000 s each
    found = learned(window(used))
    level = np.full((3, 4), 4.0)
    kin = ladder.Groups([('a',), ('a',), ('b',)])
    alone = found.excess_s(level)
    helped = found.excess_s(level, kin)
    prior = profile.PRIOR_EXCESS_S
    assert alone[1, 0] == prior
    assert helped[1, 0] == pytest.approx((2 * 6000 + prior) / 3, rel=1e-2)
    assert helped[0, 0] == pytest.approx(alone[0, 0])
    # nobody else is in its group: all stand in
    assert helped[2, 0] == pytest.approx(helped[1, 0], rel=1e-3)


def test_limits_of_normal_are_those_of_the_regime_that_holds():
    made = regimes.make(4, 4, seed=2)
    found = learned(made.window)
    normal = found.normal()
    now = made.truth[:, -1]
    for row in range(4):
        mine = made.window.usage[row, made.truth[row] == now[row]]
        inside = (mine >= normal.low[row]) & (mine <= normal.high[row])
        assert inside.mean() > 0.95
        other = made.window.usage[row, made.truth[row] != now[row]]
        outside = (other < normal.low[row]) | (other > normal.high[row])
        assert outside.any(axis=1).mean() > 0.95


def test_a_level_above_all_that_was_seen_is_unknown():
    empty = excess.Excess(1, 4)
    seconds, runs = empty.above(np.ones((1, 4)), np.float32(1))
    assert not seconds.any() and not runs.any()


def test_a_cloud_of_many_blocks_learns_what_each_instance_would():
    many = np.tile(GAPS.usage[:, :12], (600, 1, 1))
    found = learned(window(many)).parts()
    alone = learned(window(GAPS.usage[:, :12])).parts()
    for name, part in alone.items():
        for copy_of_it in (0, 511, 512, 599):
            rows = slice(8 * copy_of_it, 8 * copy_of_it + 8)
            assert np.array_equal(found[name][rows], part), name


@pytest.mark.parametrize('garbage', [3e38, np.inf, -1.0, np.nan])
def test_a_number_that_no_usage_can_be_is_no_sample(garbage):
    used, gap = np.ones((1, 40, 4)), np.ones((1, 40, 4))
    used[0, 20], gap[0, 20] = garbage, np.nan
    found, wanted = learned(window(used)), learned(window(gap))
    for name, part in found.parts().items():
        assert np.array_equal(part, wanted.parts()[name]), name


def test_how_often_a_day_a_level_is_passed_is_counted_by_resource():
    window = made_days(4, times=(50, 200))
    known = profile.BehaviouralProfile(1, 300)
    known.learn(window)
    often, between_s = known.returns(np.array([[1.8, 2048.0, np.nan, np.nan]]))
    # two a day, and one more day without any that was not seen
    assert often[0] == pytest.approx([1.6, 0, 0, 0], abs=0.05)
    # 8 of 15 minutes, and that day until one more: 5 days less 2 h for 9
    assert between_s[0, 0] == pytest.approx((5 * 86400 - 7200) / 9, rel=0.05)
    # never yet: as if after these days and that one
    assert between_s[0, 1] == pytest.approx(5 * 86400, rel=0.1)
    assert np.isnan(between_s[0, 2:]).all()


def test_of_two_days_nobody_knows_what_comes_every_day():
    known = profile.BehaviouralProfile(1, 300)
    known.learn(made_days(2, times=(50, 100, 150, 200)))
    often, between_s = known.returns(np.full((1, 4), 1.8))
    assert not often.any() and np.isnan(between_s).all()


def made_days(days, times):
    used = np.full((1, days * 288, 4), 0.5, np.float32)
    for day in range(days):
        for begin in times:
            used[0, day * 288 + begin : day * 288 + begin + 3, 0] = 2.0
    return usage.UsageWindow(
        instances=('a',), start=300 * 288 * 7, step_s=300, usage=used
    )
