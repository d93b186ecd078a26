"""The spread of what a node's instances take together, corrected by what came.

The sum over a node's instances is taken as normal, with the correlations of
the last day's changes.  Both are approximations, and wrong in another measure
for each node: so its own 95 % quantile is followed, and moved a little with
each forecast that is settled (Gibbs and Candès, NeurIPS 2021), as
`calibration` does for instances.  The spread is stretched until that quantile
is where it has to be; a node is young at first and learns faster.  What the
nodes have in common, because the load of a whole cloud changes with the day,
is learned from all of them at once: much faster than any of them could.  One
forecast of a node waits at a time, for 900 s, with those who were on it.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import load as load_module
from predictive_watcher.core import usage as usage_module


LEVEL = 0.95
_Z = 1.6449  # the standard normal's quantile at that level
_FIRST, _LAST = 0.3, 0.05  # rates: the first, over the root of the number
# By how much an outcome of any node moves what they have in common, and how
# many at once count in full.
_COMMON, _CROWD = 0.02, 16
_LEAST, _MOST = -1.2, 4.0  # of a shift: a spread stays positive, and sober
_HORIZONS_S = (300, 600, 900)
_GIVEN_UP_S = 7200


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """What is known of the sums of nodes.

    ``shift`` (nodes, horizons, NODE_RESOURCES), in standard deviations, is
    what the 95 % quantile needs beyond that of a normal and beyond ``common``
    (1, horizons, NODE_RESOURCES), which all nodes need; ``settled`` (nodes,)
    how many forecasts were; ``origin`` (nodes,) Unix seconds of the one that
    waits, -1: none, and ``mean`` and ``deviation`` its moments, of the shape
    of ``shift``.  ``member`` are ids of the instances that it is about, and
    ``member_node`` the indices of their nodes.
    """

    nodes: tuple[str, ...]
    shift: np.ndarray
    common: np.ndarray
    settled: np.ndarray
    origin: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    member: np.ndarray
    member_node: np.ndarray

    def parts(self) -> dict[str, np.ndarray]:
        """All arrays."""
        names = (f.name for f in dataclasses.fields(self))
        return {n: getattr(self, n) for n in names if n != 'nodes'}

    def stretch(self) -> np.ndarray:
        """By how much each spread is stretched, of the shape of ``shift``."""
        return (_Z + self.needed()) / _Z

    def needed(self) -> np.ndarray:
        """What each quantile needs beyond that of a normal."""
        return np.asarray(np.clip(self.shift + self.common, _LEAST, _MOST))

    def among(self, nodes: tuple[str, ...]) -> 'Joint':
        """The same for these nodes; of new ones nothing is known."""
        if nodes == self.nodes:
            return self
        index_of = {name: i for i, name in enumerate(nodes)}
        place = np.array([index_of.get(name, -1) for name in self.nodes], int)
        old = np.flatnonzero(place >= 0)
        found = nothing(nodes).parts()
        for name in ('shift', 'settled', 'origin', 'mean', 'deviation'):
            found[name][place[old]] = getattr(self, name)[old]
        found['common'] = self.common
        moved = place[self.member_node]
        found['member'] = self.member[moved >= 0]
        found['member_node'] = moved[moved >= 0]
        return Joint(nodes=nodes, **found)


def nothing(nodes: tuple[str, ...]) -> Joint:
    """Of no node anything is known."""
    shape = (len(nodes), len(_HORIZONS_S), load_module.NODE_RESOURCES)
    return Joint(
        nodes=nodes,
        shift=np.zeros(shape),
        common=np.zeros((1, *shape[1:])),
        settled=np.zeros(len(nodes), np.int64),
        origin=np.full(len(nodes), -1, np.int64),
        mean=np.full(shape, np.nan),
        deviation=np.full(shape, np.nan),
        member=np.empty(0, 'U36'),
        member_node=np.empty(0, np.int64),
    )


def settle(joint: Joint, window: usage_module.UsageWindow) -> Joint:
    """Compare the sums that wait with what came of them.

    A sum is known only where each member's use is.
    """
    waits = joint.origin >= 0
    due = waits & (joint.origin + _HORIZONS_S[-1] <= window.end)
    # far ahead of a clock, or of telemetry, that went back
    late = waits & (np.abs(window.end - joint.origin) > _GIVEN_UP_S)
    if not (due | late).any():
        return joint
    came = _came(joint, due, window)
    known = np.isfinite(came) & np.isfinite(joint.deviation)
    known &= joint.deviation > 0
    some = known.any(axis=(1, 2))
    settled = joint.settled + some
    rate = np.maximum(_LAST, _FIRST / np.sqrt(np.maximum(settled, 1)))
    # by how much more often than it should each was passed
    more = np.where(known, passed(joint, came) - (1 - LEVEL), 0.0)
    count = known.sum(axis=0)
    common = more.sum(axis=0) * _COMMON / np.maximum(count / _CROWD, 1.0)
    shift = joint.shift + rate[:, None, None] * more
    return dataclasses.replace(
        joint,
        shift=np.clip(shift, _LEAST, _MOST),
        common=np.clip(joint.common + common, _LEAST, _MOST),
        settled=settled,
        origin=np.where(some | late, -1, joint.origin),
    )


def passed(joint: Joint, came: np.ndarray) -> np.ndarray:
    """Whether sums passed the quantiles that were told of them."""
    upper = joint.mean + (_Z + joint.needed()) * joint.deviation
    return np.asarray(came > upper)


def _came(
    joint: Joint, due: np.ndarray, window: usage_module.UsageWindow
) -> np.ndarray:
    """The sums that came, of the shape of ``shift``; NaN: not all known."""
    row_of = {name: row for row, name in enumerate(window.instances)}
    rows = np.array([row_of.get(str(name), -1) for name in joint.member], int)
    own = joint.member_node
    kinds = load_module.NODE_RESOURCES
    out = np.zeros(joint.shift.shape)
    for h, horizon_s in enumerate(_HORIZONS_S):
        at, off = np.divmod(
            joint.origin[own] + horizon_s - window.start, window.step_s
        )
        seen = due[own] & (rows >= 0) & (off == 0)
        seen &= (at >= 0) & (at < window.usage.shape[1])
        used = np.full((len(own), kinds), np.nan)
        used[seen] = window.usage[rows[seen], at[seen], :kinds]
        np.add.at(out[:, h], own, used)
    peopled = np.bincount(own, minlength=len(joint.nodes)) > 0
    out[~(due & peopled)] = np.nan
    return out


def issue(
    joint: Joint,
    crowd: list[list[int]],
    load: load_module.NodeLoad,
    instances: tuple[str, ...],
    origin: int,
) -> Joint:
    """Let the sums of nodes wait of which none waits.

    :param crowd: by node, the rows of those who are on it.
    """
    free = joint.origin < 0
    keep = ~free[joint.member_node]
    member, own = [joint.member[keep]], [joint.member_node[keep]]
    mean, deviation = joint.mean.copy(), joint.deviation.copy()
    begun = joint.origin.copy()
    nobody = np.zeros_like(load.limit)
    known = np.isfinite(load.mean).all(axis=(0, 2))
    for index in np.flatnonzero(free):
        rows = [row for row in crowd[index] if known[row]]
        if not rows:
            continue
        mean[index], deviation[index] = load.sums(rows, extra=nobody)
        begun[index] = origin
        member.append(np.array([instances[row] for row in rows], 'U36'))
        own.append(np.full(len(rows), index))
    return dataclasses.replace(
        joint,
        origin=begun,
        mean=mean,
        deviation=deviation,
        member=np.concatenate(member),
        member_node=np.concatenate(own),
    )


class Joints:
    """The sums of the nodes of one audit, with a memory before and after:
    ``joint`` is what to keep once `judged` was called.
    """

    def __init__(self, joint: Joint | None = None) -> None:
        self.joint = joint or nothing(())

    def judged(
        self,
        fleet: fleet_module.Fleet,
        load: load_module.NodeLoad,
        window: usage_module.UsageWindow,
    ) -> load_module.NodeLoad:
        """The load with the spread of each instance stretched as its node
        needs; whoever moves takes that along.
        """
        nodes = tuple(node.name for node in fleet.nodes)
        joint = settle(self.joint.among(nodes), window)
        index_of = {name: i for i, name in enumerate(nodes)}
        own = np.array(
            [index_of.get(one.node, -1) for one in fleet.instances], int
        )
        order = sorted(range(len(own)), key=lambda r: fleet.instances[r].id)
        crowd: list[list[int]] = [[] for _ in nodes]
        for row in order:
            if own[row] >= 0:
                crowd[own[row]].append(row)
        self.joint = issue(joint, crowd, load, window.instances, window.end)
        if not nodes or not len(own):
            return load
        stretch = joint.stretch()[np.maximum(own, 0)]
        stretch[own < 0] = 1.0
        return dataclasses.replace(
            load, sd=load.sd * np.moveaxis(stretch, 0, 1)
        )
