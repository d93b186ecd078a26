"""Normal distributions over resources: how alike two are, and both as one."""

import numpy as np

from predictive_watcher.core import decay


_PRIOR = np.float32(12.0)  # samples' worth of belief in a spread
_PRIOR_VARIANCE = np.float32(0.3**2)
_LEAST_VARIANCE = np.float32(0.05**2)


def variance(seen: decay.Moments) -> np.ndarray:
    """Squared spreads, with a belief in a usual one while they are new."""
    found = seen.scatter + _PRIOR * _PRIOR_VARIANCE
    return np.asarray(found / (seen.weight + _PRIOR) + _LEAST_VARIANCE)


def apart(one: decay.Moments, other: decay.Moments) -> np.ndarray:
    """The distance of Bhattacharyya, summed over the last axis.

    0 for the same, 1/8 of the squared distance in spreads for means that
    differ; infinite where one is empty (Kailath, IEEE Trans. Comm. 1967).

    >>> a = decay.Moments(*np.array([[1e6], [0.0], [1e6]], np.float32))
    >>> b = decay.Moments(*np.array([[1e6], [4.0], [1e6]], np.float32))
    >>> float(apart(a, a)), round(float(apart(a, b)), 2)
    (0.0, 2.0)
    """
    v, w = variance(one), variance(other)
    middle = (v + w) / 2
    both = (one.weight > 0) & (other.weight > 0)
    far = (one.mean - other.mean) ** 2 / (8 * middle)
    shape = 0.5 * np.log(middle / np.sqrt(v * w))
    found = np.where(both, far + shape, 0).sum(axis=-1)
    return np.where(both.any(axis=-1), found, np.inf)


def joined(one: decay.Moments, other: decay.Moments) -> decay.Moments:
    """What both have seen (Chan, Golub, LeVeque, 1979)."""
    total = one.weight + other.weight
    safe = np.maximum(total, np.float32(1e-30))
    share = other.weight / safe
    step = other.mean - one.mean
    return decay.Moments(
        total,
        one.mean + share * step,
        one.scatter + other.scatter + one.weight * share * step**2,
    )


def closest(seen: decay.Moments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the segments of each instance the two that are most alike.

    :param seen: moments of (instances, segments, resources).
    :returns: the lower and the higher index, and how far they are apart;
        infinite where there are no two.
    """
    pairs = np.array(np.triu_indices(seen.mean.shape[1], 1)).T
    if not len(pairs):
        nobody = np.zeros(len(seen.mean), np.int64)
        return nobody, nobody, np.full(len(seen.mean), np.inf)
    far = np.stack([apart(seen[:, a], seen[:, b]) for a, b in pairs], axis=1)
    best = far.argmin(axis=1)
    least = np.take_along_axis(far, best[:, None], 1)[:, 0]
    return pairs[best, 0], pairs[best, 1], least
