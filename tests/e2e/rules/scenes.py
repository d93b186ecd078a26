"""What happens on the stage, one audit after the other.

Each scene begins where the one before it ended, whichever test asks first.
Measures are there before an audit begins; many rules are shown by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.rules import policies
from tests.e2e.rules import servers
from tests.e2e.rules.audits import Found
from tests.e2e.rules.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an audit found, and what became of its plan, by server."""

    found: Found
    done: Mapping[str, Mapping[str, Any]]


# ------------------------------------------------- nothing is done: verdicts
@pytest.fixture(scope='session')
def first(stage: Stage) -> Found:
    """The first audit of a Watcher that knows nothing."""
    stage.policies(policies.EVERYBODY)
    return stage.audit(observe_only=True)


@pytest.fixture(scope='session')
def second(stage: Stage, first: Found) -> Found:
    """The audit after it, of instances that somebody looks at."""
    return stage.audit(observe_only=True)


@pytest.fixture(scope='session')
def short(stage: Stage, second: Found) -> Found:
    """An audit that may do one thing."""
    return stage.audit(observe_only=True, max_actions=1)


@pytest.fixture(scope='session')
def disabled(stage: Stage, short: Found) -> Found:
    """An audit of two zones, while the scheduler may not use one of the
    hosts.
    """
    zones = (servers.MAIN, servers.ELSEWHERE)
    stage.site.enable('compute1', really=False)
    try:
        return stage.audit(zones=zones, observe_only=True)
    finally:
        stage.site.enable('compute1')


# ------------------------------------------------------------ what is done
@pytest.fixture(scope='session')
def acted(stage: Stage, disabled: Found) -> Applied:
    """A plan that was applied, after one of its servers had gone."""
    stage.policies(policies.only(stage.site.ids))
    found = stage.audit()
    stage.site.delete('doomed')
    return Applied(found=found, done=stage.audits.apply(found.plan))


@pytest.fixture(scope='session')
def after(stage: Stage, acted: Applied) -> Found:
    """An audit while the need lasts; somebody has resized one by hand, and
    broken the policy file.
    """
    stage.site.resize('owned', 'plain.4')
    stage.policies(policies.BROKEN)
    stage.go_on(plain=0.97, kept=0.97, watched=0.97, light=1)
    return stage.audit(lease_minimum=0)


@pytest.fixture(scope='session')
def over(stage: Stage, after: Found) -> Applied:
    """A plan that was applied after the need of one had passed."""
    stage.policies(policies.only(stage.site.ids))
    stage.go_on(4, kept=0.97, light=1)
    found = stage.audit(lease_minimum=0)
    return Applied(found=found, done=stage.audits.apply(found.plan))


@pytest.fixture(scope='session')
def messages(stage: Stage, over: Applied) -> list[tuple[str, dict[str, Any]]]:
    """What we have published up to here."""
    return stage.published()


@pytest.fixture(scope='session')
def anew(
    stage: Stage,
    messages: list[tuple[str, dict[str, Any]]],
) -> Found:
    """The first audit of a Watcher that has lost its ledger."""
    stage.restart_without_ledger()
    return stage.audit()
