"""Which nodes can take an instance, as the plan grows."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import risk as risk_module


_AMOUNTS = ('vCPUs', 'MiB of memory', 'GiB of disk')
# Of so many nodes that could take an instance the calmest is chosen; judging
# all nodes of a large cloud for each instance would take minutes.
_CHOICES = 8
_REFUSALS = 5  # how many are told in a verdict


def _claim(flavor: fleet_module.Flavor) -> np.ndarray:
    """What Placement counts: vCPUs, MiB, GiB."""
    disk = flavor.disk_gib + flavor.ephemeral_gib
    disk += -(-flavor.swap_mib // 1024)
    return np.array([flavor.vcpus, flavor.memory_mib, disk], float)


@dataclass(slots=True, kw_only=True)
class Placement:
    """Where everything is, and would be after the actions planned so far.

    ``load`` has the rows of ``fleet.instances``; ``extra[row, resource]`` is
    what the plan lets an instance take beyond its forecast.  ``free`` is
    what each node can still promise (see `_claim`), ``room`` what it could
    before the plan.  Mutable: it lives while one plan is made.
    """

    fleet: fleet_module.Fleet
    load: risk_module.NodeLoad
    ceiling: float
    extra: np.ndarray = field(init=False)
    free: dict[str, np.ndarray] = field(init=False)
    room: dict[str, np.ndarray] = field(init=False)
    members: dict[str, set[int]] = field(init=False)
    node_of: list[str] = field(init=False)
    groups_of: dict[str, list[fleet_module.ServerGroup]] = field(init=False)
    row_of: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        instances, nodes = self.fleet.instances, self.fleet.nodes
        self.extra = np.zeros((len(instances), risk_module.NODE_RESOURCES))
        self.free = {node.name: node.allocatable() for node in nodes}
        self.members = {node.name: set() for node in nodes}
        self.node_of = [instance.node for instance in instances]
        self.row_of = {one.id: row for row, one in enumerate(instances)}
        for row, instance in enumerate(instances):
            if instance.node in self.free:
                self.free[instance.node] -= _claim(instance.flavor)
                self.members[instance.node].add(row)
        self.room = {name: free.copy() for name, free in self.free.items()}
        self.groups_of = {}
        for group in self.fleet.groups:
            for member in group.members:
                self.groups_of.setdefault(member, []).append(group)

    def chances(
        self,
        node: fleet_module.Node,
        members: Iterable[int],
        *,
        unknown_is_full: bool = False,
    ) -> np.ndarray:
        """See `NodeLoad.chances`; (horizons, NODE_RESOURCES)."""
        return self.load.chances(
            self.ordered(members),
            node.capacity(),
            ceiling=self.ceiling,
            extra=self.extra,
            unknown_is_full=unknown_is_full,
        )

    def risk(
        self, node: fleet_module.Node, members: Iterable[int] | None = None
    ) -> float:
        """The node's risk with these members, or with those it has.

        Members without a forecast count as nothing.
        """
        if members is None:
            members = self.members[node.name]
        return float(self.chances(node, members).max())

    def ordered(self, rows: Iterable[int]) -> list[int]:
        """The rows by instance id: a sum of floats depends on its order,
        and no plan may depend on the order in which Nova lists servers.
        """
        return sorted(rows, key=lambda row: self.fleet.instances[row].id)

    def find(
        self, row: int, flavor: fleet_module.Flavor, *, below: float
    ) -> tuple[fleet_module.Node | None, str]:
        """The calmest node that can take the instance, and why not.

        The emptiest nodes by forecast are judged first.  The text names the
        refusals, for a verdict; it is empty where a node was found.

        :param below: the node's risk with the instance must be lower than
            this; whoever has no forecast counts with its limit.
        """
        refusals: list[str] = []
        fitting: list[tuple[float, str, fleet_module.Node]] = []
        for node in sorted(self.fleet.nodes, key=self._fullness):
            why_not = self.refusal(row, node, flavor, self.free)
            if why_not is None:
                crowd = self.members[node.name] | {row}
                risk = float(
                    self.chances(node, crowd, unknown_is_full=True).max()
                )
                if risk < below:
                    fitting.append((round(risk, 6), node.name, node))
                    if len(fitting) == _CHOICES:
                        break
                    continue
                why_not = f'would itself be at risk ({risk:.2f})'
            refusals.append(f'{node.name} {why_not}')
        if fitting:
            return min(fitting, key=lambda f: f[:2])[2], ''
        return None, _told(refusals)

    def _fullness(self, node: fleet_module.Node) -> tuple[float, str]:
        rows = self.ordered(self.members[node.name])
        used = np.nansum(self.load.mean[-1, rows], axis=0)
        used = used + self.extra[rows].sum(axis=0)
        capacity = node.capacity()[: risk_module.NODE_RESOURCES]
        share = used / np.maximum(capacity, 1e-9)
        return round(float(share.max()), 6), node.name

    def refusal(
        self,
        row: int,
        node: fleet_module.Node,
        flavor: fleet_module.Flavor,
        free: Mapping[str, np.ndarray],
    ) -> str | None:
        """Why ``node`` may not take this instance; None where it may.

        :param free: what each node has left to promise.
        """
        instance = self.fleet.instances[row]
        if node.name == instance.node:
            return 'is its node now'
        if not node.enabled:
            return 'is disabled or down'
        zones = (instance.availability_zone, node.availability_zone)
        if None not in zones and zones[0] != zones[1]:
            return f'is in zone {zones[1]}, not {zones[0]}'
        short = _claim(flavor) - free[node.name]
        for amount, unit in zip(short, _AMOUNTS, strict=True):
            if amount > 0:
                return f'lacks {amount:g} {unit}'
        return self._group_refusal(row, node.name)

    def _group_refusal(self, row: int, node: str) -> str | None:
        for group, others in self._group_nodes(row):
            if group.policy == 'anti-affinity' and node in others:
                return f'holds a member of anti-affinity group {group.id}'
            if group.policy == 'affinity' and others - {node}:
                return f'would part affinity group {group.id}'
        return None

    def _group_nodes(
        self, row: int
    ) -> Iterator[tuple[fleet_module.ServerGroup, set[str]]]:
        """The groups of an instance, with the nodes of the other members."""
        own = self.fleet.instances[row].id
        for group in self.groups_of.get(own, ()):
            rows = (
                self.row_of[member]
                for member in group.members
                if member != own and member in self.row_of
            )
            yield group, {self.node_of[other] for other in rows}

    def move(self, row: int, target: str, flavor: fleet_module.Flavor) -> None:
        """Count the instance on ``target`` with ``flavor`` from now on.

        What it held before stays taken: Nova frees it only when the move is
        done, and the moves of a plan overlap.
        """
        if target != self.node_of[row]:
            self.free[target] = self.free[target] - _claim(flavor)
            self.members[self.node_of[row]].discard(row)
            self.members[target].add(row)
            self.node_of[row] = target

    def stay(self, row: int, flavor: fleet_module.Flavor) -> None:
        """Take `move` back: nothing is done with the instance."""
        home, target = self.fleet.instances[row].node, self.node_of[row]
        if target != home:
            self.free[target] = self.free[target] + _claim(flavor)
            self.members[target].discard(row)
            self.members[home].add(row)
            self.node_of[row] = home


def _told(refusals: list[str]) -> str:
    more = len(refusals) - _REFUSALS
    told = '; '.join(refusals[:_REFUSALS]) or 'there is no other node'
    return f'{told}; and {more} more' if more > 0 else told
