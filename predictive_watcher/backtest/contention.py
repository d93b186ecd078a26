"""What instances get when their node has not enough for all."""

import numpy as np


_SHARED = 2  # cpu and memory


def delivered(
    wanted: np.ndarray,
    node_of: np.ndarray,
    capacity: np.ndarray,
    shares: np.ndarray,
) -> np.ndarray:
    """Usage that comes of what is wanted, (instances, resources).

    Where a node is full, each instance gets as much as its shares entitle it
    to, and what it leaves goes to the others, as cgroups do.

    :param capacity: (nodes, 2), vCPUs and MiB.
    :param shares: (instances,), Nova's are the vCPUs.

    >>> delivered(
    ...     np.array([[1.0, 0], [3.0, 0], [3.0, 0]]),
    ...     np.zeros(3, int),
    ...     np.array([[5.0, 1.0]]),
    ...     np.ones(3),
    ... )[:, 0].tolist()
    [1.0, 2.0, 2.0]
    """
    out = wanted.copy()
    known = np.nan_to_num(wanted[:, :_SHARED].astype(float))
    for r in range(known.shape[1]):
        total = np.bincount(node_of, known[:, r], len(capacity))
        for node in np.flatnonzero(total > capacity[:, r] * (1 + 1e-9)):
            rows = np.flatnonzero(node_of == node)
            given = _shared(known[rows, r], shares[rows], capacity[node, r])
            out[rows, r] = np.where(np.isnan(wanted[rows, r]), np.nan, given)
    return out


def _shared(
    wanted: np.ndarray, shares: np.ndarray, capacity: float
) -> np.ndarray:
    """Water-filling: the level a share is worth rises until all is given."""
    order = np.argsort(wanted / shares, kind='stable')
    given = wanted.copy()
    left, weight = capacity, float(shares.sum())
    for i in order:
        level = left / weight
        given[i] = min(wanted[i], level * shares[i])
        left -= given[i]
        weight -= shares[i]
    return given
