"""Leases that stay become as small as what their instance has shown to need.

How much is wanted beyond a limit nobody sees, so a lease begins large where
usage was flat, and the more so the more an instance weighs.  Once it has
held for `SETTLED_S`, and the need has come back in that time, usage shows
what is wanted: the smallest flavor that covers the largest use of the last
day is enough, if the risk with it is half of that at which leases grow.

It saves room and averts nothing.  So it comes last: only in a plan in which
nobody who is at risk waits for a budget, only where what it saves is worth
the restart, with a node that is known to have room, and not within a day
after a resize that failed.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from predictive_watcher.core import budgets
from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leasing
from predictive_watcher.core import reconciling
from predictive_watcher.core import saturation
from predictive_watcher.core import sizing
from predictive_watcher.core import staying
from predictive_watcher.core import usage
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker


SETTLED_S = 2 * 3600
_SHOWN = 3  # samples beyond the own guideline
_LESS = 0.9  # of the size, or less: else it is not worth a restart
_SPARE = 1  # action of each hour and day is left to who comes to be at risk


def peaks(
    window: usage.UsageWindow,
    leases: Mapping[str, Lease],
    needs: reconciling.Needs,
    limits: np.ndarray,
) -> dict[str, np.ndarray]:
    """The largest use of the last day, by instance id: (resources,), NaN
    where there is no sample.

    Only of leases that have shown what is needed with the flavor of today:
    the need was there, and usage was not cut off.

    :param limits: those in force, (instances, resources).
    """
    row_of = {name: row for row, name in enumerate(window.instances)}
    times = window.times()
    found = {}
    for name, needed in needs.times.items():
        row, lease = row_of[name], leases[name]
        # the step in which the resize was made is of both flavors
        since = lease.since + 2 * window.step_s
        used = window.usage[row, times >= since]
        with np.errstate(invalid='ignore'):
            cut = (used >= saturation.FLAT * limits[row]).any()
        if cut or (needed >= since).sum() < _SHOWN:
            continue
        # what was used with a larger flavor, or cut off by a smaller one,
        # was needed as well
        day = window.usage[row, times > window.end - budgets.DAY_S]
        most = np.fmax.reduce(day, axis=0, initial=-np.inf)
        found[name] = np.where(np.isfinite(most), most, np.nan)
    return found


def trim(
    maker: PlanMaker,
    leased: Sequence[tuple[int, Lease]],
    at_risk: Sequence[int],
) -> None:
    """Let leases that are kept, and stay, become as small as their need.

    :param at_risk: instances that would rather have more.
    """
    if any(maker.is_held(row, Reason.BUDGET) for row in at_risk):
        return
    in_danger = set(at_risk)
    for row, lease in leased:
        if row not in in_danger and _may(maker, row, lease):
            _trim(maker, row, lease)


def _may(maker: PlanMaker, row: int, lease: Lease) -> bool:
    """Whether a smaller flavor would be wanted, if there is one."""
    now = maker.seen.now
    last = maker.recent.get(lease.instance_id)
    return (
        maker.is_held(row, Reason.LEASE_KEPT)
        and not lease.pending_flavor_name
        and maker.policy_of(row).allow_resize
        and now - lease.since >= SETTLED_S
        and not (last and last.failed and now - last.at < budgets.DAY_S)
    )


def _trim(maker: PlanMaker, row: int, lease: Lease) -> None:
    flavor = _smaller(maker, row, lease)
    if flavor is None or maker.quotas.lack(maker.instance(row), flavor):
        return
    text = (
        f'{lease.flavor_name} is more than it needs: {flavor.name} covers '
        'what it used in the last day'
    )
    hold = (
        maker.barred(row, text, restarts=True)
        or maker.resting(row)
        or _unsafe(maker, row, flavor, text)
    )
    if hold:
        maker.fallback[row] = hold
        return
    policy = maker.policy_of(row)
    node, _ = maker.find(
        row, flavor, below=policy.release_threshold, leases=True
    )
    if node is None:
        return
    nodes = {maker.instance(row).node, node.name}
    if maker.budgets.full(row, nodes, spare=_SPARE):
        return
    least = maker.seen.now + policy.lease_duration_s
    action = Resize(
        reason=Reason.NEED_IS_SMALLER,
        text=text,
        flavor=flavor,
        node=node.name,
        unfit=maker.unfit(row, flavor, node.name, leases=True),
        expires_at=max(lease.expires_at, least),
        benefit=0.0,
        cost=0.0,
    )
    maker.spend(row, action, node.name, flavor)


def _unsafe(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor, text: str
) -> Hold | None:
    """Nova chooses where a resize lands: each node has to be calm."""
    why = maker.landings.unsafe(
        row, flavor, below=maker.policy.release_threshold
    )
    if why is None:
        return None
    return Hold(reason=Reason.NOT_CALM, text=f'{text}; but {why}')


def _smaller(
    maker: PlanMaker, row: int, lease: Lease
) -> fleet_module.Flavor | None:
    """The smaller flavor that is enough; None: the one of today stays."""
    seen, policy = maker.seen, maker.policy_of(row)
    peak = maker.peaks.get(lease.instance_id)
    origin = maker.origin(row)
    own = origin.limits()
    if peak is None or np.isnan(peak[np.isfinite(own)]).any():
        return None
    least = np.fmax(peak, seen.predicted[row]) / policy.ceiling
    least = np.fmax(least, sizing.returning(maker, row))
    wanted = np.where(np.isnan(own), np.nan, np.fmax(own, least))
    # what the instance may be leased is told by its own flavor
    terms = sizing.terms_of(maker, row)
    terms = replace(terms, instance=replace(terms.instance, flavor=origin))
    for flavor in flavors_module.covering(
        maker.shelf.candidates(terms), wanted
    ):
        # usage has shown that it is enough: half of the risk at which leases
        # grow is low enough, but NaN is not
        risk = leasing.risk_with(maker, row, flavor)
        calm = risk < maker.thresholds[row] / 2
        is_less = _is_less(flavor, maker.instance(row).flavor, origin)
        if calm and is_less and _pays(maker, row, lease, flavor):
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


def _pays(
    maker: PlanMaker, row: int, lease: Lease, flavor: fleet_module.Flavor
) -> bool:
    """Whether a smaller lease is worth the restart.

    Nobody knows when it will end: it is taken to go on for as long as it has
    been there, a day at most; while its need is gone and waited for, until
    that ends.
    """
    policy, now = maker.policy_of(row), maker.seen.now
    less = maker.place.sites.cores_of(maker.instance(row).flavor, flavor)
    lasts_s = min(now - lease.since, budgets.DAY_S)
    until = staying.until(maker, row, lease)
    if not maker.needs.now.get(lease.instance_id) and until > now:
        lasts_s = min(lasts_s, until - now)
    hours = lasts_s / 3600
    stopped_s = policy.resize_interruption_s * policy.cost_factor
    weight = float(maker.seen.weights[row].max())
    saved = policy.lease_cost * less * hours
    return less > 0 and saved > weight * stopped_s
