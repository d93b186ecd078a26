"""The ledger's leases beside what Nova shows of their instances."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import usage
from predictive_watcher.core.leases import Lease


_SETTLED = ('ACTIVE', 'SHUTOFF')


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What samples show of who has a lease, by instance id.

    ``times`` are those at which more was used than the own flavor is good for
    (Unix seconds), ``pauses_s`` after what times it came back to that, and
    ``now`` whether it is so now (None: unknown).
    """

    times: Mapping[str, np.ndarray] = field(default_factory=dict)
    pauses_s: Mapping[str, np.ndarray] = field(default_factory=dict)
    now: Mapping[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The ledger's leases beside what Nova shows.

    ``valid`` by instance id; ``arrived`` are the ids whose order came without
    anyone noting it, ``lost`` maps ids to why the lease no longer holds.
    Leases of instances that are not in the fleet are in none of them.
    """

    valid: Mapping[str, Lease]
    arrived: frozenset[str]
    lost: Mapping[str, str]

    def origins(
        self, flavors: Iterable[fleet_module.Flavor]
    ) -> dict[str, fleet_module.Flavor]:
        """By instance id the own flavor, where it still exists."""
        named = {flavor.name: flavor for flavor in flavors}
        return {
            name: named[lease.origin_flavor_name]
            for name, lease in self.valid.items()
            if lease.origin_flavor_name in named
        }


def reconcile(
    leases: Iterable[Lease],
    instances: Iterable[fleet_module.Instance],
    now: int,
) -> Reconciled:
    """Compare the leases with the flavors that the instances have."""
    by_id = {instance.id: instance for instance in instances}
    valid: dict[str, Lease] = {}
    arrived: set[str] = set()
    lost: dict[str, str] = {}
    for lease in leases:
        instance = by_id.get(lease.instance_id)
        if instance is None:
            continue
        why = _why_lost(lease, instance, now)
        if why:
            lost[lease.instance_id] = why
        elif _has_arrived(lease, instance):
            arrived.add(lease.instance_id)
            if lease.pending_flavor_name != lease.origin_flavor_name:
                valid[lease.instance_id] = replace(
                    lease,
                    flavor_name=instance.flavor.name,
                    pending_flavor_name=None,
                    since=now,
                )
        else:
            valid[lease.instance_id] = lease
    return Reconciled(valid=valid, arrived=frozenset(arrived), lost=lost)


def _is_settled(instance: fleet_module.Instance) -> bool:
    """Nothing is under way that could change the flavor by itself."""
    return instance.task_state is None and instance.status in _SETTLED


def _has_arrived(lease: Lease, instance: fleet_module.Instance) -> bool:
    return _is_settled(instance) and (
        instance.flavor.name == lease.pending_flavor_name
    )


def _why_lost(
    lease: Lease, instance: fleet_module.Instance, now: int
) -> str | None:
    if not _is_settled(instance):
        return None
    name = instance.flavor.name
    if name not in (lease.flavor_name, lease.pending_flavor_name):
        return (
            f'flavor is {name}, not the leased '
            f'{lease.pending_flavor_name or lease.flavor_name}: changed by '
            'its owner'
        )
    if name == lease.origin_flavor_name == lease.flavor_name and (
        now >= lease.expires_at
    ):
        return f'the resize to {lease.pending_flavor_name} never came'
    return None


def shown(
    window: usage.UsageWindow,
    origins: Mapping[str, fleet_module.Flavor],
    limits: np.ndarray,
    ceilings: np.ndarray,
) -> Needs:
    """The arguments are those of `needs`."""
    times = needs(window, origins, limits, ceilings)
    return Needs(
        times=times,
        pauses_s={
            name: pauses_s(needed, window.step_s)
            for name, needed in times.items()
        },
        now=needed_now(window, origins, limits, ceilings),
    )


def needs(
    window: usage.UsageWindow,
    origins: Mapping[str, fleet_module.Flavor],
    limits: np.ndarray,
    ceilings: np.ndarray,
) -> dict[str, np.ndarray]:
    """When each leased instance used more than its own flavor is good for:
    the Unix seconds, ascending, of all samples above ceiling x limit of any
    resource that its lease offers more of, by instance id.  One that never
    did is not there.

    :param origins: by instance id, the own flavor of those with a lease.
    :param limits: those in force, (instances, resources).
    :param ceilings: of each instance of the window.
    """
    row_of = {name: row for row, name in enumerate(window.instances)}
    leased = [name for name in origins if name in row_of]
    if not leased:
        return {}
    rows = [row_of[name] for name in leased]
    own = np.array([origins[name].limits() for name in leased])
    helped = offers_more(limits[rows], own)
    guideline = np.where(helped, ceilings[rows][:, None] * own, np.nan)
    with np.errstate(invalid='ignore'):
        above = np.any(window.usage[rows] > guideline[:, None], axis=2)
    times = window.times()
    return {
        name: times[above[i]]
        for i, name in enumerate(leased)
        if above[i].any()
    }


def needed_now(
    window: usage.UsageWindow,
    origins: Mapping[str, fleet_module.Flavor],
    limits: np.ndarray,
    ceilings: np.ndarray,
) -> dict[str, bool | None]:
    """Whether each leased instance uses more than its own flavor is good for,
    by instance id: of a resource that its lease offers more of, at its newest
    sample.  None where one of these has no sample of the newest step of the
    instance, and no other shows a need.

    The arguments are those of `needs`.
    """
    newest = window.newest_of_each()
    found: dict[str, bool | None] = {}
    for row, name in enumerate(window.instances):
        if name not in origins:
            continue
        own = origins[name].limits()
        helped = offers_more(limits[row], own)
        last = newest[row].max()
        k = int((last - window.start) // window.step_s)
        used = window.usage[row, k] if last >= 0 else np.full(len(own), np.nan)
        with np.errstate(invalid='ignore'):
            above = bool((used > ceilings[row] * own)[helped].any())
        unknown = np.isnan(used[helped]).any()
        found[name] = True if above else None if unknown else False
    return found


def pauses_s(needed: np.ndarray, step_s: int) -> np.ndarray:
    """The times (s) after which a need came back, in their order.

    :param needed: as `needs` tells of one instance.
    """
    between = np.diff(needed) - step_s
    return np.asarray(between[between > 0])


def offers_more(limits: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Which resources a lease offers more of than the own flavor: a need of
    others it does not help.

    :param limits: those in force, like ``own``; NaN: there is none.
    """
    with np.errstate(invalid='ignore'):
        return np.asarray(
            (limits > own) | (np.isnan(limits) & np.isfinite(own))
        )
