"""A surge that leads, from the samples to the plan."""

import dataclasses

import numpy as np

from predictive_watcher.core import correlation
from predictive_watcher.core import leading
from predictive_watcher.core import pipeline
from predictive_watcher.core import relating
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


SITE = data.a_fleet(data.instance('follower'), data.instance('leader'))
CALM = {'cpu': (0.5, 0.01)}


class Knowing(relating.Correlating):
    """Knows that one follows the other, and learns nothing."""

    def __init__(self, proven):
        super().__init__()
        self._proven = proven

    def learn(self, fleet, window, limits):
        lead = leading.Leads(np.array([1]), np.array([0]), np.array([2]))
        lead.count[:] = 32
        lead.shares[:] = 1.0
        lead.proven[:] = self._proven
        fresh = correlation.nothing(window.instances, window.step_s)
        fresh.moves.scale[:] = 0.1
        self.known = dataclasses.replace(fresh, leads=lead)
        return self.known


def verdict_on_the_follower(correlating, leader=1.95):
    window = data.window(SITE)
    used = window.usage.copy()
    used[:, :, 0] = 0.5  # of 2 vCPUs
    used[1, -1, 0] = leader
    proposal = pipeline.propose(
        fleet=SITE,
        window=dataclasses.replace(window, usage=used),
        forecaster=FakeForecaster({'follower': CALM, 'leader': CALM}),
        leases=(),
        policy=Policy(),
        now=data.NOW,
        correlating=correlating,
    )
    return next(v for v in proposal.verdicts if v.instance.id == 'follower')


def test_a_follower_is_helped_before_the_surge_reaches_it():
    found = verdict_on_the_follower(Knowing(proven=True))
    assert isinstance(found.adjustment, Resize)
    assert found.adjustment.reason is Reason.VIOLATION_EXPECTED
    assert 'leader surges, which it follows by 10 min' in found.note
    assert found.risk[0] > 0.5


def test_without_proof_nothing_is_done():
    for correlating in (None, Knowing(proven=False)):
        found = verdict_on_the_follower(correlating)
        assert found.adjustment.reason is Reason.LOW_RISK
        assert found.note == ''


def test_without_a_surge_nothing_is_done():
    found = verdict_on_the_follower(Knowing(proven=True), leader=0.5)
    assert found.adjustment.reason is Reason.LOW_RISK
