"""The whole story of one audit: usage in, a plan and verdicts out."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import assessment
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leasing
from predictive_watcher.core import placement
from predictive_watcher.core import relief
from predictive_watcher.core import usage
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.adjustment import Verdict
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker
from predictive_watcher.core.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an audit found and wants done.

    ``renewals`` maps instance ids to the new expiry (Unix seconds) of their
    lease, ``lost`` those whose lease no longer holds to the reason.  Risks
    are the highest of any instance in scope or of its node, in 0..1.
    """

    verdicts: tuple[Verdict, ...]
    renewals: Mapping[str, int]
    lost: Mapping[str, str]
    risk_before: float
    risk_after: float
    violations_predicted: int
    seen: assessment.Assessment


def propose(
    *,
    fleet: fleet_module.Fleet,
    window: usage.UsageWindow,
    forecaster: forecast_module.Forecaster,
    leases: Iterable[Lease],
    policy: Policy,
    now: int,
    missing: Mapping[str, str] | None = None,
) -> Proposal:
    """Anticipate violations and decide what to do about each instance.

    The strategy, a dry run and a backtest all call this.

    :param window: usage of exactly ``fleet.instances``, in their order.
    :param leases: those in force.
    :param now: Unix seconds.
    :param missing: by instance id, why usage of it is missing.
    :raises ModelError: when the forecaster's model cannot be used.
    """
    seen = assessment.assess(fleet, window, forecaster, policy, now)
    maker = PlanMaker(
        seen=seen,
        policy=policy,
        flavors=_readable(fleet.flavors),
        place=placement.Placement(
            fleet=fleet, load=seen.load, ceiling=policy.ceiling
        ),
        missing=missing or {},
    )
    rows = [
        row for row, i in enumerate(fleet.instances) if i.id in fleet.scope
    ]
    highest, at_risk = _danger(maker, rows)
    before = max([highest, *_node_risks(maker)], default=0.0)
    hot = sum(risk >= policy.risk_threshold for risk in _node_risks(maker))
    maker.exclude(rows)
    for row in at_risk:
        if row not in maker.decided:
            maker.serve(row)
    _relieve_nodes(maker, rows)
    lost = _settle_leases(maker, rows, leases)
    return Proposal(
        verdicts=tuple(_verdict(maker, row) for row in rows),
        renewals=maker.renewals,
        lost=lost,
        risk_before=before,
        risk_after=_risk_after(maker, rows),
        violations_predicted=len(at_risk) + hot,
        seen=seen,
    )


def _readable(
    flavors: Iterable[fleet_module.Flavor],
) -> tuple[fleet_module.Flavor, ...]:
    """The flavors whose quotas can be read; others are never chosen."""
    readable = []
    for flavor in flavors:
        try:
            flavor.limits()
        except exceptions.InvalidExtraSpec:
            continue
        readable.append(flavor)
    return tuple(readable)


def _danger(maker: PlanMaker, rows: list[int]) -> tuple[float, list[int]]:
    """The highest risk, and the rows above the threshold: the heaviest
    first, then the likeliest.
    """
    if not rows:
        return 0.0, []
    seen = maker.seen
    risk = np.nan_to_num(seen.risk.risk, nan=0.0).max(axis=1)
    at_risk = [r for r in rows if risk[r] >= maker.policy.risk_threshold]
    at_risk.sort(
        key=lambda r: (-seen.weights[r], -risk[r], maker.instance(r).id)
    )
    return float(risk[rows].max()), at_risk


def _node_risks(maker: PlanMaker) -> list[float]:
    return [
        maker.place.risk(node, maker.place.members[node.name])
        for node in maker.seen.fleet.nodes
    ]


def _relieve_nodes(maker: PlanMaker, rows: list[int]) -> None:
    """The node in the greatest danger first: it has the first choice."""
    nodes = maker.seen.fleet.nodes
    risks = _node_risks(maker)
    for index in sorted(
        range(len(nodes)), key=lambda i: (-risks[i], nodes[i].name)
    ):
        members = maker.place.members[nodes[index].name]
        free = [r for r in rows if r in members and r not in maker.decided]
        relief.relieve(maker, nodes[index], free)


def _settle_leases(
    maker: PlanMaker, rows: list[int], leases: Iterable[Lease]
) -> dict[str, str]:
    row_of = {maker.instance(row).id: row for row in rows}
    lost: dict[str, str] = {}
    for lease in sorted(leases, key=lambda held: held.instance_id):
        row = row_of.get(lease.instance_id)
        if row is None:
            continue
        why = leasing.changed_by_owner(maker.instance(row), lease)
        if why is not None and not maker.instance(row).task_state:
            lost[lease.instance_id] = why
        elif row not in maker.decided:
            leasing.settle_lease(maker, row, lease)
    return lost


def _verdict(maker: PlanMaker, row: int) -> Verdict:
    seen = maker.seen
    return Verdict(
        instance=maker.instance(row),
        adjustment=maker.decided.get(row) or maker.calm(row),
        weight=float(seen.weights[row]),
        risk=seen.risk.risk[row],
        lead_s=seen.risk.lead_s[row],
        predicted=seen.predicted[row],
        limits=seen.limits[row],
    )


def _risk_after(maker: PlanMaker, rows: list[int]) -> float:
    """The highest risk that is left once the plan is applied."""
    limits = maker.seen.limits.copy()
    for row, action in maker.decided.items():
        match action:
            case Resize(flavor=flavor) | Release(flavor=flavor):
                limits[row] = flavor.limits()
            case Migrate() | Hold():
                pass
    risk = np.nan_to_num(maker.seen.risk_at(limits), nan=0.0)
    highest = float(risk[rows].max()) if rows else 0.0
    return max([highest, *_node_risks(maker)], default=0.0)
