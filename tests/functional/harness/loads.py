"""What instances use, in the shapes that decide an audit.

Series of 300 s steps, a day and a half long; noise is a fixed table, so that
each run of the tests sees the same.
"""

import numpy as np


STEPS = 400
STEP_S = 300


def newest(now: int) -> int:
    """Unix seconds of the step that ended last."""
    return now // STEP_S * STEP_S


def _noise(size: float) -> np.ndarray:
    return size * np.random.default_rng(42).standard_normal(STEPS)


def steady(level: float) -> list[float]:
    """The same all the time."""
    return (level * (1 + _noise(0.02))).tolist()


def ramping(level: float, top: float, steps: int = 8) -> list[float]:
    """Steady, and growing to ``top`` over the last steps."""
    values = level * (1 + _noise(0.02))
    values[-steps:] = np.linspace(level, top, steps)
    return values.tolist()
