"""Traces with short steps get the step of a model."""

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import usage
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces


NAN = float('nan')


def trace(cpu, start=60, step=60):
    """One instance whose cpu is this; each value is stamped with its end."""
    values = np.full((1, len(cpu), 4), NAN, np.float32)
    values[0, :, 0] = cpu
    return traces.Trace(
        name='made',
        window=usage.UsageWindow(
            instances=('a',), start=start, step_s=step, usage=values
        ),
        limits=np.full((1, 4), NAN, np.float32),
        resources=(),
    )


def cpu_of(found):
    return found.window.usage[0, :, 0].tolist()


def test_five_minutes_become_their_mean_and_end_when_the_last_does():
    found = resample.to_step(trace([1, 2, 3, 4, 5, 10, 10, 10, 10, 10]), 300)
    assert cpu_of(found) == [3.0, 10.0]
    assert found.window.times().tolist() == [300, 600]
    assert found.window.step_s == 300


def test_a_trace_with_the_right_step_is_left_as_it_is():
    given = trace([1, 2], step=300)
    assert resample.to_step(given, 300) is given
    assert resample.said(given, 300) == ''


def test_of_a_step_that_is_not_complete_at_the_end_nothing_is_known():
    assert cpu_of(resample.to_step(trace([1] * 9), 300)) == [1.0]


@pytest.mark.parametrize(
    ('values', 'mean'),
    [
        ([1, NAN, 3, NAN, 5], 3.0),
        ([1, NAN, NAN, NAN, 5], NAN),
        ([NAN] * 5, NAN),
    ],
)
def test_a_mean_is_of_the_samples_there_if_half_of_them_are(values, mean):
    found = cpu_of(resample.to_step(trace(values), 300))
    assert np.array_equal(found, [mean], equal_nan=True)


def test_a_first_step_may_lack_its_beginning():
    found = resample.to_step(trace([7, 7, 7, 1, 1, 1, 1, 1], start=180), 300)
    assert found.window.times().tolist() == [300, 600]
    assert cpu_of(found) == [7.0, 1.0]
    found = resample.to_step(trace([7, 1, 1, 1, 1, 1], start=300), 300)
    assert np.array_equal(cpu_of(found), [NAN, 1.0], equal_nan=True)


def test_a_step_may_be_asked_to_end_at_any_sample():
    given = trace([1, 2, 3, 4, 5, 6, 7, 8])
    found = resample.to_step(given, 300, end=420)
    assert found.window.times().tolist() == [120, 420]
    assert np.array_equal(cpu_of(found), [NAN, 5.0], equal_nan=True)


def test_a_step_that_does_not_fit_is_refused_with_both():
    with pytest.raises(exceptions.InvalidTrace, match='120 s; steps of 300 s'):
        resample.to_step(trace([1, 2, 3], step=120), 300)
    with pytest.raises(exceptions.InvalidTrace, match='600 s; steps of 300 s'):
        resample.factor(trace([1, 2, 3], step=600), 300)


def test_a_trace_that_is_too_short_is_refused():
    with pytest.raises(exceptions.InvalidTrace, match='3 steps of 60 s'):
        resample.to_step(trace([1, 2, 3]), 300)


def test_what_was_done_is_told():
    assert resample.said(trace([1]), 300) == (
        'made: steps of 60 s averaged to 300 s; unknown where fewer than 3 '
        'of 5 samples are there'
    )


@hypothesis.given(
    cpu=st.lists(
        st.one_of(st.just(NAN), st.floats(0, 100, width=32)),
        min_size=10,
        max_size=40,
    ),
    start=st.integers(0, 700),
    step=st.sampled_from([10, 30, 60, 100, 150]),
    end=st.one_of(st.none(), st.integers(0, 4000)),
)
def test_each_step_is_the_mean_of_what_ends_within_it(cpu, start, step, end):
    hypothesis.assume(len(cpu) * step >= 600)
    given = trace(cpu, start, step)
    found = resample.to_step(given, 300, end)
    times = given.window.times()
    if end is not None:
        assert (found.window.start - end) % 300 == 0
    assert found.window.end < given.window.end + step
    for time, mean in zip(found.window.times(), cpu_of(found), strict=True):
        inside = (times > time - 300) & (times <= time)
        values = np.array(cpu, np.float32)[inside]
        values = values[np.isfinite(values)]
        if 2 * len(values) >= 300 // step:
            assert np.isclose(mean, values.astype(np.float64).mean())
        else:
            assert np.isnan(mean)
