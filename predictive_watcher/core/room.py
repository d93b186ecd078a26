"""A flavor for an instance at risk, and a node with room for it.

The smallest flavor that covers the need comes first.  Where no node has room
for any that does, or the project no quota, the largest of the smaller ones
serves that there is room for and that brings more than it costs: a part of
the need is better than nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import load as load_module
from predictive_watcher.core import sizing
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.plan import PlanMaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A flavor, and a node with room for it.

    ``share`` of the need is covered; it is a ``part`` where there was no
    room for more.
    """

    flavor: fleet_module.Flavor
    node: str
    share: float
    part: bool


def find(
    maker: PlanMaker,
    row: int,
    fitting: Sequence[fleet_module.Flavor],
    need: np.ndarray,
) -> Found | Hold:
    """What serves, or why nothing does.

    The node is judged as if the instance took all that it is offered; what
    is decided next has to set `Placement.extra` back where nothing is done.

    :param fitting: the flavors that cover the need, the best first.
    """
    refusals: list[Hold] = []
    for flavor in fitting:
        tried = _try(maker, row, flavor, need, part=False)
        if isinstance(tried, Found):
            return tried
        refusals.append(tried)
    for flavor in sizing.smaller(maker, row, need, fitting):
        benefit, cost = sizing.worth(maker, row, flavor)
        if benefit <= cost:
            continue
        tried = _try(maker, row, flavor, need, part=True)
        if isinstance(tried, Found):
            return tried
    maker.place.extra[row] = 0.0
    return min(refusals, key=lambda one: one.reason is not Reason.NO_NODE)


def _try(
    maker: PlanMaker,
    row: int,
    flavor: fleet_module.Flavor,
    need: np.ndarray,
    *,
    part: bool,
) -> Found | Hold:
    lack = maker.quotas.lack(maker.instance(row), flavor)
    if lack is not None:
        return Hold(
            reason=Reason.QUOTA,
            text=f'for {flavor.name} the project {lack}',
        )
    maker.place.extra[row] = taken(maker, row, flavor, need)
    node, why_not = maker.find(
        row, flavor, below=maker.policy.risk_threshold, leases=True
    )
    if node is None:
        maker.looked_at.setdefault(row, []).append(
            f'no node for {flavor.name}: {why_not}'
        )
        return Hold(
            reason=Reason.NO_NODE,
            text=f'no node can take {flavor.name}: {why_not}',
        )
    return Found(
        flavor=flavor,
        node=node.name,
        share=sizing.share(maker, row, need, flavor),
        part=part,
    )


def taken(
    maker: PlanMaker, row: int, flavor: fleet_module.Flavor, need: np.ndarray
) -> np.ndarray:
    """What an instance may take beyond its limits with a flavor, by
    NODE_RESOURCES, see `Placement.extra`.
    """
    offered = np.fmin(need, flavor.limits())
    more = np.nan_to_num(offered - maker.seen.limits[row])
    return np.asarray(more[: load_module.NODE_RESOURCES])
