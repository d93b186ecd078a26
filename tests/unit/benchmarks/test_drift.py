import numpy as np

from benchmarks import drift
from predictive_watcher.core import accuracy
from predictive_watcher.core import forecast
from predictive_watcher.core import usage
from predictive_watcher.telemetry import traces


def outcome(came, risk, now=0.0):
    """Two instances, four origins; the 95 % quantile is 2, the limit 4."""
    cells = (2, 4, 4)
    quantiles = np.full((*cells, 4, len(forecast.LEVELS)), 1.0)
    quantiles[..., forecast.LEVELS.index(0.95)] = 2.0
    return accuracy.Outcome(
        quantiles=quantiles,
        came=np.full((*cells, 4), came),
        now=np.full(cells, now),
        risk=np.full(cells, risk),
        limits=np.full((2, 4), 4.0),
    )


def test_an_adjustment_without_a_violation_is_wasted():
    found = drift.figures(outcome(came=1.0, risk=0.6), 0, 3)
    assert (found['wasted'], found['missed']) == (2 * 3 * 2, 0)
    assert found['cpu.cov95_300'] == found['disk.cov95_max900'] == 1


def test_a_violation_that_begins_without_one_is_missed():
    found = drift.figures(outcome(came=3.9, risk=0.4), 1, 4)
    assert (found['wasted'], found['missed']) == (0, 2 * 3 * 2)
    assert found['memory.cov95_max900'] == 0
    going_on = drift.figures(outcome(came=3.9, risk=0.4, now=3.9), 1, 4)
    assert going_on['missed'] == 0


def test_everybody_goes_on_as_somebody_else_in_shares_of_the_limit():
    days, people = 40, 10
    used = np.ones((people, days * 288, 4), np.float32)
    used *= np.arange(1, people + 1, dtype=np.float32)[:, None, None]
    limits = np.full((people, 4), 100.0)
    trace = traces.Trace(
        name='made',
        window=usage.UsageWindow(
            instances=tuple('abcdefghij'), start=0, step_s=300, usage=used
        ),
        limits=limits,
        resources=(),
    )
    found = drift.scene(trace, np.random.default_rng(1), 'choose', 2)
    before = found.window.usage[:, found.change - 1, 0]
    after = found.window.usage[:, found.change, 0]
    assert (np.abs(before - after) > 0.5).all()
    assert np.allclose(sorted(before), sorted(after))
    assert found.begin == found.change - 288
