"""Pairs of instances whose moves may be alike, one perhaps ahead.

All pairs of a cloud are too many.  So at each audit some instances, in turn,
are compared with everybody over the last day, and the few most alike become
candidates.  Only what comes afterwards decides about a candidate: of millions
of pairs some are alike in any day by chance.

A pair counts by two figures for each lag: the correlation, and how many
standard deviations it is away from none.  The latter is taken from the
products themselves, sum of x over the root of the sum of x^2 (de la Peña,
Lai and Shao, "Self-Normalized Processes", 2009): one burst at the same time,
however large, makes about 1.  To become active takes more than to stay so.
"""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import moving


LAGS = np.arange(-moving.LAGS, moving.LAGS + 1)  # the first is so far ahead
_HERE = moving.LAGS  # index of lag 0
PROBES = 64  # instances that are compared with all others at an audit,
TURNS = 6  # or fewer, so that each has its turn at every sixth
OWNED = 8  # pairs that an instance may have found
_KIN = 4  # of these, that are kept for its project, application or node
_LOOKED_AT = 64  # of those who are alike, the most alike
_HALF_LIFE = 4 * moving.DAY  # steps
_KEEP = np.float32(0.5 ** (1 / _HALF_LIFE))
_SEEN = moving.DAY // 2  # known moves before a day is judged
_ALIKE = 0.25  # correlation over a day of a candidate
_SURE, _SURE_KIN = 2.5, 1.5  # its standard deviations
_LEARN = moving.DAY  # steps until a candidate is judged
_ENTER, _LEAVE = (0.3, 4.0), (0.15, 2.0)  # correlation, deviations
# Moves overlap, and so products of them are alike: the variance of their sum
# is so many times that of products without overlap, for walks at random
# (1 + 2 (4/9 + 1/9)).
_OVERLAP = 2.1
_HOPELESS = 1.0  # deviations, after _LEARN
_PATIENCE = 1000.0  # weight of what was seen until a candidate gives up
_SWITCH = 1.0  # deviations by which another lag has to be better


