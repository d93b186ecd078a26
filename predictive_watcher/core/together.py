"""Groups: instances that pairs connect, and the same number for each audit.

A group is what active pairs connect, up to `MOST` members.  Since pairs enter
and leave with some reluctance (`pairs`), so do members; and a group keeps its
number while most of those that had it are in it.

Pairs make chains, and on a large cloud a chain reaches everybody in the end:
that its ends move together is then no longer true.  So what would be larger
is parted: its pairs connect one after the other, those that connected a group
before, then the surest, and one that would make more than `MOST` does not.
While the pairs last, the parts are the same at each audit, however sure each
pair is.
"""

import numpy as np


NOBODY = -1  # of an instance that is in no group
MOST = 64  # members of a group


def components(
    count: int, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """The lowest row that each of ``count`` is connected with.

    >>> components(5, np.array([1, 3]), np.array([3, 4])).tolist()
    [0, 1, 2, 1, 1]
    """
    found = np.arange(count)
    while True:
        before = found.copy()
        lowest = np.minimum(found[first], found[second])
        np.minimum.at(found, first, lowest)
        np.minimum.at(found, second, lowest)
        found = found[found]
        if np.array_equal(found, before):
            return found


def bounded(
    component: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    sure: np.ndarray,
    before: np.ndarray,
) -> np.ndarray:
    """The same, with parts of those that have more than `MOST` members.

    :param component: of `components`, which ``first`` and ``second`` made.
    :param sure: how sure each pair is.
    :param before: as in `numbered`.
    """
    large = np.bincount(component, minlength=len(component))[component] > MOST
    found = np.where(large, np.arange(len(component)), component)
    members = {row: [row] for row in np.flatnonzero(large).tolist()}
    kept = (before[first] == before[second]) & (before[first] != NOBODY)
    order = np.lexsort((second, first, -sure, ~kept))
    for k in order[large[first[order]]].tolist():
        one, other = int(found[first[k]]), int(found[second[k]])
        low, high = min(one, other), max(one, other)
        if low != high and len(members[low]) + len(members[high]) <= MOST:
            found[members[high]] = low
            members[low] += members.pop(high)
    return found


def numbered(
    component: np.ndarray, before: np.ndarray, following: int
) -> tuple[np.ndarray, int]:
    """The number of each instance's group, `NOBODY` for those alone.

    :param component: of `components`.
    :param before: the numbers of the audit before, `NOBODY` for none.
    :param following: the first number that no group had yet; the one that
        holds now is returned as well.
    """
    size = np.bincount(component, minlength=len(component))
    found = np.full(len(component), NOBODY, np.int64)
    shared = size[component] > 1
    claims = _claims(component[shared], before[shared])
    number_of: dict[int, int] = {}
    taken: set[int] = set()
    for _, number, lowest in claims:
        if lowest not in number_of and number not in taken:
            number_of[lowest] = number
            taken.add(number)
    for lowest in np.unique(component[shared]).tolist():
        if lowest not in number_of:
            number_of[lowest] = following
            following += 1
    found[shared] = [number_of[k] for k in component[shared].tolist()]
    return found, following


def _claims(
    component: np.ndarray, before: np.ndarray
) -> list[tuple[int, int, int]]:
    """Who may keep a number: how many had it, negative, the number, and the
    component; the best first.
    """
    had = before != NOBODY
    pairs, times = np.unique(
        np.stack([before[had], component[had]]), axis=1, return_counts=True
    )
    return sorted(
        (-int(n), int(number), int(lowest))
        for (number, lowest), n in zip(pairs.T, times, strict=True)
    )
