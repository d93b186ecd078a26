"""Instances at risk: the flavor that averts the violation."""

from dataclasses import replace

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import origins
from predictive_watcher.core import reconciling
from predictive_watcher.core import risk as risk_module
from predictive_watcher.core import room
from predictive_watcher.core import saturation
from predictive_watcher.core import sizing
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.fleet import RESOURCES
from predictive_watcher.core.fleet import UNITS
from predictive_watcher.core.plan import PlanMaker


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
            or _unshown(maker, row)
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


def _unshown(maker: PlanMaker, row: int) -> Hold | None:
    """What was lent has to be needed before more is.

    A forecast tells that use comes to the limit, as it always did; how far it
    would go with a larger one is known when it is there.
    """
    lease = maker.leases.get(maker.instance(row).id)
    helped = reconciling.offers_more(
        maker.seen.limits[row], maker.origin(row).limits()
    )
    if lease is None or not helped[sizing.worst(maker, row)]:
        return None
    if maker.needs.now.get(lease.instance_id) is not False:
        return None
    return Hold(
        reason=Reason.LEASE_KEPT,
        text=f'{_danger(maker, row)}, but it uses no more than '
        f'{lease.origin_flavor_name} is good for: {lease.flavor_name} has '
        'yet to show whether it is enough',
    )


def _without_origin(maker: PlanMaker, row: int) -> Hold | None:
    """How large it may become is told by its origin, and nothing leads back
    to one that is gone, or is another by now.
    """
    own = maker.instance(row).flavor
    lease = maker.leases.get(maker.instance(row).id)
    if lease is None:
        named, told = own.name, f'its flavor {own.name}'
        before = origins.Before.by_flavor(own)
    else:
        named = lease.origin_flavor_name
        told = f'the origin of its lease, {named},'
        before = origins.Before.by_lease(lease)
    why_not = origins.no_way_back(maker.flavor_named(named), own, before)
    if not why_not:
        return None
    return Hold(
        reason=Reason.NO_FLAVOR,
        text=f'{_danger(maker, row)}, but {told} {why_not}: a lease could '
        'not end',
    )


def _grow(maker: PlanMaker, row: int, danger: str) -> Hold | None:
    """Lease the smallest flavor that does, where there is room for it; where
    there is none, the largest of the smaller ones that is worth it.
    """
    need = sizing.need(maker, row)
    fitting = sizing.fitting(maker, row, need)
    looked_at = maker.looked_at.setdefault(row, [])
    terms = sizing.terms_of(maker, row)
    looked_at += maker.shelf.looked_at(terms, fitting)
    if not fitting:
        return Hold(
            reason=Reason.NO_FLAVOR,
            text=f'{danger}, but no permitted flavor offers '
            f'{sizing.amounts(need)}: {sizing.missing(maker, row, need)}',
        )
    full = maker.used_up(row, maker.instance(row).node)
    if full:
        return Hold(
            reason=Reason.BUDGET, text=f'{danger}, but {full} is used up'
        )
    found = room.find(maker, row, fitting, need)
    if isinstance(found, Hold):
        return replace(found, text=f'{danger}, but {found.text}')
    hold = _waits(maker, row, found.flavor) or _lease(maker, row, found)
    if hold:
        maker.place.extra[row] = 0.0
    return hold


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
    at_risk = risk.risk[row] >= maker.thresholds[row]
    return float(np.nanmin(risk.lead_s[row, at_risk]))


def _lease(maker: PlanMaker, row: int, found: room.Found) -> Hold | None:
    seen, policy = maker.seen, maker.policy_of(row)
    r, flavor = sizing.worst(maker, row), found.flavor
    benefit, cost = sizing.worth(maker, row, flavor)
    terms = f'benefit {benefit:.0f}, cost {cost:.0f} weighted s'
    danger = _danger(maker, row)
    if benefit <= cost:
        return Hold(reason=Reason.NOT_WORTH_IT, text=f'{danger}, but {terms}')
    extra = adj.amount(
        seen.predicted[row],
        seen.limits[row],
        float(seen.weights[row, r]),
        policy.ceiling,
    )
    action = Resize(
        reason=Reason.VIOLATION_EXPECTED,
        text=f'{danger}; {_weighed(maker, row, r)} x need = +{extra[r]:.4g} '
        f'{UNITS[RESOURCES[r]]}; {_part(found)}{terms}',
        flavor=flavor,
        node=found.node,
        unfit=maker.unfit(row, flavor, found.node, leases=True),
        expires_at=seen.now + policy.lease_duration_s,
        benefit=benefit,
        cost=cost,
    )
    if maker.spend(row, action, found.node, flavor):
        return None
    return maker.fallback[row]


def _part(found: room.Found) -> str:
    """What is said where there is no room for what covers the need."""
    if not found.part:
        return ''
    return (
        f'{found.flavor.name} covers {found.share:.2f} of the need, there is '
        'no room for more; '
    )


def _weighed(maker: PlanMaker, row: int, r: int) -> str:
    """The weight, and what it has fallen from."""
    base = float(maker.seen.base_weights[row, r])
    weight = float(maker.seen.weights[row, r])
    fallen = '' if f'{weight:.3g}' == f'{base:.3g}' else f' (of {base:.3g})'
    return f'weight {weight:.3g}{fallen}'


def _danger(maker: PlanMaker, row: int) -> str:
    seen, policy = maker.seen, maker.policy_of(row)
    r = sizing.worst(maker, row)
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
