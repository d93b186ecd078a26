"""Whether an instance may have wanted more than its node had to give.

On a node whose processors are nearly all in use, what an instance used says
less of what it wanted: usage is held down, and a forecast with it.  Hosts
measure that as steal; what is known of every cloud is the sum of its
instances.
"""

from collections.abc import Mapping

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import usage as usage_module


_FULL = 0.95  # share of a node's vCPUs
_HOUR_S = 3600
_OFTEN = 3  # steps of the last hour
_CPU = fleet_module.RESOURCES.index(fleet_module.Resource.CPU)


def busy_steps(
    fleet: fleet_module.Fleet, window: usage_module.UsageWindow
) -> dict[str, int]:
    """By node, in how many steps of the last hour its instances used nearly
    all of its vCPUs.

    A node whose capacity is unknown has none; an instance without a sample
    adds nothing, so that there may be more of them than are counted.
    """
    steps = max(1, _HOUR_S // window.step_s)
    used = np.nan_to_num(window.usage[:, -steps:, _CPU])
    names = np.array([i.node for i in fleet.instances], object)
    found = {}
    for node in fleet.nodes:
        capacity = float(node.capacity()[_CPU])
        if capacity > 0:
            total = used[names == node.name].sum(axis=0)
            found[node.name] = int((total >= _FULL * capacity).sum())
    return found


def notes(
    fleet: fleet_module.Fleet, window: usage_module.UsageWindow
) -> Mapping[str, str]:
    """By instance id, what is to be said where the node was often full."""
    busy = busy_steps(fleet, window)
    return {
        instance.id: f'{instance.node} used {_FULL:.0%} of its vCPUs or more '
        f'in {busy[instance.node]} steps of the last hour: it may want more '
        'than it could use'
        for instance in fleet.instances
        if busy.get(instance.node, 0) >= _OFTEN
    }


def with_notes(
    said: Mapping[str, str], more: Mapping[str, str]
) -> dict[str, str]:
    """Both, one after the other.

    >>> with_notes({'a': 'x'}, {'a': 'y', 'b': 'z'})
    {'a': 'x; y', 'b': 'z'}
    """
    return {
        key: '; '.join(part[key] for part in (said, more) if key in part)
        for key in dict.fromkeys([*said, *more])
    }
