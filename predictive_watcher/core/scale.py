"""Amounts of use on one scale, from idle to busy.

asinh(amount / unit) is linear around nothing and a logarithm far from it: a
batch that uses ten times as much is as far away for a small instance as for
a large one, and noise of an idle one is no behaviour.
"""

import numpy as np


# one vCPU's twentieth, 32 MiB, 64 KiB/s, 16 KiB/s
UNIT = np.array([0.05, 32.0, 65536.0, 16384.0], np.float32)
_HIGHEST = np.float32(40.0)  # far beyond any use, and sinh still finite


def squeezed(amount: np.ndarray) -> np.ndarray:
    """Usage (..., resources) on the scale, float32; NaN stays NaN."""
    return np.asarray(np.arcsinh(np.asarray(amount, np.float32) / UNIT))


def amount(value: np.ndarray) -> np.ndarray:
    """Back to the units of usage, never below 0.

    >>> amount(squeezed(np.array([1.0, 512.0, 0.0, np.nan]))).tolist()
    [1.0, 512.0, 0.0, nan]
    """
    found = np.sinh(np.clip(value, 0, _HIGHEST)) * UNIT
    return np.asarray(found, np.float32)


def of_resource(value: np.ndarray, resource: int) -> np.ndarray:
    """`amount` of one resource, whatever the shape."""
    found = np.sinh(np.clip(value, 0, _HIGHEST)) * UNIT[resource]
    return np.asarray(found, np.float32)
