"""What an audit is told of what was done and seen before.

All of it comes from the ledger, so that it survives a restart;
a ledger that is lost counts as one.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from predictive_watcher.core import adjustment
from predictive_watcher.core import assessment
from predictive_watcher.core import brakes
from predictive_watcher.core import budgets
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import usage
from predictive_watcher.core.policy import Policy
from predictive_watcher.policies import file
from predictive_watcher.state import ledger as ledger_module


# An instance that had no forecast in so many steps is acted upon like one
# that was never seen; or in so many intervals of the audit, where it runs less
# often: it would look at everybody for the first time for ever.
GAP_STEPS = 3
GAP_INTERVALS = 2.5
VALID_S = 900  # for so long a plan may be started
_KINDS = {
    adjustment.Resize: leases_module.Kind.RESIZE,
    adjustment.Release: leases_module.Kind.RELEASE,
    adjustment.Migrate: leases_module.Kind.MIGRATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restraint:
    """What keeps an audit from doing too much."""

    recent: Mapping[str, leases_module.Attempt]
    spent: budgets.Spent
    earlier: brakes.Earlier


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

    :param audit: whose plan is made: those of others that may still be
        started count in budgets.
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
    attempts = ledger.attempts_since(now - max(rests_s, budgets.DAY_S))
    orders = under_way(ledger.active_leases(), now)
    plans = ledger.planned(now - VALID_S, audit)
    gap_s = max(GAP_STEPS * window.step_s, GAP_INTERVALS * interval_s)
    since = assessment.common_origin(window) - int(gap_s)
    return Restraint(
        recent={one.instance_id: one for one in attempts},
        spent=spent(attempts, orders, plans, now),
        earlier=brakes.Earlier(
            risk=ledger.risks_since(since),
            outbreaks=ledger.outbreaks(now, audit),
        ),
    )


def spent(
    attempts: Sequence[leases_module.Attempt],
    orders: Sequence[leases_module.Attempt],
    plans: Sequence[leases_module.Attempt],
    now: int,
) -> budgets.Spent:
    """What counts in budgets, each action once.

    Only a release that was done ended a lease: one that another audit plans,
    and perhaps nobody starts, did not.

    :param orders: those that are `under_way`.
    :param plans: of other audits.
    """
    begun = [*attempts, *orders]
    return replace(
        budgets.Spent.of([*begun, *waiting(plans, begun)], now),
        releases=budgets.Spent.of(attempts, now).releases,
    )


def keep_planned(
    ledger: ledger_module.Ledger,
    audit: str,
    proposal: pipeline.Proposal,
    now: int,
) -> None:
    """Write down what the plan holds, for the budgets of other audits."""
    ledger.keep_planned(
        audit,
        [
            leases_module.Attempt(
                instance_id=verdict.instance.id,
                kind=_KINDS[type(verdict.adjustment)],
                at=now,
                failed=False,
                text='',
                project_id=verdict.instance.project_id,
            )
            for verdict in proposal.verdicts
            if type(verdict.adjustment) in _KINDS
        ],
        now - VALID_S,
    )


def waiting(
    plans: Iterable[leases_module.Attempt],
    attempts: Iterable[leases_module.Attempt],
) -> list[leases_module.Attempt]:
    """What of the plans of others has not been done yet."""
    done = {one.instance_id: one.at for one in attempts}
    return [
        one for one in plans if done.get(one.instance_id, one.at - 1) < one.at
    ]


def under_way(
    leases: tuple[leases_module.Lease, ...], now: int
) -> list[leases_module.Attempt]:
    """Resizes that were ordered and have not ended: they count too.

    Not for ever: one that hangs on a server in ERROR would leave the budgets
    of all others empty until somebody mends it.
    """
    return [
        leases_module.Attempt(
            instance_id=lease.instance_id,
            kind=leases_module.Kind.RESIZE,
            at=min(now, lease.expires_at),
            failed=False,
            text='',
            project_id=lease.project_id,
        )
        for lease in leases
        if lease.pending_flavor_name is not None
    ]


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
