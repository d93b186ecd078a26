"""Nodes at risk: who moves away, and where to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.plan import PlanMaker


_LEAST_RELIEF = 0.05  # less is not worth anyone's disturbance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Departure:
    """An instance that could leave, and the node's risk without it."""

    row: int
    target: str
    after: float


def relieve(
    maker: PlanMaker, node: fleet_module.Node, rows: Sequence[int]
) -> None:
    """Move off the node whoever takes the risk away at the least harm.

    One instance an audit: the next audit sees what it brought.

    :param rows: the instances that may be asked to move.
    """
    place, policy = maker.place, maker.policy
    before = place.risk(node, place.members[node.name])
    if before < policy.risk_threshold:
        return
    options = [
        option
        for row in rows
        if (option := _departure(maker, row, node, before)) is not None
    ]
    if options:
        best = min(options, key=lambda option: _order(maker, option))
        _depart(maker, node, best, before)


def _order(
    maker: PlanMaker, option: _Departure
) -> tuple[bool, float, float, str]:
    """Those that remove the risk first, the least weight first; where none
    removes it, the one that leaves least.
    """
    leaves = option.after >= maker.policy.risk_threshold
    weight = float(maker.seen.weights[option.row])
    instance = maker.instance(option.row)
    return (
        leaves,
        option.after if leaves else weight,
        option.after,
        instance.id,
    )


def _departure(
    maker: PlanMaker, row: int, node: fleet_module.Node, before: float
) -> _Departure | None:
    place = maker.place
    after = place.risk(node, place.members[node.name] - {row})
    if before - after < _LEAST_RELIEF:
        return None
    target, _ = place.find(
        row, maker.instance(row).flavor, below=maker.policy.risk_threshold
    )
    if target is None:
        return None
    return _Departure(row=row, target=target.name, after=after)


def _depart(
    maker: PlanMaker,
    node: fleet_module.Node,
    option: _Departure,
    before: float,
) -> None:
    policy = maker.policy
    benefit, cost = _worth(maker, node, option, before)
    text = (
        f'{node.name}: P(sum of its instances > {policy.ceiling:g} of its '
        f'capacity within 15 min) = {before:.2f}, without this instance '
        f'{option.after:.2f}; benefit {benefit:.0f}, cost {cost:.0f} '
        'weighted s'
    )
    if not policy.allow_migrate:
        maker.decided[option.row] = Hold(
            reason=Reason.NOT_ALLOWED,
            text=f'{text}; but the audit does not allow live_migrate',
        )
    elif benefit <= cost:
        maker.decided[option.row] = Hold(reason=Reason.NOT_WORTH_IT, text=text)
    else:
        action = Migrate(
            reason=Reason.NODE_OVERLOAD_EXPECTED,
            text=text,
            node=option.target,
            benefit=benefit,
            cost=cost,
        )
        flavor = maker.instance(option.row).flavor
        maker.spend(option.row, action, option.target, flavor)


def _worth(
    maker: PlanMaker,
    node: fleet_module.Node,
    option: _Departure,
    before: float,
) -> tuple[float, float]:
    """Everyone on the node gains; only the one that moves is interrupted."""
    seen, policy = maker.seen, maker.policy
    members = maker.place.ordered(maker.place.members[node.name])
    benefit, _ = adj.worth(
        weight=float(seen.weights[members].sum()),
        risk=before - option.after,
        excess_s=float(np.median(seen.excess_s[members, 0])),
        lead_s=float(np.nanmin(seen.risk.lead_s[members])),
        duration_s=policy.migration_duration_s,
        interruption_s=0.0,
        policy=policy,
    )
    own = float(seen.weights[option.row])
    return benefit, own * policy.migration_interruption_s * policy.cost_factor
