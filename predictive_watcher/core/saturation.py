"""Usage that is cut off at the limit: what is wanted beyond it.

Nobody sees what an instance would use beyond its limit: of one that runs at
100 % of its vCPUs, or whose memory is full, usage is only a lower bound of
its demand.  *Saturated* is a resource whose last `STEPS` samples are all at
or above `FLAT` x the limit.  It is sized for::

    demand = factor x limit

with the factor that earlier leases taught.  One step after a lease began for
a saturated resource, its usage is settled: the largest use within the
`STEPS` steps that follow, over the limit of the own flavor, is a *growth*::

    factor = median of the growths of this own flavor, with `PRIOR` counted
             `PRIOR_COUNT` times

bounded by 1 and `MOST`.  Without any growth that is `PRIOR`; a third that
says otherwise begins to turn it, an odd one does not.  A growth is itself cut
off at the limit of the lease; where that one is saturated too, the next lease
is larger, and teaches more.  A lease that covers a part only, for want of
room, and is saturated below `PRIOR`, says that as much was wanted at least: it
teaches nothing, or a full cloud would teach to ask for little.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import usage
from predictive_watcher.core.leases import Lease


STEPS = 3
FLAT = 0.98
PRIOR = 1.5
PRIOR_COUNT = 3
MOST = 4.0
WORD = 'saturated'  # in the reason of a lease that was begun for it
# of these the limit cuts off usage in the samples
_CUT = np.array(
    [
        one in (fleet_module.Resource.CPU, fleet_module.Resource.MEMORY)
        for one in fleet_module.RESOURCES
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What an instance came to use with a lease, over its own limit.

    ``since`` is that of the lease: each lease teaches once.
    """

    instance_id: str
    since: int
    flavor_name: str
    resource: str
    ratio: float


def saturated(window: usage.UsageWindow, limits: np.ndarray) -> np.ndarray:
    """Which resources are flat at their limit; bool like ``limits``.

    :param limits: (instances, resources); NaN where there is none.
    """
    last = window.usage[:, -STEPS:]
    if last.shape[1] < STEPS:
        return np.zeros(limits.shape, bool)
    flat = (last >= FLAT * limits[:, None, :]).all(axis=1)
    return np.asarray(flat & _CUT)


def factors(growths: Iterable[Growth]) -> dict[tuple[str, str], float]:
    """The factor of each own flavor and resource that was learned."""
    seen: dict[tuple[str, str], list[float]] = {}
    for one in growths:
        seen.setdefault((one.flavor_name, one.resource), []).append(one.ratio)
    return {
        key: float(np.clip(np.median(ratios + [PRIOR] * PRIOR_COUNT), 1, MOST))
        for key, ratios in seen.items()
    }


def demand(
    limits: np.ndarray,
    flat: np.ndarray,
    flavors: Iterable[str],
    learned: Mapping[tuple[str, str], float],
) -> np.ndarray:
    """What is wanted of saturated resources; NaN of the others.

    :param flat: as `saturated` gives it.
    :param flavors: the name of each instance's own flavor.
    """
    found = np.full(limits.shape, np.nan)
    names = list(flavors)
    for row, r in np.argwhere(flat):
        key = (names[row], fleet_module.RESOURCES[r].value)
        found[row, r] = learned.get(key, PRIOR) * limits[row, r]
    return found


def learn(
    window: usage.UsageWindow,
    leases: Iterable[Lease],
    origins: Mapping[str, fleet_module.Flavor],
    limits: np.ndarray,
) -> list[Growth]:
    """What the leases that were begun for saturation have shown.

    :param origins: by instance id, the own flavor of those with a lease.
    :param limits: those in force, (instances, resources).
    """
    rows = {name: row for row, name in enumerate(window.instances)}
    times = window.times()
    found = []
    for lease in leases:
        row, origin = (
            rows.get(lease.instance_id),
            origins.get(lease.instance_id),
        )
        if row is None or origin is None or WORD not in lease.reason:
            continue
        # the step in which the resize was made is of both flavors
        settled = np.flatnonzero(times >= lease.since + 2 * window.step_s)
        if len(settled) < STEPS:
            continue
        used = window.usage[row, settled[:STEPS]]
        found += _growths(lease, used, origin, limits[row])
    return found


def _growths(
    lease: Lease,
    used: np.ndarray,
    origin: fleet_module.Flavor,
    leased: np.ndarray,
) -> list[Growth]:
    limits = origin.limits()
    cut = np.asarray((used >= FLAT * leased).all(axis=0))
    return [
        Growth(
            instance_id=lease.instance_id,
            since=lease.since,
            flavor_name=origin.name,
            resource=resource.value,
            ratio=float(used[:, r].max() / limits[r]),
        )
        for r, resource in enumerate(fleet_module.RESOURCES)
        if f'{resource.value} {WORD}' in lease.reason
        and np.isfinite(used[:, r]).all()
        and not (cut[r] and used[:, r].max() < PRIOR * limits[r])
    ]
