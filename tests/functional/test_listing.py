"""What an operator sees of the plugin once it is installed."""

import json

from predictive_watcher.plugin import parameters


def engines(watcher):
    listed = watcher.get('/scoring_engines/detail')['scoring_engines']
    return {entry['name']: entry for entry in listed}


def test_the_goal_the_strategy_and_the_engine_are_listed(watcher):
    assert 'violation_prevention' in watcher.names('goals')
    assert 'predictive_adjustment' in watcher.names('strategies')
    assert 'predictive_shipped' in watcher.names('scoring_engines')


def test_the_goal_shows_its_efficacy_specification(watcher):
    goal = watcher.get('/goals/violation_prevention')
    names = [spec['name'] for spec in goal['efficacy_specification']]
    assert names == [
        'risk_before',
        'risk_after',
        'violations_predicted',
        'instances_held',
        'resizes',
        'migrations',
        'leases_ended',
    ]


def test_the_strategy_belongs_to_the_goal_and_shows_its_parameters(watcher):
    strategy = watcher.get('/strategies/predictive_adjustment')
    assert strategy['goal_name'] == 'violation_prevention'
    assert strategy['parameters_spec'] == parameters.schema()


def test_the_engine_shows_the_models_card(watcher):
    card = json.loads(engines(watcher)['predictive_shipped']['metainfo'])
    assert len(card['file']['sha256']) == 64
    assert card['training']


def test_a_damaged_model_is_listed_with_its_error_beside_the_others(
    watcher, option, tmp_path
):
    (tmp_path / 'card.json').write_text('{')
    option('model_directory', str(tmp_path))
    watcher.sync()
    listed = engines(watcher)
    damaged = json.loads(listed['predictive_configured']['metainfo'])
    assert str(tmp_path) in damaged['error']
    assert 'error' not in json.loads(listed['predictive_shipped']['metainfo'])
    assert 'dummy_scorer' in listed


def test_a_parameter_that_does_not_exist_is_refused(watcher):
    answer = watcher.refused(
        'POST',
        '/audits',
        json={
            'audit_type': 'ONESHOT',
            'goal': 'violation_prevention',
            'parameters': {'risk_treshold': 0.5},
            'strategy': 'predictive_adjustment',
        },
    )
    assert 'risk_treshold' in answer
