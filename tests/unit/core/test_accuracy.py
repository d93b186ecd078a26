import numpy as np
import pytest

from predictive_watcher.core import accuracy
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast


def outcome(quantiles, came, risk=0.5, now=1.0, **other):
    count = len(came)
    return accuracy.Outcome(
        quantiles=np.broadcast_to(
            np.asarray(quantiles, np.float32), (1, count, 4, 4, 9)
        ),
        came=np.broadcast_to(
            np.asarray(came, np.float32)[None, :, None, None],
            (1, count, 4, 4),
        ),
        now=np.full((1, count, 4), now, np.float32),
        risk=np.broadcast_to(
            np.broadcast_to(np.asarray(risk), count)[None, :, None],
            (1, count, 4),
        ),
        limits=np.full((1, 4), 10.0),
        **other,
    )


def test_a_forecast_that_comes_true_costs_nothing():
    found = accuracy.scores([outcome(2.0, [2.0, 2.0])])
    assert found['cpu.wql_300'] == 0
    assert found['disk.wql_max900'] == 0
    assert found['cpu.cov95_300'] == 1.0


def test_the_loss_is_twice_the_pinball_as_a_share_of_what_came():
    # 2 x (.5 + .9 + .95 + .99) / 4 x |4 - 3| / 4
    found = accuracy.scores([outcome(3.0, [4.0])])
    assert found['cpu.wql_300'] == pytest.approx(2 * 3.34 / 4 / 4)


def test_what_has_no_forecast_is_left_out():
    q = np.full((2, 1, 1, 9), 2.0)
    q[1] = np.nan
    found = accuracy.scores([outcome(q, [2.0, 50.0])])
    assert found['cpu.wql_300'] == 0


def test_the_onset_ranks_by_risk():
    good = accuracy.scores(
        [outcome(1.0, [1, 9.5, 1, 9.5], risk=[0.1, 0.9, 0.2, 0.8])]
    )
    bad = accuracy.scores(
        [outcome(1.0, [1, 9.5, 1, 9.5], risk=[0.9, 0.1, 0.8, 0.2])]
    )
    assert good['cpu.onsets'] == 2
    assert good['cpu.onset_ap'] == 1.0
    assert bad['cpu.onset_ap'] < 0.6
    assert good['cpu.onset_brier_skill'] > 0 > bad['cpu.onset_brier_skill']


def test_what_is_above_the_ceiling_already_is_no_onset():
    found = accuracy.scores([outcome(1.0, [9.5, 9.5], now=9.2)])
    assert 'cpu.onsets' not in found


def test_traces_of_different_length_are_joined():
    found = accuracy.scores([outcome(3.0, [4.0]), outcome(3.0, [4.0] * 5)])
    assert found['cpu.wql_300'] == pytest.approx(2 * 3.34 / 4 / 4)


def test_the_table_names_every_forecaster_and_resource():
    scores = accuracy.scores([outcome(3.0, [4.0, 9.5])])
    text = accuracy.table({'lstm': scores, 'other': scores})
    for word in ('lstm', 'other', 'cpu', 'memory', 'disk', 'network'):
        assert word in text


def test_levels_of_the_report_are_levels_of_a_forecast():
    assert set(accuracy.SCORED) <= set(forecast.LEVELS)


def test_ties_may_count_either_way():
    # nothing but ties: covered all the time, or never
    found = accuracy.scores([outcome(2.0, [2.0] * 20)])
    assert found['cpu.cov95_300'] == 1.0
    assert found['cpu.band95_300'] == 1.0
    found = accuracy.scores([outcome(2.1, [2.0] * 20)])
    assert found['cpu.band95_300'] == 0.0


def test_a_tie_is_a_share_of_the_limit_or_some_bytes():
    limits = np.array([4.0, np.nan])
    cpu = accuracy.tolerance(fleet.Resource.CPU, limits)
    assert np.allclose(cpu, [0.002, 0.0])
    disk = accuracy.tolerance(fleet.Resource.DISK, limits)
    assert disk.tolist() == [512.0, 512.0]


def test_the_ceiling_says_what_an_onset_is():
    found = accuracy.scores([outcome(1.0, [6, 1, 6], ceiling=0.5)])
    assert found['cpu.onsets'] == 2
    assert 'cpu.onsets' not in accuracy.scores([outcome(1.0, [6, 1, 6])])
    assert '> 0.5 x limit' in accuracy.table({'a': found}, ceiling=0.5)


def test_a_risk_may_be_read_off_the_quantiles():
    q = (
        np.tile(np.arange(9.0), (4, 1, 1, 1))
        + np.arange(4)[:, None, None, None]
    )
    made = outcome(q, [1.0, 1.0, 1.0, 9.5], risk=0.0)
    found = accuracy.by_quantiles(made)
    # the limit is 10: 9 is passed with a chance of 1 % where q99 is 9
    assert accuracy.chance(found)[0, 1] == pytest.approx(0.01)
    assert (np.diff(accuracy.chance(found)[0]) > 0).all()
    assert np.isnan(found.risk[:, :, 1:]).all()
    assert accuracy.scores([found])['cpu.onset_ap'] == 1.0
