"""What an audit found becomes metrics, and a failure harms nobody."""

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import pipeline
from predictive_watcher.core import vigil
from predictive_watcher.core.policy import Policy
from predictive_watcher.plugin import audit
from predictive_watcher.plugin import measured
from predictive_watcher.policies import file
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


class Written:
    def __init__(self, fails=False):
        self.fails, self.calls = fails, []

    def write(self, at, values):
        if self.fails:
            raise exceptions.TelemetryError('Gnocchi is down')
        self.calls.append((at, values))
        return len(values), 0


def a_run(watch=None):
    fleet = data.a_fleet(data.instance('a'))
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster({'a': {'cpu': (1.5, 0.01)}}),
        leases=(),
        policy=Policy(),
        now=data.NOW,
        vigil=watch,
    )
    return audit.Run(
        audit='u',
        proposal=proposal,
        policies=file.Loaded(file='', rules=()),
        now=data.NOW,
        wall=data.NOW,
    )


def test_risk_forecast_and_surprise_are_written_at_the_time_of_the_data():
    where, run = Written(), a_run(vigil.Vigil())
    measured.write(where, run)
    ((at, values),) = where.calls
    assert at == run.proposal.seen.forecast.origin
    assert set(values['a']) == {
        'predictive.risk', 'predictive.cpu.q95', 'predictive.anomaly',
    }  # fmt: skip
    assert np.isfinite(list(values['a'].values())).all()


def test_what_is_not_known_is_left_out():
    where = Written()
    measured.write(where, a_run())
    assert 'predictive.anomaly' not in where.calls[0][1]['a']


def test_a_failure_is_a_warning(caplog):
    measured.write(Written(fails=True), a_run())
    assert 'Gnocchi is down' in caplog.text


def test_nothing_is_written_where_nobody_asked_for_it():
    measured.write(None, a_run())
