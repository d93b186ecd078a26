"""Instances on nodes that have nothing left to give."""

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
