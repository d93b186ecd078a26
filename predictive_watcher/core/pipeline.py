"""The whole story of one audit: usage in, a plan and verdicts out."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import anomaly
from predictive_watcher.core import assessment
from predictive_watcher.core import brakes as brakes_module
from predictive_watcher.core import budgets
from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import growing
from predictive_watcher.core import joint
from predictive_watcher.core import judging
from predictive_watcher.core import leasing
from predictive_watcher.core import placement
from predictive_watcher.core import profiling as profiling_module
from predictive_watcher.core import quotas as quotas_module
from predictive_watcher.core import reconciling
from predictive_watcher.core import relating
from predictive_watcher.core import relief
from predictive_watcher.core import resolving
from predictive_watcher.core import rightsizing
from predictive_watcher.core import saturation
from predictive_watcher.core import sizing
from predictive_watcher.core import urgency
from predictive_watcher.core import usage
from predictive_watcher.core import vigil as vigil_module
from predictive_watcher.core import weights
from predictive_watcher.core import yielding
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.adjustment import Verdict
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an audit found and wants done.

    ``leases`` are those that hold, beside what became of the others;
    ``renewals`` maps instance ids to the new expiry (Unix seconds) of their
    lease.  Risks are the highest of any instance in scope or of a node, in
    0..1.  ``strains`` and ``growths`` are to be recorded for the next
    audit; ``anomalies`` is None where nobody watched for them; ``outbreaks``
    begin now.
    """

    verdicts: tuple[Verdict, ...]
    leases: reconciling.Reconciled
    renewals: Mapping[str, int]
    risk_before: float
    risk_after: float
    violations_predicted: int
    strains: Sequence[weights.Strain]
    growths: Sequence[saturation.Growth]
    seen: assessment.Assessment
    anomalies: anomaly.Findings | None = None
    outbreaks: tuple[brakes_module.Outbreak, ...] = ()


def propose(
    *,
    fleet: fleet_module.Fleet,
    window: usage.UsageWindow,
    forecaster: forecast_module.Forecaster,
    leases: Iterable[Lease],
    policy: Policy,
    now: int,
    recent: Mapping[str, Attempt] | None = None,
    missing: Mapping[str, str] | None = None,
    failed_releases: Mapping[str, int] | None = None,
    profiling: profiling_module.Profiling | None = None,
    rules: Iterable[Rule] = (),
    spent: budgets.Spent | None = None,
    earlier: brakes_module.Earlier | None = None,
    anomalies: Mapping[str, str] | None = None,
    weighing: weights.Weighing | None = None,
    growths: Iterable[saturation.Growth] = (),
    quotas: Mapping[str, quotas_module.Quota] | None = None,
    vigil: vigil_module.Vigil | None = None,
    joints: joint.Joints | None = None,
    correlating: relating.Correlating | None = None,
) -> Proposal:
    """Anticipate violations and decide what to do about each instance.

    The strategy, a dry run and a backtest all call this.

    :param window: usage of exactly ``fleet.instances``, in their order.
    :param leases: the ledger's.
    :param now: Unix seconds.
    :param recent: by instance id, the last action that was tried.
    :param failed_releases: by instance id, how many failed since the last that
        did not, see `leases.failed_releases`.
    :param missing: by instance id, why usage of it is missing.
    :param rules: give instances policies of their own; of the rest, and of
        the nodes, ``policy`` holds.
    :param spent: what counts in budgets before this plan; None: nothing.
    :param earlier: what audits saw of late; None: nobody knows, and the
        brakes that need it are off.
    :param anomalies: by instance id, the kind of what is odd about it, beside
        what ``vigil`` finds.
    :param vigil: watches for anomalies; None: nobody does.
    :param profiling: learns profiles; None: they are read off the window.
    :param joints: learn how sums of nodes spread.
    :param correlating: learns who moves together.
    :param quotas: by project, what it may still take, asked for who is at
        risk.
    :param weighing: how weights fall; None: they do not.
    :param growths: what earlier leases taught of saturated resources.
    :raises ModelError: when the forecaster's model cannot be used.
    """
    own = resolving.resolve(rules, fleet, policy, now)
    held = reconciling.reconcile(leases, fleet.instances, now)
    flavors = flavors_module.readable(fleet.flavors)
    origins = held.origins(flavors)
    seen = assessment.assess(
        fleet,
        window,
        forecaster,
        own,
        now,
        profiling,
        origins=origins,
        weighing=weighing,
        growths=saturation.factors(growths),
        nodes=joints,
        correlating=correlating,
    )
    odd = vigil_module.look(
        vigil, window, seen.limits, seen.forecast, fleet.instances
    )
    # told as one of many, and still what a policy of its own is about
    single = {**odd.shared, **odd.found}
    rows = [
        row for row, i in enumerate(fleet.instances) if i.id in fleet.scope
    ]
    begins_at = urgency.begins_at(
        own, np.array(judging.at_worst(seen, seen.weights))
    )
    outbreaks = brakes_module.sudden(seen, begins_at, rows, earlier)
    needs = reconciling.shown(window, origins, seen.limits, seen.ceiling)
    maker = PlanMaker(
        seen=seen,
        policy=policy,
        own=own,
        flavors=flavors,
        place=placement.Placement(
            fleet=fleet, load=seen.load, ceiling=policy.ceiling,
            moving=seen.moving(),
        ),  # fmt: skip
        leases=held.valid,
        begins_at=begins_at,
        needs=needs,
        peaks=rightsizing.peaks(window, held.valid, needs, seen.limits),
        recent=recent or {},
        missing=missing or {},
        failed_releases=failed_releases or {},
        releases=spent.releases if spent else {},
        budgets=budgets.Budgets(
            fleet.instances,
            own,
            spent or budgets.Spent(),
            None if earlier is None else earlier.risk,
        ),
        # one that is filled as it is asked is empty now, and not false
        quotas=quotas_module.Quotas({} if quotas is None else quotas),
        brakes=brakes_module.Brakes(
            seen=seen,
            own=own,
            anomalies={
                **{i: event.kind.value for i, event in single.items()},
                **(anomalies or {}),
            },
            words={i: event.compared for i, event in single.items()},
            shared=brakes_module.merged(
                brakes_module.of_findings(seen, odd),
                brakes_module.shared_anomalies(
                    seen, rows, earlier, outbreaks
                ),
            ),
        ),
    )
    highest, at_risk = _danger(maker, rows)
    nodes = _node_risks(maker)
    _decide(maker, rows, at_risk)
    return Proposal(
        verdicts=judging.verdicts(maker, rows),
        leases=held,
        renewals=maker.renewals,
        risk_before=max([highest, *nodes], default=0.0),
        risk_after=_risk_after(maker, rows),
        violations_predicted=len(at_risk)
        + sum(risk >= policy.risk_threshold for risk in nodes),
        strains=()
        if weighing is None
        else weights.recorded(window, seen.strain, weighing),
        growths=saturation.learn(
            window, held.valid.values(), origins, seen.limits
        ),
        seen=seen,
        anomalies=odd if vigil else None,
        outbreaks=outbreaks,
    )


