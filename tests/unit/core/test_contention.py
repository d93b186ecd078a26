"""Instances on nodes that have nothing left to give."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import contention
from predictive_watcher.core import pipeline
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def a_fleet():
    return data.a_fleet(
        data.instance('a'),
        data.instance('b'),
        data.instance('c', node='n2'),
        nodes=(data.node('n1', vcpus=4), data.node('n2', vcpus=4)),
    )


def used(fleet, steps):
    """n1 is full in so many of the newest steps."""
    window = data.window(fleet, steps=24)
    values = window.usage.copy()
    values[:2, 24 - steps :, 0] = 1.95
    return type(window)(
        instances=window.instances,
        start=window.start,
        step_s=300,
        usage=values,
    )


@pytest.mark.parametrize(
    ('steps', 'said'), [(0, []), (2, []), (3, ['a', 'b']), (20, ['a', 'b'])]
)
def test_who_lives_on_a_node_that_was_often_full_is_told(steps, said):
    fleet = a_fleet()
    found = contention.notes(fleet, used(fleet, steps))
    assert sorted(found) == said


def test_the_note_says_how_often_and_is_part_of_the_verdict():
    fleet = a_fleet()
    found = pipeline.propose(
        fleet=fleet,
        window=used(fleet, 5),
        forecaster=FakeForecaster({}),
        leases=(),
        policy=Policy(),
        now=data.NOW,
    )
    notes = {v.instance.id: v.note for v in found.verdicts}
    assert 'n1 used 95% of its vCPUs or more in 5 steps' in notes['a']
    assert notes['c'] == ''


def test_what_is_unknown_adds_nothing():
    fleet = a_fleet()
    window = used(fleet, 5)
    values = window.usage.copy()
    values[0] = np.nan
    part = type(window)(
        instances=window.instances, start=window.start, step_s=300,
        usage=values,
    )  # fmt: skip
    assert contention.busy_steps(fleet, part) == {'n1': 0, 'n2': 0}


def waiting(fleet, share):
    """a waited for a share of what it wanted in the last hour."""
    window = data.window(fleet, steps=24)
    beside = np.full((3, 24, 2), np.nan, np.float32)
    beside[0, -12:, 0] = share * window.usage[0, -12:, 0]
    return dataclasses.replace(window, conditions=beside)


@pytest.mark.parametrize(('share', 'said'), [(0.02, False), (0.3, True)])
def test_who_waited_much_is_told(share, said):
    fleet = a_fleet()
    found = contention.notes(fleet, waiting(fleet, share))
    assert ('a' in found) == said
    if said:
        assert 'waited on n1 for 30% of the cpu' in found['a']
    assert not {'b', 'c'} & found.keys()


def test_the_share_is_unknown_where_nobody_measures_it():
    fleet = a_fleet()
    share = contention.waited(waiting(fleet, 0.3))
    assert share[0] == pytest.approx(0.3)
    assert np.isnan(share[1:]).all()
    assert np.isnan(contention.waited(data.window(fleet))).all()
