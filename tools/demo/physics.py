"""What servers get of what they want: limits of flavors and of nodes."""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from demo.fleet import CEILING
from demo.fleet import CPU
from demo.fleet import NODE_VCPUS


def usage(
    demand: np.ndarray,
    limits: np.ndarray,
    nodes: Sequence[str],
    vcpus: float = NODE_VCPUS,
) -> np.ndarray:
    """Usage ``[server, resource]`` of one step.

    Nobody gets more than his limit; where a node's vCPUs do not suffice, all
    its servers get the same share of what they would use.

    :param demand: ``[server, resource]``; NaN where nothing is known.
    :param limits: of the flavors that the servers have now.
    :param nodes: where the servers are now.

    >>> demand = np.array([[12.0], [8.0]])
    >>> usage(demand, np.full((2, 1), 16.0), ['a', 'a']).ravel().tolist()
    [9.6, 6.4]
    """
    used: np.ndarray = np.minimum(demand, limits)
    for rows in members(nodes).values():
        wanted = np.nansum(used[rows, CPU])
        if wanted > vcpus:
            used[rows, CPU] *= vcpus / wanted
    return used


def members(nodes: Sequence[str]) -> Mapping[str, list[int]]:
    """The servers on each node."""
    found: dict[str, list[int]] = {}
    for row, node in enumerate(nodes):
        found.setdefault(node, []).append(row)
    return found


def violated(demand: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Where demand is above the ceiling of its limit; NaN never is."""
    return np.asarray(demand > CEILING * limits)
