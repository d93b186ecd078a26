"""Room for the heavy: the lease of a lighter instance ends early.

An instance that is at risk and finds no node may have the room that a lease
of another one holds, if

* its weight is at least `weights.HEAVIER` times that of the other,
* the node would have room for its flavor once the other has left, and would
  not be at risk with it,
* there is a node for the other with its own flavor,
* the room is not the last way back of a third,
* no other lease of that one ended within a day, and
* what the heavy one gains is more than what the light one loses: its
  violation, as likely as it would be with its own flavor, and a restart.

Of several the one goes that loses least.  The heavy one is served by the next
audit, when the room is there; so whoever must not be resized takes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import itertools

import numpy as np

from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leasing
from predictive_watcher.core import origins
from predictive_watcher.core import placement
from predictive_watcher.core import room
from predictive_watcher.core import sizing
from predictive_watcher.core import weights as weights_module
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.plan import PlanMaker


_TRIES = 4  # leases that are judged for one instance, the least harm first


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A lease that could end early, and what its instance would lose."""

    row: int
    origin: fleet_module.Flavor
    weight: float
    harm: float


class _Market:
    """All that is offered, the least harm first.

    On a large, full cloud hundreds seek and hundreds could offer, so what
    does not depend on who seeks is asked once.  Mutable: it lives while one
    plan is made.
    """

    def __init__(self, maker: PlanMaker, offers: Sequence[_Offer]) -> None:
        self.offers = sorted(
            offers, key=lambda one: (one.harm, maker.instance(one.row).id)
        )
        leaving = [maker.instance(one.row) for one in self.offers]
        count = len(leaving)
        place = maker.place
        self._home = np.array([place.index_of[i.node] for i in leaving], int)
        given = [placement.claim(i.flavor) for i in leaving]
        self._given = np.array(given).reshape(count, place.free.shape[1])
        self._weight = np.array([one.weight for one in self.offers])
        self._harm = np.array([one.harm for one in self.offers])
        self._asked = np.zeros(count, bool)
        self._closed = np.zeros(count, bool)

    def lighter(self, weight: float) -> np.ndarray:
        """Which are of at most so much weight that they yield to it."""
        heavier = weights_module.HEAVIER * self._weight <= weight
        return np.asarray(~self._closed & heavier)

    def suiting(
        self,
        maker: PlanMaker,
        row: int,
        flavor: fleet_module.Flavor,
        gain: float,
    ) -> list[int]:
        """The lighter ones that lose less than is gained, and whose node
        could promise the instance its flavor then.
        """
        place = maker.place
        anyhow = place.allowed(row, flavor, np.full_like(place.free, np.inf))
        free = place.free[self._home] + self._given
        fits = self.lighter(_weight(maker, row)) & (self._harm < gain)
        fits &= anyhow[self._home]
        fits &= (free >= placement.claim(flavor)).all(axis=1)
        return [int(k) for k in np.flatnonzero(fits)]

    def may_go(self, maker: PlanMaker, k: int) -> bool:
        """Whether the instance may leave at all, and has where to go to."""
        if not self._asked[k]:
            self._asked[k] = True
            self._closed[k] = _way(maker, self.offers[k], '') is None
        return not self._closed[k]

    def close(self, k: int, *, home: bool) -> None:
        """Offer it no more; nor others of its node: the room of a node is
        promised once, and the next audit sees more.
        """
        self._closed[k] = True
        if home:
            self._closed |= self._home == self._home[k]


def make_room(maker: PlanMaker, rows: Sequence[int]) -> None:
    """End leases of lighter instances for those that found no node.

    :param rows: the instances at risk, the heaviest first.
    """
    seekers = [row for row in rows if _seeks(maker, row)]
    market = _Market(maker, _offers(maker) if seekers else [])
    for row in seekers:
        if maker.budgets.actions >= maker.policy.max_actions:
            return
        if market.lighter(_weight(maker, row)).any():
            _make_room(maker, row, market)


def _seeks(maker: PlanMaker, row: int) -> bool:
    """Whether room is all that keeps an instance from its resize."""
    return (
        maker.is_held(row, Reason.NO_NODE)
        and maker.barred(row, '', restarts=True) is None
    )


