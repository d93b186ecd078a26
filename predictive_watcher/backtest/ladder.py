"""Flavors around the limits that instances of a trace have.

Each instance gets a flavor with just its recorded limits, and that flavor has
a family: the same with more vCPUs, with more memory, or with more of all.
"""

from dataclasses import dataclass
import math

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet


STEPS = (1.25, 1.5, 2.0, 3.0, 4.0)  # of a family, times what its origin has
_PERIOD = 100_000  # of cpu_quota, microseconds
_KILOBYTE = 1000.0


class _NoMemory(fleet.Flavor):
    """Of an instance whose memory the trace does not limit."""

    __slots__ = ()

    def limits(self) -> np.ndarray:
        """As those of any flavor, and none of memory."""
        found = fleet.Flavor.limits(self)
        found[fleet.RESOURCES.index(fleet.Resource.MEMORY)] = np.nan
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """All flavors, and the name of that of each instance of the trace."""

    flavors: tuple[fleet.Flavor, ...]
    origins: tuple[str, ...]


def build(limits: np.ndarray, weights: np.ndarray) -> Ladder:
    """The families of all instances; those with equal limits share one.

    :param limits: (instances, resources) in the units of usage; NaN where
        there is none.
    :param weights: (instances,).
    :raises InvalidTrace: where an instance has no limit of its cpu.
    """
    flavors: dict[str, fleet.Flavor] = {}
    names: dict[tuple[float, ...], str] = {}
    origins: list[str] = []
    for row, weight in zip(limits, weights, strict=True):
        if not np.isfinite(row[0]):
            raise exceptions.InvalidTrace(
                f'instance number {len(origins)} has no cpu limit: nothing '
                'can be passed, and no flavor be made; give the array limits'
            )
        key = (*np.nan_to_num(row, nan=-1.0).tolist(), float(weight))
        name = names.setdefault(key, f'f{len(names)}')
        if name not in flavors:
            for flavor in _family(name, row.astype(float), float(weight)):
                flavors.setdefault(flavor.name, flavor)
        origins.append(name)
    return Ladder(flavors=tuple(flavors.values()), origins=tuple(origins))


def _family(
    name: str, limits: np.ndarray, weight: float
) -> list[fleet.Flavor]:
    """The origin first; kinds are c (vCPUs), m (memory) and g (everything,
    disk and network with it).
    """
    found: dict[tuple[float, ...], fleet.Flavor] = {}
    known = np.isfinite(limits)
    for step in (1.0, *STEPS):
        kinds = {'': np.ones(4)}
        if step > 1:
            kinds = {'.c': np.array([step, 1, 1, 1])}
            if known[1]:
                kinds['.m'] = np.array([1, step, 1, 1])
            if known[1:].any():
                kinds['.g'] = np.full(4, step)
        for kind, times in kinds.items():
            more = limits * times
            if limits[0] == round(limits[0]):  # nobody sells half a vCPU
                more[0] = math.ceil(more[0])
            key = tuple(np.nan_to_num(more).tolist())
            label = f'{name}{kind}{step:g}' if kind else name
            found.setdefault(key, _flavor(label, more, weight, name))
    return list(found.values())


def _flavor(
    name: str, limits: np.ndarray, weight: float, family: str
) -> fleet.Flavor:
    """A flavor with these limits; a part of a vCPU is a quota of it."""
    cpu, memory, disk, network = limits
    vcpus = max(1, math.ceil(cpu - 1e-6))
    # nobody is leased a flavor of another family: specs have to be the same
    specs = {fleet.WEIGHT_SPEC: f'{weight:g}', fleet.FAMILY_SPEC: family}
    if cpu < vcpus - 1e-6:
        quota = max(1, round(cpu / vcpus * _PERIOD))
        specs['quota:cpu_quota'] = str(quota)
        specs['quota:cpu_period'] = str(_PERIOD)
    if np.isfinite(disk):
        specs['quota:disk_total_bytes_sec'] = str(max(1, round(disk)))
    if np.isfinite(network):
        half = f'{network / 2 / _KILOBYTE:.6g}'
        specs['quota:vif_inbound_average'] = half
        specs['quota:vif_outbound_average'] = half
    limited = np.isfinite(memory)
    kind = fleet.Flavor if limited else _NoMemory
    return kind(
        id=name,
        name=name,
        vcpus=vcpus,
        memory_mib=max(1, round(memory)) if limited else 0,
        disk_gib=0,
        extra_specs=specs,
    )
