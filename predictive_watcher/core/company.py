"""Whom an instance would have beside it that surges when it does.

The risk of a node knows the correlations of the last day.  Who has moved
together for days will again, even if yesterday was calm: so of nodes that are
equally calm the emptiest is preferred, and what is used there by the group of
the instance counts for a little more than what others use.
"""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import load as load_module


_CPU = 0  # of NODE_RESOURCES: groups are found from it
# How much more a vCPU counts that is used by the group of the instance.
WEIGHT = 0.1


class Company:
    """How much of each node is used by the group of an instance.

    :param group_of: the number of each instance's group, negative for none;
        None: nobody has one.
    :param capacity: vCPUs of each node, NaN where it is unknown.
    :param index_of: the position of each node, by name.
    :param order: all rows, in an order that is not that of the input: a sum
        of floats depends on it.
    """

    def __init__(
        self,
        group_of: np.ndarray | None,
        load: load_module.NodeLoad,
        capacity: np.ndarray,
        index_of: Mapping[str, int],
        order: Sequence[int],
    ) -> None:
        alone = np.full(len(load.limit), -1)
        self._group_of = alone if group_of is None else group_of
        self._capacity = capacity
        self._index_of = index_of
        mean, limit = load.mean[-1, :, _CPU], load.limit[:, _CPU]
        # what is not known may be all that it is allowed
        self._used = np.where(np.isfinite(mean), mean, limit)
        self._members: dict[int, list[int]] = {}
        for row in order:
            group = int(self._group_of[row])
            if group >= 0:
                self._members.setdefault(group, []).append(row)

    def share(self, row: int, node_of: Sequence[str]) -> np.ndarray:
        """The share of each node's vCPUs that others of its group use,
        (nodes,); 0 where the capacity is unknown.

        :param node_of: the node of each instance.
        """
        found = np.zeros(len(self._capacity))
        for mate in self._members.get(int(self._group_of[row]), ()):
            index = self._index_of.get(node_of[mate])
            if mate != row and index is not None:
                found[index] += self._used[mate]
        known = np.isfinite(self._capacity) & (self._capacity > 0)
        capacity = np.where(known, self._capacity, np.inf)
        return np.asarray(found / capacity)

    def crowded(
        self, row: int, node_of: Sequence[str], fullness: np.ndarray
    ) -> np.ndarray:
        """How full each node is to an instance, (nodes,): what its group uses
        counts for more, because it grows when the instance does.  0 where
        the instance is of no group.

        :param fullness: the share of its fuller resource that each node uses.
        """
        if self._group_of[row] < 0:
            return np.zeros(len(self._capacity))
        found = fullness + WEIGHT * self.share(row, node_of)
        return np.asarray(found.round(6))

    def told(self, row: int, node_of: Sequence[str], node: str) -> str:
        """For a verdict: what is said of a node; empty: of no group."""
        group = int(self._group_of[row])
        if group < 0:
            return ''
        share = self.share(row, node_of)[self._index_of[node]]
        return (
            f'of group {group}, which surges together with it, '
            f'{share:.0%} of the vCPUs of {node} are used'
        )
