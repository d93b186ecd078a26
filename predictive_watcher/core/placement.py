"""Which nodes can take an instance, as the plan grows."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from predictive_watcher.core import company as company_module
from predictive_watcher.core import crowds as crowds_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import groups as groups_module
from predictive_watcher.core import load as load_module
from predictive_watcher.core import sites as sites_module


# Of so many nodes that could take an instance the calmest is chosen; judging
# all nodes of a large cloud for each instance would take minutes.
_CHOICES = 8
_REFUSALS = 5  # how many are told in a verdict


def claim(flavor: fleet_module.Flavor) -> np.ndarray:
    """What Placement counts: vCPUs, MiB, GiB."""
    return np.array(_amounts(flavor), float)


def _amounts(flavor: fleet_module.Flavor) -> tuple[int, int, int]:
    swap_gib = -(-flavor.swap_mib // 1024)
    disk_gib = flavor.disk_gib + flavor.ephemeral_gib + swap_gib
    return flavor.vcpus, flavor.memory_mib, disk_gib


@dataclass(slots=True, kw_only=True)
class Placement:
    """Where everything is, and would be after the actions planned so far.

    ``load`` has the rows of ``fleet.instances``; ``extra[row, resource]`` is
    what the plan lets an instance take beyond its forecast.  ``free[node]``
    is what each node can still promise (see `claim`), ``room`` what it could
    before the plan, both in the order of ``fleet.nodes``.  ``moving`` are the
    numbers of groups, by row; None: nobody knows.  Mutable: it lives while
    one plan is made.
    """

    fleet: fleet_module.Fleet
    load: load_module.NodeLoad
    ceiling: float
    moving: np.ndarray | None = None
    sites: sites_module.Sites = field(init=False)
    index_of: Mapping[str, int] = field(init=False)
    company: company_module.Company = field(init=False)
    extra: np.ndarray = field(init=False)
    free: np.ndarray = field(init=False)
    room: np.ndarray = field(init=False)
    members: dict[str, set[int]] = field(init=False)
    node_of: list[str] = field(init=False)
    _groups: groups_module.Groups = field(init=False)
    _crowds: crowds_module.Crowds = field(init=False)
    _rank: list[int] = field(init=False)

    def __post_init__(self) -> None:
        instances, nodes = self.fleet.instances, self.fleet.nodes
        self.sites = sites_module.Sites(nodes)
        self.index_of = self.sites.index_of
        self.extra = np.zeros((len(instances), load_module.NODE_RESOURCES))
        by_id = sorted(range(len(instances)), key=lambda i: instances[i].id)
        self._rank = np.argsort(by_id).tolist()
        self.node_of = [instance.node for instance in instances]
        self.members = {node.name: set() for node in nodes}
        for row, name in enumerate(self.node_of):
            if name in self.members:
                self.members[name].add(row)
        self.free = self.sites.allocatable.copy()
        self._crowds = crowds_module.Crowds(
            self.load, self.sites.capacity, ceiling=self.ceiling
        )
        for index, node in enumerate(nodes):
            rows = self.members[node.name]
            taken = [_amounts(instances[row].flavor) for row in rows]
            self.free[index] -= np.sum(taken, axis=0)
            self._count(node.name)
        self.room = self.free.copy()
        self._groups = groups_module.Groups(self.fleet, self.index_of)
        self.company = company_module.Company(
            self.moving, self.load, self.sites.capacity[:, 0],
            self.index_of, by_id,
        )  # fmt: skip

    def _count(self, node: str) -> None:
        """Sum up who is on a node now."""
        rows = self.ordered(self.members[node])
        self._crowds.put(self.index_of[node], rows, self.extra)

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
        return sorted(rows, key=self._rank.__getitem__)

    def most(self) -> np.ndarray:
        """What may be used of each node, (nodes, NODE_RESOURCES)."""
        return self.ceiling * self.sites.capacity

    def risks(self) -> np.ndarray:
        """The `risk` of each node, in the order of ``fleet.nodes``."""
        return self._crowds.risks()

    def find(
        self,
        row: int,
        flavor: fleet_module.Flavor,
        *,
        below: float,
        burdened: Collection[str] = (),
        barred: np.ndarray | None = None,
    ) -> tuple[fleet_module.Node | None, str]:
        """The calmest node that can take the instance, and why not.

        Those that suit soft server groups best are judged first, then the
        emptiest by forecast.  How calm one is decides, then, for an instance
        of a group, how full it is (`Company.crowded`).  The text names the
        refusals, for a verdict; it is empty where a node was found.

        :param below: the node's risk with the instance must be lower than
            this; whoever has no forecast counts with its limit.
        :param burdened: nodes that the plan sends nobody else to, unless
            there is no other.
        :param barred: (nodes,) those that it must not take, see `ways`.
        """
        spared = np.zeros(len(self.fleet.nodes), bool)
        spared[[self.index_of[name] for name in burdened]] = True
        dislike = self._groups.dislike(row, self.node_of)
        fullness = self._fullness()
        order = np.lexsort((self.sites.rank, fullness, dislike))
        allowed = self.allowed(row, flavor, self.free)
        if barred is None:
            barred = np.zeros(len(allowed), bool)
        allowed &= ~barred
        able = order[(allowed & ~spared)[order]]
        if not len(able):
            able = order[allowed[order]]
        crowded = self.company.crowded(row, self.node_of, fullness)
        risks: dict[int, float] = {}
        fitting: list[tuple[int, float, float, int]] = []
        for begin in range(0, len(able), _CHOICES):
            some = able[begin : begin + _CHOICES]
            found = self._crowds.risks_with(some, row, self.extra)
            risks.update(zip(some.tolist(), found.tolist(), strict=True))
            fitting += [
                (
                    int(dislike[index]),
                    round(risks[index], 6),
                    float(crowded[index]),
                    int(self.sites.rank[index]),
                )
                for index in some.tolist()
                if risks[index] < below
            ]
            if len(fitting) >= _CHOICES:
                break
        if fitting:
            *_, name = min(fitting[:_CHOICES])
            return self.fleet.nodes[self.sites.by_name[name]], ''
        return None, self._told(row, flavor, order, risks, barred)

    def _told(
        self,
        row: int,
        flavor: fleet_module.Flavor,
        order: np.ndarray,
        risks: Mapping[int, float],
        barred: np.ndarray,
    ) -> str:
        """Why no node was found: the refusals of the emptiest."""
        refusals = []
        for index in order[:_REFUSALS].tolist():
            node = self.fleet.nodes[index]
            why_not = self._refusal(row, index, flavor, self.free)
            if why_not is None and barred[index]:
                why_not = 'is the only way back of a lease'
            if why_not is None and index not in risks:
                why_not = 'is burdened enough by this plan'
            if why_not is None:
                why_not = f'would itself be at risk ({risks[index]:.2f})'
            refusals.append(f'{node.name} {why_not}')
        told = '; '.join(refusals) or 'there is no other node'
        more = len(order) - _REFUSALS
        return f'{told}; and {more} more' if more > 0 else told

    def _fullness(self) -> np.ndarray:
        """The share of its fuller resource that each node will use."""
        share = self._crowds.used() / np.maximum(self.sites.capacity, 1e-9)
        return np.asarray(share.max(axis=1, initial=0.0).round(6))

    def allowed(
        self, row: int, flavor: fleet_module.Flavor, free: np.ndarray
    ) -> np.ndarray:
        """Which nodes may take this instance, in the order of
        ``fleet.nodes``: those without a `_refusal`.

        :param free: what each node has left to promise.
        """
        instance = self.fleet.instances[row]
        able = self.sites.suiting(instance, flavor)
        able &= (free >= claim(flavor)).all(axis=1)
        return np.asarray(able & self._groups.allowed(row, self.node_of))

    def _refusal(
        self,
        row: int,
        index: int,
        flavor: fleet_module.Flavor,
        free: np.ndarray,
    ) -> str | None:
        """Why a node may not take this instance; None where it may."""
        instance = self.fleet.instances[row]
        if why := self.sites.refusal(index, instance, flavor):
            return why
        short = claim(flavor) - free[index]
        for amount, unit in zip(short, sites_module.AMOUNTS, strict=True):
            if amount > 0:
                return f'lacks {amount:g} {unit}'
        name = self.fleet.nodes[index].name
        return self._groups.refusal(row, name, self.node_of)

    def move(self, row: int, target: str, flavor: fleet_module.Flavor) -> None:
        """Count the instance on ``target`` with ``flavor`` from now on.

        What it held before stays taken: Nova frees it only when the move is
        done, and the moves of a plan overlap.
        """
        if target != self.node_of[row]:
            self.free[self.index_of[target]] -= claim(flavor)
            self._carry(row, target)

    def stay(self, row: int, flavor: fleet_module.Flavor) -> None:
        """Take `move` back: nothing is done with the instance."""
        home, target = self.fleet.instances[row].node, self.node_of[row]
        if target != home:
            self.free[self.index_of[target]] += claim(flavor)
            self._carry(row, home)

    def _carry(self, row: int, target: str) -> None:
        source = self.node_of[row]
        self.members[source].discard(row)
        self.members[target].add(row)
        self.node_of[row] = target
        for node in (source, target):
            self._count(node)
