"""Windows by cron, where clocks change."""

import datetime
import itertools
import zoneinfo

import hypothesis
from hypothesis import strategies as st
import pytest

from predictive_watcher import exceptions
from predictive_watcher.policies import times
from predictive_watcher.policies.times import CronWindow


BERLIN = zoneinfo.ZoneInfo('Europe/Berlin')


def unix(*moment, fold=0):
    local = datetime.datetime(*moment, tzinfo=BERLIN, fold=fold)
    return int(local.timestamp())


def window(cron, duration_s, timezone='Europe/Berlin'):
    return CronWindow(cron=cron, duration_s=duration_s, timezone=timezone)


def test_a_window_holds_from_its_beginning_up_to_its_end():
    nights = window('0 22 * * *', 8 * 3600)
    assert not nights.covers(unix(2026, 7, 1, 21, 59, 59))
    assert nights.covers(unix(2026, 7, 1, 22))
    assert nights.covers(unix(2026, 7, 2, 5, 59, 59))
    assert not nights.covers(unix(2026, 7, 2, 6))


def test_local_times_stay_where_they_are_in_summer_and_winter():
    days = window('0 8 * * *', 3600)
    assert days.covers(unix(2026, 1, 15, 8, 30))
    assert days.covers(unix(2026, 7, 15, 8, 30))
    utc = window('0 8 * * *', 3600, 'UTC')
    assert not utc.covers(unix(2026, 7, 15, 8, 30))


def test_what_begins_in_the_hour_that_is_skipped_begins_at_its_end():
    early = window('30 2 * * *', 3600)
    assert not early.covers(unix(2026, 3, 29, 1, 59, 59))
    assert early.covers(unix(2026, 3, 29, 3))
    assert early.covers(unix(2026, 3, 29, 3, 59, 59))
    assert not early.covers(unix(2026, 3, 29, 4))


def test_what_begins_in_the_hour_that_comes_twice_begins_once():
    early = window('30 2 * * *', 3600)
    assert not early.covers(unix(2026, 10, 25, 2, 29))
    assert early.covers(unix(2026, 10, 25, 2, 30))
    assert early.covers(unix(2026, 10, 25, 2, 0, fold=1))
    assert early.covers(unix(2026, 10, 25, 2, 29, fold=1))
    assert not early.covers(unix(2026, 10, 25, 2, 30, fold=1))
    assert not early.covers(unix(2026, 10, 25, 3))


@pytest.mark.parametrize(
    ('day', 'ends'), [((2026, 3, 28), 7), ((2026, 10, 24), 5)]
)
def test_a_duration_is_real_time_in_the_night_of_a_change(day, ends):
    nights = window('0 22 * * *', 8 * 3600)
    after = [*day[:2], day[2] + 1]
    assert nights.covers(unix(*after, ends - 1, 59, 59))
    assert not nights.covers(unix(*after, ends))


crons = st.sampled_from(
    ['30 2 * * *', '0 22 * * *', '*/20 1-3 * * *', '15 3 * * 0', '0 2 * * *']
)
days = st.sampled_from([unix(2026, 3, 28), unix(2026, 10, 24)])


@hypothesis.given(
    crons,
    st.sampled_from([1800, 5400, 28800]),
    days,
    st.integers(0, 3 * 86400),
)
@hypothesis.settings(deadline=None)
def test_a_moment_is_covered_where_a_beginning_is_near_enough(
    cron, lasts_s, day, later
):
    made = window(cron, lasts_s)
    at = day + later
    begins = itertools.takewhile(
        lambda b: b <= at, made.beginnings(day - 8 * 86400)
    )
    assert made.covers(at) is any(at < b + lasts_s for b in begins)


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [('90s', 90), ('30m', 1800), ('1d12h', 129600), ('0s', 0), (7.0, 7)],
)
def test_durations_are_read(text, seconds):
    assert times.seconds(text) == seconds


@pytest.mark.parametrize(
    'text', ['', 'h', '1', '1h 30m', '30m1h', '-1h', '9' * 5000 + 's']
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(exceptions.InvalidInput, match='is not a duration'):
        times.seconds(text)


@pytest.mark.parametrize(
    ('given', 'interval_s'),
    [
        (None, 0),
        ('', 0),
        ('300', 300),
        ('*/30 * * * *', 1800),
        ('0 3 * * *', 86400),
        ('*/10 8-17 * * 1-5', 600),  # the night is a gap
        ('no cron', 0),
    ],
)
def test_how_often_an_audit_runs(given, interval_s):
    assert times.interval_s(given, 1_790_000_000) == interval_s
