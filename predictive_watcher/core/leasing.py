"""Leases: renewed while the need lasts, released when it has passed."""

from collections.abc import Iterable

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import origins
from predictive_watcher.core import staying
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker


def finish(maker: PlanMaker, row: int, lease: Lease) -> None:
    """Confirm a resize of ours that waits for it: whoever ordered it is
    gone, and Nova keeps both copies of the server until then.
    """
    instance = maker.instance(row)
    if (
        instance.status != 'VERIFY_RESIZE'
        or instance.task_state
        or instance.flavor.name != lease.pending_flavor_name
    ):
        return
    why = 'a resize of it waits for its confirmation'
    hold = maker.barred(row, why, restarts=False)
    if hold:
        maker.fallback[row] = hold
        return
    maker.decided[row] = Confirm(
        reason=Reason.RESIZE_UNCONFIRMED,
        text=f'the resize to {instance.flavor.name} was done, and nobody '
        'confirmed it',
        flavor=instance.flavor,
    )


def look_ahead(
    maker: PlanMaker, leased: Iterable[tuple[int, Lease]]
) -> None:
    """Work out at once what `settle` asks for, one by one, of these."""
    maker.prospects.look(
        (row, origin)
        for row, lease in leased
        if (origin := maker.flavor_named(lease.origin_flavor_name))
    )


def settle(
    maker: PlanMaker, row: int, lease: Lease, *, most: int | None = None
) -> None:
    """Release, renew or keep the lease of an instance.

    :param most: releases may use so many actions of the plan's budget.
    """
    if lease.flavor_name == lease.origin_flavor_name:
        maker.fallback[row] = Hold(
            reason=Reason.LEASE_KEPT,
            text=f'its resize to {lease.pending_flavor_name} was ordered and '
            'has not arrived',
        )
        return
    origin, why_not = origins.way_back(
        lease, maker.instance(row).flavor, maker.named
    )
    if origin is None:
        maker.fallback[row] = Hold(
            reason=Reason.NO_FLAVOR,
            text=f'the lease of {lease.flavor_name} cannot end: {why_not}',
        )
        return
    risk = risk_with(maker, row, origin)
    if _is_over(maker, row, lease, risk):
        _release(maker, row, lease, origin, risk, most)
        return
    policy = maker.policy_of(row)
    if risk >= maker.begins_at[row]:
        maker.renewals[lease.instance_id] = (
            maker.seen.now + policy.lease_duration_s
        )
    told = f'would be {risk:.2f}' if np.isfinite(risk) else 'is unknown'
    maker.fallback[row] = Hold(
        reason=Reason.LEASE_KEPT,
        text=f'risk with {origin.name} {told}: keep {lease.flavor_name}'
        + staying.told(maker, row, lease),
    )


def _is_over(maker: PlanMaker, row: int, lease: Lease, risk: float) -> bool:
    """An expired lease ends as soon as the risk is below the threshold, a
    running one only when it is clearly below.
    """
    policy, now = maker.policy_of(row), maker.seen.now
    begun_at = maker.begins_at[row]
    if np.isnan(risk):
        return False
    if now < staying.until(maker, row, lease):
        return False
    if now >= lease.expires_at:
        return bool(risk < begun_at)
    # a lease ends well below its beginning
    return bool(risk < min(policy.release_threshold, begun_at / 2))


def _release(
    maker: PlanMaker,
    row: int,
    lease: Lease,
    origin: fleet_module.Flavor,
    risk: float,
    most: int | None,
) -> None:
    """Back to the origin; it takes no more room on the node that it is on,
    so that one has to do where Nova may resize in place.
    """
    text = (
        f'risk with {origin.name} would be {risk:.2f}: the need for '
        f'{lease.flavor_name} has passed'
    )
    hold = (
        maker.barred(row, text, restarts=True)
        or maker.backing_off(row, text)
        or maker.resting(row, failures_only=True)
        or unpaid(maker, row, text, most)
        or waits(maker, row, lease, origin)
    )
    if hold:
        maker.fallback[row] = hold
        return
    node, _ = maker.find(row, origin, below=1.01)
    action = Release(
        reason=Reason.NEED_PASSED,
        text=text,
        flavor=origin,
        node=node.name if node else '',
        unfit=maker.unfit(row, origin, node.name) if node else (),
    )
    target = action.node or maker.instance(row).node
    maker.spend(row, action, target, origin, most=most)


def unpaid(
    maker: PlanMaker, row: int, text: str, most: int | None
) -> Hold | None:
    """Why nobody needs to look for a node, on a cloud with many leases."""
    full = maker.used_up(row, maker.instance(row).node, most)
    if full is None:
        return None
    return Hold(reason=Reason.BUDGET, text=f'{text}; but {full} is used up')


def waits(
    maker: PlanMaker, row: int, lease: Lease, origin: fleet_module.Flavor
) -> Hold | None:
    """Why a lease goes on though nobody needs it any more.

    Nova chooses where the release lands.  Like the lease itself the wait has
    two steps: until the lease expires, or may end, if that is later, each of
    these nodes has to be calm, then not at risk; after another
    ``lease_duration_s`` it ends in any case.
    """
    policy, now = maker.policy, maker.seen.now
    due_at = _due_at(maker, row, lease)
    ends_at = due_at + maker.policy_of(row).lease_duration_s
    if now >= ends_at:
        return None
    expired = now >= due_at
    why = maker.landings.unsafe(
        row,
        origin,
        below=policy.risk_threshold if expired else policy.release_threshold,
    )
    if why is None:
        return None
    return Hold(
        reason=Reason.NOT_CALM,
        text=f'the need for {lease.flavor_name} has passed, but {why}: the '
        f'lease goes on, for {ends_at - now} s at most',
    )


def _due_at(maker: PlanMaker, row: int, lease: Lease) -> int:
    """When a lease expires; one whose need comes again may end long after
    that.
    """
    if not staying.comes_again(maker, row, lease):
        return lease.expires_at
    return max(lease.expires_at, staying.until(maker, row, lease))


def recheck(maker: PlanMaker, row: int, lease: Lease) -> None:
    """Withdraw a release that has become unsafe by what was planned since."""
    action = maker.decided.get(row)
    if isinstance(action, Release):
        hold = waits(maker, row, lease, action.flavor)
        if hold:
            maker.withdraw(row, action.flavor, hold)


def risk_with(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor
) -> float:
    """The highest risk of one instance if it had this flavor.

    NaN where any of its limits cannot be judged: unknown is not low.
    """
    chances = maker.prospects.risk(row, flavor)
    if np.isnan(chances[np.isfinite(flavor.limits())]).any():
        return float('nan')
    return float(np.nan_to_num(chances, nan=0.0).max())
