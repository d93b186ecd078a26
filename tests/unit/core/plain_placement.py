"""Placement without anything that makes it fast: every sum anew."""

import numpy as np

from predictive_watcher.core import landing
from predictive_watcher.core import load as load_module
from predictive_watcher.core import placement
from predictive_watcher.core import risk


def risk_of_sum(place, node, rows, *, unknown_is_full=False):
    """P(sum of the rows > ceiling x capacity), with a matrix of correlations.

    See `NodeLoad.chances`.
    """
    load = place.load
    rows = sorted(rows, key=lambda row: place.fleet.instances[row].id)
    highest = 0.0
    for r in range(load_module.NODE_RESOURCES if rows else 0):
        related = load.moves[r, rows].astype(float)
        related = related @ related.T * 0.8
        np.fill_diagonal(related, 1.0)
        for h in range(len(risk.HORIZONS_S)):
            known = np.isfinite(load.mean[h, rows, r])
            limit = load.limit[rows, r] if unknown_is_full else 0.0
            mean = np.where(known, load.mean[h, rows, r], limit)
            sd = np.where(known, load.sd[h, rows, r], 0.0)
            gap = (
                place.ceiling * node.capacity()[r]
                - mean.sum()
                - place.extra[rows, r].sum()
            )
            spread = np.sqrt(max(sd @ related @ sd, 0.0))
            chance = float(gap < 0)
            if spread:
                chance = load_module.tail(gap / spread)
            highest = max(highest, chance)
    return highest


class PlainPlacement(placement.Placement):
    """Looks at each node, the emptiest first, one after another."""

    def risks(self):
        return np.array(
            [
                risk_of_sum(self, node, self.members[node.name])
                for node in self.fleet.nodes
            ]
        )

    def allowed(self, row, flavor, free):
        return np.array(
            [
                self._refusal(row, index, flavor, free) is None
                for index in range(len(self.fleet.nodes))
            ]
        )

    def find(self, row, flavor, *, below, burdened=(), barred=None):
        def fullness(node):
            rows = list(self.members[node.name])
            used = np.nansum(self.load.mean[-1, rows], axis=0)
            # it has not come yet
            others = [one for one in rows if one != row]
            used = used + self.extra[others].sum(axis=0)
            share = used / node.capacity()[: load_module.NODE_RESOURCES]
            return round(float(share.max()), 6), node.name

        def refusal(index):
            why = self._refusal(row, index, flavor, self.free)
            last = barred is not None and barred[index]
            return why or ('is the only way back of a lease' if last else None)

        refusals, fitting = [], []
        nodes = self.fleet.nodes
        names = {n.name for i, n in enumerate(nodes) if refusal(i) is None}
        skipped = burdened if names - set(burdened) else ()
        for node in sorted(self.fleet.nodes, key=fullness):
            if node.name in skipped and node.name in names:
                refusals.append(f'{node.name} is burdened enough by this plan')
                continue
            why = refusal(self.index_of[node.name])
            if why is None:
                crowd = self.members[node.name] | {row}
                chance = risk_of_sum(self, node, crowd, unknown_is_full=True)
                if chance < below:
                    fitting.append((round(chance, 6), node.name, node))
                    continue
                why = f'would itself be at risk ({chance:.2f})'
            refusals.append(f'{node.name} {why}')
        if fitting:
            return min(fitting[:8], key=lambda one: one[:2])[2], ''
        told = '; '.join(refusals[:5]) or 'there is no other node'
        more = len(refusals) - 5
        return None, f'{told}; and {more} more' if more > 0 else told


class PlainLandings(landing.Landings):
    """Judges every node that Nova may choose."""

    def unsafe(self, row, flavor, *, below):
        for node, chance in self._judged(row, flavor):
            if chance >= below:
                return (
                    f'Nova chooses the host of a resize, and {node} would be '
                    f'at risk with it ({chance:.2f})'
                )
        return None

    def unfit(self, row, flavor, *, below):
        judged = self._judged(row, flavor)
        return tuple(node for node, chance in judged if chance >= below)

    def _judged(self, row, flavor):
        place = self._place
        for node in sorted(place.fleet.nodes, key=lambda one: one.name):
            index = place.index_of[node.name]
            if place._refusal(row, index, flavor, place.room) is None:
                awake = [
                    one
                    for one in self.crowd(index) | {row}
                    if place.fleet.instances[one].status
                    not in ('SHUTOFF', 'SUSPENDED')
                ]
                yield (
                    node.name,
                    risk_of_sum(place, node, awake, unknown_is_full=True),
                )
