"""The scores of the Numenta Anomaly Benchmark, written anew from its paper.

Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the
Numenta Anomaly Benchmark", ICMLA 2015, and the published runner's rules:
the first detection in a window counts, the more the earlier; each detected
row outside of one costs, the less the nearer it is to the window before; the
first 15 % of a series, at most 750 rows, are not scored; one threshold for
all series is chosen to be the best; 0 is a detector that tells nothing, 100
a perfect one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a detection, a false one and a missed window weigh."""

    hit: float
    false: float
    missed: float


PROFILES = {
    'standard': Profile(hit=1.0, false=0.11, missed=1.0),
    'reward_low_FP_rate': Profile(hit=1.0, false=0.22, missed=1.0),
    'reward_low_FN_rate': Profile(hit=1.0, false=0.11, missed=2.0),
}
_PROBATION, _PROBATION_ROWS = 0.15, 5000
_FAR = 3.0  # window lengths after which a false detection costs all
Windows = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Rows that are scored, from one series or from many.

    ``worth`` is what a detection there is worth before it is weighed (of a
    false one: below 0), ``window`` the number of its window; -1: none.
    """

    score: np.ndarray
    worth: np.ndarray
    window: np.ndarray
    windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The normalised score, the threshold, and what was told with it."""

    score: float
    threshold: float
    hit: int
    windows: int
    false: int


def _sigmoid(position: np.ndarray) -> np.ndarray:
    """1 far before the right end of a window, 0 at it, -1 far behind."""
    near = np.minimum(position, _FAR)
    return np.where(position >= _FAR, -1.0, 2 / (1 + np.exp(5 * near)) - 1)


_BEST = float(_sigmoid(np.array(-1.0)))


def probation(rows: int) -> int:
    """How many rows at the beginning are not scored."""
    return int(_PROBATION * min(rows, _PROBATION_ROWS))


def label(score: np.ndarray, windows: Windows) -> Labelled:
    """The rows of one series.

    :param windows: first and last row of each, ascending.
    """
    rows = np.arange(len(score))
    worth = np.full(len(score), -1.0)
    window = np.full(len(score), -1)
    ends = [first for first, _ in windows[1:]] + [len(score)]
    for number, ((first, last), end) in enumerate(
        zip(windows, ends, strict=False)
    ):
        inside, behind = slice(first, last + 1), slice(last + 1, end)
        length = last - first + 1
        position = (rows[inside] - last - 1) / length
        worth[inside] = _sigmoid(position) / _BEST
        window[inside] = number
        worth[behind] = _sigmoid((rows[behind] - last) / max(length - 1, 1))
    scored = slice(probation(len(score)), None)
    return Labelled(
        score=score[scored],
        worth=worth[scored],
        window=window[scored],
        windows=len(windows),
    )


def together(series: Sequence[Labelled]) -> Labelled:
    """The rows of many series."""
    first = np.cumsum([0, *(one.windows for one in series)])
    return Labelled(
        score=np.concatenate([one.score for one in series]),
        worth=np.concatenate([one.worth for one in series]),
        window=np.concatenate(
            [
                np.where(one.window >= 0, one.window + begin, -1)
                for one, begin in zip(series, first[:-1], strict=True)
            ]
        ),
        windows=int(first[-1]),
    )


def at(rows: Labelled, threshold: float, profile: Profile) -> Result:
    """The score with a given threshold: told is what reaches it."""
    told = rows.score >= threshold
    best = np.full(rows.windows, -profile.missed)
    hit = told & (rows.window >= 0)
    np.maximum.at(best, rows.window[hit], profile.hit * rows.worth[hit])
    false = told & (rows.window < 0)
    raw = best.sum() + profile.false * rows.worth[false].sum()
    null, perfect = -profile.missed, profile.hit
    return Result(
        score=float(100 * (raw / rows.windows - null) / (perfect - null)),
        threshold=threshold,
        hit=len(set(rows.window[hit].tolist())),
        windows=rows.windows,
        false=int(false.sum()),
    )


def best(rows: Labelled, profile: Profile) -> Result:
    """The score with the threshold that is best for all of the rows."""
    order = np.argsort(-rows.score, kind='stable')
    score, worth = rows.score[order], rows.worth[order]
    window = rows.window[order]
    gain = np.where(window < 0, profile.false * worth, 0.0)
    got = np.full(rows.windows, -profile.missed)
    for row in np.flatnonzero(window >= 0):
        more = profile.hit * worth[row] - got[window[row]]
        if more > 0:
            gain[row] = more
            got[window[row]] += more
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))
    total = np.cumsum(gain)[last]
    if not len(total) or total.max() <= 0:
        return at(rows, np.inf, profile)
    return at(rows, float(score[last[np.argmax(total)]]), profile)
