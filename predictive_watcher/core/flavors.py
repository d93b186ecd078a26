"""Which flavors an instance may be leased, and which of them suffice."""

from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import fleet


def candidates(
    instance: fleet.Instance,
    origin: fleet.Flavor,
    flavors: Sequence[fleet.Flavor],
    max_growth: float,
    largest: fleet.Flavor | None = None,
) -> list[fleet.Flavor]:
    """The permitted flavors, the smallest first.

    Permitted is a flavor that is public and enabled, takes nothing away, has
    the same disks and the same extra specs apart from ``quota:``, and is at
    most ``max_growth`` times as large as ``origin``, what the instance has
    when no lease holds, and nowhere larger than ``largest``.
    """
    own = instance.flavor
    fitting = [
        flavor
        for flavor in flavors
        if flavor.public
        and not flavor.disabled
        and flavor.name != own.name
        and _at_least(flavor, own)
        and flavor.vcpus <= max_growth * origin.vcpus
        and flavor.memory_mib <= max_growth * origin.memory_mib
        and _at_most(flavor, largest)
        and _same_kind(flavor, own)  # last: it costs most
    ]
    return sorted(fitting, key=lambda f: _size(f, own))


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


def _same_kind(flavor: fleet.Flavor, own: fleet.Flavor) -> bool:
    """hw:*, traits and the weight stay.

    A server keeps the extra specs of its boot: one that is older than the
    weights of its flavor's family may have a weighted flavor.
    """
    mine, theirs = _fixed_specs(own), _fixed_specs(flavor)
    for key in (fleet.WEIGHT_SPEC, *fleet.WEIGHT_SPECS.values()):
        if key not in mine:
            theirs.pop(key, None)
    return mine == theirs


def _fixed_specs(flavor: fleet.Flavor) -> dict[str, str]:
    return {
        key: value
        for key, value in flavor.extra_specs.items()
        if not key.startswith('quota:')
    }


def _at_least(flavor: fleet.Flavor, own: fleet.Flavor) -> bool:
    return (
        flavor.vcpus >= own.vcpus
        and flavor.memory_mib >= own.memory_mib
        and same_disks(flavor, own)
    )


def _at_most(flavor: fleet.Flavor, largest: fleet.Flavor | None) -> bool:
    return largest is None or (
        flavor.vcpus <= largest.vcpus
        and flavor.memory_mib <= largest.memory_mib
    )


def _size(
    flavor: fleet.Flavor, own: fleet.Flavor
) -> tuple[float, int, int, int, str]:
    relative = flavor.vcpus / max(own.vcpus, 1)
    relative += flavor.memory_mib / max(own.memory_mib, 1)
    return (
        relative,
        flavor.vcpus,
        flavor.memory_mib,
        flavor.disk_gib,
        flavor.name,
    )
