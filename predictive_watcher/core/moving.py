"""Moves: how far use went within 15 minutes, each on its own scale.

A move is what the simplest forecast, "as now", misses 15 minutes ahead: its
residual.  It is there for every step of the history, for whoever is new, and
whichever model is in use.
"""

import numpy as np

from predictive_watcher.core import fleet


RESOURCE = fleet.RESOURCES.index(fleet.Resource.CPU)
LAGS = 3  # steps by which one may be ahead of another
WIDTH = 3  # steps of a move: a rise that takes two is seen whole
DAY = 288  # steps
_LEAST = 0.01  # of the limit: smaller moves are noise of the measurement
_MOST = 6.0  # mean moves: beyond, one move would say everything
_YOUNG = 12  # known moves, before which there is no scale


class Moves:
    """The newest moves of instances, and how large they usually are.

    ``last`` (instances, WIDTH) is the newest use, the newest first, NaN where
    it is unknown;
    ``scale`` the running mean of the size of moves, in the units of usage;
    ``count`` how many were known, up to a day of them; ``recent``
    (instances, LAGS + 1) the newest moves in such means, the newest first,
    NaN where one is unknown.
    """

    def __init__(self, instances: int) -> None:
        """Begin with nothing seen."""
        self.last = np.full((instances, WIDTH), np.nan, np.float32)
        self.scale = np.zeros(instances, np.float32)
        self.count = np.zeros(instances, np.int32)
        self.recent = np.full((instances, LAGS + 1), np.nan, np.float32)

    def copy(self) -> 'Moves':
        """The same, which goes its own way."""
        found = Moves(0)
        for name, array in vars(self).items():
            setattr(found, name, array.copy())
        return found

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, with the instances first."""
        names = ('last', 'scale', 'count', 'recent')
        return {f'move_{name}': getattr(self, name) for name in names}

    def advance(self, sample: np.ndarray, limits: np.ndarray) -> None:
        """Take the use of the next step, like ``limits`` (instances,)."""
        move = changes(sample, self.last[:, -1], limits)
        self.recent[:, 1:] = self.recent[:, :-1]
        self.recent[:, 0] = self.scaled(move[:, None])[:, 0]
        known = np.isfinite(move)
        self.count = np.minimum(self.count + known, DAY).astype(np.int32)
        size = np.where(known, np.abs(move), self.scale)
        rate = 1 / np.maximum(self.count, 1)
        self.scale += (rate * (size - self.scale)).astype(np.float32)
        self.last[:, 1:] = self.last[:, :-1]
        self.last[:, 0] = sample

    def pause(self, steps: int) -> None:
        """Let steps go by that nobody saw: what comes after them did not
        move within 15 minutes.
        """
        silence = np.full(len(self.scale), np.nan, np.float32)
        for _ in range(min(max(steps, 0), WIDTH + LAGS + 1)):
            self.advance(silence, silence)

    def scaled(self, moves: np.ndarray) -> np.ndarray:
        """Moves (instances, time) in their usual size, float32 and clipped;
        NaN where either is unknown.
        """
        known = (self.count >= _YOUNG) & (self.scale > 0)
        scale = np.where(known, self.scale, np.nan)[:, None]
        found = np.clip(moves / scale, -_MOST, _MOST)
        return np.asarray(found, np.float32)

    def of_day(self, used: np.ndarray, limits: np.ndarray) -> np.ndarray:
        """The moves of the last day, (instances, time).

        :param used: (instances, time); ``limits`` (instances,).
        """
        used = used[:, -DAY - WIDTH :]
        return self.scaled(
            changes(used[:, WIDTH:], used[:, :-WIDTH], limits[:, None])
        )


def changes(
    sample: np.ndarray, before: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """Moves in the units of usage; what is next to nothing is none.

    >>> now, before = np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.99, np.nan])
    >>> changes(now, before, np.array([4.0, 4.0, 4.0])).tolist()
    [1.0, 0.0, nan]
    """
    move = sample - before
    least = np.where(np.isfinite(limits), _LEAST * limits, 0.0)
    return np.asarray(np.where(np.abs(move) < least, 0.0, move))
