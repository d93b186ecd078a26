"""Each kind of anomaly is found in a made series, and named rightly."""

import numpy as np
import pytest

from predictive_watcher.core import anomaly
from predictive_watcher.core import outbreak
from predictive_watcher.core import watching
from predictive_watcher.core.anomaly import Kind


STEP_S = 300
START = 1_000_000_200 - 1_000_000_200 % 1800
LIMITS = np.array([[4.0, 8192, np.nan, np.nan]], np.float32)
KNOWN = 640  # steps before anything happens


def load(steps, instances=1, seed=0):
    """Load with noise: cpu about 1 of 4, memory about 3,000 of 8,192."""
    rng = np.random.default_rng(seed)
    mean, spread = [1.0, 3000, 1e5, 2e4], [0.1, 30, 1e4, 3e3]
    shape = (steps, instances, 4)
    return rng.normal(mean, spread, shape).astype(np.float32)


def watched(values, watch=None, begin=0, expected=None):
    """The watch, and who was told of at each step."""
    instances = values.shape[1]
    watch = watch or watching.Watch(instances, 4)
    limits = np.repeat(LIMITS, instances, axis=0)
    told = [
        watch.advance(
            sample,
            START + (begin + t) * STEP_S,
            limits,
            None if expected is None else expected[t],
        )
        for t, sample in enumerate(values)
    ]
    return watch, np.array(told)


def names(instances):
    return tuple(f'i{k}' for k in range(instances))


def the_event(watch):
    return watch.findings(('i0',)).found['i0']


def first_told(told, row=0):
    return int(np.flatnonzero(told[KNOWN:, row])[0])


def test_nothing_is_told_of_load_as_usual():
    _, told = watched(load(1500, instances=20))
    assert told[KNOWN:].sum() <= 4  # 20 instances for three days


def test_a_spike_is_told_at_once():
    values = load(KNOWN + 1)
    values[KNOWN, 0, 2] = 5e6
    watch, told = watched(values)
    event = the_event(watch)
    assert first_told(told) == 0
    assert event.kind is Kind.SPIKE
    assert event.resources == ('disk',)
    assert event.score > 3
    assert event.began == START + KNOWN * STEP_S
    assert 'disk was 5e+06 B/s' in event.compared


def test_a_spike_that_stays_is_a_shift_of_the_level():
    values = load(KNOWN + 4)
    values[KNOWN:, 0, 0] += 1.5
    watch, told = watched(values)
    event = the_event(watch)
    assert first_told(told) == 0
    assert event.kind is Kind.LEVEL_SHIFT
    assert event.began == START + KNOWN * STEP_S


def test_load_at_another_time_of_the_day_is_another_regime():
    values = load(16 * 288)
    odd = 15 * 288
    phase = np.zeros(len(values))
    phase[odd:] = np.minimum(np.arange(288) / 48, 1) * np.pi
    wave = np.sin(np.arange(len(values)) * 2 * np.pi / 288 + phase)
    values[:, 0, 3] += 1e6 * (1 + wave)
    watch, told = watched(values[: odd + 36])
    event = the_event(watch)
    assert event.kind is Kind.REGIME
    assert event.resources == ('network',)


def test_cpu_at_its_limit_for_longer_than_ever_is_a_runaway():
    rng = np.random.default_rng(2)
    values = load(KNOWN + 3)
    values[KNOWN:, 0, 0] = rng.uniform(3.65, 4.0, 3)
    values[KNOWN, 0, 0] = 3.65
    values[KNOWN + 1, 0, 0] = 4.0
    watch, _ = watched(values)
    event = the_event(watch)
    assert event.kind is Kind.RUNAWAY
    assert event.resources == ('cpu',)
    assert '0.9 of its limit or more for 3 steps' in event.compared


def test_cpu_that_is_flat_at_its_limit_is_named_so():
    values = load(KNOWN + 3)
    values[KNOWN:, 0, 0] = [3.99, 4.0, 3.99]
    watch, _ = watched(values)
    assert the_event(watch).kind is Kind.FLAT_AT_LIMIT


def test_who_is_often_at_the_limit_is_no_runaway():
    values = load(KNOWN + 3)
    values[: KNOWN - 10, 0, 0][np.arange(KNOWN - 10) % 100 < 8] = 4.0
    values[KNOWN:, 0, 0] = 4.0
    watch, _ = watched(values)
    found = watch.findings(('i0',)).found
    assert 'i0' not in found or found['i0'].kind not in (
        Kind.RUNAWAY,
        Kind.FLAT_AT_LIMIT,
    )


def test_three_steps_without_a_sample_are_silence():
    values = load(KNOWN + 3)
    values[KNOWN:] = np.nan
    watch, told = watched(values)
    event = the_event(watch)
    assert event.kind is Kind.SILENCE
    assert first_told(told) == 2
    assert event.resources == ('cpu', 'memory', 'disk', 'network')
    assert 'no sample at all for 3 steps' in event.compared


def test_silence_that_is_a_habit_is_not_told():
    values = load(KNOWN + 3)
    values[: KNOWN - 10][np.arange(KNOWN - 10) % 40 < 4] = np.nan
    values[KNOWN:] = np.nan
    watch, _ = watched(values)
    assert not watch.findings(('i0',)).found


def test_one_outage_of_telemetry_makes_silence_no_habit():
    values = load(1100)
    values[100:300] = np.nan
    values[1097:] = np.nan
    watch, _ = watched(values)
    assert the_event(watch).kind is Kind.SILENCE


