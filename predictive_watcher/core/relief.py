"""Nodes at risk: who moves away, and where to."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import profile
from predictive_watcher.core import risk as risk_module
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.plan import PlanMaker


_LEAST_RELIEF = 0.05  # less is not worth anyone's disturbance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Departure:
    """An instance that could leave, and the node's risk without it."""

    row: int
    after: float


def relieve(
    maker: PlanMaker, node: fleet_module.Node, rows: Sequence[int]
) -> None:
    """Move off the node whoever takes the risk away at the least harm.

    One instance an audit: the next audit sees what it brought.

    :param rows: the instances that may be asked to move.
    """
    before = maker.place.risk(node)
    if before < maker.policy.risk_threshold:
        return
    rows = [row for row in rows if _may_leave(maker, row)]
    options = [
        option
        for row in rows
        if (option := _departure(maker, row, node, before)) is not None
    ]
    told, stuck = False, dict[int, Hold]()
    for option in sorted(options, key=lambda one: _order(maker, one)):
        action, hold = _departing(maker, node, option, before)
        if hold and told:
            continue
        flavor = maker.instance(option.row).flavor
        target, why_not = maker.find(
            option.row,
            flavor,
            # well below, or it would send somebody back at the next audit
            below=maker.policy.release_threshold,
        )
        if target is None:
            stuck.setdefault(option.row, _stuck(action, why_not))
            continue
        _look(maker, option.row, node, target)
        if hold:
            # the best one tells why it stays; another may still leave
            maker.fallback[option.row], told = hold, True
            continue
        action = replace(action, node=target.name)
        if maker.spend(option.row, action, target.name, flavor):
            return
    for row, hold in stuck.items():
        # nobody leaves: who should have been the first tells why
        maker.fallback.setdefault(row, hold)
        return


def _stuck(action: Migrate, why_not: str) -> Hold:
    return Hold(
        reason=Reason.NO_NODE,
        text=f'{action.text}; but no node can take it: {why_not}',
    )


def _look(
    maker: PlanMaker,
    row: int,
    node: fleet_module.Node,
    target: fleet_module.Node,
) -> None:
    """Note whom it would leave, and whom it would come to."""
    place = maker.place
    told = [
        place.company.told(row, place.node_of, one.name)
        for one in (node, target)
    ]
    maker.looked_at.setdefault(row, []).extend(filter(None, told))


def _may_leave(maker: PlanMaker, row: int) -> bool:
    """Whoever may not be moved leaves it to others."""
    return not maker.resting(row) and not maker.barred(row, '', restarts=False)


def _order(
    maker: PlanMaker, option: _Departure
) -> tuple[bool, float, float, str]:
    """Those that remove the risk first, the least weight first; where none
    removes it, the one that leaves least.
    """
    leaves = option.after >= maker.policy.risk_threshold
    weight = float(maker.seen.node_weight(option.row))
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
    return _Departure(row=row, after=after)


def _departing(
    maker: PlanMaker,
    node: fleet_module.Node,
    option: _Departure,
    before: float,
) -> tuple[Migrate, Hold | None]:
    """The migration, without its target, and what stands against it."""
    policy = maker.policy
    benefit, cost = _worth(maker, node, option, before)
    text = (
        f'{node.name}: P(sum of its instances > {policy.ceiling:g} of its '
        f'capacity within 15 min) = {before:.2f}, without this instance '
        f'{option.after:.2f}; benefit {benefit:.0f}, cost {cost:.0f} '
        'weighted s'
    )
    action = Migrate(
        reason=Reason.NODE_OVERLOAD_EXPECTED,
        text=text,
        node='',
        node_risk=before,
        benefit=benefit,
        cost=cost,
    )
    full = maker.used_up(option.row, node.name)
    hold = None
    if not maker.policy_of(option.row).allow_migrate:
        hold = Hold(
            reason=Reason.NOT_ALLOWED,
            text=f'{text}; but the audit or its policy does not allow '
            'live_migrate',
        )
    elif benefit <= cost:
        hold = Hold(reason=Reason.NOT_WORTH_IT, text=text)
    elif full:
        hold = Hold(
            reason=Reason.BUDGET, text=f'{text}; but {full} is used up'
        )
    return action, hold


def _worth(
    maker: PlanMaker,
    node: fleet_module.Node,
    option: _Departure,
    before: float,
) -> tuple[float, float]:
    """Everyone on the node gains; only the one that moves is interrupted."""
    seen, policy, place = maker.seen, maker.policy, maker.place
    members = place.ordered(place.members[node.name])
    chances = place.chances(node, members).max(axis=1)
    in_s = risk_module.first_likely(chances, np.array(before))
    benefit, _ = adj.worth(
        weight=float(seen.node_weight(members).sum()),
        risk=before - option.after,
        # how long a whole node stays full is not learned yet
        excess_s=profile.PRIOR_EXCESS_S,
        lead_s=float(in_s) - (seen.now - seen.forecast.origin),
        duration_s=policy.migration_duration_s,
        interruption_s=0.0,
        cost_factor=policy.cost_factor,
    )
    own = float(seen.node_weight(option.row))
    factor = maker.policy_of(option.row).cost_factor
    return benefit, own * policy.migration_interruption_s * factor
