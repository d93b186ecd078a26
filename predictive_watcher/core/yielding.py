"""Room for the heavy: the lease of a lighter instance ends early.

An instance that is at risk and finds no node may have the room that a lease
of another one holds, if

* its weight is at least `TIMES` that of the other,
* the node would have room for its flavor once the other has left,
* there is a node for the other with its own flavor, and
* what the heavy one gains is more than what the light one loses: its
  violation, as likely as it would be with its own flavor, and a restart.

Of several the one goes that loses least.  The heavy one is served by the next
audit, when the room is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leasing
from predictive_watcher.core import placement
from predictive_watcher.core import sizing
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.plan import PlanMaker


TIMES = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A lease that could end early, and what its instance would lose."""

    row: int
    origin: fleet_module.Flavor
    harm: float


def make_room(maker: PlanMaker, rows: Sequence[int]) -> None:
    """End leases of lighter instances for those that found no node.

    :param rows: the instances at risk, the heaviest first.
    """
    for row in rows:
        hold = maker.fallback.get(row)
        if row in maker.decided or hold is None:
            continue
        if hold.reason is Reason.NO_NODE:
            _make_room(maker, row, hold)


def _make_room(maker: PlanMaker, row: int, hold: Hold) -> None:
    fitting = sizing.fitting(maker, row, sizing.need(maker, row))
    if not fitting:
        return
    benefit, cost = sizing.worth(maker, row, fitting[0])
    offers = _offers(maker, row, fitting[0])
    for offer in sorted(offers, key=lambda one: _order(maker, one)):
        if benefit - cost <= offer.harm:
            return
        if _end(maker, row, offer):
            name = maker.instance(offer.row).name
            maker.fallback[row] = Hold(
                reason=Reason.NO_NODE,
                text=f'{hold.text}; the lease of {name} ends early for it',
            )
            return


def _order(maker: PlanMaker, offer: _Offer) -> tuple[float, str]:
    return offer.harm, maker.instance(offer.row).id


def _offers(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor
) -> list[_Offer]:
    """The leases of lighter instances whose room would be enough."""
    weight = _weight(maker, row)
    found = []
    for other in _leased(maker):
        if TIMES * _weight(maker, other) > weight:
            continue
        origin, _ = leasing.way_back(
            maker, other, maker.leases[maker.instance(other).id]
        )
        if origin is None or not _would_fit(maker, row, flavor, other):
            continue
        harm = _harm(maker, other, origin)
        if np.isfinite(harm):
            found.append(_Offer(row=other, origin=origin, harm=harm))
    return found


def _would_fit(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor, leaver: int
) -> bool:
    """Whether the node of a leaver could take the instance then."""
    place, leaving = maker.place, maker.instance(leaver)
    home = place.index_of[leaving.node]
    free = place.free.copy()
    free[home] += placement.claim(leaving.flavor)
    return bool(place.allowed(row, flavor, free)[home])


def _leased(maker: PlanMaker) -> list[int]:
    """The rows whose leases may end in this plan."""
    found = []
    for row, instance in enumerate(maker.seen.fleet.instances):
        lease = maker.leases.get(instance.id)
        if lease is None or row in maker.decided:
            continue
        if instance.id not in maker.seen.fleet.scope:
            continue
        if lease.flavor_name == instance.flavor.name:
            found.append(row)
    return found


def _weight(maker: PlanMaker, row: int) -> float:
    return float(maker.seen.weights[row, sizing.worst(maker, row)])


def _harm(maker: PlanMaker, row: int, origin: fleet_module.Flavor) -> float:
    """What an instance loses with its lease, in weighted seconds."""
    seen, policy = maker.seen, maker.policy_of(row)
    risks = seen.risk_of(row, origin.limits())
    if np.isnan(risks[np.isfinite(origin.limits())]).any():
        return float('nan')  # unknown is not little
    r = int(np.nan_to_num(risks).argmax())
    violated = float(risks[r] * seen.excess_s[row, r])
    stopped = policy.resize_interruption_s * policy.cost_factor
    return float(seen.weights[row, r]) * (violated + stopped)


def _end(maker: PlanMaker, row: int, offer: _Offer) -> bool:
    """Release the lease; whether the plan allows it."""
    heavy = maker.instance(row).name
    text = (
        f'its room is needed for {heavy}, of weight {_weight(maker, row):.3g}'
        f': it loses {offer.harm:.0f} weighted s with {offer.origin.name}'
    )
    hold = (
        maker.barred(offer.row, text, restarts=True)
        or maker.backing_off(offer.row, text)
        or maker.resting(offer.row)
        or leasing.waits(
            maker,
            offer.row,
            maker.leases[maker.instance(offer.row).id],
            offer.origin,
        )
    )
    node, _ = maker.find(offer.row, offer.origin, below=1.01)
    if hold or node is None:
        return False
    action = Release(
        reason=Reason.ROOM_FOR_HEAVIER,
        text=text,
        flavor=offer.origin,
        node=node.name,
        unfit=maker.unfit(offer.row, offer.origin, node.name),
    )
    return maker.spend(offer.row, action, node.name, offer.origin)