def test_memory_that_rises_for_hours_is_a_leak():
    values = load(KNOWN + 72)
    ramp = np.arange(72) * (5000 / 288)  # full in a day
    values[KNOWN:, 0, 1] += ramp
    watch, told = watched(values)
    event = the_event(watch)
    assert event.kind is Kind.LEAK
    assert event.resources == ('memory',)
    assert 'MiB in six hours' in event.compared
    assert first_told(told) > 6  # not at the first rise


def test_memory_that_jumps_is_no_leak():
    values = load(KNOWN + 72)
    values[KNOWN + 36 :, 0, 1] += 3000
    watch, _ = watched(values)
    found = watch.findings(('i0',)).found
    assert 'i0' not in found or found['i0'].kind is not Kind.LEAK


def test_a_value_that_does_not_move_any_more_is_stuck():
    values = load(KNOWN + 27)
    values[KNOWN:, 0, 0] = 1.0
    watch, told = watched(values)
    event = the_event(watch)
    assert event.kind is Kind.STUCK
    assert first_told(told) >= 23
    assert 'cpu is exactly the same for' in event.compared


def test_a_value_that_never_moves_is_not_stuck():
    values = load(KNOWN + 15)
    values[:, 0, 0] = 1.0
    watch, told = watched(values)
    assert not told.any()


def test_what_was_forecast_is_named_where_it_was_missed():
    values = load(KNOWN + 1)
    wide = np.array([0.8, 1, 1.2], np.float32)
    expected = values[..., None] * wide
    values[:, 0, 0] = load(KNOWN + 1, seed=9)[:, 0, 0] + np.sin(
        np.arange(KNOWN + 1) / 7
    )
    expected[:, 0, 0] = values[:, 0, 0, None] + np.array([-0.2, 0, 0.2])
    values[:, 0, 0] += load(KNOWN + 1, seed=5)[:, 0, 0] / 10
    values[KNOWN, 0, 0] -= 1.2
    watch, told = watched(values, expected=expected)
    assert told[KNOWN]
    assert 'the forecast' in the_event(watch).compared


def test_an_event_is_over_after_an_hour_without_anything_odd():
    values = load(KNOWN + 40)
    values[KNOWN, 0, 2] = 5e6
    watch, _ = watched(values[: KNOWN + 5])
    assert watch.findings(('i0',)).found
    watched(values[KNOWN + 5 :], watch, KNOWN + 5)
    assert not watch.findings(('i0',)).found


def test_who_is_often_odd_is_told_of_less():
    values = load(3000)
    at = np.arange(500, 3000, 50)
    values[at, 0, 2] *= np.random.default_rng(1).uniform(20, 60, len(at))
    _, told = watched(values)
    assert told[:1000].any()
    assert told[1500:].sum() < 4


def test_resumed_is_as_in_one_go():
    values = load(700, instances=3)
    values[600, 1, 2] = 5e6
    values[640:, 2] = np.nan
    whole, told = watched(values)
    first, _ = watched(values[:333])
    second = watching.Watch(3, 4)
    for name, view in second.parts().items():
        view[...] = first.parts()[name]
    _, rest = watched(values[333:], second, 333)
    assert np.array_equal(rest, told[333:])
    for name, part in whole.parts().items():
        assert np.array_equal(part, second.parts()[name], equal_nan=True), name


def test_what_is_remembered_is_small():
    parts = watching.Watch(100, 4).parts()
    assert sum(part.nbytes for part in parts.values()) / 100 < 2500


def event(subject, began, kind=Kind.SPIKE):
    return anomaly.Anomaly(
        subject=subject, kind=kind, resources=('cpu',), score=4.0,
        began=began, compared='words',
    )  # fmt: skip


def findings(*events):
    return anomaly.Findings(
        score=np.zeros(1), found={e.subject: e for e in events}
    )


def test_several_of_a_node_at_once_are_told_of_the_node():
    nodes = {'n1': list('abcdefgh'), 'n2': [f'e{k}' for k in range(60)]}
    events = [event(name, 100 * k) for k, name in enumerate('abcdf')]
    found = outbreak.spread(findings(*events), nodes)
    assert not found.found
    (wide,) = found.wide
    assert (wide.kind, wide.subject) == (Kind.NODE, 'n1')
    assert wide.compared.startswith('5 of 8 instances within 15 min')
    assert found.among['n1'] == frozenset('abcdf')


def test_several_of_a_node_one_after_the_other_are_not():
    events = [event(name, 1000 * k) for k, name in enumerate('abcdf')]
    found = outbreak.spread(findings(*events), {'n1': list('abcdefgh')})
    assert not found.wide
    assert len(found.found) == 5


def test_many_of_the_fleet_at_once_are_told_of_the_fleet():
    nodes = {f'n{k}': [f'{k}-{j}' for j in range(3)] for k in range(10)}
    events = [event(f'{k}-0', 50 * k, Kind.SILENCE) for k in range(10)]
    late = event('3-2', 9000)
    found = outbreak.spread(findings(*events, late), nodes)
    assert [w.kind for w in found.wide] == [Kind.FLEET]
    assert set(found.found) == {'3-2'}


@pytest.mark.parametrize('kind', list(Kind))
def test_an_anomaly_is_plain_data(kind):
    plain = event('a', 5, kind).plain()
    assert plain['kind'] == kind.value
    assert plain['resources'] == ['cpu']