def _make_room(maker: PlanMaker, row: int, market: _Market) -> None:
    """End the lease that does least harm, if there is one."""
    need = sizing.need(maker, row)
    fitting = sizing.fitting(maker, row, need)
    if not fitting:
        return
    own = maker.instance(row).flavor
    # room is short: what only covers the need of now is enough
    flavor = min(fitting, key=lambda one: flavors_module.size(one, own))
    if maker.quotas.lack(maker.instance(row), flavor):
        return
    benefit, cost = sizing.worth(maker, row, flavor)
    some = (
        k
        for k in market.suiting(maker, row, flavor, benefit - cost)
        if market.may_go(maker, k)
    )
    for k in itertools.islice(some, _TRIES):
        offer = market.offers[k]
        if not _is_calm(maker, row, flavor, need, offer.row):
            continue
        if _in_vain(maker, row, flavor, offer):
            continue
        ended = _end(maker, row, offer)
        market.close(k, home=ended)
        if ended:
            hold = maker.fallback[row]
            name = maker.instance(offer.row).name
            maker.fallback[row] = Hold(
                reason=Reason.NO_NODE,
                text=f'{hold.text}; the lease of {name} ends early for it',
            )
            return


def _offers(maker: PlanMaker) -> list[_Offer]:
    """The leases that may end early."""
    found = []
    for row in _leased(maker):
        lease = maker.leases[maker.instance(row).id]
        own = maker.instance(row).flavor
        origin, _ = origins.way_back(lease, own, maker.named)
        if origin is None:
            continue
        harm = _harm(maker, row, origin)
        if np.isfinite(harm):
            weight = _weight(maker, row)
            found.append(
                _Offer(row=row, origin=origin, weight=weight, harm=harm)
            )
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
    risks = maker.prospects.risk(row, origin)
    if np.isnan(leasing.risk_with(maker, row, origin)):
        return float('nan')  # unknown is not little
    r = int(np.nan_to_num(risks).argmax())
    violated = float(risks[r] * seen.excess_s[row, r])
    stopped = policy.resize_interruption_s * policy.cost_factor
    return float(seen.weights[row, r]) * (violated + stopped)


def _way(
    maker: PlanMaker, offer: _Offer, text: str
) -> fleet_module.Node | None:
    """Where the instance of a lease would go; None where it may not."""
    row = offer.row
    lease = maker.leases[maker.instance(row).id]
    hold = (
        maker.barred(row, text, restarts=True)
        or maker.backing_off(row, text)
        or maker.resting(row)
    )
    if hold:
        return None
    node, _ = maker.find(row, offer.origin, below=1.01)
    if node is None or leasing.waits(maker, row, lease, offer.origin):
        return None
    return node


def _in_vain(
    maker: PlanMaker,
    row: int,
    flavor: fleet_module.Flavor,
    offer: _Offer,
) -> bool:
    """Whether the room that is made would be the last way back of a third."""
    node, _ = maker.find(offer.row, offer.origin, below=1.01)
    if node is None:
        return True
    target = node.name
    home = maker.place.index_of[maker.instance(offer.row).node]
    maker.ways.move(offer.row, target, offer.origin)
    barred = maker.ways.barred(row, flavor)
    maker.ways.stay(offer.row, target, offer.origin)
    return bool(barred[home])


def _end(maker: PlanMaker, row: int, offer: _Offer) -> bool:
    """Release the lease; whether the plan allows it."""
    heavy = maker.instance(row).name
    text = (
        f'its room is needed for {heavy}, of weight {_weight(maker, row):.3g}'
        f': it loses {offer.harm:.0f} weighted s with {offer.origin.name}'
    )
    node = _way(maker, offer, text)
    if node is None:
        return False
    action = Release(
        reason=Reason.ROOM_FOR_HEAVIER,
        text=text,
        flavor=offer.origin,
        node=node.name,
        unfit=maker.unfit(offer.row, offer.origin, node.name),
    )
    return maker.spend(offer.row, action, node.name, offer.origin)
