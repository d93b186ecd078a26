"""Recorded load, mixed and shaken: more kinds of it than were recorded.

Convex combinations of series teach a network what none of them shows alone
("TSMixup", Ansari and others, "Chronos: Learning the Language of Time
Series", TMLR 2024, section 4.1).
"""

import numpy as np

from predictive_watcher.core import usage as usage_module
from predictive_watcher.training import noise


_DAY_STEPS = 288
_DAYS = 7  # by which the second series may be shifted
_WHITE = 0.5  # share of the noise that does not remember
_CHANCE = 0.5  # of each alteration, for each resource


def window(
    rng: np.random.Generator,
    recorded: usage_module.UsageWindow,
    limits: np.ndarray,
    instances: int,
    length: int,
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """So many altered instances of recorded ones, and their limits.

    Each resource may be mixed with that of another instance, shaken, and
    stretched until it comes near its limit.
    """
    count, steps, _ = recorded.usage.shape
    length = min(length, steps)
    days = (steps - length) // _DAY_STEPS
    begin = int(rng.integers(days + 1)) * _DAY_STEPS
    pairs = rng.integers(0, count, (instances, 2))
    usage = []
    for own, other in pairs:
        shift = int(rng.integers(-_DAYS, _DAYS + 1)) * _DAY_STEPS
        later = int(np.clip(begin + shift, 0, steps - length))
        usage.append(
            _altered(
                rng,
                recorded.usage[own, begin : begin + length],
                recorded.usage[other, later : later + length],
                limits[own],
            )
        )
    return usage_module.UsageWindow(
        instances=tuple(f'mixed-{i}' for i in range(instances)),
        start=recorded.start + begin * recorded.step_s,
        step_s=recorded.step_s,
        usage=np.stack(usage).astype(np.float32),
    ), limits[pairs[:, 0]]


def _altered(
    rng: np.random.Generator,
    own: np.ndarray,
    other: np.ndarray,
    limits: np.ndarray,
) -> np.ndarray:
    """(length, resources), not below 0 and not above the limits."""
    usage = np.array(own, np.float64)
    for r, limit in enumerate(limits):
        mixed, shaken, stretched = rng.random(3) < _CHANCE
        if mixed:
            usage[:, r] = _mixed(rng, usage[:, r], other[:, r])
        if shaken:
            usage[:, r] = _shaken(rng, usage[:, r])
        if stretched and np.isfinite(limit):
            usage[:, r] = _stretched(rng, usage[:, r], float(limit))
    return np.asarray(
        np.clip(usage, 0.0, np.where(limits > 0, limits, np.inf))
    )


def _mixed(
    rng: np.random.Generator, own: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """A convex combination, the other one brought to our mean step."""
    ours, theirs = _mean_step(own), _mean_step(other)
    if not (ours > 0 and theirs > 0):
        return own
    part = rng.uniform(0.2, 0.8)
    both = part * own + (1 - part) * other * (ours / theirs)
    return np.asarray(np.where(np.isfinite(both), both, own))


def _shaken(rng: np.random.Generator, own: np.ndarray) -> np.ndarray:
    step = _mean_step(own)
    if not step > 0:
        return own
    size = step * float(noise.log_uniform(rng, 0.1, 3.0, 1)[0])
    keep = noise.keeps(rng, rng.random(1) < _WHITE)
    shake = noise.autoregressive(rng, keep, len(own))[0]
    return np.asarray(own + size * shake)


def _stretched(
    rng: np.random.Generator, own: np.ndarray, limit: float
) -> np.ndarray:
    """Its peaks come to .3 to 1.3 of the limit."""
    seen = own[np.isfinite(own)]
    top = float(np.quantile(seen, 0.999)) if len(seen) else 0.0
    if not top > 0:
        return own
    return own * (limit / top * noise.log_uniform(rng, 0.3, 1.3, 1))


def _mean_step(usage: np.ndarray) -> float:
    """The mean absolute step; 0 where there is none."""
    steps = np.abs(np.diff(usage))
    steps = steps[np.isfinite(steps)]
    return float(steps.mean()) if len(steps) else 0.0
