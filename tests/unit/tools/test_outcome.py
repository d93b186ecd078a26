"""The table is computed from what happened."""

from dataclasses import replace

from demo import fleet
from demo import outcome
from demo import table
from demo.journal import Action
from demo.journal import Journal
from demo.journal import Plan
from demo.journal import Step
import numpy as np
import pytest


SERVERS = tuple(
    server for server in fleet.SERVERS if server.node == 'compute2'
)
NAME = SERVERS[0].name
OWN = np.array([server.flavor.limits for server in SERVERS])
LARGER = fleet.FLAVORS['silver.huge'].limits


def _step(number, share, plan=None, limit=None, node='compute2'):
    demand = OWN * 0.2
    demand[0, fleet.CPU] = OWN[0, fleet.CPU] * share
    limits = OWN.copy()
    if limit is not None:
        limits[0] = limit
    return Step(
        end=1_000_200 + 300 * number,
        written_at=float(number),
        demand=demand,
        usage=np.minimum(demand, limits),
        limits=limits,
        nodes=(node, *['compute2'] * (len(SERVERS) - 1)),
        plan=plan,
    )


def _plan(type_, state='SUCCEEDED', **parameters):
    given = {
        'resource_name': NAME,
        'reason': 'violation_expected: soon',
        'source_flavor': 'silver.large',
        'flavor_name': 'silver.huge',
        **parameters,
    }
    action = Action(
        kind=type_, server=NAME, state=state, message='', parameters=given
    )
    return Plan(uuid='p', state=state, actions=(action,))


def _resize(**more):
    told = {'cpu': {'risk': 0.8, 'predicted': 3.9}}
    explanation = {'resources': told}
    return _plan(
        'predictive_resize', kind='lease', explanation=explanation, **more
    )


def _release():
    return _plan('predictive_resize', kind='release')


def _outcome(*steps):
    return outcome.Outcome(SERVERS, Journal(list(steps)))


def _row(*steps):
    return _outcome(*steps).servers()[0]


def test_a_resize_in_time_averts_the_violation():
    row = _row(
        _step(0, 0.6),
        _step(1, 0.8, plan=_resize()),
        _step(2, 1.1, limit=LARGER),
        _step(3, 0.5, limit=LARGER, plan=_release()),
        _step(4, 0.5),
    )
    assert row.verdict is outcome.Verdict.AVERTED
    assert row.minutes_without == 5
    assert [action.word for action in row.actions] == ['resize', 'release']
    assert row.actions[0].lead_min == 0
    assert (row.risk, row.predicted_peak) == (0.8, 3.9)
    assert (row.limit_before, row.limit_after) == (4, 8)
    assert row.actual_peak == pytest.approx(4.4)
    assert row.actions[1].lead_min is None
    assert row.restarts == 2


def test_a_resize_too_late_shortens_it():
    row = _row(
        _step(0, 0.8),
        _step(1, 1.1, plan=_resize()),
        _step(2, 1.1, limit=LARGER),
    )
    assert row.verdict is outcome.Verdict.SHORTENED
    assert (row.minutes_without, row.minutes_with) == (10, 5)
    assert row.actions[0].lead_min == -5


def test_an_action_that_failed_did_nothing():
    row = _row(
        _step(0, 0.8, plan=_resize(state='FAILED')),
        _step(1, 1.1),
    )
    assert row.verdict is outcome.Verdict.SUFFERED
    assert row.actions == ()


def test_without_trouble_there_is_no_verdict():
    row = _row(_step(0, 0.5), _step(1, 0.5))
    assert row.verdict is outcome.Verdict.NONE
    assert row.risk is None


def test_a_smaller_limit_can_cause_a_violation():
    row = _row(_step(0, 0.8, limit=OWN[0] / 2))
    assert row.verdict is outcome.Verdict.CAUSED


def test_a_migration_relieves_its_node():
    servers = tuple(
        replace(server, flavor=fleet.FLAVORS['silver.huge'])
        for server in SERVERS[:2]
    )
    own = np.array([server.flavor.limits for server in servers])
    plan = _plan(
        'predictive_migrate',
        source_node='compute2',
        destination_node='compute3',
        explanation={'node_risk': 0.6, 'resources': {'cpu': {'risk': 0.1}}},
    )
    steps = [
        Step(
            end=300 * number,
            written_at=float(number),
            demand=own * 0.95,
            usage=own * 0.95,
            limits=own,
            nodes=(node, 'compute2'),
            plan=plan if number == 0 else None,
        )
        for number, node in enumerate(['compute2', 'compute3'])
    ]
    found = outcome.Outcome(servers, Journal(steps))
    (node,) = found.nodes()
    assert node.verdict is outcome.Verdict.SHORTENED
    assert node.peak_without == pytest.approx(15.2)
    moved = found.servers()[0]
    assert moved.actions[0].before == 'compute2'
    assert moved.risk == 0.6
    assert moved.restarts == 0


def test_what_was_not_shown_is_named():
    missing = outcome.shortcomings(_outcome(_step(0, 0.5)).servers())
    assert missing == [
        'no resize came before its violation',
        'no migrate came before its violation',
        'no lease was released',
    ]


def test_the_table_says_it_all():
    found = _outcome(
        _step(0, 0.8, plan=_resize()),
        _step(1, 1.1, limit=LARGER),
        _step(2, 0.5, limit=LARGER, plan=_release()),
    )
    text = '\n'.join(table.lines(found.servers(), found.nodes()))
    assert 'resize to silver.huge' in text
    assert 'averted (5 min)' in text
    assert len({len(line) for line in text.splitlines()[:5]}) == 1


def test_json_has_no_numbers_that_json_does_not_know():
    journal = Journal([_step(0, np.nan)])
    found = outcome.Outcome(SERVERS, journal)
    told = table.as_json(found.servers(), found.nodes(), journal)
    assert told['steps'][0]['demand'][0][fleet.CPU] is None
