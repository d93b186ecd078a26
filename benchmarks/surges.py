"""Load in which some instances lead others: made, or planted in a trace.

A leader has surges now and then; its followers have the same ones, as large
in their own measure, some minutes later.  Surges begin and end at any minute,
and what is recorded are means of five.
"""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module


STEP_S = 300
_MINUTES = 5  # of a step
_START = 1_700_006_400  # midnight UTC
_CPU = fleet.RESOURCES.index(fleet.Resource.CPU)


@dataclass(frozen=True, slots=True, kw_only=True)
class Led:
    """Usage, and who leads whom in it.

    ``leader`` and ``follower`` are rows, ``lag_min`` minutes, by pair;
    ``surges`` (pairs, steps) is what was added to each follower.
    """

    window: usage_module.UsageWindow
    limits: np.ndarray
    leader: np.ndarray
    follower: np.ndarray
    lag_min: np.ndarray
    surges: np.ndarray


def surge(
    steps: int, per_day: float, rng: np.random.Generator
) -> np.ndarray:
    """Heights by minute, 0 for none, else 0.5 to 1; from 20 to 90 minutes."""
    minutes = steps * _MINUTES
    found = np.zeros(minutes, np.float32)
    at = 0
    while True:
        at += 30 + int(rng.exponential(1440 / per_day))
        if at >= minutes:
            return found
        length = int(rng.integers(20, 90))
        found[at : at + length] = rng.uniform(0.5, 1.0)
        at += length


def by_step(minutes: np.ndarray, lag_min: int) -> np.ndarray:
    """Means over steps of what comes ``lag_min`` minutes late.

    >>> by_step(np.repeat([0.0, 1.0, 0.0], 5), 5).tolist()
    [0.0, 0.0, 1.0]
    >>> by_step(np.repeat([0.0, 1.0, 0.0], 5), 2).tolist()
    [0.0, 0.6, 0.4]
    """
    late = np.zeros_like(minutes)
    late[lag_min:] = minutes[: len(minutes) - lag_min]
    return np.asarray(late.reshape(-1, _MINUTES).mean(axis=1))


def plant(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    rng: np.random.Generator,
    *,
    leaders: int,
    followers: int,
    per_day: float = 6.0,
) -> Led:
    """Give some instances surges, and others the same ones later.

    :param followers: of each leader.
    """
    used = window.usage.copy()
    cpu, steps = used[:, :, _CPU], used.shape[1]
    order = rng.permutation(len(window.instances))
    chosen = order[: leaders * (1 + followers)]
    chosen = chosen.reshape(leaders, 1 + followers)
    leader, follower, lag_min, added = [], [], [], []
    for first, *others in chosen.tolist():
        made = surge(steps, per_day, rng)
        height = rng.uniform(0.2, 0.4, 1 + len(others))
        cpu[first] += height[0] * limits[first, _CPU] * by_step(made, 0)
        for row, share in zip(others, height[1:], strict=True):
            lag = int(rng.integers(5, 16))
            more = share * limits[row, _CPU] * by_step(made, lag)
            cpu[row] += more
            leader.append(first)
            follower.append(row)
            lag_min.append(lag)
            added.append(more)
    used[:, :, _CPU] = np.minimum(cpu, limits[:, _CPU, None])
    return Led(
        window=usage_module.UsageWindow(
            instances=window.instances,
            start=window.start,
            step_s=window.step_s,
            usage=used,
        ),
        limits=limits,
        leader=np.array(leader, np.int64),
        follower=np.array(follower, np.int64),
        lag_min=np.array(lag_min, np.int64),
        surges=np.array(added, np.float32).reshape(-1, steps),
    )


def independent(
    instances: int, days: int, rng: np.random.Generator
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """Load of instances that have nothing to do with one another, but for
    the time of day; and their limits.
    """
    steps = days * 288
    vcpus = rng.choice([2.0, 4.0, 8.0], instances)
    level = rng.uniform(0.1, 0.4, (instances, 1))
    hour = np.arange(steps) / 12
    phase = rng.uniform(0, 24, (instances, 1))
    daily = 1 + 0.4 * np.sin(2 * np.pi * (hour - phase) / 24)
    own = np.stack(
        [by_step(surge(steps, 3.0, rng), 0) for _ in range(instances)]
    )
    noise = 0.03 * rng.standard_normal((instances, steps))
    share = np.clip(level * daily + 0.3 * own + noise, 0.01, 1.0)
    used = np.full((instances, steps, 4), np.nan, np.float32)
    used[:, :, _CPU] = share * vcpus[:, None]
    limits = np.full((instances, 4), np.nan)
    limits[:, _CPU] = vcpus
    window = usage_module.UsageWindow(
        instances=tuple(f'i{k:05d}' for k in range(instances)),
        start=_START,
        step_s=STEP_S,
        usage=used,
    )
    return window, limits
