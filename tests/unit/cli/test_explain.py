"""Why an audit does what it does, for whoever asks."""

import json

import pytest

from predictive_watcher.cli import main
from predictive_watcher.core import explaining
from predictive_watcher.core import pipeline
from predictive_watcher.core.policy import Policy
from predictive_watcher.state import ledger as ledger_module
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


RISING = {'cpu': (1.95, 0.01)}  # of 2 vCPUs


def verdicts(expected=None, **rules):
    fleet = data.a_fleet(data.instance('shop'), data.instance('calm', 'n2'))
    return pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(expected or {'shop': RISING}),
        leases=(),
        policy=Policy(**rules),
        now=data.NOW,
    ).verdicts


@pytest.fixture
def explain(tmp_path, capsys):
    """Keeps verdicts as an audit does, and asks for one of them."""
    url = f'sqlite:///{tmp_path}/ledger.sqlite'
    path = tmp_path / 'watcher.conf'
    path.write_text(f'[predictive_watcher]\nledger_connection = {url}\n')

    def ask(*words, kept=()):
        told = [explaining.full(one) for one in kept]
        ledger_module.Ledger(url).record_verdicts('audit-1', told, data.NOW)
        code = main.main(['explain', *words, '--config-file', str(path)])
        return code, capsys.readouterr()

    return ask


def test_a_verdict_is_explained_with_its_numbers(explain):
    code, shown = explain('shop', kept=verdicts())
    assert code == 0
    text = shown.out
    assert 'shop (shop), small on n1' in text
    assert 'resize: violation_expected: P(cpu > 0.9 of 2 vCPUs' in text
    assert 'weight 1 (base 1), ceiling 0.9, quantile 0.95, model fake' in text
    assert 'flavor medium suffices' in text
    assert 'plan: flavor medium, room_on n2' in text
    cpu = next(x for x in text.splitlines() if x.startswith('cpu'))
    # limit, predicted, amount, risk, and the risk at 5, 10 and 15 minutes
    assert cpu.split()[1:8] == ['2', '1.979', '0.1794', '1', '1', '1', '1']


def test_why_a_flavor_was_not_chosen_is_told(explain):
    _, shown = explain('shop', kept=verdicts(max_growth=2.5))
    assert 'flavor large is more than 2.5 times small' in shown.out


def test_the_same_is_there_as_json(explain):
    code, shown = explain('calm', '--json', kept=verdicts())
    (told,) = json.loads(shown.out)
    assert code == 0
    assert (told['audit'], told['at']) == ('audit-1', data.NOW)
    assert (told['reason'], told['plan']) == ('low_risk', {})
    assert set(told['resources']['cpu']['risk_at']) == {'300', '600', '900'}
    assert told['resources']['disk']['limit'] is None


def test_an_instance_that_nobody_knows_says_what_to_do(explain):
    code, shown = explain('ghost')
    assert code == 1
    assert "no audit has kept a verdict on 'ghost'" in shown.err
    assert 'scope of an audit' in shown.err


@pytest.mark.parametrize(
    'expected', [{}, {'shop': {'memory': (4000.0, 1.0)}}, {'shop': RISING}]
)
def test_every_verdict_can_be_kept_and_shown(explain, expected):
    for name in ('shop', 'calm'):
        code, shown = explain(name, kept=verdicts(expected, max_actions=0))
        assert code == 0 and name in shown.out
