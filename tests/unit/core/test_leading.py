"""Surges that lead: learned, proven, told, and dropped again."""

import dataclasses

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import correlation
from predictive_watcher.core import forecast
from predictive_watcher.core import leading
from predictive_watcher.core import moving
from predictive_watcher.core import pairs
from predictive_watcher.core import relating
from predictive_watcher.core import usage
from tests.fakes import cloud_data


START, STEP_S, DAY = 1_700_006_400, 300, 288
IDS = ('leader', 'follower', 'other')
LIMITS = np.full((3, 4), 8.0)
SITE = cloud_data.a_fleet(*(cloud_data.instance(name) for name in IDS))
LAG = 2  # steps
LEVELS = len(forecast.LEVELS)


def series(steps, rng, follows=1.0):
    """Surges of an hour, eight a day; the follower has them later."""
    surge = np.zeros(steps + LAG)
    at = 0
    while at < steps:
        surge[at : at + 12] = 2.0
        at += 12 + int(rng.integers(12, 36))
    noise = 0.05 * rng.standard_normal((3, steps))
    used = np.ones((3, steps)) + noise
    used[0] += surge[LAG:]
    used[1] += follows * surge[:steps]
    return used


def window_of(used, start=START):
    grid = np.full((*used.shape, 4), np.nan, np.float32)
    grid[:, :, moving.RESOURCE] = used
    return usage.UsageWindow(
        instances=IDS, start=start, step_s=STEP_S, usage=grid
    )


def persistence(window, used, now):
    """As now, give or take a little; of cpu only."""
    width = np.linspace(-0.15, 0.15, LEVELS)
    quantiles = np.full((3, 4, len(forecast.TARGETS), LEVELS), np.nan)
    quantiles[:, moving.RESOURCE] = (used[:, now, None] + width)[:, None]
    return forecast.Forecast(
        instances=IDS,
        origin=window.end,
        model='as now',
        quantiles=quantiles.astype(np.float32),
    )


def audits(used, own=None, begin=0, told=None):
    """Audits at each step; the last forecast, as it is and as it is told."""
    own = own or relating.Correlating()
    steps = used.shape[1]
    for now in range(max(begin, 8), steps):
        first = max(0, now - DAY - 8)
        past = window_of(used[:, first : now + 1], START + first * STEP_S)
        own.learn(SITE, past, LIMITS)
        plain = persistence(past, used, now)
        raised = own.raised(plain, past, LIMITS)
        if told is not None:
            told.append((now, plain, raised))
    return own


USED = series(12 * DAY, np.random.default_rng(3))


@pytest.fixture(scope='module')
def told():
    found = []
    found.append(audits(USED, told=found))
    return found


def own_of(told):
    return told[-1]


def forecasts(told):
    return told[:-1]


def test_a_leader_is_found_and_proven(told):
    leads = own_of(told).known.leads
    names = own_of(told).known.instances
    [k] = np.flatnonzero(leads.proven)
    assert names[leads.leader[k]] == 'leader'
    assert names[leads.follower[k]] == 'follower'
    assert leads.lag[k] == LAG
    assert leads.ratio()[k] < 0.7


def raised_steps(told):
    return [
        (now, plain, raised)
        for now, plain, raised in forecasts(told)
        if raised.raised is not None
    ]


def test_a_forecast_is_raised_before_the_follower_rises(told):
    steps = raised_steps(told)
    assert steps
    hits = 0
    for now, plain, raised in steps:
        before = plain.level(forecast.Target.MAX900, 0.95)
        after = raised.level(forecast.Target.MAX900, 0.95)
        hits += USED[1, now + 1 : now + 4].max() > before[1, 0] + 1
        assert after[1, 0] > before[1, 0]
    assert hits > 0.8 * len(steps)


def test_only_followers_are_raised_and_nothing_falls(told):
    for _, plain, raised in raised_steps(told):
        before, after = plain.quantiles, raised.quantiles
        np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
        np.testing.assert_array_equal(after[1, 1:], before[1, 1:])
        assert (after[1, 0] >= before[1, 0]).all()
        assert (np.diff(after[1, 0], axis=-1) >= 0).all()
        assert raised.raised.sum() == 1 and raised.raised[1, 0]


