"""What the operator reads about forecasts and drift."""

import json

import numpy as np
import pytest

from predictive_watcher.cli import main
from predictive_watcher.core import forecast
from predictive_watcher.core import outcomes
from predictive_watcher.core import usage
from predictive_watcher.state import feedback_book
from predictive_watcher.state import ledger as ledger_module


DAY_S = 86400


@pytest.fixture
def site(tmp_path):
    """A configuration file, and the ledger that it names."""
    url = f'sqlite:///{tmp_path}/ledger.sqlite'
    path = tmp_path / 'watcher.conf'
    path.write_text(f'[predictive_watcher]\nledger_connection = {url}\n')
    ledger = ledger_module.Ledger(url)
    ledger.active_leases()  # as an audit does: only then there is a file
    return str(path), ledger


def settled(ledger, origin):
    quantiles = np.full((1, 4, 4, 9), 2.0, np.float32)
    made = forecast.Forecast(
        instances=('a',), origin=origin, model='m', quantiles=quantiles
    )
    ledger.record_forecast(
        made,
        np.full((1, 4), 0.31),
        np.full((1, 4), 4.0),
        ceiling=np.array([0.9]),
    )
    used = np.ones((1, 4, 4), np.float32)
    window = usage.UsageWindow(
        instances=('a',), start=origin, step_s=300, usage=used
    )
    ledger.settle(window, origin + 900)


def test_nothing_settled_is_said(site, capsys):
    assert main.main(['feedback', 'show', '--config-file', site[0]]) == 0
    assert capsys.readouterr().out == 'no forecast of these days was settled\n'


def test_a_resource_that_nobody_forecasts_is_refused(site, capsys):
    with pytest.raises(SystemExit) as left:
        main.main(
            ['feedback', 'show', '--config-file', site[0], '--resource', 'gpu']
        )
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert 'gpu' in said
    assert all(r in said for r in ('cpu', 'memory', 'disk', 'network'))


def test_a_regime_of_which_there_is_no_forecast_is_refused(site, capsys):
    path, ledger = site
    given = ['feedback', 'show', '--config-file', path, '--segment', 'nigth']
    assert main.main(given) == 0  # nothing is known, of any
    settled(ledger, 4_000_000_200)
    assert main.main(given) == 1
    said = capsys.readouterr().err
    assert "--segment 'nigth'" in said and "choose one of ''" in said
    assert main.main([*given[:-1], '']) == 0


def test_what_came_is_shown_as_table_and_as_json(site, capsys):
    path, ledger = site
    settled(ledger, 4_000_000_200)
    given = ['feedback', 'show', '--config-file', path, '--instance', 'a']
    assert main.main([*given, '--by-instance']) == 0
    table = capsys.readouterr().out
    assert 'coverage' in table and 'risk said' in table
    assert main.main([*given, '--json', '--resource', 'cpu']) == 0
    found = json.loads(capsys.readouterr().out)
    most = {row['target']: row for row in found['accuracy']}['max900']
    assert (most['n'], most['coverage'], most['skill']) == (1, 1, None)
    assert found['reliability'][0]['from'] == 0.3


def test_drift_is_shown_and_retraining_asked_for(site, capsys):
    path, ledger = site
    assert main.main(['feedback', 'drift', '--config-file', path]) == 0
    assert capsys.readouterr().out == 'no forecast drifts\n'
    one = feedback_book.Drift(
        instance_id='a', resource='cpu', audit='u', step='retrain',
        since=DAY_S, missed=0.2, ratio=1.5, text='mean60 stands in',
    )  # fmt: skip
    ledger.keep_drifts([one], [])
    assert main.main(['feedback', 'drift', '--config-file', path]) == 0
    shown = capsys.readouterr().out
    assert 'since 1970-01-02 00:00 UTC: mean60 stands in' in shown
    assert 'predictive-watcher retrain' in shown
    given = ['feedback', 'drift', '--json', '--config-file', path]
    assert main.main(given) == 0
    assert json.loads(capsys.readouterr().out)[0]['ratio'] == 1.5


def test_a_configuration_that_is_not_there_is_one_line(tmp_path, capsys):
    missing = str(tmp_path / 'none.conf')
    assert main.main(['feedback', 'show', '--config-file', missing]) == 1
    assert 'none.conf' in capsys.readouterr().err


def test_what_actions_brought_is_shown(site, capsys):
    path, ledger = site
    one = outcomes.Expected(
        instance_id='a', decided_at=4_000_000_200, audit='u', kind='resize',
        resource='cpu', ceiling=0.9, limit_before=2.0, limit_after=4.0,
        predicted=2.0, risk=0.8, expected_s=600.0, until=4_000_001_200,
    )  # fmt: skip
    ledger.expect([one])
    given = ['feedback', 'actions', '--config-file', path]
    assert main.main(given) == 0
    assert '600 s expected, waits' in capsys.readouterr().out
    came = [outcomes.Came(peak=1.0, came_s=0.0, left_s=0.0)]
    ledger.keep_outcomes([one], came, one.until)
    assert main.main([*given, '--json']) == 0
    found = json.loads(capsys.readouterr().out)
    assert found['benefit_factor'] == pytest.approx(10 / 11)
    assert found['actions'][0]['done'] is False


@pytest.mark.parametrize(
    'command',
    [
        ('feedback', 'show'),
        ('feedback', 'drift'),
        ('feedback', 'actions'),
        ('explain', 'shop'),
    ],
)
def test_who_reads_makes_no_ledger(tmp_path, capsys, command):
    path = tmp_path / 'state' / 'ledger.sqlite'
    conf = tmp_path / 'watcher.conf'
    conf.write_text(
        f'[predictive_watcher]\nledger_connection = sqlite:///{path}\n'
    )
    assert main.main([*command, '--config-file', str(conf)]) == 1
    assert f'{path}: there is no ledger yet' in capsys.readouterr().err
    assert not path.parent.exists()


@pytest.mark.parametrize('verb', ['show', 'actions'])
@pytest.mark.parametrize('days', ['-1', '0'])
def test_days_that_are_none_are_refused(verb, days, capsys):
    with pytest.raises(SystemExit):
        main.main(['feedback', verb, '--days', days])
    assert f'--days: {days} is not above 0' in capsys.readouterr().err
