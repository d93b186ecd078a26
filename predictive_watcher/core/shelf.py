"""The flavors of a cloud, and what was found when they were looked through.

A large cloud has dozens of flavors and thousands of instances, but few kinds
of instances: whoever has the same flavor, origin and policy may be leased the
same ones.  So the flavors are looked through once a plan for each kind.
"""

from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import flavors as flavors_module
from predictive_watcher.core.flavors import Terms
from predictive_watcher.core.fleet import Flavor
from predictive_watcher.core.fleet import RESOURCES
from predictive_watcher.core.fleet import UNITS


_LOOKED_AT = 8
_TOO_SMALL = 'does not cover the need, or leaves too much risk'
_TOLD = 3  # flavors that would do, in a verdict


class Shelf:
    """All flavors that anybody may be leased."""

    def __init__(self, flavors: Iterable[Flavor]) -> None:
        self._flavors = tuple(flavors)
        self._private = [one for one in self._flavors if not one.public]
        self._known: dict[Hashable, list[tuple[Flavor, str | None]]] = {}

    def candidates(self, terms: Terms) -> list[Flavor]:
        """The permitted flavors, the smallest first."""
        return [one for one, why in self._judged(terms) if why is None]

    def looked_at(self, terms: Terms, fitting: Sequence[Flavor]) -> list[str]:
        """The larger flavors, the nearest first, and why not; for a verdict.

        :param fitting: those that suffice.
        """
        own = terms.instance.flavor
        names = {flavor.name for flavor in fitting}
        told = []
        for one, why in self._judged(terms):
            if one.name == own.name or flavors_module.smaller(one, own):
                continue
            if one.name in names:
                why = 'suffices'
            told.append(f'flavor {one.name} {why or _TOO_SMALL}')
            if len(told) == _LOOKED_AT:
                break
        return told

    def missing(self, terms: Terms, need: np.ndarray) -> str:
        """What is missing where no permitted flavor covers the need.

        The nearest permitted one and what it lacks, and which others would
        do, with why not.
        """
        nearest = max(
            self.candidates(terms),
            key=lambda one: (-_shortage(one, need).max(), one.name),
            default=None,
        )
        told = ['none is permitted']
        if nearest is not None:
            told = [f'the nearest, {nearest.name}, {_lacking(nearest, need)}']
        for one, why in self._judged(terms):
            if len(told) > _TOLD:
                break
            if why is not None and flavors_module.covering([one], need):
                told.append(f'{one.name} {why}')
        return '; '.join(told)

    def _judged(self, terms: Terms) -> list[tuple[Flavor, str | None]]:
        """Each flavor, the smallest first, and why it may not be leased."""
        kind = self._kind(terms)
        if kind not in self._known:
            own = terms.instance.flavor
            self._known[kind] = [
                (one, flavors_module.refusal(one, terms))
                for one in sorted(
                    self._flavors,
                    key=lambda one: flavors_module.size(one, own),
                )
            ]
        return self._known[kind]

    def _kind(self, terms: Terms) -> Hashable:
        """All of the terms that a refusal depends on."""
        project = terms.instance.project_id
        return (
            *(_fixed(one) for one in (terms.instance.flavor, terms.origin)),
            terms.max_growth,
            terms.largest and _fixed(terms.largest),
            terms.family_pattern,
            tuple(project in one.projects for one in self._private),
        )


def _fixed(flavor: Flavor) -> Hashable:
    """A flavor, or a copy of it, without what only its owner needs."""
    return (
        flavor.name,
        flavor.vcpus,
        flavor.memory_mib,
        flavor.disk_gib,
        flavor.ephemeral_gib,
        flavor.swap_mib,
        frozenset(flavor.extra_specs.items()),
    )


def _shortage(flavor: Flavor, need: np.ndarray) -> np.ndarray:
    """The share of the need, by resource, that it does not offer."""
    short = (need - flavor.limits()) / np.maximum(need, 1e-9)
    return np.asarray(np.maximum(np.nan_to_num(short, nan=0.0), 0.0))


def _lacking(flavor: Flavor, need: np.ndarray) -> str:
    short = np.nan_to_num(need - flavor.limits(), nan=0.0)
    lacks = [
        f'{short[i]:.4g} {UNITS[resource]} of {resource.value}'
        for i, resource in enumerate(RESOURCES)
        if short[i] > 0
    ]
    if lacks:
        return f'lacks {" and ".join(lacks)}'
    return 'would leave the risk too high, or limit what is not limited now'
