"""How much is known of an instance, and whose behaviour stands in for it."""

from collections.abc import Sequence
import enum

import numpy as np

from predictive_watcher.core import usage as usage_module


HOUR_S, DAY_S, WEEK_S = 3600, 86400, 7 * 86400


class Rung(enum.IntEnum):
    """What a forecast stands on; each needs more history than the one
    before.

    `NO_SAMPLES`: nothing, the instance is held.  `GROUP_PRIOR`: less than an
    hour, others of its application, flavor or project stand in.
    `FIRST_HOURS`: at least an hour; `FIRST_DAY`: at least a day;
    `FIRST_WEEK`: at least a week.
    """

    NO_SAMPLES = 0
    GROUP_PRIOR = 1
    FIRST_HOURS = 2
    FIRST_DAY = 3
    FIRST_WEEK = 4

    @property
    def code(self) -> str:
        """How it is called in verdicts and notifications.

        >>> Rung.FIRST_DAY.code
        'first_day'
        """
        return self.name.lower()


_LEAST_S = np.array([0, HOUR_S, DAY_S, WEEK_S])


def rungs(seen_s: np.ndarray) -> np.ndarray:
    """The rung of each instance, int8, from how much of it was seen.

    :param seen_s: seconds for which there are samples, less what has faded.

    >>> rungs(np.array([0, 300, 3600, 86400.0, 8 * 86400])).tolist()
    [0, 1, 2, 3, 4]
    """
    found = np.searchsorted(_LEAST_S, seen_s, side='right')
    return np.where(seen_s > 0, found, 0).astype(np.int8)


def of_window(window: usage_module.UsageWindow) -> np.ndarray:
    """The rungs, from a window alone."""
    return rungs(window.reported().sum(axis=1) * float(window.step_s))


class Groups:
    """Who is like whom: the most specific group that knows anything counts.

    >>> kin = Groups([('web', 'small'), ('web', 'large'), ('', 'small')])
    >>> mean, weight = kin.others(np.array([[1.0], [3.0], [5.0]]))
    >>> mean[:, 0].tolist(), weight[:, 0].tolist()
    ([3.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    """

    def __init__(self, kin: Sequence[Sequence[str]]) -> None:
        """Take the groups of each instance.

        :param kin: by instance, the names of its groups, the most specific
            first and as many for each; '' is none.  All are one more group.
        """
        self._kin = tuple(tuple(groups) for groups in kin)
        self._codes = [np.zeros(len(kin), np.int64)]
        for level in reversed(range(len(kin[0]) if kin else 0)):
            index: dict[str, int] = {'': -1}
            codes = [index.setdefault(k[level], len(index) - 1) for k in kin]
            self._codes.append(np.array(codes, np.int64))

    def stand_ins(self, knows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Who stands in for each instance: the place of the group among its
        groups (-1: all), and how many others of it know anything.

        :param knows: bool (instances,).
        """
        place = np.full(len(knows), -1)
        count = np.zeros(len(knows), np.int64)
        levels = range(len(self._codes) - 1, -1, -1)
        # the widest group first: those more specific overrule it
        for codes, level in zip(self._codes, (-1, *levels[1:]), strict=True):
            mine = codes >= 0
            left = _sums(knows.astype(float), codes, mine) - knows
            found = mine & (left > 0.5)
            place[found], count[found] = level, left[found].round()
        return place, count

    def name(self, row: int, place: int) -> str:
        """What the group of an instance is called; '' for all."""
        return self._kin[row][place] if place >= 0 else ''

    def others(
        self, value: np.ndarray, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The weighted mean over the others of a group, and their weight.

        NaN and 0 where nobody else knows anything.

        :param value: (instances, ...); NaN where unknown.
        :param weight: what each counts; None: alike.
        """
        known = np.isfinite(value)
        given = np.ones(value.shape) if weight is None else weight
        mass = np.where(known, given, 0).astype(np.float64)
        total = np.where(known, value, 0) * mass
        mean = np.full(value.shape, np.nan)
        most = np.zeros(value.shape)
        for codes in self._codes:
            mine = codes >= 0
            left, amount = (
                _sums(part, codes, mine) - part for part in (mass, total)
            )
            enough = mine.reshape(-1, *[1] * (value.ndim - 1)) & (left > 1e-9)
            mean = np.where(enough, amount / np.maximum(left, 1e-9), mean)
            most = np.where(enough, left, most)
        return mean, most


def _sums(part: np.ndarray, codes: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """For each instance the sum over its group."""
    size = int(codes.max(initial=0)) + 1
    sums = np.zeros((size, *part.shape[1:]))
    np.add.at(sums, codes[mine], part[mine])
    return np.asarray(sums[np.maximum(codes, 0)])
