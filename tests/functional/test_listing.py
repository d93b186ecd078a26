"""What an operator sees of the plugin once it is installed."""


def test_the_goal_the_strategy_and_the_engines_are_listed(watcher):
    assert 'violation_prevention' in watcher.names('goals')
    assert 'predictive_adjustment' in watcher.names('strategies')


def test_the_goal_shows_its_efficacy_specification(watcher):
    goal = watcher.get('/goals/violation_prevention')
    names = [spec['name'] for spec in goal['efficacy_specification']]
    assert names[:2] == ['risk_before', 'risk_after']
