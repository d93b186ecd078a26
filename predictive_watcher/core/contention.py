"""Whether an instance may have wanted more than its node had to give.

On a node whose processors are nearly all in use, what an instance used says
less of what it wanted: usage is held down, and a forecast with it.  Where a
metric tells for how long an instance waited (steal), that is added to its use
when it is read, so that forecast, risk and profile are of what it wanted.
What is known of every cloud is the sum of its instances: it makes a note.
"""

from collections.abc import Mapping

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import usage as usage_module


_FULL = 0.95  # share of a node's vCPUs
_HOUR_S = 3600
_OFTEN = 3  # steps of the last hour
_MUCH = 0.05  # of what an instance wanted
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
    index_of = {node.name: i for i, node in enumerate(fleet.nodes)}
    here = np.array([index_of.get(i.node, -1) for i in fleet.instances], int)
    total = np.zeros((len(fleet.nodes), used.shape[1]), np.float32)
    np.add.at(total, here[here >= 0], used[here >= 0])
    found = {}
    for node, sums in zip(fleet.nodes, total, strict=True):
        capacity = float(node.capacity()[_CPU])
        if capacity > 0:
            found[node.name] = int((sums >= _FULL * capacity).sum())
    return found


def waited(window: usage_module.UsageWindow) -> np.ndarray:
    """The share of what each instance wanted of cpu in the last hour that it
    waited for, (instances,); NaN where nobody measures it.
    """
    steps = max(1, _HOUR_S // window.step_s)
    found = window.condition(usage_module.Condition.WAITED)
    if found is None:
        return np.full(len(window.instances), np.nan)
    recent = found[:, -steps:]
    known = np.isfinite(recent)
    wanted = np.where(known, window.usage[:, -steps:, _CPU], np.nan)
    total = np.nansum(wanted, axis=1)
    share = np.nansum(recent, axis=1) / np.where(total > 0, total, np.nan)
    return np.where(known.any(axis=1), share, np.nan)


def notes(
    fleet: fleet_module.Fleet, window: usage_module.UsageWindow
) -> Mapping[str, str]:
    """By instance id, what is to be said where an instance waited much, and
    where the node was often full.
    """
    share = waited(window)
    told = {
        window.instances[row]: f'it waited on {fleet.instances[row].node} '
        f'for {share[row]:.0%} of the cpu that it wanted in the last hour'
        for row in np.flatnonzero(np.nan_to_num(share) >= _MUCH)
    }
    return with_notes(_of_full_nodes(fleet, window), told)


def _of_full_nodes(
    fleet: fleet_module.Fleet, window: usage_module.UsageWindow
) -> dict[str, str]:
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
