"""What rivals take for what will be."""

import dataclasses

import numpy as np

from predictive_watcher.backtest import rivals
from predictive_watcher.core import forecast
from tests.fakes import cloud_data as data


NO_LIMITS = np.full((1, 4), np.nan)


def used(*cpu, end=data.NOW):
    fleet = data.a_fleet(data.instance('a'))
    window = data.window(fleet, steps=len(cpu), end=end)
    usage = window.usage.copy()
    usage[0, :, 0] = cpu
    return dataclasses.replace(window, usage=usage)


def believed(rival, *cpu):
    return rival.forecast(used(*cpu), NO_LIMITS).quantiles[0, 0]


def test_a_threshold_rule_believes_in_the_newest_sample():
    expected = np.full((len(forecast.TARGETS), len(forecast.LEVELS)), 1.5)
    assert np.array_equal(believed(rivals.Reactive(), 0.5, 1.5), expected)
    nothing = [np.nan] * (forecast.MAX_AGE + 1)
    assert np.isnan(believed(rivals.Reactive(), 0.5, *nothing)).all()


def test_one_with_a_margin_acts_from_80_percent_of_a_limit_on():
    ceiling = 0.9 * 2
    assert (believed(rivals.Early(), 0.79 * 2) < ceiling).all()
    assert (believed(rivals.Early(), 0.81 * 2) > ceiling).all()


def test_an_oracle_knows_three_steps_and_no_more():
    demand = used(*range(8))
    seen = used(*range(4), end=int(demand.times()[3]))
    made = rivals.Oracle(demand).forecast(seen, NO_LIMITS)
    assert made.quantiles[0, 0, :, 0].tolist() == [4, 5, 6, 6]
