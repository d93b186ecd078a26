"""How well chances tell what happens: average precision and Brier score; and
quantiles of samples.
"""

from collections.abc import Sequence

import numpy as np


class Ranking:
    """Cells by falling score, made once for average precisions under many
    weights: a bootstrap asks for hundreds.
    """

    def __init__(self, label: np.ndarray, score: np.ndarray) -> None:
        """Rank cells.

        :param label: (cells,), 1 where it happened, else 0.
        :param score: (cells,), the higher the more it was expected.
        """
        order = np.argsort(-score, kind='stable')
        changes = np.append(np.diff(score[order]) != 0, True)[: len(order)]
        ends = np.flatnonzero(changes)
        hits = np.cumsum(label[order])[ends]
        # what ranks below the last one that happened changes nothing
        last = int(np.searchsorted(hits, hits[-1])) if len(hits) else -1
        self._ends = ends[: last + 1]  # of cells with the same score
        self._order = order[: self._ends[-1] + 1] if last >= 0 else order
        self._label = label[self._order]

    def precision(self, weight: np.ndarray) -> float:
        """Precision averaged over the recalls; tied scores count as one.

        :param weight: (cells,), how often each counts.
        :returns: NaN where nothing happened.
        """
        weight = weight[self._order]
        hits = np.cumsum(weight * self._label)[self._ends]
        if not len(hits) or hits[-1] <= 0:
            return float('nan')
        named = np.cumsum(weight)[self._ends]
        gained = np.diff(hits, prepend=0)
        share = hits / np.maximum(named, 1e-12)
        return float((gained * share).sum() / hits[-1])


def average_precision(label: np.ndarray, score: np.ndarray) -> float:
    """Precision averaged over the recalls; tied scores count as one.

    >>> average_precision(np.array([1, 0, 1]), np.array([0.9, 0.5, 0.5]))
    0.8333333333333333
    """
    return Ranking(label, score).precision(np.ones(len(label)))


def brier(label: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Squared error of each chance, (cells,); NaN stays."""
    return np.asarray((np.clip(chance, 0, 1) - label) ** 2)


def brier_skill(label: np.ndarray, chance: np.ndarray) -> float:
    """By how much chances beat the rate of what happened, 1 being perfect.

    >>> brier_skill(np.array([1.0, 0.0]), np.array([1.0, 0.5]))
    0.5
    """
    base = float(label.mean())
    error = float(brier(label, chance).mean())
    return 1 - error / max(base * (1 - base), 1e-12)


def quantiles(
    samples: np.ndarray, known: np.ndarray, levels: Sequence[float]
) -> np.ndarray:
    """Quantiles along the last axis, linear between samples, float64.

    As `np.nanquantile` has them, which asks one row after the other.

    :param samples: (n, samples); NaN where there is none.
    :param known: (n,), how many there are, one at least.

    >>> quantiles(np.array([[3.0, np.nan, 1.0]]), np.array([2]), (0, 0.5, 1))
    array([[1., 2., 3.]])
    """
    ordered = np.sort(samples.astype(np.float64), axis=1)  # NaN comes last
    last = known[:, None] - 1
    place = last * np.asarray(levels, np.float64)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, last)
    one, other = (np.take_along_axis(ordered, k, 1) for k in (low, high))
    return np.asarray(one + (place - low) * (other - one))
