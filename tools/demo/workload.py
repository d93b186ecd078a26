"""What the servers want: demand, made from shapes and noise.

Demand is an array ``[server, time, resource]`` in vCPUs, MiB and bytes/s, and
knows no limit: what a server gets is another matter (``physics``). The same
seed makes the same demand, and the future is part of it, so that in the end
everybody can see what would have happened.
"""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from demo.fleet import Behaviour
from demo.fleet import CPU
from demo.fleet import DISK
from demo.fleet import MEMORY
from demo.fleet import NETWORK
from demo.fleet import RESOURCES
from demo.fleet import Server


STEP_S = 300
DAY_STEPS = 288
#: A day, and so much of the day before that yesterday's rush is complete.
HISTORY_STEPS = DAY_STEPS + 12
FUTURE_STEPS = 36
#: The clock on the wall when the story begins.
_STARTS_AT_HOUR = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """Demand that climbs, stays and falls, at the same time every day.

    Minutes are counted from the beginning of the story; ``low`` and ``high``
    are shares of the server's own limit.
    """

    begins_min: float
    climbs_min: float
    stays_min: float
    falls_min: float
    low: float
    high: float

    def level(self, minutes: np.ndarray) -> np.ndarray:
        """The demand at each time."""
        day = minutes - self.begins_min
        day = np.mod(day + _DAY_MIN / 2, _DAY_MIN) - _DAY_MIN / 2
        falls_at = self.climbs_min + self.stays_min
        up = np.clip(day / self.climbs_min, 0.0, 1.0)
        down = np.clip((day - falls_at) / self.falls_min, 0.0, 1.0)
        return self.low + (self.high - self.low) * (up - down)


_DAY_MIN = 24 * 60.0
#: Passes 90 % of the limit some 30 minutes after its beginning.
CPU_RUSH = Rush(
    begins_min=5,
    climbs_min=40,
    stays_min=20,
    falls_min=15,
    low=0.45,
    high=1.05,
)
MEMORY_RUSH = Rush(
    begins_min=10,
    climbs_min=40,
    stays_min=20,
    falls_min=10,
    low=0.5,
    high=1.05,
)
#: Nobody comes near his own limit; five of them are too much for the node.
SHARED_RUSH = Rush(
    begins_min=10,
    climbs_min=40,
    stays_min=25,
    falls_min=15,
    low=0.35,
    high=0.78,
)


def minutes(steps: int, history: int) -> np.ndarray:
    """Minutes from the beginning of the story, at the end of each step."""
    return (np.arange(steps) - history) * (STEP_S / 60.0)


def demand(
    servers: Sequence[Server],
    rng: np.random.Generator,
    *,
    history: int = HISTORY_STEPS,
    future: int = FUTURE_STEPS,
) -> np.ndarray:
    """Demand of each server over ``history + future`` steps."""
    at = minutes(history + future, history)
    wanted = np.empty((len(servers), len(at), len(RESOURCES)))
    for row, server in enumerate(servers):
        shares = _SHAPES[server.behaviour](at, rng)
        wanted[row] = np.maximum(shares, 0.0) * server.flavor.limits
    return wanted


def _noise(
    rng: np.random.Generator, steps: int, spread: float, memory: float = 0.6
) -> np.ndarray:
    """Noise that remembers a part of what it was: an AR(1) process."""
    fresh = rng.normal(0.0, spread * math.sqrt(1 - memory**2), steps)
    noise = np.empty(steps)
    value = rng.normal(0.0, spread)
    for i in range(steps):
        value = memory * value + fresh[i]
        noise[i] = value
    return noise


def _hours(at: np.ndarray) -> np.ndarray:
    """The clock on the wall, 0 to 24."""
    return np.mod(_STARTS_AT_HOUR + at / 60.0, 24.0)


def _day(at: np.ndarray) -> np.ndarray:
    """0 by night, 1 in the early afternoon."""
    return 0.5 - 0.5 * np.cos((_hours(at) - 2.0) / 24.0 * 2 * np.pi)


def _resources(
    cpu: np.ndarray,
    rng: np.random.Generator,
    *,
    memory: np.ndarray | float,
    disk: float,
    network: float,
) -> np.ndarray:
    """Shares of the four limits; traffic goes with the work that is done."""
    steps = len(cpu)
    shares = np.empty((steps, len(RESOURCES)))
    shares[:, CPU] = cpu
    shares[:, MEMORY] = memory + _noise(rng, steps, 0.004, 0.9)
    for resource, factor in ((DISK, disk), (NETWORK, network)):
        shares[:, resource] = cpu * factor * (1 + _noise(rng, steps, 0.08))
    return shares


def _idle(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cpu = 0.03 + _noise(rng, len(at), 0.006)
    return _resources(cpu, rng, memory=0.2, disk=0.1, network=0.1)


def _steady(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cpu = 0.42 + _noise(rng, len(at), 0.02)
    return _resources(cpu, rng, memory=0.7, disk=0.9, network=0.4)


def _interactive(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cpu = 0.1 + 0.4 * _day(at) + _noise(rng, len(at), 0.025)
    return _resources(cpu, rng, memory=0.5, disk=0.3, network=0.7)


def _batch(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    hours = _hours(at)
    runs = (hours >= 1.0) & (hours < 4.0)
    cpu = np.where(runs, 0.75, 0.06) + _noise(rng, len(at), 0.015)
    memory = np.where(runs, 0.6, 0.3)
    return _resources(cpu, rng, memory=memory, disk=0.8, network=0.2)


def _cpu_rush(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cpu = CPU_RUSH.level(at) + _noise(rng, len(at), 0.012)
    return _resources(cpu, rng, memory=0.55, disk=0.3, network=0.5)


def _memory_rush(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cpu = 0.35 + _noise(rng, len(at), 0.02)
    memory = MEMORY_RUSH.level(at)
    return _resources(cpu, rng, memory=memory, disk=0.3, network=0.6)


def _shared_rush(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cpu = SHARED_RUSH.level(at) + _noise(rng, len(at), 0.012)
    return _resources(cpu, rng, memory=0.6, disk=0.3, network=0.5)


_SHAPES: dict[
    Behaviour, Callable[[np.ndarray, np.random.Generator], np.ndarray]
] = {
    Behaviour.IDLE: _idle,
    Behaviour.STEADY: _steady,
    Behaviour.INTERACTIVE: _interactive,
    Behaviour.BATCH: _batch,
    Behaviour.CPU_RUSH: _cpu_rush,
    Behaviour.MEMORY_RUSH: _memory_rush,
    Behaviour.SHARED_RUSH: _shared_rush,
}
