"""A small cloud to learn from, and the smallest network."""

import numpy as np

from predictive_watcher.core import usage


NAN = float('nan')


def window(instances=6, steps=160, seed=0):
    rng = np.random.default_rng(seed)
    base = np.array([1.0, 2000.0, 1e6, 1e5])
    wave = 1 + 0.5 * np.sin(np.arange(steps) / 9)[None, :, None]
    noise = rng.uniform(0.8, 1.2, (instances, steps, 4))
    values = (base * wave * noise).astype(np.float32)
    values[0, 20:30] = np.nan
    return usage.UsageWindow(
        instances=tuple(f'i{k}' for k in range(instances)),
        start=0,
        step_s=300,
        usage=values,
    )


def limits(instances=6):
    return np.tile(
        np.array([1.6, 8192.0, NAN, NAN], np.float32), (instances, 1)
    )


def working(instances=8, steps=400):
    """A fleet with a way of its own: two steps of work, four of rest."""
    rng = np.random.default_rng(5)
    base = np.array([1.0, 2000.0, 1e6, 1e5])
    turn = np.arange(steps) + np.arange(instances)[:, None]
    share = 0.3 + 0.6 * (turn % 6 < 2)
    noise = rng.uniform(0.97, 1.03, (instances, steps, 4))
    return usage.UsageWindow(
        instances=tuple(f'w{k}' for k in range(instances)),
        start=0,
        step_s=300,
        usage=(base * share[:, :, None] * noise).astype(np.float32),
    )
