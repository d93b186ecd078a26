"""Who stands in for an instance of which little was seen."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import conditions
from predictive_watcher.core import fleet
from predictive_watcher.core import ladder
from predictive_watcher.core import prior
from predictive_watcher.core import profile
from predictive_watcher.core import scale


MONDAY = 4 * 86400
DAY = 288
CPU = 0


def learned(cpu, begin=MONDAY):
    """Profiles of (instances, time) of cpu; the rest is steady."""
    count, steps = cpu.shape
    found = profile.BehaviouralProfile(count, 300)
    for k in range(steps):
        sample = np.full((count, 4), 1e4, np.float32)
        sample[:, CPU] = cpu[:, k]
        sample[np.isnan(cpu[:, k])] = np.nan
        found.advance(sample, begin + 300 * (k + 1))
    return found


def days_of(levels, count=2):
    """Busy from noon on."""
    steps = np.arange(count * DAY) % DAY
    busy = np.where(steps < DAY // 2, 0.5, 2.0)
    return np.asarray(levels)[:, None] * busy


def kin_of(*names):
    return ladder.Groups([(name, '', '', '') for name in names])


def amount(usual, row):
    return float(scale.of_resource(usual.level[row, ..., CPU], CPU))


def test_an_instance_without_samples_has_what_its_kin_do_at_that_time():
    cpu = days_of([1.0, 1.0, 1.0, 9.0])
    cpu[2] = np.nan
    known = learned(cpu)
    kin = kin_of('shop', 'shop', 'shop', 'batch')
    for hour, want in ((3, 0.5), (15, 2.0)):
        usual = prior.at(known, kin, MONDAY + 2 * 86400 + hour * 3600)
        assert amount(usual, 2) == pytest.approx(want, rel=1e-3)
        assert usual.own[2, CPU] == 0
        assert usual.others[2, CPU] == 2


def test_with_samples_of_its_own_it_counts_more_for_itself():
    shares = []
    for seen in (1, 6, 12, 288):
        cpu = days_of([1.0, 1.0, 4.0])
        cpu[2, : 2 * DAY - seen] = np.nan
        known = learned(cpu)
        usual = prior.at(known, kin_of('a', 'a', 'a'), known.time)
        shares.append(float(usual.own[2, CPU]))
    assert shares == sorted(shares)
    assert 0.05 < shares[0] < 0.2
    assert 0.3 < shares[-1] < 0.4  # six samples of this half hour, not 288


def test_the_day_of_kin_is_moved_to_the_own_level():
    cpu = days_of([1.0, 1.0, 4.0])
    cpu[2, : 2 * DAY - 24] = np.nan  # two hours of an evening are known
    known = learned(cpu)
    usual = prior.days(known, kin_of('a', 'a', 'a'))
    level = scale.of_resource(usual.level[2, :, CPU], CPU)
    theirs = scale.of_resource(usual.level[0, :, CPU], CPU)
    assert level[6] > 1.2 * theirs[6]  # three in the morning


def test_who_has_no_kin_stands_alone_and_nan_stays_nan():
    cpu = np.full((1, 20), np.nan)
    known = learned(cpu)
    usual = prior.at(known, kin_of('a'), known.time)
    assert np.isnan(usual.level).all() and np.isnan(usual.own).all()
    assert prior.stand_ins(known, kin_of('a'), usual) == [None]
    known = learned(days_of([1.0]))
    usual = prior.at(known, kin_of('a'), known.time)
    assert (usual.own == 1).all()


def test_the_most_specific_group_that_knows_anything_is_named():
    cpu = days_of([1.0, 1.0, 1.0, 1.0])
    cpu[0] = np.nan
    known = learned(cpu)
    kin = ladder.Groups(
        [
            ('shop', 'p small', 'small', 'p'),
            ('', 'q small', 'small', 'q'),
            ('', 'q small', 'small', 'q'),
            ('blog', 'p large', 'large', 'p'),
        ]
    )
    usual = prior.at(known, kin, known.time)
    found = prior.stand_ins(known, kin, usual)
    assert str(found[0]) == '2 others of flavor small stand in by 100%'
    assert found[1].group == 'project and flavor q small'
    assert found[3].group == 'all'


def test_zones_have_their_own_time_of_the_day():
    known = learned(days_of([1.0] * 4))
    ahead = conditions.Zone(name='X', since=(0,), offset_s=(43200,))
    known.calendar = conditions.Calendar(
        4, (conditions.UTC, ahead), [0, 0, 1, 1]
    )
    kin = kin_of('a', 'a', 'b', 'b')
    usual = prior.at(known, kin, MONDAY + 2 * 86400 + 3 * 3600)
    assert amount(usual, 2) > 3 * amount(usual, 0)


def test_what_is_usual_is_said_of_what_is_known():
    known = learned(days_of([1.0, 1.0]))
    usual = prior.at(known, kin_of('a', 'a'), known.time)
    said = prior.said(usual, 0)
    assert said.startswith('cpu 2 vCPUs, memory 1e+04 MiB')
    assert all(str(resource) in said for resource in fleet.RESOURCES)


def test_who_knows_all_by_itself_needs_nobody():
    known = learned(days_of([1.0, 1.0], count=2))
    kin = kin_of('a', 'a')
    usual = prior.at(known, kin, known.time)
    assert None not in prior.stand_ins(known, kin, usual)
    alone = dataclasses.replace(usual, own=np.ones_like(usual.own))
    assert prior.stand_ins(known, kin, alone) == [None, None]
