"""Server groups: who has to be kept together or apart, and who had better."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import fleet as fleet_module


class Groups:
    """The groups of each instance.

    :param index_of: the position of each node, by name.
    """

    def __init__(
        self, fleet: fleet_module.Fleet, index_of: Mapping[str, int]
    ) -> None:
        self._instances = fleet.instances
        self._index_of = index_of
        self._row_of = {one.id: i for i, one in enumerate(fleet.instances)}
        self._groups_of: dict[str, list[fleet_module.ServerGroup]] = {}
        for group in sorted(fleet.groups, key=lambda group: group.id):
            for member in group.members:
                self._groups_of.setdefault(member, []).append(group)

    def _others(
        self, row: int, node_of: Sequence[str]
    ) -> Iterator[tuple[fleet_module.ServerGroup, list[str]]]:
        """The groups of an instance, with the node of each other member."""
        own = self._instances[row].id
        for group in self._groups_of.get(own, ()):
            rows = (
                self._row_of[member]
                for member in sorted(group.members)
                if member != own and member in self._row_of
            )
            nodes = [node_of[other] for other in rows]
            yield group, [name for name in nodes if name in self._index_of]

    def allowed(self, row: int, node_of: Sequence[str]) -> np.ndarray:
        """Which nodes keep together, and apart, who has to be; (nodes,).

        :param node_of: the node of each instance.
        """
        able = np.ones(len(self._index_of), bool)
        for group, others in self._others(row, node_of):
            held = self._held(others) > 0
            if group.policy == 'anti-affinity':
                able &= ~held
            elif group.policy == 'affinity' and others:
                able &= held & (len(set(others)) == 1)
        return able

    def dislike(self, row: int, node_of: Sequence[str]) -> np.ndarray:
        """How much each node is against the soft policies: by how many
        members it would join that would rather be apart, less those that
        would rather be together; (nodes,).
        """
        found = np.zeros(len(self._index_of), int)
        for group, others in self._others(row, node_of):
            if group.policy == 'soft-anti-affinity':
                found += self._held(others)
            elif group.policy == 'soft-affinity':
                found -= self._held(others)
        return found

    def refusal(
        self, row: int, node: str, node_of: Sequence[str]
    ) -> str | None:
        """Why a node is not `allowed`."""
        for group, others in self._others(row, node_of):
            if group.policy == 'anti-affinity' and node in others:
                return f'holds a member of anti-affinity group {group.id}'
            if group.policy == 'affinity' and set(others) - {node}:
                return f'would part affinity group {group.id}'
        return None

    def _held(self, names: Collection[str]) -> np.ndarray:
        held = np.zeros(len(self._index_of), int)
        for name in names:
            held[self._index_of[name]] += 1
        return held