def test_before_it_is_proven_nothing_is_raised(told):
    first = raised_steps(told)[0][0]
    assert first > 2 * DAY
    for now, plain, raised in forecasts(told):
        if now < first:
            assert raised is plain


def test_the_note_says_who_leads(told):
    _, _, raised = raised_steps(told)[-1]
    note = raised.notes['follower']
    assert 'the forecast of cpu is raised: leader surges' in note
    assert 'follows by 10 min' in note


def test_the_chance_rises_with_the_forecast(told):
    _, plain, raised = raised_steps(told)[-1]
    shape = plain.quantiles.shape[:2]
    mixture = {
        name: np.full((*shape, 1), value)
        for name, value in (('weight', 1.0), ('mean', 0.0), ('spread', 0.1))
    }
    head = forecast.Exceedance(
        **mixture, last=np.ones(shape), scale=np.ones(shape)
    )
    threshold = np.full(shape, 2.5)
    without = dataclasses.replace(plain, exceedance=head)
    with_ = dataclasses.replace(raised, exceedance=head)
    before, after = (f.probability(threshold) for f in (without, with_))
    assert after[1, 0] > before[1, 0]
    np.testing.assert_array_equal(
        np.delete(after.ravel(), 4), np.delete(before.ravel(), 4)
    )
    alone = with_.of(np.array([1])).probability(threshold[:1])
    assert alone[0, 0] == after[1, 0]


def test_whoever_follows_no_more_is_let_alone(told):
    own = relating.Correlating(own_of(told).known)
    rest = series(6 * DAY, np.random.default_rng(4), follows=0.0)
    used = np.concatenate([USED, rest], axis=1)
    audits(used, own, begin=USED.shape[1])
    assert not own.known.leads.proven.any()


def test_a_forecaster_that_knows_already_gets_no_leader():
    """Raised to what it says anyhow, it gains nothing."""
    own = relating.Correlating()
    levels = np.linspace(-0.15, 0.15, LEVELS)
    for now in range(8, 8 * DAY):
        first = max(0, now - DAY - 8)
        past = window_of(USED[:, first : now + 1], START + first * STEP_S)
        own.learn(SITE, past, LIMITS)
        plain = persistence(past, USED, now)
        quantiles = plain.quantiles.copy()
        for target, came in enumerate(
            (*USED[:, now + 1 : now + 4].T, USED[:, now + 1 : now + 4].max(1))
        ):
            quantiles[:, 0, target] = came[:, None] + levels
        knows = dataclasses.replace(plain, quantiles=quantiles)
        assert own.raised(knows, past, LIMITS) is knows
    assert own.known.leads.settled.any()


def test_going_on_after_a_restart_is_going_on(told):
    half = audits(USED[:, : 6 * DAY])
    kept = half.known.memory({})
    again = relating.Correlating(correlation.of_memory(kept))
    audits(USED, again, begin=6 * DAY)
    ours = own_of(told).known.memory({}).parts
    theirs = again.known.memory({}).parts
    for name, part in ours.items():
        np.testing.assert_array_equal(part, theirs[name], name)


def one_lead(count=0, shares=()):
    lead = leading.Leads(np.array([0]), np.array([1]), np.array([LAG]))
    lead.count[:] = count
    lead.shares[:, :, : len(shares)] = shares
    return lead


def test_what_is_still_to_come_is_the_rise_less_than_a_lag_ago():
    used = np.ones((2, moving.LAGS + 1))
    used[0, -1] = 4.0  # it rises now: the follower will in two steps
    found = one_lead().rises(used, np.full(2, 8.0), np.full(2, 0.1))
    np.testing.assert_array_equal(found.rise, [[np.nan, 3.0, 3.0, 3.0]])


@settings(max_examples=60)
@given(
    used=st.lists(
        st.floats(0, 8) | st.just(float('nan')), min_size=8, max_size=8
    )
)
def test_of_what_is_unknown_nothing_is_told(used):
    grid = np.array(used).reshape(2, 4)
    lead = one_lead(8, [1.0] * 8)
    limits = np.full(2, 8.0)
    rises = lead.rises(grid, limits, np.full(2, 0.1))
    said = lead.told(rises, limits)
    assert np.isfinite(said).any() <= np.isfinite(grid[1, -1])
    unknown = np.isnan(rises.rise)
    assert np.isnan(said[unknown]).all()
    assert not (said > 8.8).any()


