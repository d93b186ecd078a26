"""Room for the heavy: the lease of a lighter instance ends early.

An instance that is at risk and finds no node may have the room that a lease
of another one holds, if

* its weight is at least `TIMES` that of the other,
* the node would have room for its flavor once the other has left, and would
  not be at risk with it,
* there is a node for the other with its own flavor,
* no other lease of that one ended within a day, and
* what the heavy one gains is more than what the light one loses: its
  violation, as likely as it would be with its own flavor, and a restart.

Of several the one goes that loses least.  The heavy one is served by the next
audit, when the room is there; so whoever must not be resized takes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leasing
from predictive_watcher.core import placement
from predictive_watcher.core import room
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
    weight: float
    harm: float


def make_room(maker: PlanMaker, rows: Sequence[int]) -> None:
    """End leases of lighter instances for those that found no node.

    :param rows: the instances at risk, the heaviest first.
    """
    seekers = [row for row in rows if _seeks(maker, row)]
    offers = _offers(maker) if seekers else []
    for row in seekers:
        if not offers or maker.budgets.actions >= maker.policy.max_actions:
            return
        given = _make_room(maker, row, offers)
        if given is not None:
            # the room of a node is promised once: the next audit sees more
            home = maker.instance(given).node
            offers = [o for o in offers if maker.instance(o.row).node != home]


def _seeks(maker: PlanMaker, row: int) -> bool:
    """Whether room is all that keeps an instance from its resize."""
    hold = maker.fallback.get(row)
    return (
        row not in maker.decided
        and hold is not None
        and hold.reason is Reason.NO_NODE
        and maker.barred(row, '', restarts=True) is None
    )


def _make_room(
    maker: PlanMaker, row: int, offers: Sequence[_Offer]
) -> int | None:
    """The row whose lease ends for it, if any."""
    weight = _weight(maker, row)
    lighter = [one for one in offers if TIMES * one.weight <= weight]
    need = sizing.need(maker, row)
    fitting = sizing.fitting(maker, row, need) if lighter else []
    if not fitting or maker.quotas.lack(maker.instance(row), fitting[0]):
        return None
    benefit, cost = sizing.worth(maker, row, fitting[0])
    for offer in _with_room(maker, row, fitting[0], lighter):
        if benefit - cost <= offer.harm:
            return None
        if _is_calm(maker, row, fitting[0], need, offer.row) and _end(
            maker, row, offer
        ):
            hold = maker.fallback[row]
            name = maker.instance(offer.row).name
            maker.fallback[row] = Hold(
                reason=Reason.NO_NODE,
                text=f'{hold.text}; the lease of {name} ends early for it',
            )
            return offer.row
    return None


def _offers(maker: PlanMaker) -> list[_Offer]:
    """The leases that may end early, the least harm first."""
    found = []
    for row in _leased(maker):
        lease = maker.leases[maker.instance(row).id]
        origin, _ = leasing.way_back(maker, row, lease)
        if origin is None:
            continue
        harm = _harm(maker, row, origin)
        if np.isfinite(harm):
            weight = _weight(maker, row)
            found.append(
                _Offer(row=row, origin=origin, weight=weight, harm=harm)
            )
    return sorted(found, key=lambda one: _order(maker, one))


def _order(maker: PlanMaker, offer: _Offer) -> tuple[float, str]:
    return offer.harm, maker.instance(offer.row).id


def _with_room(
    maker: PlanMaker,
    row: int,
    flavor: fleet_module.Flavor,
    offers: Sequence[_Offer],
) -> list[_Offer]:
    """Those whose node could promise the instance its flavor then."""
    place = maker.place
    anyhow = place.allowed(row, flavor, np.full_like(place.free, np.inf))
    wanted = placement.claim(flavor)
    found = []
    for offer in offers:
        leaving = maker.instance(offer.row)
        home = place.index_of[leaving.node]
        free = place.free[home] + placement.claim(leaving.flavor)
        if anyhow[home] and (free >= wanted).all():
            found.append(offer)
    return found


def _is_calm(
    maker: PlanMaker,
    row: int,
    flavor: fleet_module.Flavor,
    need: np.ndarray,
    leaver: int,
) -> bool:
    """Whether the node of a leaver would not be at risk with the instance:
    it would find no node again, and end one lease after the other.
    """
    place, name = maker.place, maker.instance(leaver).node
    node = place.fleet.nodes[place.index_of[name]]
    place.extra[row] = room.taken(maker, row, flavor, need)
    crowd = (place.members[name] - {leaver}) | {row}
    chances = place.chances(node, crowd, unknown_is_full=True)
    place.extra[row] = 0.0
    return float(chances.max()) < maker.policy.risk_threshold


def _leased(maker: PlanMaker) -> list[int]:
    """The rows whose leases may end in this plan.

    One that came again within a day is not ended a second time: nobody is
    sent there and back all day long for the sake of others.
    """
    found = []
    for row, instance in enumerate(maker.seen.fleet.instances):
        lease = maker.leases.get(instance.id)
        if lease is None or row in maker.decided:
            continue
        if instance.id not in maker.seen.fleet.scope:
            continue
        if maker.releases.get(instance.id, 0):
            continue
        if instance.node not in maker.place.index_of:
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
