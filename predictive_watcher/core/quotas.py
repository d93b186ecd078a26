"""What projects may still take of Nova's quota, as a plan grows.

Nova checks the quota again when it resizes; what it would refuse is not
proposed, because a refused action costs a cooldown and an operator's time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from predictive_watcher.core import fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a project may still take; infinite where nothing limits it."""

    vcpus: float = float('inf')
    memory_mib: float = float('inf')


class Quotas:
    """What is left after the resizes of a plan.  Mutable: it lives while one
    plan is made.

    :param left: by project; one that is not there has no quota that is
        known.  It is asked only for projects of instances at risk.
    """

    def __init__(self, left: Mapping[str, Quota]) -> None:
        self._left = left
        self._taken: dict[str, tuple[int, int]] = {}

    def lack(
        self, instance: fleet.Instance, flavor: fleet.Flavor
    ) -> str | None:
        """What the project's quota lacks for a resize; None: nothing."""
        quota = self._left.get(instance.project_id)
        if quota is None:
            return None
        taken = self._taken.get(instance.project_id, (0, 0))
        vcpus, memory_mib = _growth(instance, flavor)
        short = vcpus + taken[0] - quota.vcpus
        if short > 0:
            return f'lacks {short:g} vCPUs of quota'
        short = memory_mib + taken[1] - quota.memory_mib
        return f'lacks {short:g} MiB of quota' if short > 0 else None

    def take(self, instance: fleet.Instance, flavor: fleet.Flavor) -> None:
        """Count a planned resize; one that gives back frees nothing yet."""
        taken = self._taken.get(instance.project_id, (0, 0))
        vcpus, memory_mib = _growth(instance, flavor)
        self._taken[instance.project_id] = (
            taken[0] + max(0, vcpus),
            taken[1] + max(0, memory_mib),
        )


def _growth(
    instance: fleet.Instance, flavor: fleet.Flavor
) -> tuple[int, int]:
    own = instance.flavor
    return flavor.vcpus - own.vcpus, flavor.memory_mib - own.memory_mib
