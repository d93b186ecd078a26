"""Local time, as data."""

import datetime
import zoneinfo

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.cloud import zones
from predictive_watcher.core import conditions


NAMES = ('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata',
         'Australia/Lord_Howe', 'Pacific/Apia')  # fmt: skip
NOW = 1_790_000_000  # September 2026


def seconds(text, name='UTC'):
    found = datetime.datetime.fromisoformat(text)
    return int(found.replace(tzinfo=zoneinfo.ZoneInfo(name)).timestamp())


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    st.sampled_from(NAMES), st.integers(1_704_067_200, 1_861_919_999)
)
def test_the_offset_is_that_of_the_zone_at_every_second(name, time):
    zone = zones.zone(name, NOW)
    here = datetime.datetime.fromtimestamp(time, zoneinfo.ZoneInfo(name))
    assert zone.offset(time) == here.utcoffset().total_seconds()


@pytest.mark.parametrize('name', ['Mars/Olympus', '', '../etc/passwd'])
def test_a_zone_that_is_not_known_is_told_with_what_to_do(name):
    with pytest.raises(ValueError, match='Europe/Berlin'):
        zones.zone(name, NOW)


def slot_at(time, name='Europe/Berlin'):
    calendar = conditions.Calendar(1, [zones.zone(name, NOW)])
    return int(calendar.at(time).slot[0])


def test_nine_in_the_morning_is_nine_on_either_side_of_a_change():
    before = seconds('2026-10-23T09:10', 'Europe/Berlin')  # a Friday
    after = seconds('2026-10-26T09:10', 'Europe/Berlin')  # a Monday
    assert (after - before) % 86400 == 3600
    assert slot_at(before) == slot_at(after) == 18


def test_the_hour_that_is_left_out_and_the_one_that_comes_twice():
    spring = seconds('2026-03-29T00:30')  # 01:30 in Berlin, a Sunday
    slots = [slot_at(spring + k * 1800) - 48 for k in range(4)]
    assert slots == [2, 3, 6, 7]
    autumn = seconds('2026-10-25T00:00')  # 02:00 in Berlin, a Sunday
    slots = [slot_at(autumn + k * 1800) - 48 for k in range(1, 6)]
    assert slots == [4, 5, 4, 5, 6]


def test_each_instance_has_its_own_midnight():
    both = [zones.zone(n, NOW) for n in ('UTC', 'Asia/Kolkata')]
    calendar = conditions.Calendar(2, both, [0, 1])
    friday = seconds('2026-09-18T20:10')  # Saturday in Kolkata
    moment = calendar.at(friday)
    assert moment.weekday.tolist() == [4, 5]
    assert moment.slot.tolist() == [40, 48 + 3]
    assert calendar.among(np.array([1])).at(friday).weekday.tolist() == [5]


def test_a_step_that_ends_at_midnight_belongs_to_the_day_before():
    calendar = conditions.Calendar(1)
    moment = calendar.at(seconds('2026-02-01T00:00'))
    assert (moment.slot[0], moment.weekday[0]) == (48 + 47, 5)
    assert moment.month_end[0]


@pytest.mark.parametrize(
    ('day', 'is_end'),
    [
        ('2026-02-27', False),
        ('2026-02-28', True),
        ('2026-03-01', True),
        ('2026-03-02', False),
        ('2028-02-28', False),
        ('2028-02-29', True),
    ],
)
def test_a_month_ends_with_its_last_day_and_the_first_of_the_next(day, is_end):
    moment = conditions.Calendar(1).at(seconds(f'{day}T12:00'))
    assert bool(moment.month_end[0]) is is_end


def test_zones_for_another_number_of_instances_are_refused():
    with pytest.raises(ValueError, match='not for 3'):
        conditions.Calendar(3, [conditions.UTC], [0, 0])
