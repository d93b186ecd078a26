"""Made load, so that what traces seldom show is known as well.

Recorded business load rarely climbs steadily for an hour; an instance that
does must still be seen before it reaches its limit.  The series here climb,
hold and fall with random slopes, each day at the same time or at any time.
"""

import dataclasses

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module
from predictive_watcher.training import noise


_DAY_STEPS = 288
_STEP_S = 300
_NO_QUOTA = 0.7


def _noise(rng: np.random.Generator, length: int) -> np.ndarray:
    """Noise that remembers a little, of standard deviation 1."""
    keep = rng.uniform(0.0, 0.8, 1)
    return np.asarray(noise.autoregressive(rng, keep, length)[0])


def _event(rng: np.random.Generator) -> np.ndarray:
    """One climb, hold and fall, from 0 to about 1 and back."""
    rise = round(np.exp(rng.uniform(np.log(3), np.log(60))))
    hold = round(np.exp(rng.uniform(np.log(2), np.log(48))))
    fall = max(1, round(rise * rng.uniform(0.1, 1.0)))
    up = np.linspace(0, 1, rise + 1)[1:]
    if rng.random() < 0.3:  # the climb itself climbs
        up = up ** rng.uniform(1.0, 2.5)
    return np.concatenate([up, np.ones(hold), np.linspace(1, 0, fall + 1)[1:]])


def _events(rng: np.random.Generator, length: int) -> np.ndarray:
    """Events through time, recurring daily, irregularly, or mixed."""
    out = np.zeros(length)
    regular = rng.random() < 0.5
    shape, place = _event(rng), int(rng.integers(_DAY_STEPS))
    rate = np.exp(rng.uniform(np.log(0.3), np.log(6.0)))
    for day in range(0, length, _DAY_STEPS):
        if regular and rng.random() < 0.9:
            count, shift = 1, int(rng.integers(-2, 3))
        else:
            count, shift = int(rng.poisson(0.3 if regular else rate)), None
        for _ in range(count):
            at = (
                day + place + shift
                if shift is not None
                else day + int(rng.integers(_DAY_STEPS))
            )
            event = shape if shift is not None else _event(rng)
            event = event * rng.uniform(0.7, 1.1)
            at = max(at, 0)
            part = event[: max(0, length - at)]
            out[at : at + len(part)] = np.maximum(
                out[at : at + len(part)], part
            )
    return out


def _share(rng: np.random.Generator, length: int) -> np.ndarray:
    """Usage as a share of the limit, between 0 and 1."""
    base = rng.uniform(0.02, 0.4)
    # half of them climb all the way: what matters must not be rare
    part = rng.uniform(0.2, 1.0) if rng.random() < 0.5 else 1.2
    height = part * (1.05 - base)
    wobble = np.exp(rng.uniform(np.log(0.001), np.log(0.03)))
    phase = rng.uniform(0, 2 * np.pi)
    wave = 1 + np.sin(2 * np.pi * np.arange(length) / _DAY_STEPS + phase)
    share = base * (1 + rng.choice([0.0, 0.5]) * wave)
    share = share + height * _events(rng, length)
    share = share * (1 + wobble * 3 * _noise(rng, length))
    share = share + wobble * _noise(rng, length)
    return np.asarray(np.clip(share, 0.0, 1.0))


def limits(rng: np.random.Generator) -> np.ndarray:
    """Limits of an instance as flavors have them, (resources,)."""
    return np.array(
        [
            float(2 ** rng.integers(0, 4)),
            float(2 ** rng.integers(9, 15)),
            10 ** rng.uniform(5.5, 8.5),
            10 ** rng.uniform(5.5, 8.5),
        ]
    )


def without_quotas(rng: np.random.Generator, limits: np.ndarray) -> np.ndarray:
    """Limits (instances, resources); most of disk and network are unknown:
    quotas are rarely set.
    """
    lacking = rng.random(limits.shape) < _NO_QUOTA
    lacking[:, : fleet.RESOURCES.index(fleet.Resource.DISK)] = False
    return np.where(lacking, np.nan, limits).astype(np.float32)


def _instance(
    rng: np.random.Generator, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Usage (length, resources) and limits (resources,) of one instance."""
    limit = limits(rng)
    cpu = _share(rng, length)
    shares = [cpu]
    for _ in range(len(fleet.RESOURCES) - 1):
        own = _share(rng, length)
        follows = rng.random() < 0.4
        shares.append(cpu * own.mean() * 2 if follows else own)
    usage = np.clip(np.stack(shares, axis=1), 0, 1) * limit
    return usage, limit


def window(
    rng: np.random.Generator, instances: int, length: int, start: int
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """So many made instances on a grid of 300 s, and their limits."""
    made = [_instance(rng, length) for _ in range(instances)]
    usage = np.stack([u for u, _ in made]).astype(np.float32)
    usage[rng.random(usage.shape[:2]) < 0.01] = np.nan
    return usage_module.UsageWindow(
        instances=tuple(f'generated-{i}' for i in range(instances)),
        start=start,
        step_s=_STEP_S,
        usage=usage,
    ), without_quotas(rng, np.stack([limit for _, limit in made]))


def overlay(
    rng: np.random.Generator,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    instances: int,
    length: int,
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """Recorded usage with climbs laid over some of its resources.

    Whole instances that are made betray themselves by their noise: a network
    would believe in climbs there, and only there.
    """
    count, steps, resources = window.usage.shape
    length = min(length, steps)
    who = rng.integers(0, count, instances)
    begin = int(rng.integers(0, steps - length + 1))
    usage = np.array(window.usage[who, begin : begin + length], np.float64)
    for i in range(instances):
        usage[i] = _raised(rng, usage[i], limits[who[i]])
    return usage_module.UsageWindow(
        instances=tuple(
            f'{window.instances[k]}-{i}' for i, k in enumerate(who)
        ),
        start=window.start + begin * window.step_s,
        step_s=window.step_s,
        usage=usage.astype(np.float32),
    ), limits[who]


def with_climbs(
    rng: np.random.Generator,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    share: float,
) -> usage_module.UsageWindow:
    """The window with climbs laid over a share of its instances.

    No kind of load may betray by its noise that it never climbs.
    """
    usage = np.array(window.usage, np.float64)
    for i in np.flatnonzero(rng.random(len(usage)) < share):
        usage[i] = _raised(rng, usage[i], limits[i])
    return dataclasses.replace(window, usage=usage.astype(np.float32))


def _raised(
    rng: np.random.Generator, usage: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """Climbs over some of the resources, (length, resources)."""
    out = usage.copy()
    chosen = np.asarray(rng.random(usage.shape[1]) < 0.5)
    chosen[rng.integers(usage.shape[1])] = True
    for r in np.flatnonzero(chosen):
        out[:, r] = _climbing(rng, usage[:, r], limits[r])
    return out


def _climbing(
    rng: np.random.Generator, usage: np.ndarray, limit: float
) -> np.ndarray:
    """Usage that rises towards a top now and then, and not above its limit."""
    seen = usage[np.isfinite(usage)]
    if not len(seen):
        return usage
    bounded = bool(np.isfinite(limit))
    if bounded:
        top = limit * rng.uniform(0.6, 1.2)
    else:
        top = float(np.quantile(seen, 0.99)) * np.exp(rng.uniform(-0.5, 1.5))
    raised = usage + _events(rng, len(usage)) * np.maximum(top - usage, 0.0)
    # a recorded value may be a little above its limit; a climb may not
    most = np.fmax(limit, usage) if bounded else np.inf
    return np.asarray(np.minimum(raised, most))
