"""Whoever may not leave a node in danger leaves the way to others."""

import pytest

from predictive_watcher.core import budgets
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Match
from predictive_watcher.core.rules import Rule
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def decisions(settings, *, spent=None, **rules):
    """Of four that fill the 8 vCPUs of n1; rules are about the lightest,
    whose project is its own.
    """
    kinds = [data.flavor(f'w{w}', 4, 4, weight=w) for w in '4213']
    fleet = data.a_fleet(
        *(
            data.instance(f'w{kind.weight():g}', flavor=kind,
                          project_id=kind.name)
            for kind in kinds
        ),
        nodes=(data.node('n1', 8), data.node('n2', 8)),
        flavors=tuple(kinds),
    )  # fmt: skip
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(
            dict.fromkeys(fleet.scope, {'cpu': (2.0, 0.05)})
        ),
        leases=(),
        policy=Policy(**rules),
        now=data.NOW,
        rules=[
            Rule(name='r', match=Match(project=('w1',)), settings=settings)
        ],
        spent=spent,
    )
    return {v.instance.id: v.adjustment for v in found.verdicts}


def leavers(found):
    return [name for name, one in found.items() if isinstance(one, Migrate)]


def test_the_lightest_leaves():
    assert leavers(decisions({})) == ['w1']


@pytest.mark.parametrize(
    ('settings', 'reason'),
    [
        ({'allow_migrate': False}, Reason.NOT_ALLOWED),
        ({'cost_factor': 1e6}, Reason.NOT_WORTH_IT),
        ({'max_actions': 0}, Reason.BUDGET),
        ({'max_actions_per_project_hour': 1}, Reason.BUDGET),
    ],
)
def test_the_next_one_leaves_where_the_lightest_may_not(settings, reason):
    spent = budgets.Spent(project_hour={'w1': 1})
    found = decisions(settings, spent=spent)
    assert leavers(found) == ['w2']
    assert found['w1'].reason is reason
    assert 'without this instance' in found['w1'].text


def test_only_the_best_one_tells_why_nobody_leaves():
    found = decisions({}, allow_migrate=False)
    assert not leavers(found)
    told = [n for n, one in found.items() if one.reason is Reason.NOT_ALLOWED]
    assert told == ['w1']
    assert all(isinstance(one, Hold) for one in found.values())
