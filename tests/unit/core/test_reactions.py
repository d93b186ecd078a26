"""What plans do about anomalies: tell, hold, or go on."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import brakes
from predictive_watcher.core import pipeline
from predictive_watcher.core import usage as usage_module
from predictive_watcher.core import vigil
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.anomaly import Kind
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.policy import Reaction
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


STEPS = 400
RISING = {'cpu': (1.95, 0.01)}  # of 2 vCPUs: surely above 1.8


def window(fleet, odd=()):
    """Three days' worth of quiet load; ``odd`` are flat at the limit."""
    rng = np.random.default_rng(0)
    shape = (len(fleet.instances), STEPS, 4)
    load = rng.normal([0.5, 900, 1e5, 2e4], [0.05, 9, 9e3, 2e3], shape)
    for row, instance in enumerate(fleet.instances):
        if instance.id in odd:
            load[row, -3:, 0] = 1.99
    return usage_module.UsageWindow(
        instances=tuple(instance.id for instance in fleet.instances),
        start=data.NOW - 300 * (STEPS - 1),
        step_s=300,
        usage=load.astype(np.float32),
    )


def propose(fleet, odd, **rules):
    return pipeline.propose(
        fleet=fleet,
        window=window(fleet, odd),
        forecaster=FakeForecaster(dict.fromkeys(odd, RISING)),
        leases=(),
        policy=Policy(**rules),
        now=data.NOW,
        vigil=vigil.Vigil(),
    )


def verdict(proposal, name='a'):
    return {v.instance.id: v for v in proposal.verdicts}[name]


def test_a_runaway_is_told_and_fed_unless_the_policy_says_otherwise():
    proposal = propose(data.a_fleet(data.instance('a')), ['a'])
    found = verdict(proposal)
    assert isinstance(found.adjustment, Resize)
    assert 'it behaves oddly: flat_at_limit: cpu is at 0.9' in found.note
    (event,) = proposal.anomalies.new()
    assert (event.subject, event.kind) == ('a', Kind.FLAT_AT_LIMIT)


def test_a_runaway_is_not_fed_where_the_policy_says_hold():
    proposal = propose(
        data.a_fleet(data.instance('a')),
        ['a'],
        anomalies={'flat_at_limit': Reaction.HOLD},
    )
    chosen = verdict(proposal).adjustment
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.ANOMALY
    assert 'flat_at_limit' in chosen.text
    assert 'of its limit or more for 3 steps' in chosen.text


def test_nothing_is_said_of_one_where_the_policy_says_allow():
    proposal = propose(
        data.a_fleet(data.instance('a')),
        ['a'],
        anomalies={'flat_at_limit': Reaction.ALLOW},
    )
    assert isinstance(verdict(proposal).adjustment, Resize)
    assert verdict(proposal).note == ''


@pytest.mark.parametrize(
    ('reaction', 'kind'), [(Reaction.HOLD, Hold), (Reaction.ALLOW, Resize)]
)
def test_what_a_whole_node_shows_at_once_stops_resizes(reaction, kind):
    names = [f'i{k}' for k in range(6)]
    fleet = data.a_fleet(*(data.instance(name) for name in names))
    proposal = propose(fleet, names, anomalies={'node': reaction})
    first = proposal.verdicts[0].adjustment
    (wide,) = proposal.anomalies.wide
    assert wide.kind is Kind.NODE
    assert wide.compared.startswith('6 of 6 instances within 15 min')
    if reaction is Reaction.HOLD:
        assert first.reason is Reason.ANOMALY
        assert 'its node behaves oddly' in first.text
    assert any(isinstance(v.adjustment, kind) for v in proposal.verdicts)


def test_what_a_node_shows_stops_resizes_for_a_while_only():
    names = [f'i{k}' for k in range(6)]
    fleet = data.a_fleet(*(data.instance(name) for name in names))
    proposal = propose(fleet, names)
    (wide,) = proposal.anomalies.wide
    for age_s, held in ((brakes.HOLD_S - 1, 6), (brakes.HOLD_S, 0)):
        event = dataclasses.replace(wide, began=data.NOW - age_s)
        findings = dataclasses.replace(proposal.anomalies, wide=(event,))
        assert len(brakes.of_findings(proposal.seen, findings)) == held


def test_what_it_shares_with_others_does_not_free_an_instance_of_its_policy():
    names = [f'i{k}' for k in range(6)]
    fleet = data.a_fleet(*(data.instance(name) for name in names))
    proposal = propose(
        fleet,
        names,
        anomalies={'node': Reaction.ALLOW, 'flat_at_limit': Reaction.HOLD},
    )
    assert proposal.anomalies.wide
    for found in proposal.verdicts:
        assert found.adjustment.reason is Reason.ANOMALY
        assert 'flat_at_limit' in found.adjustment.text


def test_without_a_watch_there_are_no_anomalies():
    fleet = data.a_fleet(data.instance('a'))
    proposal = pipeline.propose(
        fleet=fleet,
        window=window(fleet, ['a']),
        forecaster=FakeForecaster({}),
        leases=(),
        policy=Policy(),
        now=data.NOW,
    )
    assert proposal.anomalies is None
