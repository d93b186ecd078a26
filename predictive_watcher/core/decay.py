"""Means that forget, at the same cost for each sample.

A sample of time t weighs 2^((t mod H) / H), and at each multiple of the
half-life H all weights are halved: the weight of a sample falls by half in
each half-life, and in between nothing has to be touched (forward decay:
Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009).  Halving is exact in binary,
so what was remembered and what is learned anew are the same, bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


def weight(time: int, half_life_s: int) -> np.float32:
    """What a sample of ``time`` weighs, 1 to 2.

    >>> [float(weight(t, 100)) for t in (0, 100, 150)]
    [1.0, 1.0, 1.4142135381698608]
    """
    return np.float32(2.0 ** ((time % half_life_s) / half_life_s))


def halved(before: int, now: int, half_life_s: int) -> np.float32:
    """What weights of ``before`` are worth ``now``, beside new ones."""
    times = now // half_life_s - before // half_life_s
    return np.float32(2.0**-times)


@dataclass(slots=True)
class Moments:
    """Weight, mean and spread of what was seen, arrays of any one shape.

    ``scatter`` is the weighted sum of squared distances from the mean
    (West, CACM 1979).
    """

    weight: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def empty(cls, *shape: int) -> 'Moments':
        """Nothing seen."""
        return cls(*(np.zeros(shape, np.float32) for _ in range(3)))

    def take(
        self,
        value: np.ndarray,
        gain: np.ndarray,
        at: tuple[np.ndarray, ...] | None = None,
    ) -> None:
        """Learn a value; where its gain is 0, nothing.

        :param value: finite.
        :param gain: float32, what it weighs.
        :param at: an index, where the value is for a part of the arrays;
            no place may be in it twice.
        """
        old = self if at is None else self[at]
        total = old.weight + gain
        rate = gain / np.maximum(total, np.float32(1e-30))
        step = value - old.mean
        mean = old.mean + rate * step
        scatter = old.scatter + gain * step * (value - mean)
        here: Any = ... if at is None else at
        self.weight[here] = total
        self.mean[here] = mean
        self.scatter[here] = scatter

    def __getitem__(self, index: Any) -> 'Moments':
        """Those of a part; a view where numpy gives one."""
        return Moments(
            self.weight[index], self.mean[index], self.scatter[index]
        )

    def clear(self, index: Any) -> None:
        """Nothing was seen there."""
        for kept in (self.weight, self.mean, self.scatter):
            kept[index] = 0

    def put(self, index: Any, seen: 'Moments') -> None:
        """Replace those of a part."""
        self.weight[index] = seen.weight
        self.mean[index] = seen.mean
        self.scatter[index] = seen.scatter

    def fade(self, factor: np.float32) -> None:
        """Let all that was seen weigh less."""
        self.weight *= factor
        self.scatter *= factor

    def known(self) -> np.ndarray:
        """The mean; NaN where nothing was seen."""
        return np.where(self.weight > 0, self.mean, np.float32(np.nan))

    def spread(self) -> np.ndarray:
        """The standard deviation; NaN where nothing was seen."""
        variance = self.scatter / np.maximum(self.weight, np.float32(1e-30))
        root = np.sqrt(np.maximum(variance, 0))
        return np.where(self.weight > 0, root, np.float32(np.nan))

    def parts(self, name: str) -> Mapping[str, np.ndarray]:
        """All arrays, by names that begin with ``name``."""
        return {
            f'{name}.weight': self.weight,
            f'{name}.mean': self.mean,
            f'{name}.scatter': self.scatter,
        }
