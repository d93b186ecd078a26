"""What the instances of each node take together, kept while a plan grows.

A plan for a large cloud asks for hundreds of instances what each node would
be with one more on it.  Sums over all members of all nodes for each of these
questions would take minutes, so they are kept by node.
"""

from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import load as load_module


class Crowds:
    """Sums over the members of each node; indices are those of the nodes.

    Mutable: it lives while one plan is made.

    :param capacity: (nodes, NODE_RESOURCES), NaN where it is unknown.
    :param ceiling: the share of it that may be used.
    """

    def __init__(
        self,
        load: load_module.NodeLoad,
        capacity: np.ndarray,
        *,
        ceiling: float,
    ) -> None:
        self._load = load
        self._most = ceiling * capacity[:, None, :]
        kinds = load_module.NODE_RESOURCES
        shape = (len(capacity), len(load.mean), kinds)
        self._known = np.zeros(shape)  # who has a forecast, by its mean
        self._full = np.zeros(shape)  # the others as well, with their limit
        self._apart = np.zeros(shape)
        self._together = np.zeros((*shape, load.moves.shape[2]))

    def put(self, index: int, rows: Sequence[int], extra: np.ndarray) -> None:
        """Say who is on a node now; the rows in an order that does not
        depend on that of the input, see `NodeLoad.sums`.
        """
        load = self._load
        more = extra[rows].sum(axis=0)
        self._known[index] = load.means(rows).sum(axis=1) + more
        full = load.means(rows, unknown_is_full=True)
        self._full[index] = full.sum(axis=1) + more
        self._together[index], self._apart[index] = load.spreads(rows)

    def used(self) -> np.ndarray:
        """The mean at the last horizon, (nodes, NODE_RESOURCES)."""
        return self._known[:, -1]

    def risks(self) -> np.ndarray:
        """The risk of each node; who has no forecast counts as nothing."""
        variance = load_module.variance(self._together, self._apart)
        return _highest(self._most - self._known, variance)

    def risks_with(
        self, indices: Sequence[int] | np.ndarray, row: int, extra: np.ndarray
    ) -> np.ndarray:
        """The risk of some nodes if they took one more instance.

        Whoever has no forecast counts with the limit; (len(indices),).
        """
        load = self._load
        mean = load.means([row], unknown_is_full=True)[:, 0] + extra[row]
        together, apart = load.spread(row)
        variance = load_module.variance(
            self._together[indices] + together, self._apart[indices] + apart
        )
        return _highest(
            self._most[indices] - self._full[indices] - mean, variance
        )


def _highest(gap: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The largest P(x > gap) of each node, of normals with mean 0.

    :param gap: like ``variance`` (nodes, horizons, resources); NaN never
        counts.
    """
    deviation = np.sqrt(variance)
    sure = np.where(gap < 0, -np.inf, np.inf)
    with np.errstate(divide='ignore', invalid='ignore'):
        far = np.where(deviation > 0, gap / deviation, sure)
    far = np.where(np.isnan(gap), np.inf, far)
    nearest = far.min(axis=(1, 2), initial=np.inf)
    return np.array([load_module.tail(float(one)) for one in nearest])
