import numpy as np
import pytest

from predictive_watcher.core import baselines
from predictive_watcher.core import following
from predictive_watcher.core import replay
from predictive_watcher.core import usage
from tests.fakes import recurrent
from tests.unit.training import made


def scrambled(window, after):
    values = window.usage.copy()
    values[:, after + 1 :] *= 7
    values[1, after + 1] = np.nan
    return usage.UsageWindow(
        instances=window.instances, start=0, step_s=300, usage=values
    )


def test_origins_leave_room_for_the_truth():
    at = replay.origins(10, 40, 700)
    assert at[0] == 10
    assert at[-1] + replay.AHEAD < 40
    assert len(replay.origins(0, 10_000, 700)) <= 700


def test_what_comes_later_changes_no_forecast():
    at = np.arange(60, 120, 7)
    cut = 88
    replays = [
        replay.recurrent(
            recurrent.Echo(), window, made.limits(), at, 0.9, warm=12
        )
        for window in (made.window(), scrambled(made.window(), cut))
    ]
    before = at <= cut
    one, other = (found.quantiles for found in replays)
    assert np.array_equal(one[:, before], other[:, before])
    assert not np.array_equal(one[:, ~before], other[:, ~before])
    one, other = (found.risk[:, before] for found in replays)
    assert np.array_equal(one, other, equal_nan=True)


def test_the_truth_is_what_came_after_the_origin():
    window = made.window()
    at = np.array([40, 50])
    found = replay.forecaster(
        baselines.Persistence(), window, made.limits(), at, 0.9
    ).outcome(window, made.limits())
    came = window.usage[3, 51:54, 2]
    assert found.came[3, 1, 2].tolist() == [*came, came.max()]
    assert found.now[3, 1, 2] == window.usage[3, 50, 2]


def test_some_of_the_origins_can_be_looked_at():
    window = made.window()
    at = np.arange(40, 60)
    found = replay.recurrent(
        recurrent.Echo(), window, made.limits(), at, 0.9, warm=4
    )
    some = found.outcome(window, made.limits(), np.array([5]))
    every = found.outcome(window, made.limits())
    assert np.array_equal(some.came[:, 0], every.came[:, 5])
    assert np.array_equal(some.quantiles[:, 0], every.quantiles[:, 5])


def test_without_a_limit_there_is_no_risk():
    found = replay.recurrent(
        recurrent.Echo(), made.window(), made.limits(), np.array([50]), 0.9, 4
    )
    assert np.isfinite(found.risk[:, :, :2]).all()
    assert np.isnan(found.risk[:, :, 2:]).all()


def test_a_follower_that_was_not_asked_yet_has_no_forecast():
    follower = following.Follower(recurrent.Echo(), made.limits(), 300)
    follower.watch(made.window().usage[:, 0], 0)
    with pytest.raises(ValueError, match='advance'):
        follower.forecast(made.window().instances)
