"""How long it pays to wait for a need to return.

To hold what was lent costs room, and to give it back costs a violation and
two restarts should the need return.  Nobody knows after which pause it will;
pauses that were seen say what each wait would have cost on average, and the
cheapest one is chosen.  With one price for both this is the ski rental
problem with a known distribution (Karlin, Manasse, McGeoch and Owicki,
Algorithmica 1994).
"""

from functools import cache
import math

import numpy as np


# Pauses of an instance vary much: in traces (Bitbrains) they are spread as a
# Weibull distribution of this shape, many short ones and a few long.
_SHAPE = 0.4
_PARTS = 25  # of that distribution, of equal chance
_PRIOR = 3.0  # pauses that the distribution counts as
_GRID = 24  # waits that are compared


def cheapest_s(
    seen_s: np.ndarray,
    mean_s: float,
    *,
    return_cost: float,
    hour_cost: float,
    least_s: int,
    most_s: int,
) -> int:
    """The wait, in seconds, that costs least on average.

    Pauses are taken to be spread as those that were seen of late, and as a
    distribution about the mean one.

    :param seen_s: (pauses,) that were seen of late.
    :param mean_s: the mean pause, by all that is known.
    :param return_cost: what it costs when the need returns after the wait.
    :param hour_cost: what an hour of the wait costs, in the same unit.
    """
    pauses = np.concatenate([seen_s, pauses_about(mean_s)])
    counts = np.concatenate(
        [np.ones(len(seen_s)), np.full(_PARTS, _PRIOR / _PARTS)]
    )
    waits = np.geomspace(max(least_s, 1), max(most_s, least_s, 1), _GRID)
    held_s = np.minimum(pauses[:, None], waits)
    cost = hour_cost / 3600 * held_s + return_cost * (pauses[:, None] > waits)
    return round(float(waits[np.argmin(counts @ cost)]))


def pauses_about(mean_s: float) -> np.ndarray:
    """Pauses of equal chance, (parts,), whose mean is about this one."""
    return mean_s * _spread()


@cache
def _spread() -> np.ndarray:
    chance = (np.arange(_PARTS) + 0.5) / _PARTS
    scale = 1 / math.gamma(1 + 1 / _SHAPE)
    return np.asarray(scale * (-np.log(1 - chance)) ** (1 / _SHAPE))
