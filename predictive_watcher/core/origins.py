"""Whether a lease may end with what has the name of its origin by now."""

from collections.abc import Mapping
from dataclasses import dataclass

from predictive_watcher.core import flavors
from predictive_watcher.core import fleet
from predictive_watcher.core.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a server had before its lease; None where nobody wrote it down."""

    vcpus: int | None = None
    memory_mib: int | None = None
    extra_specs: Mapping[str, str] | None = None

    @classmethod
    def by_lease(cls, lease: Lease) -> 'Before':
        """What was written down when it began."""
        return cls(
            vcpus=lease.origin_vcpus,
            memory_mib=lease.origin_memory_mib,
            extra_specs=lease.origin_specs,
        )

    @classmethod
    def by_flavor(cls, flavor: fleet.Flavor) -> 'Before':
        """That of a server without a lease, by its own copy of the flavor."""
        return cls(
            vcpus=flavor.vcpus,
            memory_mib=flavor.memory_mib,
            extra_specs=flavor.extra_specs,
        )


def no_way_back(
    today: fleet.Flavor | None, own: fleet.Flavor, before: Before
) -> str:
    """Why no resize may lead to this flavor; '' where one may.

    What has the name of the origin may be another flavor by now.

    :param today: the flavor of that name; None: there is none.
    :param own: what the server has now.
    """
    if today is None:
        return 'is gone'
    if today.disabled:
        return 'is disabled'
    if not flavors.same_disks(today, own):
        return 'was made anew with other disks'
    lacks = [
        f'{amount} {unit} instead of {had}'
        for amount, had, unit in (
            (today.vcpus, before.vcpus, 'vCPUs'),
            (today.memory_mib, before.memory_mib, 'MiB'),
        )
        if had is not None and amount < had
    ]
    lacks += _other_specs(today, before.extra_specs)
    return 'was made anew with ' + ' and '.join(lacks) if lacks else ''


def way_back(
    lease: Lease, own: fleet.Flavor, named: Mapping[str, fleet.Flavor]
) -> tuple[fleet.Flavor | None, str]:
    """The flavor to which a lease returns, or why there is none.

    :param own: what the server has now; ``named`` the flavors of today.
    """
    origin = named.get(lease.origin_flavor_name)
    why_not = no_way_back(origin, own, Before.by_lease(lease))
    if why_not:
        return None, f'its origin {lease.origin_flavor_name} {why_not}'
    return origin, ''


def _other_specs(
    today: fleet.Flavor, before: Mapping[str, str] | None
) -> list[str]:
    """Extra specs that are others, but for those of ours: weights and
    families change nothing for the guest.
    """
    if before is None:
        return []
    now = today.extra_specs
    return [
        f'{key}={now.get(key)} instead of {before.get(key)}'
        for key in sorted(now.keys() | before.keys())
        if key not in flavors.LATER_SPECS and now.get(key) != before.get(key)
    ]
