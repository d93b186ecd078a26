"""Where resizes may land: of their host Nova's scheduler has the choice.

A live migration goes where the plan says.  A resize goes to any node that
has room by allocation, be it full by use.  What can wait waits until each of
these is fit; what cannot is told which are not, and where to go on to.
"""

from collections.abc import Iterator
import statistics

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import placement
from predictive_watcher.core import risk as risk_module


# Servers that hold their place and use nothing, so that they have no samples.
_AT_REST = ('SHUTOFF', 'SUSPENDED')


class Landings:
    """Who may land where, beside what a plan has placed.

    ``guests`` are the rows whose resize is planned, at each node that Nova
    may choose for them.  Mutable: it lives while one plan is made.
    """

    def __init__(self, place: placement.Placement) -> None:
        self._place = place
        self._nodes = sorted(place.fleet.nodes, key=lambda node: node.name)
        self._awake = [
            one.status not in _AT_REST for one in place.fleet.instances
        ]
        self.guests: dict[str, set[int]] = {n.name: set() for n in self._nodes}
        # (nodes, 2, horizons, NODE_RESOURCES): no node will take more than
        # this mean and standard deviation; made at the first question
        self._most: np.ndarray | None = None

    def expect(self, row: int, flavor: fleet_module.Flavor) -> None:
        """Count a planned resize at each node where it may land."""
        landings = self._landings(row, flavor)
        for index in landings:
            self.guests[self._nodes[index].name].add(row)
        if self._most is not None:
            self._most[landings] += self._sums([row])

    def settle(self, row: int, node: str) -> None:
        """Count an instance whose target is certain, and placed."""
        index = next(i for i, n in enumerate(self._nodes) if n.name == node)
        if self._most is not None:
            self._most[index] += self._sums([row])

    def forget(self, row: int) -> None:
        """Take `expect` back."""
        for guests in self.guests.values():
            guests.discard(row)

    def unsafe(
        self, row: int, flavor: fleet_module.Flavor, *, below: float
    ) -> str | None:
        """Why Nova must not be asked to resize an instance to ``flavor``.

        Each node that it may choose is judged as if the instance came there,
        and with it everyone else whose resize is planned: wherever they
        land, none of these nodes is at risk.  None where that holds,
        otherwise a text for a verdict.

        :param below: a node's risk with all of them must be lower than this;
            who runs and has no forecast counts with the limit.
        """
        for node, risk in self._unfit(row, flavor, below):
            return (
                f'Nova chooses the host of a resize, and {node} would be at '
                f'risk with it ({risk:.2f})'
            )
        return None

    def unfit(
        self, row: int, flavor: fleet_module.Flavor, *, below: float
    ) -> tuple[str, ...]:
        """The nodes that make a resize `unsafe`, by name."""
        return tuple(node for node, _ in self._unfit(row, flavor, below))

    def _unfit(
        self, row: int, flavor: fleet_module.Flavor, below: float
    ) -> Iterator[tuple[str, float]]:
        doubtful = np.flatnonzero(~self._surely_fit(row, below))
        for index in self._landings(row, flavor, doubtful):
            node = self._nodes[index]
            crowd = self._place.members[node.name] | self.guests[node.name]
            chances = self._place.chances(
                node,
                [one for one in crowd | {row} if self._awake[one]],
                unknown_is_full=True,
            )
            risk = float(chances.max())
            if risk >= below:
                yield node.name, risk

    def _landings(
        self,
        row: int,
        flavor: fleet_module.Flavor,
        among: np.ndarray | None = None,
    ) -> list[int]:
        """Indices of the nodes that Nova may choose, as far as is known.

        What the plan lets others take counts as room: they may land
        elsewhere.  Whether Nova resizes on the same host is not known, and
        would bring that one no new load.
        """
        place = self._place
        return [
            index
            for index in (range(len(self._nodes)) if among is None else among)
            if place.refusal(row, self._nodes[index], flavor, place.room)
            is None
        ]

    def _surely_fit(self, row: int, below: float) -> np.ndarray:
        """Which nodes are below with this instance by a bound of their load.

        The standard deviation of a sum is at most the sum of those of its
        parts, so a bound is at hand for all nodes at once; judging each
        exactly would take a large cloud minutes.  Shape (nodes,).
        """
        if self._most is None:
            self._most = np.array([self._begin(n) for n in self._nodes])
        if not 0 < below < 1:
            return np.full(len(self._nodes), below >= 1)
        mean, deviation = np.moveaxis(self._most + self._sums([row]), 1, 0)
        capacity = np.array([node.capacity() for node in self._nodes])
        limits = (
            self._place.ceiling * capacity[:, : risk_module.NODE_RESOURCES]
        )
        gap = limits[:, None, :] - mean
        far = statistics.NormalDist().inv_cdf(1 - below) * deviation
        fit = np.isnan(gap) | (gap > np.maximum(far, 0.0))
        return np.asarray(fit.all(axis=(1, 2)))

    def _begin(self, node: fleet_module.Node) -> np.ndarray:
        """Who is there, or comes by the plan up to now."""
        members = self._place.members[node.name] | self.guests[node.name]
        return self._sums(self._place.ordered(members))

    def _sums(self, rows: list[int]) -> np.ndarray:
        """Mean and standard deviation; (2, horizons, NODE_RESOURCES)."""
        return np.array(
            self._place.load.sums(
                [row for row in rows if self._awake[row]],
                extra=self._place.extra,
                unknown_is_full=True,
            )
        )
