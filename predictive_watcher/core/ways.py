"""Ways back: nodes on which leased instances could have their own flavor.

By default Nova resizes to another host, so a lease can only end while some
other node has room for the own flavor.  On a full cloud leases would take one
another's room, and none of them could end.  So what is planned leaves each
lease one way back: as one ends, it leaves more room than it takes.
"""

from collections.abc import Iterable

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import placement


class Ways:
    """The ways back of the leases of a fleet, as a plan grows.

    Mutable: it lives while one plan is made.

    :param leased: rows, and their own flavors.
    """

    def __init__(
        self,
        place: placement.Placement,
        leased: Iterable[tuple[int, fleet_module.Flavor]],
    ) -> None:
        self._place = place
        # what each node can promise when the plan is done
        self._left = place.free.copy()
        self._asked = list(leased)  # of whom nothing is worked out yet
        self._rows: list[int] = []
        nodes, amounts = self._left.shape
        self._claims = np.empty((0, amounts))
        self._suited = np.empty((0, nodes), bool)
        self._open = np.empty((0, nodes), bool)

    def lend(self, row: int, origin: fleet_module.Flavor) -> None:
        """A lease is planned; `move` was told before."""
        self._asked.append((row, origin))

    def move(self, row: int, target: str, flavor: fleet_module.Flavor) -> None:
        """An instance is to have ``flavor`` on ``target``."""
        self._carry(row, target, flavor, 1)

    def stay(self, row: int, target: str, flavor: fleet_module.Flavor) -> None:
        """Take `move` back."""
        self._carry(row, target, flavor, -1)

    def barred(self, row: int, flavor: fleet_module.Flavor) -> np.ndarray:
        """The nodes where an instance with ``flavor`` would take the last way
        back of another one's lease, (nodes,).
        """
        self._work_out()
        found = np.zeros(len(self._left), bool)
        left = self._left - placement.claim(flavor)
        for i in np.flatnonzero(self._open.sum(axis=1) == 1).tolist():
            if self._rows[i] == row or self._finds_home(i, row):
                continue
            index = int(self._open[i].argmax())
            found[index] |= bool((left[index] < self._claims[i]).any())
        return found

    def in_danger(
        self, row: int, flavor: fleet_module.Flavor
    ) -> tuple[str, ...]:
        """Nodes that are `barred`, and that Nova may let a resize land on."""
        barred = self.barred(row, flavor)
        if barred.any():
            barred &= self._place.allowed(row, flavor, self._place.room)
        nodes = self._place.fleet.nodes
        return tuple(nodes[index].name for index in np.flatnonzero(barred))

    def _finds_home(self, i: int, row: int) -> bool:
        """Whether the lease finds room on the node that an instance leaves."""
        mover = self._place.fleet.instances[row]
        home = self._place.index_of.get(mover.node)
        if home is None or not self._suited[i, home]:
            return False
        left = self._left[home] + placement.claim(mover.flavor)
        return bool((left >= self._claims[i]).all())

    def _carry(
        self, row: int, target: str, flavor: fleet_module.Flavor, sign: int
    ) -> None:
        mover = self._place.fleet.instances[row]
        for node, claim in (
            (target, -placement.claim(flavor)),
            (mover.node, placement.claim(mover.flavor)),
        ):
            index = self._place.index_of.get(node)
            if index is not None:
                self._left[index] += sign * claim
                fits = (self._left[index] >= self._claims).all(axis=1)
                self._open[:, index] = self._suited[:, index] & fits

    def _work_out(self) -> None:
        """Find the ways of those who were added."""
        asked, self._asked = self._asked, []
        if not asked:
            return
        claims = np.array([placement.claim(origin) for _, origin in asked])
        suited = np.array([self._suiting(*one) for one in asked])
        fits = (self._left >= claims[:, None]).all(axis=2)
        self._rows += [row for row, _ in asked]
        self._claims = np.concatenate([self._claims, claims])
        self._suited = np.concatenate([self._suited, suited])
        self._open = np.concatenate([self._open, suited & fits])

    def _suiting(self, row: int, origin: fleet_module.Flavor) -> np.ndarray:
        """Where it might have its own flavor again, had the node room."""
        place, home = self._place, self._place.fleet.instances[row].node
        boundless = np.full(self._left.shape, np.inf)
        suited = place.allowed(row, origin, boundless)
        target = place.node_of[row]
        if target != home and home in place.index_of:
            # it is no longer where it is now
            suited[place.index_of[home]] = True
            suited[place.index_of[target]] = False
        return suited
