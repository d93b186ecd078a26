"""Which nodes can take an instance, as the plan grows."""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import risk as risk_module


_AMOUNTS = ('vCPUs', 'MiB of memory', 'GiB of disk')


def _claim(flavor: fleet_module.Flavor) -> np.ndarray:
    """What Placement counts: vCPUs, MiB, GiB."""
    disk = flavor.disk_gib + flavor.ephemeral_gib
    disk += -(-flavor.swap_mib // 1024)
    return np.array([flavor.vcpus, flavor.memory_mib, disk], float)


@dataclass(slots=True, kw_only=True)
class Placement:
    """Where everything is, and would be after the actions planned so far.

    ``load`` has the rows of ``fleet.instances``.  The only mutable object of
    the core: it lives while one plan is made.
    """

    fleet: fleet_module.Fleet
    load: risk_module.PeakLoad
    ceiling: float
    free: dict[str, np.ndarray] = field(init=False)
    members: dict[str, set[int]] = field(init=False)
    node_of: list[str] = field(init=False)

    def __post_init__(self) -> None:
        nodes = self.fleet.nodes
        self.free = {node.name: node.allocatable() for node in nodes}
        self.members = {node.name: set() for node in nodes}
        self.node_of = [i.node for i in self.fleet.instances]
        for row, instance in enumerate(self.fleet.instances):
            if instance.node in self.free:
                self.free[instance.node] -= _claim(instance.flavor)
                self.members[instance.node].add(row)

    def risk(self, node: fleet_module.Node, members: Iterable[int]) -> float:
        """The lower bound of the node's risk with these members."""
        return self.load.node_risk(
            self.ordered(members), node.capacity(), ceiling=self.ceiling
        )

    def ordered(self, rows: Iterable[int]) -> list[int]:
        """The rows by instance id: a sum of floats depends on its order,
        and no plan may depend on the order in which Nova lists servers.
        """
        return sorted(rows, key=lambda row: self.fleet.instances[row].id)

    def refusal(
        self,
        row: int,
        node: fleet_module.Node,
        flavor: fleet_module.Flavor,
        *,
        below: float,
    ) -> str | None:
        """Why ``node`` cannot take this instance; None where it can.

        :param below: the node's risk with it must be lower than this; one
            without a forecast counts with its limit.
        """
        instance = self.fleet.instances[row]
        if node.name == self.node_of[row]:
            return 'is its node now'
        if not node.enabled:
            return 'is disabled or down'
        zones = (instance.availability_zone, node.availability_zone)
        if None not in zones and zones[0] != zones[1]:
            return f'is in zone {zones[1]}, not {zones[0]}'
        short = _claim(flavor) - self.free[node.name]
        for amount, unit in zip(short, _AMOUNTS, strict=True):
            if amount > 0:
                return f'lacks {amount:g} {unit}'
        against = self._group_refusal(row, node.name)
        if against:
            return against
        risk = self.load.node_risk(
            self.ordered(self.members[node.name] | {row}),
            node.capacity(),
            ceiling=self.ceiling,
            unknown_is_full=True,
        )
        if risk >= below:
            return f'would itself be at risk ({risk:.2f})'
        return None

    def _group_refusal(self, row: int, node: str) -> str | None:
        instance = self.fleet.instances[row]
        for group in self.fleet.groups:
            if instance.id not in group.members:
                continue
            others = {
                self.node_of[i]
                for i, other in enumerate(self.fleet.instances)
                if other.id in group.members and i != row
            }
            if group.policy == 'anti-affinity' and node in others:
                return f'holds a member of anti-affinity group {group.id}'
            if group.policy == 'affinity' and others - {node}:
                return f'would part affinity group {group.id}'
        return None

    def find(
        self, row: int, flavor: fleet_module.Flavor, *, below: float
    ) -> tuple[fleet_module.Node | None, str]:
        """The node with the lowest risk that can take it, and why not.

        The text names each refusal, for a verdict; it is empty where a node
        was found.
        """
        refusals: list[str] = []
        fitting: list[tuple[float, str, fleet_module.Node]] = []
        for node in sorted(self.fleet.nodes, key=lambda n: n.name):
            why_not = self.refusal(row, node, flavor, below=below)
            if why_not is None:
                after = self.risk(node, self.members[node.name] | {row})
                fitting.append((round(after, 6), node.name, node))
            else:
                refusals.append(f'{node.name} {why_not}')
        if not fitting:
            return None, '; '.join(refusals) or 'there is no other node'
        return min(fitting, key=lambda f: f[:2])[2], ''

    def move(self, row: int, target: str, flavor: fleet_module.Flavor) -> None:
        """Count the instance on ``target`` with ``flavor`` from now on.

        What it held before stays taken: Nova frees it only when the move is
        done, and the moves of a plan overlap.
        """
        self.free[target] = self.free[target] - _claim(flavor)
        self.members[self.node_of[row]].discard(row)
        self.members[target].add(row)
        self.node_of[row] = target
