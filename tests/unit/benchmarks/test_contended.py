"""What steal brings, on nodes that are full at times."""

import dataclasses

import numpy as np
import pytest

from benchmarks import contended
from benchmarks import regimes
from predictive_watcher.core import forecast
from predictive_watcher.core import replay


MADE = regimes.make(8, 1, seed=2).window
LIMITS = np.tile(np.float32([8.0, 8192.0, np.nan, np.nan]), (8, 1))


def crowded(full=0.1):
    used = MADE.usage.copy()
    used[3, 10:20] = np.nan
    return contended.crowd(
        dataclasses.replace(MADE, usage=used),
        LIMITS,
        4,
        full,
        np.random.default_rng(0),
    )


def test_nodes_hold_down_what_is_wanted_for_a_share_of_the_time():
    made = crowded()
    wanted, used = made.wanted.usage[:, :, 0], made.used.usage[:, :, 0]
    less = wanted - used > 1e-6
    assert (np.nan_to_num(used) <= np.nan_to_num(wanted) + 1e-6).all()
    assert np.array_equal(np.isnan(used), np.isnan(wanted))
    assert not less[~made.full].any()
    assert made.full.mean() == pytest.approx(0.1, abs=0.02)
    assert less[made.full].mean() > 0.2
    other = made.wanted.usage[:, :, 1:], made.used.usage[:, :, 1:]
    assert np.array_equal(*other, equal_nan=True)


def said(window, origins):
    """A forecaster that expects the newest use and a fifth more."""
    newest = window.usage[:, origins][..., None, None]
    q = np.repeat(newest, len(forecast.TARGETS), axis=-2)
    q = q * (1 + 0.2 * np.array(forecast.LEVELS))
    return replay.Replayed(
        origins=origins,
        quantiles=q.astype(np.float32),
        risk=np.zeros(newest.shape[:3], np.float32),
        ceiling=0.9,
    )


def test_who_knows_what_was_wanted_is_told_apart_from_who_does_not():
    made = crowded(full=0.3)
    origins = np.arange(20, 280, 3)
    found = contended.compared(
        made, said(made.wanted, origins), said(made.used, origins), origins
    )
    down = found['held down within the hour']
    assert 0 < down['share'] < 1
    assert down['loss with / without'][0] < 1
    assert down['q95 covers with steal'] > down['q95 covers without']
    assert found['everywhere']['share'] == 1.0
    assert 'held down within the hour' in contended.table(found)


def test_without_full_nodes_there_is_nothing_to_tell_apart():
    made = crowded(full=0.0)
    assert not made.full.any()
    assert np.array_equal(
        made.wanted.usage, made.used.usage, equal_nan=True
    )


def test_a_trace_that_is_not_there_is_told(tmp_path, capsys):
    code = contended.main(['--traces', str(tmp_path / 'no.npz')])
    assert code == 1
    assert 'no.npz' in capsys.readouterr().err
