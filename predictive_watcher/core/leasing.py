"""Leases: renewed while the need lasts, released when it has passed."""

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker


def changed_by_owner(
    instance: fleet_module.Instance, lease: Lease
) -> str | None:
    """Why the lease no longer holds; None while it does."""
    if instance.flavor.name == lease.flavor_name:
        return None
    return (
        f'flavor is {instance.flavor.name}, not the leased '
        f'{lease.flavor_name}: changed by its owner'
    )


def settle_lease(maker: PlanMaker, row: int, lease: Lease) -> None:
    """Renew or release the lease of an instance that nothing else is
    planned for.
    """
    origin = next(
        (f for f in maker.flavors if f.name == lease.origin_flavor_name), None
    )
    if origin is None or origin.disabled:
        maker.decided[row] = Hold(
            reason=Reason.NO_FLAVOR,
            text=f'the lease of {lease.flavor_name} cannot end: its origin '
            f'{lease.origin_flavor_name} is '
            f'{"disabled" if origin else "gone"}',
        )
        return
    risk = _risk_with(maker, row, origin.limits())
    if _is_over(maker, lease, risk):
        _release(maker, row, lease, origin, risk)
        return
    maker.renewals[lease.instance_id] = (
        maker.seen.now + maker.policy.lease_duration_s
    )
    maker.decided[row] = Hold(
        reason=Reason.LEASE_KEPT,
        text=f'risk with {origin.name} would be {risk:.2f}: keep '
        f'{lease.flavor_name}'
        if np.isfinite(risk)
        else f'risk with {origin.name} is unknown: keep {lease.flavor_name}',
    )


def _is_over(maker: PlanMaker, lease: Lease, risk: float) -> bool:
    """An expired lease ends as soon as the risk is below the threshold, a
    running one only when it is clearly below.
    """
    policy, now = maker.policy, maker.seen.now
    if np.isnan(risk):
        return False
    if now >= lease.expires_at:
        return risk < policy.risk_threshold
    old_enough = now - lease.created_at >= policy.lease_minimum_s
    return old_enough and risk < policy.release_threshold


def _release(
    maker: PlanMaker,
    row: int,
    lease: Lease,
    origin: fleet_module.Flavor,
    risk: float,
) -> None:
    node, why_not = maker.place.find(
        row, origin, below=maker.policy.risk_threshold
    )
    if node is None:
        maker.decided[row] = Hold(
            reason=Reason.NO_NODE,
            text=f'the need for {lease.flavor_name} has passed, but no node '
            f'can take {origin.name}: {why_not}',
        )
        return
    text = (
        f'risk with {origin.name} would be {risk:.2f}: the need for '
        f'{lease.flavor_name} has passed'
    )
    maker.spend(
        row,
        Release(reason=Reason.NEED_PASSED, text=text, flavor=origin),
        node.name,
        origin,
    )


def _risk_with(maker: PlanMaker, row: int, limits: np.ndarray) -> float:
    """The highest risk of one instance if it had these limits.

    NaN where any of them cannot be judged: unknown is not low.
    """
    everyone = maker.seen.limits.copy()
    everyone[row] = limits
    chances = maker.seen.risk_at(everyone)[row]
    if np.isnan(chances[np.isfinite(limits)]).any():
        return float('nan')
    return float(np.nan_to_num(chances, nan=0.0).max())
