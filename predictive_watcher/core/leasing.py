"""Leases: renewed while the need lasts, released when it has passed."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker


# By so much each lease of a day lasts longer than the one before at least.
_LONGER = 4
_A_DAY_S = 86400
_SETTLED = ('ACTIVE', 'SHUTOFF')


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The ledger's leases beside what Nova shows.

    ``valid`` by instance id; ``arrived`` are the ids whose order came without
    anyone noting it, ``lost`` maps ids to why the lease no longer holds.
    Leases of instances that are not in the fleet are in none of them.
    """

    valid: Mapping[str, Lease]
    arrived: frozenset[str]
    lost: Mapping[str, str]

    def origins(
        self, flavors: Iterable[fleet_module.Flavor]
    ) -> dict[str, fleet_module.Flavor]:
        """By instance id the own flavor, where it still exists."""
        named = {flavor.name: flavor for flavor in flavors}
        return {
            name: named[lease.origin_flavor_name]
            for name, lease in self.valid.items()
            if lease.origin_flavor_name in named
        }


def reconcile(
    leases: Iterable[Lease],
    instances: Iterable[fleet_module.Instance],
    now: int,
) -> Reconciled:
    """Compare the leases with the flavors that the instances have."""
    by_id = {instance.id: instance for instance in instances}
    valid: dict[str, Lease] = {}
    arrived: set[str] = set()
    lost: dict[str, str] = {}
    for lease in leases:
        instance = by_id.get(lease.instance_id)
        if instance is None:
            continue
        why = _why_lost(lease, instance, now)
        if why:
            lost[lease.instance_id] = why
        elif _has_arrived(lease, instance):
            arrived.add(lease.instance_id)
            if lease.pending_flavor_name != lease.origin_flavor_name:
                valid[lease.instance_id] = replace(
                    lease,
                    flavor_name=instance.flavor.name,
                    pending_flavor_name=None,
                    since=now,
                )
        else:
            valid[lease.instance_id] = lease
    return Reconciled(valid=valid, arrived=frozenset(arrived), lost=lost)


def _is_settled(instance: fleet_module.Instance) -> bool:
    """Nothing is under way that could change the flavor by itself."""
    return instance.task_state is None and instance.status in _SETTLED


def _has_arrived(lease: Lease, instance: fleet_module.Instance) -> bool:
    return _is_settled(instance) and (
        instance.flavor.name == lease.pending_flavor_name
    )


def _why_lost(
    lease: Lease, instance: fleet_module.Instance, now: int
) -> str | None:
    if not _is_settled(instance):
        return None
    name = instance.flavor.name
    if name not in (lease.flavor_name, lease.pending_flavor_name):
        return (
            f'flavor is {name}, not the leased '
            f'{lease.pending_flavor_name or lease.flavor_name}: changed by '
            'its owner'
        )
    if name == lease.origin_flavor_name == lease.flavor_name and (
        now >= lease.expires_at
    ):
        return f'the resize to {lease.pending_flavor_name} never came'
    return None


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
    origin, why_not = _way_back(maker, row, lease)
    if origin is None:
        maker.fallback[row] = Hold(
            reason=Reason.NO_FLAVOR,
            text=f'the lease of {lease.flavor_name} cannot end: {why_not}',
        )
        return
    risk = _risk_with(maker, row, origin.limits())
    if _is_over(maker, row, lease, risk):
        _release(maker, row, lease, origin, risk, most)
        return
    policy = maker.policy_of(row)
    if risk >= policy.risk_threshold:
        maker.renewals[lease.instance_id] = (
            maker.seen.now + policy.lease_duration_s
        )
    told = f'would be {risk:.2f}' if np.isfinite(risk) else 'is unknown'
    maker.fallback[row] = Hold(
        reason=Reason.LEASE_KEPT,
        text=f'risk with {origin.name} {told}: keep {lease.flavor_name}'
        + _why_longer(maker, row, lease),
    )


def _why_longer(maker: PlanMaker, row: int, lease: Lease) -> str:
    ended = maker.releases.get(lease.instance_id, 0)
    if not ended:
        return ''
    return (
        f'; {ended} of its leases ended within a day, so this one lasts '
        f'{_least_s(maker, row, lease)} s at least'
    )


def _way_back(
    maker: PlanMaker, row: int, lease: Lease
) -> tuple[fleet_module.Flavor | None, str]:
    """The flavor to return to, or why there is none."""
    name = lease.origin_flavor_name
    origin = maker.flavor_named(name)
    if origin is None:
        return None, f'its origin {name} is gone'
    if origin.disabled:
        return None, f'its origin {name} is disabled'
    if not flavors_module.same_disks(origin, maker.instance(row).flavor):
        return None, f'its origin {name} was made anew with other disks'
    return origin, ''


def _is_over(maker: PlanMaker, row: int, lease: Lease, risk: float) -> bool:
    """An expired lease ends as soon as the risk is below the threshold, a
    running one only when it is clearly below.
    """
    policy, now = maker.policy_of(row), maker.seen.now
    if np.isnan(risk):
        return False
    if now - lease.since < _least_s(maker, row, lease):
        return False
    if now >= lease.expires_at:
        return risk < policy.risk_threshold
    return risk < policy.release_threshold


def _least_s(maker: PlanMaker, row: int, lease: Lease) -> int:
    """How long a lease lasts at least.

    Load that wavers about a limit would begin and end leases all day long.
    """
    ended = maker.releases.get(lease.instance_id, 0)
    minimum_s = maker.policy_of(row).lease_minimum_s
    return int(min(minimum_s * _LONGER**ended, _A_DAY_S))


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
        or _unpaid(maker, row, text, most)
        or _waits(maker, row, lease, origin)
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


def _unpaid(
    maker: PlanMaker, row: int, text: str, most: int | None
) -> Hold | None:
    """Why nobody needs to look for a node, on a cloud with many leases."""
    full = maker.used_up(row, maker.instance(row).node, most)
    if full is None:
        return None
    return Hold(reason=Reason.BUDGET, text=f'{text}; but {full} is used up')


def _waits(
    maker: PlanMaker, row: int, lease: Lease, origin: fleet_module.Flavor
) -> Hold | None:
    """Why a lease goes on though nobody needs it any more.

    Nova chooses where the release lands.  Like the lease itself the wait has
    two steps: until the lease expires each of these nodes has to be calm,
    then not at risk; after another ``lease_duration_s`` it ends in any case.
    """
    policy, now = maker.policy, maker.seen.now
    ends_at = lease.expires_at + maker.policy_of(row).lease_duration_s
    if now >= ends_at:
        return None
    expired = now >= lease.expires_at
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


def recheck(maker: PlanMaker, row: int, lease: Lease) -> None:
    """Withdraw a release that has become unsafe by what was planned since."""
    action = maker.decided.get(row)
    if isinstance(action, Release):
        hold = _waits(maker, row, lease, action.flavor)
        if hold:
            maker.withdraw(row, action.flavor, hold)


def _risk_with(maker: PlanMaker, row: int, limits: np.ndarray) -> float:
    """The highest risk of one instance if it had these limits.

    NaN where any of them cannot be judged: unknown is not low.
    """
    chances = maker.seen.risk_of(row, limits)
    if np.isnan(chances[np.isfinite(limits)]).any():
        return float('nan')
    return float(np.nan_to_num(chances, nan=0.0).max())
