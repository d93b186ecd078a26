"""What came of a contender's decisions, counted from what was recorded.

Violations follow from demand and limits alone, so that a timeline can be
recounted by anyone: a step is in violation where demand > ceiling x limit.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from predictive_watcher.backtest import cloud as cloud_module
from predictive_watcher.backtest import run
from predictive_watcher.backtest import scene as scene_module


# HP ProLiant ML110 G5 at 0, 10, ... 100 % of its cpu, as Beloglazov and Buyya
# take it from SPECpower (CCPE 2012, table 1); watts
_WATTS = np.array(
    [93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135], float
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one contender; arrays are by instance.

    ``violated`` are minutes in violation of any limit, ``interrupted``
    minutes for which actions stopped the guest; ``vcpu_hours`` and
    ``gib_hours`` what instances had beyond their own flavors.
    ``node_minutes`` are minutes in violation by node, ``node_weighted`` the
    same times the weights of those on it.  ``slatah``, ``pdm`` and ``esv``
    are those of Beloglazov and Buyya (CCPE 2012), the energy in kWh.
    """

    name: str
    violated: np.ndarray
    by_resource: np.ndarray
    interrupted: np.ndarray
    vcpu_hours: np.ndarray
    gib_hours: np.ndarray
    actions_of: np.ndarray
    actions: dict[str, int]
    failed: int
    leases: int
    wasted: int
    lease_hours: float
    node_minutes: np.ndarray
    node_weighted: float
    slatah: float
    pdm: float
    energy_kwh: float

    @property
    def esv(self) -> float:
        """Energy x SLA violations."""
        return self.energy_kwh * self.slatah * self.pdm


def violations(
    demand: np.ndarray, limits: np.ndarray, ceiling: float
) -> np.ndarray:
    """Which steps are in violation, bool like ``demand``.

    :param demand: like ``limits`` (instances, steps, resources); what is
        unknown violates nothing.
    """
    with np.errstate(invalid='ignore'):
        return np.asarray(
            demand.astype(np.float64) > ceiling * limits.astype(np.float64)
        )


def count(lived: run.Lived, ceiling: float) -> Figures:
    """Count what was recorded from the scene's beginning on."""
    cloud, scene = lived.cloud, lived.cloud.scene
    steps = slice(scene.begin, None)
    demand = scene.demand.usage[:, steps]
    limits = cloud.limits[:, steps]
    minutes = scene.demand.step_s / 60
    broken = violations(demand, limits, ceiling)
    more = limits - scene.limits[:, None].astype(np.float32)
    hours = np.nan_to_num(more).sum(axis=1) * (minutes / 60)
    full, weighted, used = _nodes(scene, cloud, ceiling)
    done = Counter(e.order.kind.value for e in cloud.events if not e.failed)
    done[cloud_module.Did.MIGRATE.value] += sum(
        event.onward for event in cloud.events
    )
    of = np.zeros(len(demand), int)
    for event in cloud.events:
        of[event.order.row] += (not event.failed) + event.onward
    leases, wasted, held_s = _leases(lived, ceiling)
    return Figures(
        name=lived.name,
        violated=broken.any(axis=2).sum(axis=1) * minutes,
        by_resource=broken.sum(axis=1) * minutes,
        interrupted=cloud.interrupted_s / 60,
        vcpu_hours=hours[:, 0],
        gib_hours=hours[:, 1] / 1024,
        actions_of=of,
        actions={kind.value: done[kind.value] for kind in cloud_module.Did},
        failed=sum(bool(event.failed) for event in cloud.events),
        leases=leases,
        wasted=wasted,
        lease_hours=held_s / 3600,
        node_minutes=full.sum(axis=1) * minutes,
        node_weighted=float((full * weighted).sum() * minutes),
        slatah=float((used >= 1 - 1e-6).mean(axis=1).mean()),
        pdm=_pdm(scene, cloud, demand),
        energy_kwh=_energy_kwh(used, scene.demand.step_s),
    )


def _nodes(
    scene: scene_module.Scene, cloud: cloud_module.Cloud, ceiling: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By node and step: whether it is in violation, the weights on it, and
    the share of its cpu that is used.
    """
    steps = slice(scene.begin, None)
    node_of = cloud.node[:, steps]
    # who tells nothing wants nothing; every flavor has limits of these two
    wanted = np.nan_to_num(
        np.minimum(
            scene.demand.usage[:, steps, :2], cloud.limits[:, steps, :2]
        )
    )
    used = np.nan_to_num(cloud.usage[:, steps, 0])
    shape = (len(scene.nodes), node_of.shape[1])
    full, weighted, share = np.zeros(shape, bool), *np.zeros((2, *shape))
    for n, node in enumerate(scene.nodes):
        here = node_of == n
        capacity = node.capacity()[:2]
        total = (wanted * here[..., None]).sum(axis=0)
        full[n] = (total > ceiling * capacity).any(axis=-1)
        weighted[n] = (here * scene.weights[:, None]).sum(axis=0)
        share[n] = (used * here).sum(axis=0) / capacity[0]
    return full, weighted, share


def _leases(lived: run.Lived, ceiling: float) -> tuple[int, int, float]:
    """How many there were, how many nobody needed, and their seconds."""
    scene = lived.cloud.scene
    demand = scene.demand
    wasted, held = 0, 0.0
    for lease, ended in lived.book.ended:
        row = lived.cloud.row_of[lease.instance_id]
        first = max(0, (lease.since - demand.start) // demand.step_s)
        last = (ended - demand.start) // demand.step_s + 2
        needed = violations(
            demand.usage[row, first:last], scene.limits[row], ceiling
        )
        larger = lived.cloud.limits[row, first:last] > scene.limits[row]
        wasted += not (needed & larger).any()
        held += ended - lease.since
    return len(lived.book.ended), wasted, held


def _pdm(
    scene: scene_module.Scene, cloud: cloud_module.Cloud, demand: np.ndarray
) -> float:
    """Mean share of the requested cpu that was lost by moving."""
    asked = np.nan_to_num(demand[..., 0]).sum(axis=1) * scene.demand.step_s
    there = asked > 0
    if not there.any():
        return 0.0
    return float((cloud.degraded[there] / asked[there]).mean())


def _energy_kwh(used: np.ndarray, step_s: int) -> float:
    """No node is ever switched off here."""
    watts = np.interp(np.clip(used, 0, 1), np.linspace(0, 1, 11), _WATTS)
    return float(watts.sum() * step_s / 3.6e6)
