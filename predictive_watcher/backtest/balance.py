"""Watcher's own strategy ``workload_balance``, its rule as it is there.

Every node whose load is at or above a threshold is a source; of the first
source one instance moves, the one that brings it closest to the mean of all
nodes without going below; to the emptiest of the targets that stay below the
threshold with it and have the room by allocation.  (Watcher 17,
``decision_engine/strategy/strategies/workload_balance.py``.)
"""

from collections.abc import Sequence

import numpy as np

from predictive_watcher.backtest import book as book_module
from predictive_watcher.backtest import cloud as cloud_module


THRESHOLD = 0.25  # the strategy's default, of the node's vCPUs


class WorkloadBalance:
    """Balances cpu by live migration; resizes nobody."""

    name = 'workload_balance'

    def __init__(
        self,
        duration_s: float,
        interruption_s: float,
        threshold: float = THRESHOLD,
    ) -> None:
        self._duration_s = duration_s
        self._interruption_s = interruption_s
        self._threshold = threshold

    def decide(
        self,
        cloud: cloud_module.Cloud,
        book: book_module.Book,
        step: int,
        now: int,
    ) -> Sequence[cloud_module.Order]:
        """One migration an audit at most, as the strategy has it."""
        used = np.nan_to_num(cloud.usage[:, step, 0].astype(float))
        vcpus = np.array([node.vcpus for node in cloud.scene.nodes], float)
        load = np.bincount(cloud.node_of, used, len(vcpus))
        share = load / vcpus
        sources = np.flatnonzero(share >= self._threshold)
        targets = np.flatnonzero(share < self._threshold)
        if not len(sources) or not len(targets):
            return ()
        # the fullest source first, the emptiest target first
        sources = sources[np.argsort(-share[sources], kind='stable')]
        targets = targets[np.argsort(share[targets], kind='stable')]
        row = _mover(cloud, used, load, sources)
        if row is None:
            return ()
        flavor = int(cloud.flavor_of[row])
        for node in targets:
            below = load[node] + used[row] < self._threshold * vcpus[node]
            if below and cloud.fits(int(node), flavor):
                return (
                    cloud_module.Order(
                        row=row,
                        kind=cloud_module.Did.MIGRATE,
                        flavor=flavor,
                        node=int(node),
                        duration_s=self._duration_s,
                        interruption_s=self._interruption_s,
                    ),
                )
        return ()


def _mover(
    cloud: cloud_module.Cloud,
    used: np.ndarray,
    load: np.ndarray,
    sources: np.ndarray,
) -> int | None:
    """The instance that closes the gap to the mean best, of the first source
    that has one.
    """
    for node in sources:
        gap = load[node] - load.mean()
        rows = [
            int(row)
            for row in np.flatnonzero(cloud.node_of == node)
            if not cloud.busy(int(row)) and gap >= used[row]
        ]
        if rows:
            return min(rows, key=lambda row: (gap - used[row], row))
    return None
