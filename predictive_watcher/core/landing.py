"""Where resizes may land: of their host Nova's scheduler has the choice.

A live migration goes where the plan says.  A resize goes to any node that
has room by allocation, be it full by use.  What can wait waits until each of
these is fit; what cannot is told which are not, and where to go on to.
"""

import functools
import statistics

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import load as load_module
from predictive_watcher.core import placement


# Servers that hold their place and use nothing, so that they have no samples.
_AT_REST = ('SHUTOFF', 'SUSPENDED')

_quantile = functools.cache(statistics.NormalDist().inv_cdf)


class Landings:
    """Who may land where, beside what a plan has placed.

    Mutable: it lives while one plan is made.
    """

    def __init__(self, place: placement.Placement) -> None:
        self._place = place
        self._nodes = place.fleet.nodes
        self._awake = [
            one.status not in _AT_REST for one in place.fleet.instances
        ]
        # by row whose resize is planned, the nodes that Nova may choose
        self._lands: dict[int, np.ndarray] = {}
        # (nodes, 2, horizons, NODE_RESOURCES): no node will take more than
        # this mean and standard deviation; made at the first question
        self._most: np.ndarray | None = None
        # what of these has left, or may be counted twice, at most
        kinds = load_module.NODE_RESOURCES
        horizons = len(place.load.mean)
        self._gone = np.zeros((len(self._nodes), horizons, kinds))
        self._known_sd = np.nan_to_num(place.load.sd, nan=0.0)

    def expect(self, row: int, flavor: fleet_module.Flavor) -> None:
        """Count a planned resize at each node where it may land."""
        self._lands[row] = landings = self._landings(row, flavor)
        sums = self._alone(row)
        if self._most is not None:
            self._most[landings] += sums
        self._leave(row, sums)

    def settle(self, row: int, node: str) -> None:
        """Count an instance whose target is certain, and placed."""
        sums = self._alone(row)
        if self._most is not None:
            self._most[self._place.index_of[node]] += sums
        self._leave(row, sums)

    def forget(self, row: int) -> None:
        """Take `expect` back."""
        landings = self._lands.pop(row)
        self._gone[landings] += self._alone(row)[0]

    def crowd(self, index: int) -> set[int]:
        """Who is on a node, or may come there by the plan."""
        members = self._place.members[self._nodes[index].name]
        return members.union(
            row for row, lands in self._lands.items() if lands[index]
        )

    def _leave(self, row: int, sums: np.ndarray) -> None:
        home = self._place.fleet.instances[row].node
        if home in self._place.index_of:
            self._gone[self._place.index_of[home]] += sums[0]

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
        for index in self._doubtful(row, flavor, below):
            risk = self._risk(row, index)
            if risk >= below:
                return (
                    'Nova chooses the host of a resize, and '
                    f'{self._nodes[index].name} would be at risk with it '
                    f'({risk:.2f})'
                )
        return None

    def unfit(
        self, row: int, flavor: fleet_module.Flavor, *, below: float
    ) -> tuple[str, ...]:
        """The nodes that make a resize `unsafe`, by name."""
        surely = self._surely_unfit(row, below).tolist()
        return tuple(
            self._nodes[index].name
            for index in self._doubtful(row, flavor, below)
            if surely[index] or self._risk(row, index) >= below
        )

    def _doubtful(
        self, row: int, flavor: fleet_module.Flavor, below: float
    ) -> list[int]:
        """The nodes that may be unfit and that Nova may choose, by name."""
        found = self._landings(row, flavor) & ~self._surely_fit(row, below)
        by_name = self._place.sites.by_name
        indices: list[int] = by_name[found[by_name]].tolist()
        return indices

    def _risk(self, row: int, index: int) -> float:
        """The node's risk with this instance and all that may land there."""
        crowd = self.crowd(index) | {row}
        chances = self._place.chances(
            self._nodes[index],
            [one for one in crowd if self._awake[one]],
            unknown_is_full=True,
        )
        return float(chances.max())

    def _landings(self, row: int, flavor: fleet_module.Flavor) -> np.ndarray:
        """Which nodes Nova may choose, as far as is known; (nodes,).

        What the plan lets others take counts as room: they may land
        elsewhere.  Whether Nova resizes on the same host is not known, and
        would bring that one no new load.
        """
        return self._place.allowed(row, flavor, self._place.room)

    def _surely_fit(self, row: int, below: float) -> np.ndarray:
        """Which nodes are below with this instance by a bound of their load.

        The standard deviation of a sum is at most the sum of those of its
        parts, so a bound is at hand for all nodes at once; judging each
        exactly would take a large cloud minutes.  Shape (nodes,).
        """
        if not 0 < below < 1:
            return np.full(len(self._nodes), below >= 1)
        bound = self._bound() + self._alone(row)
        gap = self._place.most()[:, None, :] - bound[:, 0]
        far = _quantile(1 - below) * bound[:, 1]
        fit = np.isnan(gap) | (gap > np.maximum(far, 0.0))
        return np.asarray(fit.reshape(len(fit), -1).all(axis=1))

    def _surely_unfit(self, row: int, below: float) -> np.ndarray:
        """Which nodes are not below: a mean above the limit is a risk of more
        than one half.  Shape (nodes,).
        """
        if below > 0.5:
            return np.zeros(len(self._nodes), bool)
        mean = self._bound()[:, 0] + self._alone(row)[0] - self._gone
        above = mean > self._place.most()[:, None, :] * (1 + 1e-9)
        return np.asarray(above.reshape(len(above), -1).any(axis=1))

    def _bound(self) -> np.ndarray:
        if self._most is None:
            place = self._place
            begun = [
                self._sums(place.ordered(self.crowd(index)))
                for index in range(len(self._nodes))
            ]
            shape = (len(begun), 2, *self._gone.shape[1:])
            self._most = np.array(begun).reshape(shape)
        return self._most

    def _sums(self, rows: list[int]) -> np.ndarray:
        """The means, and the largest standard deviation that their sum can
        have; (2, horizons, NODE_RESOURCES).
        """
        rows = [row for row in rows if self._awake[row]]
        load = self._place.load
        mean = load.means(rows, unknown_is_full=True).sum(axis=1)
        deviation = self._known_sd[:, rows].sum(axis=1)
        return np.array(
            [mean + self._place.extra[rows].sum(axis=0), deviation]
        )

    def _alone(self, row: int) -> np.ndarray:
        """The same of one instance, faster."""
        if not self._awake[row]:
            return np.zeros((2, *self._gone.shape[1:]))
        mean = self._place.load.most[:, row] + self._place.extra[row]
        return np.stack([mean, self._known_sd[:, row]])
