"""A day of load that wavers about a limit, in a simulated cloud.

Decided by the rule that knows least: what is used now.
"""

import itertools

import numpy as np
import pytest

from predictive_watcher.backtest import cloud as cloud_module
from predictive_watcher.backtest import proposing
from predictive_watcher.backtest import rivals
from predictive_watcher.backtest import run
from predictive_watcher.core import profiling
from predictive_watcher.core.policy import Policy
from tests.unit.backtest import made


DAY = made.DAY
LIMIT = 2.0  # the ceiling is at 1.8
WAVES = list(
    itertools.product(
        (3, 6, 12, 24, 36, 48),  # steps: from a quarter of an hour to 4 h
        (0.15, 0.3),
        (1.75, 1.8, 1.85),
        (0.0, 0.3),  # where in it the day begins
    )
)


def lived(cpu, *, profiled=False, **rules):
    """What is done from the second day on: of each row (kind, step)."""
    window = made.demand(cpu.shape[1], instances=len(cpu))
    window.usage.flags.writeable = True
    window.usage[:, :, 0] = cpu
    scene = made.a_scene(window, begin=DAY, nodes=9)
    contender = proposing.Proposing(
        'one',
        rivals.Reactive(),
        Policy(
            max_actions=100,
            max_actions_per_node=100,
            max_unwatched_actions=100,
            observation_s=0,
            **rules,
        ),
        profiling=profiling.Profiling() if profiled else None,
    )
    found = run.live(scene, contender, lambda _: None)
    did = [[] for _ in cpu]
    for event in found.cloud.events:
        if event.failed:
            continue
        step = (event.ordered_at - window.start) // made.STEP_S
        did[event.order.row].append((event.order.kind, step))
    return did


def ended(did):
    return [step for kind, step in did if kind is cloud_module.Did.RELEASE]


def begun(did):
    return [step for kind, step in did if kind is cloud_module.Did.RESIZE]


@pytest.mark.parametrize('shape', [np.sin, lambda x: np.sign(np.sin(x))])
def test_load_that_came_and_went_before_gets_one_lease_in_24_hours(shape):
    steps = np.arange(2 * DAY)
    cpu = np.array(
        [
            level + size * shape(2 * np.pi * (steps / period + phase))
            for period, size, level, phase in WAVES
        ]
    )
    told = lived(cpu)
    assert all(len(begun(did)) >= 1 for did in told)
    assert [ended(did) for did in told] == [[] for _ in WAVES]


def test_who_is_known_goes_there_and_back_three_times_a_day_at_most():
    """However dear the room is, and however long the pauses are."""
    steps = np.arange(4 * DAY)
    cpu = np.array(
        [
            1.8 + 0.15 * np.sign(np.sin(2 * np.pi * steps / period))
            for period in (12, 48)
        ]
    )
    for did in lived(cpu, profiled=True, lease_cost=1e6):
        times = np.array(begun(did))
        assert len(times) > 1
        assert all(
            ((times >= one) & (times < one + DAY)).sum() <= 4 for one in times
        )


@pytest.mark.parametrize('steps', [6, 12, 36])
def test_the_lease_of_a_single_peak_ends_within_the_hour(steps):
    cpu = np.full((4, 2 * DAY), 0.8)
    cpu[:, DAY + 50 : DAY + 50 + steps] = 1.95
    for did in lived(cpu):
        assert len(begun(did)) == len(ended(did)) == 1
        assert ended(did)[0] <= DAY + 50 + steps + 12


def test_the_same_hour_of_two_days_is_a_need_of_its_own():
    cpu = np.full((4, 3 * DAY), 0.8)
    for day in range(3):
        cpu[:, day * DAY + 100 : day * DAY + 112] = 1.95
    for did in lived(cpu[:, : 2 * DAY]):
        assert len(begun(did)) == len(ended(did)) == 1