def test_too_few_surges_tell_nothing():
    used = np.ones((2, 4))
    used[0, -1] = 4.0
    limits = np.full(2, 8.0)
    lead = one_lead(7, [1.0] * 7)
    rises = lead.rises(used, limits, np.full(2, 0.1))
    assert np.isnan(lead.told(rises, limits)).all()


def test_a_follower_has_two_leaders_at_most_and_keeps_them():
    found = pairs.Pairs(np.zeros(4, int), np.arange(1, 5))
    found.active[:] = True
    found.lag[:] = pairs.LAGS.tolist().index(-1)  # the second is ahead
    found.energy[:] = 1.0
    found.moment[:, 2] = [3.0, 9.0, 8.0, 7.0]
    first = leading.among(found, leading.nobody())
    assert sorted(first.leader.tolist()) == [2, 3]
    found.moment[:, 2] = [3.0, 4.0, 5.0, 7.0]
    again = leading.among(found, first)
    assert sorted(again.leader.tolist()) == [2, 3]


def test_a_forecast_that_nobody_can_settle_is_given_up():
    lead = one_lead()
    lead.origin[0, 0] = START
    nothing = np.full((2, 4), np.nan)
    lead.settle(nothing, START + 86400, STEP_S, np.ones(2))
    assert (lead.origin == -1).all() and lead.settled[0] == 0


def test_a_forecast_of_a_time_far_ahead_is_given_up():
    lead = one_lead()
    lead.origin[0, :2] = START + 86400, START + 1200
    lead.settle(np.ones((2, 4)), START, STEP_S, np.ones(2))
    assert lead.origin[0].tolist() == [-1, START + 1200, -1, -1]


def surging(quantile):
    """A proven pair, of which the leader surges, and a forecast."""
    lead = one_lead(leading.AHEAD * 4, [1.0] * 12)
    lead.proven[:] = True
    lead.losses[:] = [[2.0, 1.0]]
    known = correlation.nothing(('follower', 'leader'), STEP_S)
    lead.leader[:], lead.follower[:] = 1, 0
    known.moves.scale[:] = 0.1
    known = dataclasses.replace(known, leads=lead)
    grid = np.ones((2, moving.LAGS + 1, 4), np.float32)
    grid[1, -1] = 4.0
    window = usage.UsageWindow(
        instances=('follower', 'leader'), start=START, step_s=STEP_S,
        usage=grid,
    )  # fmt: skip
    shape = (2, 4, len(forecast.TARGETS), LEVELS)
    plain = forecast.Forecast(
        instances=window.instances,
        origin=window.end,
        model='m',
        quantiles=np.full(shape, quantile, np.float32),
    )
    return known, plain, window


def test_where_there_is_no_forecast_a_surge_makes_none():
    known, plain, window = surging(np.nan)
    _, found = relating.raised(known, plain, window, LIMITS[:2])
    assert np.isnan(found.quantiles).all()


def test_a_forecast_of_another_step_is_not_raised():
    known, plain, window = surging(1.0)
    _, raised = relating.raised(known, plain, window, LIMITS[:2])
    assert raised.raised is not None
    other = dataclasses.replace(plain, origin=plain.origin - STEP_S)
    _, found = relating.raised(known, other, window, LIMITS[:2])
    assert found is other


def test_an_audit_that_is_run_again_waits_once():
    known, plain, window = surging(1.0)
    once, _ = relating.raised(known, plain, window, LIMITS[:2])
    again, _ = relating.raised(once, plain, window, LIMITS[:2])
    assert (once.leads.origin >= 0).sum() == 1
    np.testing.assert_array_equal(once.leads.origin, again.leads.origin)


def test_no_forecast_is_raised_beyond_what_is_possible():
    known, plain, window = surging(1.0)
    limits = np.full((2, 4), 2.0)
    _, found = relating.raised(known, plain, window, limits)
    assert found.quantiles.max() == pytest.approx(2.2)
