"""The behaviour of each instance that the history shows."""

import numpy as np

from predictive_watcher.core import usage


PRIOR_EXCESS_S = 1800.0
_PRIOR_RUNS = 1.0


def mean_excess_s(
    window: usage.UsageWindow, threshold: np.ndarray
) -> np.ndarray:
    """How long usage stays above a threshold once it has passed it.

    The mean length of the runs above it, in seconds, shrunk towards
    `PRIOR_EXCESS_S` as if one run of that length had been seen: an instance
    that never passed the threshold gets the prior.

    :param threshold: (instances, resources) in the units of usage; NaN where
        there is none.
    :returns: (instances, resources), seconds.

    >>> import numpy as np
    >>> used = np.zeros((1, 12, 4), np.float32)
    >>> used[0, 3:5, 0] = used[0, 8:10, 0] = 1
    >>> w = usage.UsageWindow(
    ...     instances=('a',), start=0, step_s=300, usage=used
    ... )
    >>> mean_excess_s(w, np.full((1, 4), 0.5))[0].tolist()
    [1000.0, 1800.0, 1800.0, 1800.0]
    """
    above = window.usage > threshold[:, None, :]
    begins = above.copy()
    begins[:, 1:] &= ~above[:, :-1]
    runs = begins.sum(axis=1)
    seconds = above.sum(axis=1) * float(window.step_s)
    return np.asarray(
        (PRIOR_EXCESS_S * _PRIOR_RUNS + seconds) / (_PRIOR_RUNS + runs)
    )
