"""Audits watch for anomalies from where the one before ended."""

import numpy as np
import pytest

from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage as usage_module
from predictive_watcher.core import vigil
from predictive_watcher.core.anomaly import Kind


STEP_S = 300
START = 1_000_000_200 - 1_000_000_200 % 1800
LIMITS = np.array([4.0, 8192, np.nan, np.nan])
MEAN = np.array([1.0, 3000, 1e5, 2e4])
STEPS = 700


def load(instances=3, steps=STEPS, seed=0):
    rng = np.random.default_rng(seed)
    shape = (instances, steps, 4)
    return rng.normal(MEAN, MEAN / 10, shape).astype(np.float32)


def window(usage, until=None, names='abcdefgh'):
    usage = usage[:, :until].copy()
    return usage_module.UsageWindow(
        instances=tuple(names[: len(usage)]),
        start=START,
        step_s=STEP_S,
        usage=usage,
    )


def forecast_of(seen, middle=MEAN):
    """The same for all: the mean, give or take a fifth."""
    levels = np.array(forecast_module.LEVELS)
    by_level = middle[:, None] * (1 + 0.4 * (levels - 0.5))
    shape = (len(seen.instances), 4, len(forecast_module.TARGETS), len(levels))
    return forecast_module.Forecast(
        instances=seen.instances,
        origin=seen.end,
        model='made',
        quantiles=np.broadcast_to(by_level[:, None], shape).astype(np.float32),
    )


def look(watcher, seen):
    limits = np.tile(LIMITS, (len(seen.instances), 1))
    return watcher.look(seen, limits, forecast_of(seen))


def same(one, other, but=()):
    assert one.keys() == other.keys()
    for name in one.keys() - set(but):
        assert np.array_equal(one[name], other[name], equal_nan=True), name


def test_an_audit_goes_on_where_the_one_before_ended():
    usage = load()
    usage[1, 690:, 0] = np.linspace(3.9, 3.95, 10)
    whole = vigil.Vigil()
    at_once = look(whole, window(usage))
    first = vigil.Vigil()
    look(first, window(usage, 500))
    second = vigil.Vigil(first.memory)
    found = look(second, window(usage))
    assert second.resumed == 3
    # but for what was forecast between, which nobody knows afterwards
    assert found.found.keys() == at_once.found.keys() == {'b'}
    assert found.found['b'].began == at_once.found['b'].began


def test_without_a_forecast_between_both_are_the_same_bit_for_bit():
    usage = load()
    whole = vigil.Vigil()
    look(whole, window(usage))
    first = vigil.Vigil()
    seen = window(usage, 500)
    nothing = forecast_of(seen, MEAN * np.nan)
    first.look(seen, np.tile(LIMITS, (3, 1)), nothing)
    second = vigil.Vigil(first.memory)
    look(second, window(usage))
    same(second.memory.parts, whole.memory.parts, ['expected', 'expected_at'])


def test_who_is_new_is_watched_over_the_window():
    usage = load(2)
    first = vigil.Vigil()
    look(first, window(usage[:1], 500))
    second = vigil.Vigil(first.memory)
    look(second, window(usage))
    whole = vigil.Vigil()
    look(whole, window(usage))
    assert second.resumed == 1
    for name in ('surprise_slow', 'runs_seen', 'event_tolerance'):
        assert np.array_equal(
            second.memory.parts[name][1], whole.memory.parts[name][1]
        ), name


def test_what_was_forecast_is_compared_with_what_came():
    usage = load(1)
    watcher = vigil.Vigil()
    for until in range(600, 660):
        watcher = vigil.Vigil(watcher.memory)
        look(watcher, window(usage, until))
    seen = watcher.memory.parts['surprise_seen'][0, :, 7]
    assert (seen == 59).all()  # of each sample but the first


def test_a_step_that_may_get_samples_is_judged_but_not_remembered():
    usage = load()
    usage[2, -1] = np.nan
    watcher = vigil.Vigil()
    look(watcher, window(usage))
    assert watcher.memory.time == START + (STEPS - 2) * STEP_S


def test_an_event_is_news_once():
    usage = load(steps=STEPS + 3)
    usage[0, STEPS:, 2] = 9e6
    watcher = vigil.Vigil()
    look(watcher, window(usage, STEPS))
    told = []
    for until in (STEPS + 1, STEPS + 2):
        watcher = vigil.Vigil(watcher.memory)
        told.append(look(watcher, window(usage, until)))
    assert [event.subject for event in told[0].new()] == ['a']
    assert told[0].found['a'].kind is Kind.SPIKE
    assert 'a' in told[1].found
    assert told[1].new() == ()


def test_an_event_that_says_more_is_news_again():
    usage = load(steps=STEPS + 4)
    usage[0, STEPS:, 2] = 6e5
    watcher = vigil.Vigil()
    kinds = []
    for until in range(STEPS, STEPS + 5):
        watcher = vigil.Vigil(watcher.memory)
        found = look(watcher, window(usage, until))
        kinds += [event.kind for event in found.new()]
    assert kinds == [Kind.SPIKE, Kind.LEVEL_SHIFT]


def test_a_memory_of_another_grid_is_not_used():
    usage = load()
    first = vigil.Vigil()
    look(first, window(usage))
    seen = usage_module.UsageWindow(
        instances=('a', 'b', 'c'), start=START + 7, step_s=STEP_S, usage=usage
    )
    second = vigil.Vigil(first.memory)
    look(second, seen)
    assert second.resumed == 0


@pytest.mark.parametrize('steps', [1, 2])
def test_a_short_history_says_nothing(steps):
    assert not look(vigil.Vigil(), window(load(steps=steps))).found
