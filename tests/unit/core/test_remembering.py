import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import remembering
from predictive_watcher.core import usage
from predictive_watcher.models import registry
from tests.fakes import recurrent
from tests.unit.training import made


NAN = float('nan')
LIMITS = made.limits()


def part(begin, end, who=None, values=None):
    """Steps begin..end-1 of a made window."""
    window = made.window()
    values = window.usage if values is None else values
    who = range(len(window.instances)) if who is None else who
    return usage.UsageWindow(
        instances=tuple(window.instances[i] for i in who),
        start=begin * 300,
        step_s=300,
        usage=values[list(who), begin:end].copy(),
    )


def ask(model, memory, window, who=None):
    asked = remembering.Remembering(model, memory)
    limits = LIMITS if who is None else LIMITS[list(who)]
    return asked.forecast(window, limits), asked


def same(one, other):
    assert one.origin == other.origin
    assert np.array_equal(one.quantiles, other.quantiles, equal_nan=True)
    for name in ('weight', 'mean', 'spread', 'last', 'scale', 'bias'):
        pair = (getattr(f.exceedance, name) for f in (one, other))
        assert np.array_equal(*pair, equal_nan=True)


@pytest.mark.parametrize('make', [recurrent.Echo, registry.load])
def test_going_on_gives_bit_for_bit_what_the_history_gives(make):
    model, memory = make(), None
    # one step, several, none; the gap of instance 0 is at 20 to 29
    for end in (12, 13, 18, 18, 25, 31, 32, 60, 61):
        found, asked = ask(model, memory, part(0, end))
        whole, _ = ask(model, None, part(0, end))
        same(found, whole)
        memory = asked.memory
        assert asked.resumed == (6 if end > 12 else 0)


@pytest.mark.parametrize('make', [recurrent.Echo, registry.load])
def test_without_calibration_it_goes_on_as_well(make):
    model, memory = make(), None
    for end in (12, 13, 13, 18, 25, 61):
        asked = remembering.Remembering(model, memory, calibrated=False)
        found = asked.forecast(part(0, end), LIMITS)
        anew = remembering.Remembering(model, None, calibrated=False)
        whole = anew.forecast(part(0, end), LIMITS)
        assert np.array_equal(found.quantiles, whole.quantiles, equal_nan=True)
        memory = asked.memory


def test_only_new_samples_are_scored():
    model = recurrent.Echo()
    _, asked = ask(model, None, part(30, 80))
    assert model.scored == 50 * 6
    _, asked = ask(model, asked.memory, part(31, 81))
    assert model.scored == 50 * 6 + 6
    _, asked = ask(model, asked.memory, part(31, 81))
    assert model.scored == 50 * 6 + 6


@pytest.mark.parametrize('make', [recurrent.Echo, registry.load])
def test_instances_come_go_and_change_places(make):
    model = make()
    _, asked = ask(model, None, part(40, 70, [0, 1, 2, 3]), [0, 1, 2, 3])
    who = [3, 5, 1, 4]
    found, asked = ask(model, asked.memory, part(40, 75, who), who)
    assert asked.resumed == 2
    same(found, ask(model, None, part(40, 75, who), who)[0])
    found, asked = ask(model, asked.memory, part(40, 76, who), who)
    assert asked.resumed == 4
    same(found, ask(model, None, part(40, 76, who), who)[0])


def test_what_was_learned_outlives_the_window():
    model = recurrent.Echo()
    _, asked = ask(model, None, part(0, 100))
    found, asked = ask(model, asked.memory, part(90, 101))
    same(found, ask(model, None, part(0, 101))[0])
    young, _ = ask(model, None, part(90, 101))
    assert not np.array_equal(found.quantiles, young.quantiles)


def test_a_late_sample_counts_when_it_comes():
    model = recurrent.Echo()
    late = made.window().usage.copy()
    late[2, 69] = NAN
    _, asked = ask(model, None, part(30, 70, values=late))
    assert asked.memory.time == 68 * 300
    found, asked = ask(model, asked.memory, part(30, 71))
    assert asked.resumed == 6
    same(found, ask(model, None, part(30, 71))[0])


def test_an_instance_that_was_switched_off_delays_nobody_for_long():
    off = made.window().usage.copy()
    off[2, 50:] = NAN
    _, asked = ask(recurrent.Echo(), None, part(30, 70, values=off))
    assert asked.memory.time == 69 * 300


def test_a_memory_that_ends_before_the_window_is_no_help():
    model = recurrent.Echo()
    _, asked = ask(model, None, part(0, 40))
    found, asked = ask(model, asked.memory, part(60, 90))
    assert asked.resumed == 0
    same(found, ask(model, None, part(60, 90))[0])


def test_a_memory_that_is_ahead_is_kept_for_the_next_audit():
    model = recurrent.Echo()
    _, asked = ask(model, None, part(30, 72))
    memory = asked.memory
    found, asked = ask(model, memory, part(30, 70))
    assert asked.resumed == 0
    assert asked.memory is memory
    same(found, ask(model, None, part(30, 70))[0])


@pytest.mark.parametrize(
    'other',
    [{'model': 'another'}, {'step_s': 600}, {'time': 12_345}, {'time': 10**9}],
)
def test_a_foreign_memory_is_replaced(other):
    model = recurrent.Echo()
    _, asked = ask(model, None, part(30, 70))
    foreign = dataclasses.replace(asked.memory, **other)
    found, asked = ask(model, foreign, part(30, 70))
    assert asked.resumed == 0
    assert (asked.memory.model, asked.memory.time) == ('echo-1', 69 * 300)
    same(found, ask(model, None, part(30, 70))[0])


def test_nobody_in_scope_is_no_error():
    _, asked = ask(recurrent.Echo(), None, part(30, 50))
    found, asked = ask(recurrent.Echo(), asked.memory, part(30, 51, []), [])
    assert found.quantiles.shape == (0, 4, 4, 9)
    assert asked.memory.instances == ()


def test_a_new_limit_counts_at_once():
    model = registry.load(threads=1)
    _, asked = ask(model, None, part(30, 70))
    free = np.full_like(LIMITS, NAN)
    found = remembering.Remembering(model, asked.memory).forecast(
        part(30, 70), free
    )
    assert np.isnan(free).all() and np.isfinite(found.quantiles).all()


def test_an_instance_takes_at_most_20_kilobytes():
    _, asked = ask(registry.load(threads=1), None, part(30, 70))
    size = sum(part.nbytes for part in asked.memory.parts.values())
    assert size / 6 <= 20 * 1024