class Pairs:
    """What is known of pairs; all arrays have the pairs first.

    ``first`` and ``second`` are rows of instances, ``owner`` whether the
    first (0) or the second (1) found it; ``moment`` and ``energy`` (pairs,
    lags) the fading sums of products and of their squares, ``own`` (pairs,
    2) those of the squared moves of both, ``seen`` the fading number of
    steps.  ``active`` pairs move together at ``lag``, an index of `LAGS`.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        """Begin with nothing seen of these pairs."""
        count = len(first)
        self.first = np.asarray(first, np.int64)
        self.second = np.asarray(second, np.int64)
        self.owner = np.zeros(count, np.int8)
        self.moment = np.zeros((count, len(LAGS)), np.float32)
        self.energy = np.zeros((count, len(LAGS)), np.float32)
        self.own = np.zeros((count, 2), np.float32)
        self.seen = np.zeros(count, np.float32)
        self.lag = np.full(count, _HERE, np.int8)
        self.active = np.zeros(count, bool)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered."""
        return {f'pair_{name}': array for name, array in vars(self).items()}

    @classmethod
    def of(cls, parts: dict[str, np.ndarray]) -> 'Pairs':
        """Those that `parts` returned."""
        none = np.empty(0, np.int64)
        found = cls(none, none)
        for name in vars(found):
            setattr(found, name, parts[f'pair_{name}'].copy())
        return found

    def only(self, which: np.ndarray) -> 'Pairs':
        """Some of the pairs, by indices or a mask."""
        return Pairs.of({n: a[which] for n, a in self.parts().items()})

    def moved(self, place: np.ndarray) -> 'Pairs':
        """The same where instances have other rows; -1: it is gone."""
        first, second = place[self.first], place[self.second]
        found = self.only((first >= 0) & (second >= 0))
        found.first = place[found.first]
        found.second = place[found.second]
        return found

    def advance(self, recent: np.ndarray) -> None:
        """Take the moves of the next step.

        :param recent: of `moving.Moves`.  What is unknown adds nothing.
        """
        one, other = recent[self.first], recent[self.second]
        known = np.isfinite(one[:, 0]) & np.isfinite(other[:, 0])
        one, other = np.nan_to_num(one), np.nan_to_num(other)
        product = np.concatenate(
            [one[:, :1] * other[:, :0:-1], one * other[:, :1]], axis=1
        )
        product[~known] = 0.0
        keep = np.where(known, _KEEP, np.float32(1))[:, None]
        self.moment = self.moment * keep + product
        self.energy = self.energy * keep + product * product
        both = np.stack([one[:, 0], other[:, 0]], axis=1)
        both[~known] = 0.0
        self.own = self.own * keep + both * both
        self.seen = self.seen * keep[:, 0] + known

    def correlation(self) -> np.ndarray:
        """By lag, (pairs, lags); NaN where one of both never moved."""
        length = np.sqrt(self.own[:, :1] * self.own[:, 1:])
        found = self.moment / np.where(length > 0, length, np.nan)
        return np.asarray(np.clip(found, -1.0, 1.0))

    def deviations(self) -> np.ndarray:
        """How far from no correlation, (pairs, lags); NaN where nothing
        speaks for or against it.
        """
        return _deviations(self.moment, self.energy)

    def at_lag(self, of_lags: np.ndarray) -> np.ndarray:
        """What holds at the lag of each pair, (pairs,)."""
        at = self.lag[:, None].astype(np.int64)
        return np.take_along_axis(of_lags, at, axis=1)[:, 0]

    def judged(self) -> 'Pairs':
        """Without those of which nothing comes; the others enter and leave
        as they have to.
        """
        alike = np.nan_to_num(self.correlation(), nan=-1.0)
        sure = np.nan_to_num(self.deviations(), nan=-1.0)
        best = np.argmax(sure, axis=1)
        better = np.take_along_axis(sure, best[:, None], axis=1)[:, 0]
        away = better > self.at_lag(sure) + _SWITCH
        self.lag = np.where(away | ~self.active, best, self.lag).astype(
            np.int8
        )
        enough = self.seen >= _LEARN * 0.9
        least, certain = (
            np.where(self.active, stay, enter)
            for enter, stay in zip(_ENTER, _LEAVE, strict=True)
        )
        alike, sure = self.at_lag(alike), self.at_lag(sure)
        self.active = enough & (alike >= least) & (sure >= certain)
        hopeless = enough & ~self.active
        hopeless &= (better < _HOPELESS) | (self.seen >= _PATIENCE)
        return self.only(~hopeless)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of moves, to find candidates in.

    ``moves`` (instances, time), 0 where unknown, of unit length; ``enough``
    (instances,) who moved, and was seen doing so; ``kin`` (instances,
    traits) numbers of what they may share, -1: none.
    """

    moves: np.ndarray
    enough: np.ndarray
    kin: np.ndarray


def day_of(moves: np.ndarray, kin: np.ndarray) -> Day:
    """A day ready to be compared.

    :param moves: of `moving.Moves.of_day`.
    """
    known = np.isfinite(moves)
    filled = np.where(known, moves, np.float32(0))
    length = np.sqrt(np.einsum('it,it->i', filled, filled))
    enough = (known.sum(axis=1) >= _SEEN) & (length > 0)
    filled /= np.where(length > 0, length, np.float32(1))[:, None]
    return Day(moves=filled, enough=enough, kin=kin)


def candidates(pairs: Pairs, day: Day, probes: np.ndarray) -> Pairs:
    """The same pairs, with those that the day speaks for.

    :param probes: rows of instances that look for others.
    """
    probes = probes[day.enough[probes]]
    if not len(probes):
        return pairs
    found = []
    taken = _taken(pairs, probes)
    owned = _owned(pairs, len(day.moves))
    for probe, (others, sure) in zip(
        probes.tolist(), _alike(day, probes), strict=True
    ):
        free = np.array([int(o) not in taken[probe] for o in others], bool)
        kin = (day.kin[others] == day.kin[probe]) & (day.kin[probe] >= 0)
        kin = kin.any(axis=1)
        free &= sure >= np.where(kin, _SURE_KIN, _SURE)
        room = int(OWNED - owned[probe])
        for other in _chosen(others[free], sure[free], kin[free], room):
            found.append((probe, other))
            if other in taken:
                taken[other].add(probe)
    return _with(pairs, found)


def _taken(pairs: Pairs, probes: np.ndarray) -> dict[int, set[int]]:
    """Whom the probes have a pair with, and themselves."""
    found = {probe: {probe} for probe in probes.tolist()}
    mine = np.isin(pairs.first, probes) | np.isin(pairs.second, probes)
    for one, other in zip(
        pairs.first[mine].tolist(), pairs.second[mine].tolist(), strict=True
    ):
        if one in found:
            found[one].add(other)
        if other in found:
            found[other].add(one)
    return found


def _owned(pairs: Pairs, instances: int) -> np.ndarray:
    owner = np.where(pairs.owner == 0, pairs.first, pairs.second)
    return np.bincount(owner, minlength=instances)


def _chosen(
    others: np.ndarray, sure: np.ndarray, kin: np.ndarray, room: int
) -> list[int]:
    """The surest, some of them kin where there are any."""
    if room <= 0 or not len(others):
        return []
    order = np.lexsort((others, -sure)).tolist()
    among = [k for k in order if kin[k]][: min(_KIN, room)]
    rest = [k for k in order if k not in among][: room - len(among)]
    return [int(others[k]) for k in (*among, *rest)]


def _alike(
    day: Day, probes: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each probe who is alike at some lag, and how surely."""
    steps, most = day.moves.shape[1], min(_LOOKED_AT, len(day.moves))
    best = np.full((len(probes), len(day.moves)), -np.inf, np.float32)
    for lag in LAGS.tolist():
        mine = day.moves[probes, max(0, -lag) : steps - max(0, lag)]
        theirs = day.moves[:, max(0, lag) : steps - max(0, -lag)]
        alike = mine @ theirs.T
        top = np.argpartition(alike, -most, axis=1)[:, -most:]
        row = np.arange(len(probes))[:, None]
        which, k = np.nonzero(alike[row, top] >= _ALIKE)
        other = top[which, k]
        product = mine[which] * theirs[other]
        energy = (product * product).sum(axis=1)
        sure = _deviations(product.sum(axis=1), energy)
        best[which, other] = np.fmax(best[which, other], sure)
    found = []
    for row_of in best:
        others = np.flatnonzero(row_of > 0)
        found.append((others, row_of[others]))
    return found


def _deviations(moment: np.ndarray, energy: np.ndarray) -> np.ndarray:
    root = np.sqrt(_OVERLAP * np.where(energy > 0, energy, np.nan))
    return np.asarray(moment / root)


def _with(pairs: Pairs, found: list[tuple[int, int]]) -> Pairs:
    """Pairs and new ones, in the order of their rows."""
    if not found:
        return pairs
    ends = np.array(found, np.int64)
    new = Pairs(ends.min(axis=1), ends.max(axis=1))
    new.owner = (ends[:, 0] > ends[:, 1]).astype(np.int8)
    old, more = pairs.parts(), new.parts()
    both = Pairs.of({n: np.concatenate([old[n], more[n]]) for n in old})
    return both.only(np.lexsort((both.second, both.first)))
