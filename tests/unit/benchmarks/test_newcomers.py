"""What kin tell of a new instance, measured."""

import dataclasses

import numpy as np
import pytest

from benchmarks import newcomers
from benchmarks import regimes
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.telemetry import traces


MADE = regimes.make(12, 5, seed=1).window


@pytest.fixture
def trace():
    used = MADE.usage.copy()
    used[:, 900:910] = np.nan
    limits = np.full((12, 4), np.nan, np.float32)
    limits[:, 0] = np.arange(12) % 2 + 1
    return traces.Trace(
        name='made',
        window=dataclasses.replace(MADE, usage=used),
        limits=limits,
        resources=fleet.RESOURCES,
    )


def test_newcomers_begin_with_samples_and_end_within_the_trace(trace):
    found = newcomers.newcomers(trace, 1000, 1, 5)
    assert len(found.rows) > 5
    assert found.used.shape[1:] == (15, 4)
    assert (found.begins >= 1000).all()
    for row, begin, used in zip(
        found.rows, found.begins, found.used, strict=True
    ):
        whole = trace.window.usage[row, begin : begin + 15]
        assert np.array_equal(used, whole, equal_nan=True)


def test_kin_are_those_with_as_many_vcpus_and_never_the_newcomer(trace):
    new = newcomers.newcomers(trace, 1000, 1, 1)
    before = newcomers.theirs(trace, 1000, new, 1)
    used = trace.window.usage.copy()
    used[new.rows[0]] *= 50
    other = dataclasses.replace(
        trace, window=dataclasses.replace(trace.window, usage=used)
    )
    after = newcomers.theirs(other, 1000, new, 1)
    assert np.array_equal(before[0], after[0], equal_nan=True)
    cpu = before[:, 0]
    assert (np.diff(cpu, axis=-1) >= 0).all()
    assert (cpu <= trace.limits[new.rows, 0][:, None]).all()


def test_kin_that_know_what_comes_help_and_others_do_not():
    came = np.full((50, 4), 2.0)
    levels = len(forecast.LEVELS)
    said = np.full((50, 4, levels), 1.0)
    right = newcomers.mixed(came, said, np.full((50, 4, levels), 2.0), 1)
    wrong = newcomers.mixed(came, said, np.full((50, 4, levels), 0.1), 1)
    nobody = newcomers.mixed(came, said, np.full((50, 4, levels), np.nan), 1)
    for resource in map(str, fleet.RESOURCES):
        assert right[resource][-1] < right[resource][0] < 1
        assert wrong[resource][-1] > wrong[resource][0] > 1
        assert nobody[resource] == [1.0] * len(newcomers.BELIEF)


def test_a_trace_that_is_not_there_is_told(tmp_path, capsys):
    code = newcomers.main(['--traces', str(tmp_path / 'no.npz')])
    assert code == 1
    assert 'no.npz' in capsys.readouterr().err
