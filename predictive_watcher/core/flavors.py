"""Which flavors an instance may be leased, and which of them suffice."""

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
import re

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet


# of ours: they may be added to flavors, and change nothing for the guest
LATER_SPECS = (
    fleet.FAMILY_SPEC,
    fleet.WEIGHT_SPEC,
    *fleet.WEIGHT_SPECS.values(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """For whom a flavor is looked for, and what it must not be.

    ``origin`` is what the instance has when no lease holds; the largest may
    be ``max_growth`` times as large, and nowhere larger than ``largest``.
    ``family_pattern`` is a regular expression for names of flavors, whose
    first group is the family ('': names tell none).
    """

    instance: fleet.Instance
    origin: fleet.Flavor
    max_growth: float
    largest: fleet.Flavor | None = None
    family_pattern: str = ''


def readable(flavors: Iterable[fleet.Flavor]) -> tuple[fleet.Flavor, ...]:
    """The flavors whose quotas can be read; others are never chosen."""
    found = []
    for flavor in flavors:
        try:
            flavor.limits()
        except exceptions.InvalidExtraSpec:
            continue
        found.append(flavor)
    return tuple(found)


def family_of(flavor: fleet.Flavor, pattern: str = '') -> str | None:
    r"""The family that a flavor says it is of, or that its name tells.

    >>> made = fleet.Flavor(
    ...     id='1', name='gold.large', vcpus=1, memory_mib=1, disk_gib=1
    ... )
    >>> family_of(made, r'^([a-z]+)\.')
    'gold'
    >>> family_of(made) is None
    True
    """
    told = flavor.extra_specs.get(fleet.FAMILY_SPEC)
    if told is not None or not pattern:
        return told
    found = re.search(pattern, flavor.name)
    return found.group(1) if found else None


def refusal(flavor: fleet.Flavor, terms: Terms) -> str | None:
    """Why a flavor may not be leased; None where it may."""
    own = terms.instance.flavor
    if flavor.name == own.name:
        return 'is what it has'
    if flavor.disabled:
        return 'is disabled'
    if not flavor.public and terms.instance.project_id not in flavor.projects:
        return 'is private to other projects'
    return (
        smaller(flavor, own)
        or _too_large(flavor, terms)
        or _other_kind(flavor, own, terms.family_pattern)
    )


def covering(
    flavors: Sequence[fleet.Flavor], need: np.ndarray
) -> list[fleet.Flavor]:
    """Those that offer the need and set no limit where there was none.

    :param need: limits by resource as `needed` gives them.
    """
    fitting = []
    for flavor in flavors:
        offered = flavor.limits()
        enough = np.isnan(offered) | np.isnan(need) | (offered >= need)
        narrowed = np.isnan(need) & np.isfinite(offered)
        if enough.all() and not narrowed.any():
            fitting.append(flavor)
    return fitting


def same_disks(one: fleet.Flavor, other: fleet.Flavor) -> bool:
    """Whether a resize between the two leaves the disks alone.

    Nova shrinks no disk: a lease of a larger one could never end.
    """
    return (
        one.disk_gib == other.disk_gib
        and one.ephemeral_gib == other.ephemeral_gib
        and one.swap_mib == other.swap_mib
    )


def _other_kind(
    flavor: fleet.Flavor, own: fleet.Flavor, pattern: str
) -> str | None:
    """hw:*, traits, other resources, the family and the weights stay.

    A server keeps the extra specs of its boot: one that is older than the
    weights or families of its flavor may have one that has them.
    """
    mine, theirs = _fixed_specs(own), _fixed_specs(flavor)
    for key in LATER_SPECS:
        if key not in mine:
            theirs.pop(key, None)
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            return f'has {key}={theirs.get(key)}, not {mine.get(key)}'
    families = family_of(own, pattern), family_of(flavor, pattern)
    if families[0] != families[1] and families[0] is not None:
        return f'is of family {families[1]}, not {families[0]}'
    return None


def _fixed_specs(flavor: fleet.Flavor) -> dict[str, str]:
    return {
        key: value
        for key, value in flavor.extra_specs.items()
        if not key.startswith('quota:')
    }


def smaller(flavor: fleet.Flavor, own: fleet.Flavor) -> str | None:
    """What a flavor has less, or other, than the own one; None: nothing."""
    if flavor.vcpus < own.vcpus:
        return f'has {own.vcpus - flavor.vcpus} vCPUs less'
    if flavor.memory_mib < own.memory_mib:
        return f'has {own.memory_mib - flavor.memory_mib} MiB less'
    if not same_disks(flavor, own):
        return f'has other disks ({_disks(flavor)}, not {_disks(own)})'
    return None


def _disks(flavor: fleet.Flavor) -> str:
    return (
        f'{flavor.disk_gib}+{flavor.ephemeral_gib} GiB, '
        f'{flavor.swap_mib} MiB of swap'
    )


def _too_large(flavor: fleet.Flavor, terms: Terms) -> str | None:
    origin, largest = terms.origin, terms.largest
    if (
        flavor.vcpus > terms.max_growth * origin.vcpus
        or flavor.memory_mib > terms.max_growth * origin.memory_mib
    ):
        return f'is more than {terms.max_growth:g} times {origin.name}'
    if largest is not None and (
        flavor.vcpus > largest.vcpus or flavor.memory_mib > largest.memory_mib
    ):
        return f'is larger than {largest.name}'
    return None


def size(
    flavor: fleet.Flavor, own: fleet.Flavor
) -> tuple[float, int, int, int, str]:
    """How large a flavor is beside the own one, to sort by."""
    relative = flavor.vcpus / max(own.vcpus, 1)
    relative += flavor.memory_mib / max(own.memory_mib, 1)
    return (
        relative,
        flavor.vcpus,
        flavor.memory_mib,
        flavor.disk_gib,
        flavor.name,
    )
