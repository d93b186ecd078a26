"""Instances at risk: the flavor that averts the violation."""

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import risk as risk_module
from predictive_watcher.core import saturation
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.fleet import RESOURCES
from predictive_watcher.core.fleet import UNITS
from predictive_watcher.core.plan import PlanMaker


_RESTARTS = 2  # of a lease: there, and back


def serve(maker: PlanMaker, row: int) -> None:
    """Find the flavor that averts the violation, or say why none does."""
    danger = _danger(maker, row)
    hold: Hold | None
    if not maker.policy_of(row).allow_resize:
        hold = Hold(
            reason=Reason.NOT_ALLOWED,
            text=f'{danger}, but the audit or its policy does not allow '
            'resize',
        )
    else:
        hold = (
            maker.barred(row, danger, restarts=True, for_good=False)
            or maker.resting(row)
            or _too_young(maker, row)
            or _without_origin(maker, row)
            or _grow(maker, row, danger)
        )
    if hold:
        maker.fallback[row] = hold


def _too_young(maker: PlanMaker, row: int) -> Hold | None:
    """The last resize has to show what it brought before the next one."""
    lease = maker.leases.get(maker.instance(row).id)
    if lease is None:
        return None
    age_s = maker.seen.now - lease.since
    cooldown_s = maker.policy_of(row).cooldown_s
    if age_s >= cooldown_s:
        return None
    return Hold(
        reason=Reason.COOLDOWN,
        text=f'{_danger(maker, row)}, but its lease of {lease.flavor_name} '
        f'is {age_s} s old; the next resize comes after cooldown = '
        f'{cooldown_s} s',
    )


def _without_origin(maker: PlanMaker, row: int) -> Hold | None:
    """How large it may become is told by its origin, and nothing leads back
    to one that is gone.
    """
    lease = maker.leases.get(maker.instance(row).id)
    if lease is None or maker.flavor_named(lease.origin_flavor_name):
        return None
    return Hold(
        reason=Reason.NO_FLAVOR,
        text=f'{_danger(maker, row)}, but the origin of its lease, '
        f'{lease.origin_flavor_name}, is gone',
    )


def _grow(maker: PlanMaker, row: int, danger: str) -> Hold | None:
    """Lease the smallest flavor that does, where there is room for it."""
    need = _need(maker, row)
    fitting = _fitting(maker, row, need)
    looked_at = maker.looked_at.setdefault(row, [])
    looked_at += flavors_module.looked_at(
        _terms(maker, row), maker.flavors, fitting
    )
    if not fitting:
        return Hold(
            reason=Reason.NO_FLAVOR,
            text=f'{danger}, but no permitted flavor offers '
            f'{_amounts(need)}: {_missing(maker, row, need)}',
        )
    affordable = [
        flavor
        for flavor in fitting
        if maker.quotas.lack(maker.instance(row), flavor) is None
    ]
    if not affordable:
        lack = maker.quotas.lack(maker.instance(row), fitting[0])
        return Hold(
            reason=Reason.QUOTA,
            text=f'{danger}, but for {fitting[0].name} the project {lack}',
        )
    fitting = affordable
    full = maker.used_up(row, maker.instance(row).node)
    if full:
        return Hold(
            reason=Reason.BUDGET, text=f'{danger}, but {full} is used up'
        )
    more = np.nan_to_num(need - maker.seen.limits[row])
    maker.place.extra[row] = more[: risk_module.NODE_RESOURCES]
    refusals: list[str] = []
    for flavor in fitting:
        node, why_not = maker.find(
            row, flavor, below=maker.policy.risk_threshold
        )
        if node is not None:
            hold = _waits(maker, row, flavor) or _lease(
                maker, row, flavor, node.name
            )
            if hold:
                maker.place.extra[row] = 0.0
            return hold
        refusals.append(why_not)
        looked_at.append(f'no node for {flavor.name}: {why_not}')
    maker.place.extra[row] = 0.0
    return Hold(
        reason=Reason.NO_NODE,
        text=f'{danger}, but no node can take {fitting[0].name}: '
        f'{refusals[0]}',
    )


def _waits(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor
) -> Hold | None:
    """Why a resize that has the time waits for a better moment.

    A release may wait for hours; here the violation comes.  So it waits only
    while the next forecast, a step later, is still early enough to act on,
    and not at all where a live migration can mend what Nova chose.
    """
    policy = maker.policy_of(row)
    if policy.allow_migrate:
        return None
    spare_s = _lead_s(maker, row) - policy.resize_duration_s
    if spare_s < risk_module.HORIZONS_S[0]:
        return None
    why = maker.landings.unsafe(row, flavor, below=maker.policy.risk_threshold)
    if why is None:
        return None
    return Hold(
        reason=Reason.NOT_CALM,
        text=f'{_danger(maker, row)}, but {why}: there are {spare_s:.0f} s '
        'to wait',
    )


def _lead_s(maker: PlanMaker, row: int) -> float:
    """The shortest lead of the resources at risk."""
    risk = maker.seen.risk
    at_risk = risk.risk[row] >= maker.policy_of(row).risk_threshold
    return float(np.nanmin(risk.lead_s[row, at_risk]))


def _need(maker: PlanMaker, row: int) -> np.ndarray:
    seen = maker.seen
    return adj.needed(
        seen.predicted[row],
        seen.limits[row],
        seen.weights[row],
        maker.policy_of(row).ceiling,
    )


