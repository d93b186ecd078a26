"""Noise that remembers: what made load is shaken with."""

import numpy as np


_KINDS = ('normal', 'laplace', 'student')
_STUDENT = 3  # degrees of freedom: now and then it leaps


def autoregressive(
    rng: np.random.Generator, keep: np.ndarray, length: int
) -> np.ndarray:
    """AR(1) of mean 0 and standard deviation 1, (series, length).

    :param keep: what each step keeps of the one before, in (-1, 1),
        (series,).
    """
    kind = rng.choice(_KINDS)
    shape = (len(keep), length)
    if kind == 'laplace':
        fresh = rng.laplace(size=shape) / np.sqrt(2)
    elif kind == 'student':
        fresh = rng.standard_t(_STUDENT, shape) / np.sqrt(
            _STUDENT / (_STUDENT - 2)
        )
    else:
        fresh = rng.standard_normal(shape)
    fresh *= np.sqrt(1 - keep**2)[:, None]
    out = np.empty(shape)
    value = np.zeros(len(keep))
    for t in range(length):
        value = keep * value + fresh[:, t]
        out[:, t] = value
    return out


def keeps(rng: np.random.Generator, white: np.ndarray) -> np.ndarray:
    """What noise keeps of a step: nothing where it is ``white``, (series,)."""
    return np.where(white, 0.0, rng.uniform(-0.3, 0.97, len(white)))


def log_uniform(
    rng: np.random.Generator, low: float, high: float, size: int
) -> np.ndarray:
    """Numbers whose logarithm is uniform."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size))
