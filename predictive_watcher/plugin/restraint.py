"""What an audit is told of what was done and seen before.

All of it comes from the ledger, so that it survives a restart;
a ledger that is lost counts as one.
"""

from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from predictive_watcher.core import adjustment
from predictive_watcher.core import assessment
from predictive_watcher.core import brakes
from predictive_watcher.core import budgets
from predictive_watcher.core import claims as claims_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import usage
from predictive_watcher.core.policy import Policy
from predictive_watcher.plugin import giving_back
from predictive_watcher.policies import file
from predictive_watcher.state import ledger as ledger_module


# An instance that had no forecast in so many steps is acted upon like one
# that was never seen; or in so many intervals of the audit, where it runs less
# often: it would look at everybody for the first time for ever.
GAP_STEPS = 3
GAP_INTERVALS = 2.5
VALID_S = 900  # for so long a plan may be started


@dataclass(frozen=True, slots=True, kw_only=True)
class Restraint:
    """What keeps an audit from doing too much.

    ``over`` are the keys of claims that nobody will make use of any more.
    """

    recent: Mapping[str, leases_module.Attempt]
    spent: budgets.Spent
    earlier: brakes.Earlier
    over: frozenset[tuple[str, str, int]] = frozenset()


def known(
    audit: str,
    ledger: ledger_module.Ledger,
    policies: file.Loaded,
    window: usage.UsageWindow,
    policy: Policy,
    now: int,
    interval_s: float = 0.0,
) -> Restraint:
    """What the ledger knows of late, as far as rules ask back.

    :param audit: whose plan is made: actions that are yet to come count in
        budgets.
    :param now: the audit's time, Unix seconds.
    :param interval_s: seconds from one run of the audit to the next; 0 where
        it runs once.
    :raises StateError: where the ledger cannot be used.
    """
    rests_s = max(
        [
            policy.cooldown_s,
            *(rule.settings.get('cooldown_s', 0) for rule in policies.rules),
        ]
    )
    # before the attempts: what ends meanwhile is in both, and counts once
    held = ledger.claims(now)
    over = giving_back.over(held, audit)
    held = tuple(one for one in held if one.key not in over)
    orders = claims_module.under_way(ledger.active_leases(), now)
    attempts = ledger.attempts_since(now - max(rests_s, budgets.DAY_S))
    gap_s = max(GAP_STEPS * window.step_s, GAP_INTERVALS * interval_s)
    since = assessment.common_origin(window) - int(gap_s)
    return Restraint(
        recent={one.instance_id: one for one in attempts},
        spent=claims_module.spent(attempts, orders, held, now),
        earlier=brakes.Earlier(
            risk=ledger.risks_since(since),
            outbreaks=ledger.outbreaks(now, audit),
        ),
        over=over,
    )


def reserve(
    ledger: ledger_module.Ledger,
    audit: str,
    proposal: pipeline.Proposal,
    now: int,
    over: Collection[tuple[str, str, int]],
) -> pipeline.Proposal:
    """Claim the budgets for the plan of an audit, and leave out of it what
    others have taken meanwhile.

    :param over: keys of claims that nobody will make use of any more.
    """
    wanted = claims_module.of_plan(
        proposal.verdicts, audit, now, now + VALID_S
    )
    return without(proposal, ledger.reserve(wanted, now, over))


def without(
    proposal: pipeline.Proposal, refused: Mapping[str, str]
) -> pipeline.Proposal:
    """The proposal without the actions on some instances.

    :param refused: by instance id, why not.
    """
    if not refused:
        return proposal
    left = [
        verdict.highest_risk
        for verdict in proposal.verdicts
        if verdict.instance.id in refused
    ]
    left += [
        verdict.adjustment.node_risk
        for verdict in proposal.verdicts
        if verdict.instance.id in refused
        and isinstance(verdict.adjustment, adjustment.Migrate)
    ]
    return replace(
        proposal,
        risk_after=max([proposal.risk_after, *np.nan_to_num(left).tolist()]),
        verdicts=tuple(
            _held(verdict, refused.get(verdict.instance.id))
            for verdict in proposal.verdicts
        ),
    )


def _held(
    verdict: adjustment.Verdict, why: str | None
) -> adjustment.Verdict:
    if why is None:
        return verdict
    return replace(
        verdict,
        adjustment=adjustment.Hold(
            reason=adjustment.Reason.BUDGET,
            text=f'{verdict.adjustment.text}; but {why}',
        ),
    )


def ageless(fleet: fleet_module.Fleet) -> fleet_module.Fleet:
    """The fleet without the ages of its instances.

    Recorded load has another time than the servers that replay it.
    """
    return replace(
        fleet,
        instances=tuple(replace(one, created_at=0) for one in fleet.instances),
    )


def noted(proposal: pipeline.Proposal, problem: str) -> pipeline.Proposal:
    """The proposal, with what is wrong with the policy file in the verdicts
    of all.
    """
    if not problem:
        return proposal
    return replace(
        proposal,
        verdicts=tuple(
            replace(
                verdict, note='; '.join(filter(None, (verdict.note, problem)))
            )
            for verdict in proposal.verdicts
        ),
    )