def _fitting(
    maker: PlanMaker, row: int, need: np.ndarray
) -> list[fleet_module.Flavor]:
    """The permitted flavors that take the risk away, the smallest first.

    Where none is as large as the weight asks for, the largest that ends the
    violation serves: a heavy instance must not go without.
    """
    seen, policy = maker.seen, maker.policy_of(row)
    terms = _terms(maker, row)
    if policy.largest_flavor and terms.largest is None:
        return []  # nobody can tell what would be too large
    permitted = [
        flavor
        for flavor in flavors_module.candidates(terms, maker.flavors)
        if seen.highest_risk(row, flavor.limits()) < policy.risk_threshold
    ]
    enough = flavors_module.covering(permitted, need)
    least = np.fmax(seen.limits[row], seen.predicted[row] / policy.ceiling)
    least = np.where(np.isnan(seen.limits[row]), np.nan, least)
    enough = enough or flavors_module.covering(permitted, least)[::-1]
    if enough or not seen.saturated[row].any():
        return enough
    # what is wanted beyond the limit is an estimate: more is better than none
    more = np.where(seen.saturated[row], np.inf, seen.limits[row])
    return [
        flavor
        for flavor in permitted[::-1]
        if (flavor.limits() > seen.limits[row])[np.isinf(more)].all()
        and flavors_module.covering(
            [flavor], np.where(np.isinf(more), flavor.limits(), more)
        )
    ]


def _terms(maker: PlanMaker, row: int) -> flavors_module.Terms:
    policy = maker.policy_of(row)
    return flavors_module.Terms(
        instance=maker.instance(row),
        origin=maker.origin(row),
        max_growth=policy.max_growth,
        largest=maker.flavor_named(policy.largest_flavor),
        family_pattern=policy.family_pattern,
    )


def _missing(maker: PlanMaker, row: int, need: np.ndarray) -> str:
    terms, name = _terms(maker, row), maker.policy_of(row).largest_flavor
    if name and terms.largest is None:
        return f'largest_flavor {name} of its policy is gone'
    return flavors_module.missing(terms, maker.flavors, need)


def _lease(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor, node: str
) -> Hold | None:
    seen, policy = maker.seen, maker.policy_of(row)
    r = _worst(maker, row)
    left = seen.risk_of(row, flavor.limits())[r]
    weight = float(seen.weights[row, r])
    benefit, cost = adj.worth(
        weight=weight,
        risk=float(seen.risk.risk[row, r] - left),
        excess_s=float(seen.excess_s[row, r]),
        lead_s=float(seen.risk.lead_s[row, r]),
        duration_s=policy.resize_duration_s,
        interruption_s=_RESTARTS * policy.resize_interruption_s,
        cost_factor=policy.cost_factor,
        benefit_factor=policy.benefit_factor,
    )
    terms = f'benefit {benefit:.0f}, cost {cost:.0f} weighted s'
    danger = _danger(maker, row)
    if benefit <= cost:
        return Hold(reason=Reason.NOT_WORTH_IT, text=f'{danger}, but {terms}')
    extra = adj.amount(
        seen.predicted[row], seen.limits[row], weight, policy.ceiling
    )
    action = Resize(
        reason=Reason.VIOLATION_EXPECTED,
        text=f'{danger}; {_weighed(maker, row, r)} x need = +{extra[r]:.4g} '
        f'{UNITS[RESOURCES[r]]}; {terms}',
        flavor=flavor,
        node=node,
        unfit=maker.unfit(row, flavor, node),
        expires_at=seen.now + policy.lease_duration_s,
        benefit=benefit,
        cost=cost,
    )
    if maker.spend(row, action, node, flavor):
        return None
    return maker.fallback[row]


def _weighed(maker: PlanMaker, row: int, r: int) -> str:
    """The weight, and what it has fallen from."""
    base = float(maker.seen.base_weights[row, r])
    weight = float(maker.seen.weights[row, r])
    fallen = '' if f'{weight:.3g}' == f'{base:.3g}' else f' (of {base:.3g})'
    return f'weight {weight:.3g}{fallen}'


def _worst(maker: PlanMaker, row: int) -> int:
    return int(np.nanargmax(maker.seen.risk.risk[row]))


def _danger(maker: PlanMaker, row: int) -> str:
    seen, policy, r = maker.seen, maker.policy_of(row), _worst(maker, row)
    unit = UNITS[RESOURCES[r]]
    return (
        f'P({RESOURCES[r]} > {policy.ceiling:g} of '
        f'{seen.limits[row, r]:.4g} {unit} within {policy.horizon_s // 60} '
        f'min) = {seen.risk.risk[row, r]:.2f}, q'
        f'{100 * policy.quantile_level:g} = '
        f'{seen.predicted[row, r]:.4g} {unit}{_cut_off(maker, row)}'
    )


def _cut_off(maker: PlanMaker, row: int) -> str:
    """Which resources are flat at their limit, as leases are marked with."""
    flat = maker.seen.saturated[row]
    return ''.join(
        f', {resource.value} {saturation.WORD}'
        for resource, here in zip(RESOURCES, flat, strict=True)
        if here
    )


def _amounts(need: np.ndarray) -> str:
    return ', '.join(
        f'{value:.4g} {UNITS[resource]} {resource}'
        for resource, value in zip(RESOURCES, need, strict=True)
        if np.isfinite(value)
    )