def _decide(maker: PlanMaker, rows: list[int], at_risk: list[int]) -> None:
    """Leases first, or a busy cloud would never get its room back; but they
    take at most half of the budget while others are in danger.
    """
    leased = [
        (row, lease)
        for row in sorted(rows, key=lambda r: maker.instance(r).id)
        if (lease := maker.leases.get(maker.instance(row).id)) is not None
    ]
    for row, lease in leased:
        leasing.finish(maker, row, lease)
    maker.exclude(rows)
    half = -(-maker.policy.max_actions // 2)
    leasing.look_ahead(maker, leased)
    for row, lease in leased:
        if row not in maker.decided:
            leasing.settle(maker, row, lease, most=half)
    waiting = [row for row in at_risk if row not in maker.decided]
    sizing.look_ahead(maker, waiting)
    for row in waiting:
        growing.serve(maker, row)
    yielding.make_room(maker, at_risk)
    _relieve_nodes(maker, rows)
    _look_again(maker, leased)
    rightsizing.trim(maker, leased, at_risk)


def _look_again(maker: PlanMaker, leased: Sequence[tuple[int, Lease]]) -> None:
    """Releases that no longer fit beside the rest of the plan give way, and
    what is left of the budget is theirs.
    """
    for row, lease in leased:
        leasing.recheck(maker, row, lease)
    for row, lease in leased:
        if maker.is_held(row, Reason.BUDGET):
            leasing.settle(maker, row, lease)


def _danger(maker: PlanMaker, rows: list[int]) -> tuple[float, list[int]]:
    """The highest risk, and the rows at or above the threshold: the heaviest
    first, then the likeliest.
    """
    if not rows:
        return 0.0, []
    seen = maker.seen
    risk = np.nan_to_num(seen.risk.risk, nan=0.0).max(axis=1)
    at_risk = [r for r in rows if risk[r] >= maker.thresholds[r]]
    weight = judging.at_worst(seen, seen.weights)
    at_risk.sort(key=lambda r: (-weight[r], -risk[r], maker.instance(r).id))
    return float(risk[rows].max()), at_risk


def _node_risks(maker: PlanMaker) -> list[float]:
    return [float(risk) for risk in maker.place.risks()]


def _relieve_nodes(maker: PlanMaker, rows: list[int]) -> None:
    """The node in the greatest danger first: it has the first choice."""
    nodes = maker.seen.fleet.nodes
    risks = _node_risks(maker)
    for index in sorted(
        range(len(nodes)), key=lambda i: (-risks[i], nodes[i].name)
    ):
        if risks[index] < maker.policy.risk_threshold:
            break
        members = maker.place.members[nodes[index].name]
        free = [r for r in rows if r in members and r not in maker.decided]
        relief.relieve(maker, nodes[index], free)


def _risk_after(maker: PlanMaker, rows: list[int]) -> float:
    """The highest risk that is left once the plan is applied."""
    limits = maker.seen.limits.copy()
    for row, action in maker.decided.items():
        match action:
            case Resize(flavor=flavor) | Release(flavor=flavor):
                limits[row] = flavor.limits()
            case Migrate() | Hold() | Confirm():
                pass
    risk = np.nan_to_num(maker.seen.risk_at(limits), nan=0.0)
    highest = float(risk[rows].max()) if rows else 0.0
    return max([highest, *_node_risks(maker)], default=0.0)
