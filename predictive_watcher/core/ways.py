"""Ways back: nodes on which leased instances could have their own flavor.

By default Nova resizes to another host, so a lease can only end while some
other node has room for the own flavor.  On a full cloud leases would take one
another's room, and none of them could end.  So a lease leaves each other one
a way back; who weighs `weights.HEAVIER` times as much does not wait for that.
"""

from collections.abc import Iterable

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import placement
from predictive_watcher.core import weights as weights_module


class Ways:
    """The ways back of the leases of a fleet, as a plan grows.

    Mutable: it lives while one plan is made.

    :param leased: rows, and their own flavors.
    :param weights: (instances,).
    """

    def __init__(
        self,
        place: placement.Placement,
        leased: Iterable[tuple[int, fleet_module.Flavor]],
        weights: np.ndarray,
    ) -> None:
        self._place = place
        self._leased = list(leased)
        self._weights = weights
        # what each node can promise when the plan is done
        self._left = place.free.copy()
        self._moved: set[int] = set()
        nodes, amounts = self._left.shape
        self._rows = np.array([row for row, _ in self._leased], int)
        self._claims = np.empty((0, amounts))
        self._suited = np.empty((0, nodes), bool)  # empty until asked for
        self._open = np.empty((0, nodes), bool)

    def move(self, row: int, target: str, flavor: fleet_module.Flavor) -> None:
        """An instance is to have ``flavor`` on ``target``; the place that it
        leaves is a way back for it.
        """
        self._moved.add(row)
        self._carry(row, target, flavor, 1)

    def stay(self, row: int, target: str, flavor: fleet_module.Flavor) -> None:
        """Take `move` back."""
        self._moved.discard(row)
        self._carry(row, target, flavor, -1)

    def barred(self, row: int, flavor: fleet_module.Flavor) -> np.ndarray:
        """The nodes where a lease of ``flavor`` would take the last way back
        of another one, (nodes,).
        """
        found = np.zeros(len(self._left), bool)
        for i, index in self._last(row):
            left = self._left[index] - placement.claim(flavor)
            found[index] |= bool((left < self._claims[i]).any())
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

    def _last(self, row: int) -> list[tuple[int, int]]:
        """Leases with a single way that an instance must not take, and the
        node that it is.
        """
        self._work_out()
        light = weights_module.HEAVIER * self._weights[self._rows]
        alone = (self._open.sum(axis=1) == 1) & (light > self._weights[row])
        return [
            (i, int(self._open[i].argmax()))
            for i in np.flatnonzero(alone).tolist()
            if self._rows[i] != row
            and self._rows[i] not in self._moved
            and not self._finds_home(i, row)
        ]

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
        """Find the ways, at the first question."""
        if len(self._suited) == len(self._leased):
            return
        boundless = np.full(self._left.shape, np.inf)
        self._claims = np.array(
            [placement.claim(origin) for _, origin in self._leased]
        )
        self._suited = np.array(
            [
                self._place.allowed(row, origin, boundless)
                for row, origin in self._leased
            ]
        )
        fits = (self._left >= self._claims[:, None]).all(axis=2)
        self._open = self._suited & fits
