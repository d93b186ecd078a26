"""Mishaps are laid over load, found, and false alarms counted."""

import json

import numpy as np
import pytest

from benchmarks import mishaps
from benchmarks import scenarios
from predictive_watcher.core import fleet


LIMITS = np.array([[4.0, 8192, np.nan, np.nan]], np.float32)
SILENCE = next(m for m in mishaps.ALL if m.name == 'silence')


def load(instances, steps, seed=0):
    rng = np.random.default_rng(seed)
    mean, spread = [1.0, 3000, 1e5, 2e4], [0.1, 30, 1e4, 3e3]
    shape = (instances, steps, 4)
    return rng.normal(mean, spread, shape).astype(np.float32)


@pytest.fixture
def trace(tmp_path):
    """A trace of 40 instances and five days."""
    path = tmp_path / 'made.npz'
    np.savez(
        path,
        usage=load(40, 5 * 288),
        limits=np.repeat(LIMITS, 40, axis=0),
        instances=np.array([f'i{k}' for k in range(40)]),
        resources=np.array([r.value for r in fleet.RESOURCES]),
        start=np.int64(1_000_000_200),
        step=np.int64(300),
    )
    return path


def test_each_mishap_is_laid_and_what_is_found_is_counted(trace, tmp_path):
    out = tmp_path / 'out.json'
    code = scenarios.main(
        ['--traces', str(trace), '--warm', '3', '--json', str(out)]
    )
    assert code == 0
    found = json.loads(out.read_text())
    assert found['silence']['found'] == 1
    assert found['flat_100']['found'] == 1
    assert found['runaway_cpu']['median_delay_min'] <= 15
    assert found['noisy_neighbour']['nodes'] == 1
    assert found['false_alarms']['instances'] == 8


def test_a_trace_that_is_too_short_is_refused(trace, capsys):
    assert scenarios.main(['--traces', str(trace)]) == 1
    assert '--warm' in capsys.readouterr().err


@pytest.mark.parametrize('mishap', mishaps.ALL, ids=lambda m: m.name)
def test_a_mishap_changes_nothing_before_it_begins(mishap):
    usage = load(8, 400)
    limits = np.repeat(LIMITS, 8, axis=0)
    made = mishaps.lay(
        mishap, usage, limits, 300, 200, np.random.default_rng(1)
    )
    assert len(made.usage) == 8
    for copy, first, whole in zip(made.usage, made.first, usage, strict=True):
        assert np.array_equal(copy[:200], whole[first : first + 200])
    changed = made.usage[:, 200:] != [
        whole[first + 200 : first + made.length]
        for first, whole in zip(made.first, usage, strict=True)
    ]
    assert changed.any(axis=(1, 2)).all()


def test_the_same_seed_makes_the_same():
    usage, limits = load(3, 400), np.repeat(LIMITS, 3, axis=0)
    one, other = (
        mishaps.lay(SILENCE, usage, limits, 300, 9, np.random.default_rng(4))
        for _ in '12'
    )
    assert np.array_equal(one.first, other.first)


def test_events_of_many_at_once_are_one_of_the_fleet():
    begun = np.zeros((50, 30), bool)
    begun[10, :12] = True
    begun[30, 17] = True
    wide = mishaps.fleet_wide(begun, 300)
    assert wide[10, :12].all()
    assert wide.sum() == 12
