"""Base and effective weights: priority above the own allocation, and its loss.

The base weight comes with the flavor.  It orders who is served first, and
how generously, with capacity beyond what an instance was sold.  Whoever lives
there all the time is not in need for a while but wants a larger flavor, and
its weight falls.

The *guideline* of an instance is ``ceiling`` x the limit of its own flavor,
the one that it has when no lease holds.  Its *strain* is the share of the
time that it used more, where what is long ago counts less::

    strain(t) = sum over steps above the guideline at s <= t of
                (1 - 2^(-step / half_life)) x 2^(-(t - s) / half_life)

It is 0 for an instance that never passed the guideline, 1 for one that always
has, and halves in each half-life without excess.  Steps without a sample add
nothing.  The weight of a resource is::

    effective = base x (1 - (1 - floor) x max(own strain, project's strain))

where the strain of a project is the mean over its instances, each by its
limit: who takes more than was sold loses first, and the other instances of
the same customer lose with it.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import usage


HALF_LIFE_S = 6 * 3600.0
FLOOR = 0.25
HEAVIER = 2.0  # times the weight: leases of others give way
_FORGOTTEN = 1e-3  # a strain that changes no weight that anyone can see


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """How much of the time an instance was above its guideline.

    ``share`` by resource, 0..1, as of ``at`` (Unix seconds): what came
    before is in it, and what comes later is not.
    """

    instance_id: str
    at: int
    share: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """How weights fall, and the strains that earlier audits recorded."""

    half_life_s: float = HALF_LIFE_S
    floor: float = FLOOR
    before: Mapping[str, Strain] = field(default_factory=dict)


def strains(
    window: usage.UsageWindow, guideline: np.ndarray, weighing: Weighing
) -> np.ndarray:
    """The strain of each instance at the window's end.

    Only steps after those that a recorded strain already knows count, so
    that it does not matter how often anyone looks.

    :param guideline: (instances, resources) in the units of usage; NaN where
        there is none.
    :returns: (instances, resources).
    """
    end, times = window.end, window.times()
    known = [weighing.before.get(one) for one in window.instances]
    at = np.array([one.at if one else -1 for one in known], np.int64)
    shape = (len(known), len(fleet_module.RESOURCES))
    old = np.array([one.share if one else np.zeros(shape[1]) for one in known])
    faded = 0.5 ** (np.maximum(end - at, 0) / weighing.half_life_s)
    gain = 1.0 - 0.5 ** (window.step_s / weighing.half_life_s)
    counts = gain * 0.5 ** ((end - times) / weighing.half_life_s)
    counted = np.where(times > at[:, None], counts, 0.0).astype(np.float32)
    above = window.usage > guideline[:, None, :].astype(np.float32)
    new = np.einsum('itr,it->ir', above, counted)
    share = old.reshape(shape) * faded[:, None] + new
    return np.asarray(np.clip(share, 0.0, 1.0))


def recorded(
    window: usage.UsageWindow, share: np.ndarray, weighing: Weighing
) -> list[Strain]:
    """What has to be kept of the strains; one that has gone by is kept with
    0, so that it is known until when.
    """
    worth = share.max(axis=1, initial=0.0) > _FORGOTTEN
    return [
        Strain(
            instance_id=name,
            at=window.end,
            share=tuple(float(x) for x in share[row]) if worth[row] else _NONE,
        )
        for row, name in enumerate(window.instances)
        if worth[row] or name in weighing.before
    ]


_NONE = (0.0,) * len(fleet_module.RESOURCES)


def effective(
    base: np.ndarray,
    share: np.ndarray,
    projects: Sequence[str],
    limits: np.ndarray,
    floor: float,
) -> np.ndarray:
    """The weights that count now, (instances, resources).

    :param base: the weights of the flavors, like ``share`` and ``limits``
        (instances, resources).
    :param projects: of each instance.
    :param limits: of the own flavors, NaN where there is none.

    >>> base, limits = np.array([[4.0], [4.0]]), np.array([[3.0], [1.0]])
    >>> effective(base, np.array([[1.0], [0]]), 'pp', limits, 0.5).tolist()
    [[2.0], [2.5]]
    """
    size = np.nan_to_num(limits, nan=0.0)
    index = {name: i for i, name in enumerate(sorted(set(projects)))}
    of = np.array([index[name] for name in projects], np.intp)
    total = np.zeros((len(index), base.shape[1]))
    strained = np.zeros_like(total)
    np.add.at(total, of, size)
    np.add.at(strained, of, size * share)
    shared = strained / np.maximum(total, 1e-9)
    loss = np.maximum(share, shared[of]) if len(of) else share
    return np.asarray(base * (1.0 - (1.0 - floor) * loss))


def weigh(
    fleet: fleet_module.Fleet,
    window: usage.UsageWindow,
    base: np.ndarray,
    limits: np.ndarray,
    ceiling: np.ndarray,
    origins: Mapping[str, fleet_module.Flavor],
    weighing: Weighing | None,
) -> tuple[np.ndarray, np.ndarray]:
    """How strained each instance is, and the weights that follow.

    :param limits: of the present flavors.
    :param origins: by instance id, the own flavor of those with a lease.
    :param weighing: None: no weight falls.
    """
    if weighing is None:
        return np.zeros_like(base), base
    own = limits.copy()
    for row, instance in enumerate(fleet.instances):
        origin = origins.get(instance.id)
        if origin is not None:
            own[row] = origin.limits()
    strain = strains(window, ceiling[:, None] * own, weighing)
    projects = [instance.project_id for instance in fleet.instances]
    return strain, effective(base, strain, projects, own, weighing.floor)
