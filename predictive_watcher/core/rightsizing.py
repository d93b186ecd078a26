"""Leases that stay become as small as what their instance has shown to need.

How much is wanted beyond a limit nobody sees, so a lease begins large where
usage was flat, and the more so the more an instance weighs.  Once it has
held for `SETTLED_S`, and the need has come back in that time, usage shows
what is wanted: the smallest flavor that covers the largest use of the last
day is enough, if the risk with it is low.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leasing
from predictive_watcher.core import saturation
from predictive_watcher.core import sizing
from predictive_watcher.core import staying
from predictive_watcher.core import usage
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker


SETTLED_S = 2 * 3600
_SHOWN = 3  # samples beyond the own guideline
_LESS = 0.9  # of the size, or less: else it is not worth a restart


def peaks(
    window: usage.UsageWindow,
    leases: Mapping[str, Lease],
    origins: Mapping[str, fleet_module.Flavor],
    limits: np.ndarray,
    ceilings: np.ndarray,
) -> dict[str, np.ndarray]:
    """The largest use of the last day with the flavor of today, by instance
    id: (resources,).  Only of leases that have shown what is needed: the
    need was there, and usage was not cut off.

    :param limits: those in force, (instances, resources).
    :param ceilings: of each instance of the window.
    """
    row_of = {name: row for row, name in enumerate(window.instances)}
    times = window.times()
    found = {}
    for name, lease in leases.items():
        row, origin = row_of.get(name), origins.get(name)
        if row is None or origin is None or lease.pending_flavor_name:
            continue
        # the step in which the resize was made is of both flavors
        since = max(lease.since, window.end - 86400) + 2 * window.step_s
        used = window.usage[row, times >= since]
        with np.errstate(invalid='ignore'):
            needed = (used > ceilings[row] * origin.limits()).any(axis=1)
            cut = (used >= saturation.FLAT * limits[row]).any()
        if needed.sum() >= _SHOWN and not cut:
            found[name] = np.nanmax(used, axis=0, initial=-np.inf)
    return found


def trim(
    maker: PlanMaker, row: int, lease: Lease, *, most: int | None = None
) -> None:
    """Let a lease that is kept, and stays, become as small as its need.

    :param most: see `leasing.settle`.
    """
    kept = maker.fallback.get(row)
    if kept is None or kept.reason is not Reason.LEASE_KEPT:
        return
    if not staying.comes_again(maker, row, lease):
        return
    flavor = _smaller(maker, row, lease)
    if flavor is None:
        return
    text = (
        f'{lease.flavor_name} is more than it needs: {flavor.name} covers '
        'what it used in the last day'
    )
    hold = (
        maker.barred(row, text, restarts=True)
        or maker.resting(row)
        or leasing.unpaid(maker, row, text, most)
        or leasing.waits(maker, row, lease, flavor)
    )
    if hold:
        maker.fallback[row] = hold
        return
    node, _ = maker.find(row, flavor, below=1.01)
    if not _has_room(maker, row, flavor, node):
        return
    action = Resize(
        reason=Reason.NEED_IS_SMALLER,
        text=text,
        flavor=flavor,
        node=node.name if node else '',
        unfit=maker.unfit(row, flavor, node.name) if node else (),
        expires_at=lease.expires_at,
        benefit=0.0,
        cost=0.0,
    )
    target = action.node or maker.instance(row).node
    maker.spend(row, action, target, flavor, most=most)


def _has_room(
    maker: PlanMaker,
    row: int,
    flavor: fleet_module.Flavor,
    node: fleet_module.Node | None,
) -> bool:
    """What is smaller in all fits where the instance is; what is larger in
    one needs a node, and a quota.
    """
    instance = maker.instance(row)
    if flavors_module.smaller(instance.flavor, flavor) is None:
        return True
    return node is not None and maker.quotas.lack(instance, flavor) is None


def _smaller(
    maker: PlanMaker, row: int, lease: Lease
) -> fleet_module.Flavor | None:
    """The smaller flavor that is enough; None: the one of today stays."""
    seen, policy = maker.seen, maker.policy_of(row)
    peak = maker.peaks.get(lease.instance_id)
    if peak is None or seen.now - lease.since < SETTLED_S:
        return None
    origin = maker.origin(row)
    own = origin.limits()
    least = np.fmax(peak, seen.predicted[row]) / policy.ceiling
    least = np.fmax(least, sizing.returning(maker, row))
    wanted = np.where(np.isnan(own), np.nan, np.fmax(own, least))
    # what the instance may be leased is told by its own flavor
    terms = sizing.terms_of(maker, row)
    terms = replace(terms, instance=replace(terms.instance, flavor=origin))
    for flavor in flavors_module.covering(
        maker.shelf.candidates(terms), wanted
    ):
        risk = maker.prospects.highest(row, flavor)
        if risk < policy.release_threshold and _is_less(
            flavor, maker.instance(row).flavor, origin
        ):
            return flavor
    return None


def _is_less(
    one: fleet_module.Flavor,
    other: fleet_module.Flavor,
    own: fleet_module.Flavor,
) -> bool:
    """Clearly smaller beside the own flavor, vCPUs and memory together: what
    has more memory may still be much less.
    """
    sizes = [flavors_module.size(flavor, own)[0] for flavor in (one, other)]
    return sizes[0] <= _LESS * sizes[1]
