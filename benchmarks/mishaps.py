"""What is done to recorded load, so that it has to be found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from predictive_watcher.core import outbreak
from predictive_watcher.core.anomaly import Kind


_CPU, _MEMORY, _DISK, _NETWORK = range(4)
_GROUP = 8  # instances that share a node
_DAY = 288
Change = Callable[
    [np.ndarray, np.ndarray, np.ndarray, np.random.Generator], None
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """A change of load, ``within`` how many steps it has to be found, and
    which kinds name it rightly.

    ``change`` alters usage in place: (instances, steps, resources) from the
    first step on; limits (instances, resources); what was used at most
    before, like limits.
    """

    name: str
    change: Change
    within: int
    kinds: tuple[Kind, ...]
    grouped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Copies of load with a mishap, each from its own step ``first`` on."""

    usage: np.ndarray
    limits: np.ndarray
    first: np.ndarray
    group: np.ndarray

    @property
    def length(self) -> int:
        """Steps of each copy."""
        return int(self.usage.shape[1])


def _runaway(
    usage: np.ndarray, limits: np.ndarray, before: np.ndarray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """A program in a loop on all processors, beside the usual load."""
    shares = rng.uniform(0.93, 1.0, usage.shape[:2])
    usage[..., _CPU] = limits[:, None, _CPU] * shares


def _miner(
    usage: np.ndarray, limits: np.ndarray, before: np.ndarray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Flat at the limit; the network hardly shows it."""
    shares = rng.uniform(0.995, 1.0, usage.shape[:2])
    usage[..., _CPU] = limits[:, None, _CPU] * shares
    usage[..., _NETWORK] += 2000.0


def _leak(
    usage: np.ndarray, limits: np.ndarray, before: np.ndarray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Memory is full in a day from now, beside what it does anyway."""
    free = np.fmax(limits[:, _MEMORY] - usage[:, 0, _MEMORY], 0)
    ramp = np.arange(1, usage.shape[1] + 1) / _DAY
    grown = usage[..., _MEMORY] + free[:, None] * ramp
    usage[..., _MEMORY] = np.fmin(grown, limits[:, None, _MEMORY])


def _silence(
    usage: np.ndarray, limits: np.ndarray, before: np.ndarray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    usage[...] = np.nan


def _neighbour(
    usage: np.ndarray, limits: np.ndarray, before: np.ndarray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """The first takes all it can get; the others get a third of their cpu."""
    noise = rng.uniform(0.95, 1.0, usage.shape[1])
    usage[0, :, _CPU] = limits[0, _CPU] * noise
    for resource in (_DISK, _NETWORK):
        usage[0, :, resource] = before[0, resource] * noise
    usage[1:, :, _CPU] *= rng.uniform(0.25, 0.4, (len(usage) - 1, 1))


ALL = (
    Mishap(
        name='runaway_cpu',
        change=_runaway,
        within=3,
        kinds=(Kind.RUNAWAY, Kind.FLAT_AT_LIMIT, Kind.LEVEL_SHIFT),
    ),
    Mishap(
        name='flat_100',
        change=_miner,
        within=3,
        kinds=(Kind.FLAT_AT_LIMIT, Kind.RUNAWAY),
    ),
    Mishap(
        name='memory_leak', change=_leak, within=_DAY // 4, kinds=(Kind.LEAK,)
    ),
    Mishap(name='silence', change=_silence, within=3, kinds=(Kind.SILENCE,)),
    Mishap(
        name='noisy_neighbour',
        change=_neighbour,
        within=3,
        kinds=(Kind.RUNAWAY, Kind.FLAT_AT_LIMIT, Kind.LEVEL_SHIFT, Kind.SPIKE),
        grouped=True,
    ),
)


def lay(
    mishap: Mishap,
    usage: np.ndarray,
    limits: np.ndarray,
    begin: int,
    warm: int,
    rng: np.random.Generator,
) -> Made:
    """A copy of each instance (or group) with the mishap at a random step.

    Only those that report, are not at their limit already, and have limits.
    """
    rows = np.flatnonzero(np.isfinite(limits[:, [_CPU, _MEMORY]]).all(axis=1))
    size = _GROUP if mishap.grouped else 1
    last = usage.shape[1] - mishap.within
    copies, bounds, first, group = [], [], [], []
    for number in range(len(rows) // size):
        some = rows[number * size : (number + 1) * size]
        at = int(rng.integers(begin, last))
        now = usage[some, at - 3 : at, _CPU]
        if not (now < 0.9 * limits[some, None, _CPU]).all():
            continue
        copy = usage[some, at - warm : at + mishap.within].copy()
        with np.errstate(all='ignore'):
            before = np.nan_to_num(np.nanmax(copy[:, :warm], axis=1))
        mishap.change(copy[:, warm:], limits[some], before, rng)
        copies.append(copy)
        bounds.append(limits[some])
        first += [at - warm] * len(some)
        group += [number] * len(some)
    return Made(
        usage=np.concatenate(copies),
        limits=np.concatenate(bounds),
        first=np.array(first),
        group=np.array(group),
    )


def by_group(made: Made, told: np.ndarray) -> dict[str, Any]:
    """Of whole nodes: whether the culprit, or anybody, was told of.

    :param told: bool (steps, instances).
    """
    anybody, culprit = [], []
    for number in np.unique(made.group):
        here = np.flatnonzero(made.group == number)
        anybody.append(bool(told[:, here].any()))
        culprit.append(bool(told[:, here[0]].any()))
    return {
        'nodes': len(anybody),
        'node_found': round(float(np.mean(anybody)), 3),
        'culprit_found': round(float(np.mean(culprit)), 3),
    }


def fleet_wide(begun: np.ndarray, step_s: int) -> np.ndarray:
    """Events that begin with so many others that one is told of the fleet.

    Those that began before there were enough are events of their own.

    :param begun: bool (steps, instances).
    """
    steps = outbreak.TOGETHER_S // step_s
    wide = np.zeros_like(begun)
    for t in range(len(begun)):
        at, who = np.nonzero(begun[max(0, t - steps) : t + 1])
        if not len(who):
            continue
        mine = outbreak.cluster(at * step_s, outbreak.FLEET, begun.shape[1])
        wide[t, who[mine]] = begun[t, who[mine]]
    return wide
