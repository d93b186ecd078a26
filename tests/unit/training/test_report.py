import numpy as np
import pytest

from predictive_watcher.core import forecast
from predictive_watcher.training import report


def outcome(quantiles, came, risk=0.5, now=1.0):
    count = len(came)
    return report.Outcome(
        quantiles=np.broadcast_to(
            np.asarray(quantiles, np.float32), (1, count, 4, 4, 9)
        ),
        came=np.broadcast_to(
            np.asarray(came, np.float32)[None, :, None, None],
            (1, count, 4, 4),
        ),
        now=np.full((1, count, 4), now, np.float32),
        risk=np.broadcast_to(np.asarray(risk), (1, count)),
        limit=np.array([10.0]),
    )


def test_a_forecast_that_comes_true_costs_nothing():
    found = report.scores([outcome(2.0, [2.0, 2.0])])
    assert found['cpu.wql_300'] == 0
    assert found['disk.wql_max900'] == 0
    assert found['cpu.cov95_300'] == 1.0


def test_the_loss_is_twice_the_pinball_as_a_share_of_what_came():
    # 2 x (.5 + .9 + .95 + .99) / 4 x |4 - 3| / 4
    found = report.scores([outcome(3.0, [4.0])])
    assert found['cpu.wql_300'] == pytest.approx(2 * 3.34 / 4 / 4)


def test_what_has_no_forecast_is_left_out():
    q = np.full((2, 1, 1, 9), 2.0)
    q[1] = np.nan
    found = report.scores([outcome(q, [2.0, 50.0])])
    assert found['cpu.wql_300'] == 0


def test_the_onset_ranks_by_risk():
    good = report.scores(
        [outcome(1.0, [1, 9.5, 1, 9.5], risk=[0.1, 0.9, 0.2, 0.8])]
    )
    bad = report.scores(
        [outcome(1.0, [1, 9.5, 1, 9.5], risk=[0.9, 0.1, 0.8, 0.2])]
    )
    assert good['cpu.onsets'] == 2
    assert good['cpu.onset_ap'] == 1.0
    assert bad['cpu.onset_ap'] < 0.6
    assert good['cpu.onset_brier_skill'] > 0 > bad['cpu.onset_brier_skill']


def test_what_is_above_the_ceiling_already_is_no_onset():
    found = report.scores([outcome(1.0, [9.5, 9.5], now=9.2)])
    assert 'cpu.onsets' not in found


def test_traces_of_different_length_are_joined():
    found = report.scores([outcome(3.0, [4.0]), outcome(3.0, [4.0] * 5)])
    assert found['cpu.wql_300'] == pytest.approx(2 * 3.34 / 4 / 4)


def test_the_table_names_every_forecaster_and_resource():
    scores = report.scores([outcome(3.0, [4.0, 9.5])])
    text = report.table({'lstm': scores, 'other': scores})
    for word in ('lstm', 'other', 'cpu', 'memory', 'disk', 'network'):
        assert word in text


def test_levels_of_the_report_are_levels_of_a_forecast():
    assert set(report.SCORED) <= set(forecast.LEVELS)
