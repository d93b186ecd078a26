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


#: Steps until a rise is believed, and until audits forget whom they saw.
_SOON = 3
#: Most of compute2, and less than a third of the fleet.
STORMY = (
    'watched',
    'capped',
    'movable',
    'quoted',
    'apart-1',
    'partner',
    'stranger',
    'family',
    'aggregate',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an audit found, and what became of its plan, by server."""

    found: Found
    done: Mapping[str, Mapping[str, Any]]


def _applied(stage: Stage, **parameters: Any) -> Applied:
    found = stage.audit(**parameters)
    return Applied(found=found, done=stage.audits.apply(found.plan))


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
    stage.go_on(_SOON, plain=1, kept=1, watched=1, late=1, light=1)
    return stage.audit(lease_minimum=0)


@pytest.fixture(scope='session')
def over(stage: Stage, after: Found) -> Applied:
    """A plan that was applied after half an hour: the need of one has passed,
    another one needs more.
    """
    stage.policies(policies.only(stage.site.ids))
    stage.go_on(6, kept=1, light=1, heavy=1)
    return _applied(stage, lease_minimum=0)


@pytest.fixture(scope='session')
def served(stage: Stage, over: Applied) -> Applied:
    """The plan after it: there is room now."""
    stage.go_on(_SOON, kept=1, light=1, heavy=1)
    return _applied(stage, lease_minimum=0)


# ---------------------------------------------- too many at once; a long day
@pytest.fixture(scope='session')
def storm(stage: Stage, served: Applied) -> Found:
    """An audit after most servers of one node have come to be at risk."""
    stage.policies(policies.BRAKED)
    stage.go_on(_SOON, gold=1, **dict.fromkeys(STORMY, 1.0))
    return stage.audit()


@pytest.fixture(scope='session')
def flood(stage: Stage, storm: Found) -> Found:
    """An audit after all have."""
    stage.go_on(_SOON, **dict.fromkeys(servers.BY_NAME, 1.0))
    return stage.audit()


@pytest.fixture(scope='session')
def together(stage: Stage, flood: Found) -> str:
    """An audit of one zone, before and after a day; its uuid."""
    audit = stage.audits.on_event(servers.ELSEWHERE)
    stage.audits.tell(audit)
    stage.surge()
    stage.audits.tell(audit)
    return audit


@pytest.fixture(scope='session')
def messages(stage: Stage, over: Applied) -> list[tuple[str, dict[str, Any]]]:
    """What we have published up to here."""
    return stage.published()


@pytest.fixture(scope='session')
def anew(
    stage: Stage,
    together: str,
    messages: list[tuple[str, dict[str, Any]]],
) -> Found:
    """The first audit of a Watcher that has lost its ledger."""
    stage.restart_without_ledger()
    return stage.audit()
