"""Nodes as they stay while a plan grows, and which instances they suit."""

from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import aggregates as aggregates_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import load as load_module


AMOUNTS = ('vCPUs', 'MiB of memory', 'GiB of disk')  # that are promised


class Sites:
    """The nodes of a fleet.

    ``allocatable`` (nodes, `AMOUNTS`) is what each may promise, ``capacity``
    (nodes, NODE_RESOURCES) what can be used of it, NaN where that is unknown;
    ``by_name`` are the nodes in the order of their names, ``rank`` the place
    of each in that order.
    """

    def __init__(self, nodes: Sequence[fleet_module.Node]) -> None:
        self._nodes = nodes
        count, kinds = len(nodes), load_module.NODE_RESOURCES
        self.index_of = {node.name: i for i, node in enumerate(nodes)}
        self.by_name = np.array(
            sorted(range(count), key=lambda i: nodes[i].name), int
        )
        self.rank = np.argsort(self.by_name)
        amounts = np.array([node.allocatable() for node in nodes])
        self.allocatable = amounts.reshape(count, len(AMOUNTS))
        capacity = np.array([node.capacity()[:kinds] for node in nodes])
        self.capacity = capacity.reshape(count, kinds)
        self._open = np.array([node.enabled for node in nodes], bool)
        zones = [node.availability_zone for node in nodes]
        self._zones = {
            zone: np.array([z in (zone, None) for z in zones], bool)
            for zone in zones
        }
        self._offers = aggregates_module.Offers(nodes)

    def cores_of(
        self, one: fleet_module.Flavor, other: fleet_module.Flavor
    ) -> float:
        """How much more of the cloud one flavor takes than another, in cores
        that come with their share of memory: the mean of the shares of vCPUs
        and of memory that nodes may promise, times their cores.
        """
        vcpus, mib, _ = np.maximum(self.allocatable.sum(axis=0), 1.0)
        more = (one.vcpus - other.vcpus) / vcpus
        more += (one.memory_mib - other.memory_mib) / mib
        return float(more / 2 * np.nansum(self.capacity[:, 0]))

    def suiting(
        self, instance: fleet_module.Instance, flavor: fleet_module.Flavor
    ) -> np.ndarray:
        """Which nodes could take an instance if they had room, (nodes,):
        those without a `refusal`.
        """
        able = self._open & self._offers.able(flavor)
        if instance.node in self.index_of:
            able[self.index_of[instance.node]] = False
        zone = instance.availability_zone
        if zone is not None:
            able &= self._zones.get(zone, self._zones.get(None, False))
        return np.asarray(able)

    def refusal(
        self,
        index: int,
        instance: fleet_module.Instance,
        flavor: fleet_module.Flavor,
    ) -> str | None:
        """Why a node could not take an instance, whatever room it has."""
        node = self._nodes[index]
        if node.name == instance.node:
            return 'is its node now'
        if not node.enabled:
            return 'is disabled or down'
        zones = (instance.availability_zone, node.availability_zone)
        if None not in zones and zones[0] != zones[1]:
            return f'is in zone {zones[1]}, not {zones[0]}'
        return aggregates_module.refusal(node, flavor)
