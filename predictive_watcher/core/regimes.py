"""Regimes by what people call them: when they usually hold.

The segments of one instance have nothing to do with those of another but
that some hold by night and some by day.  That is what a model of a segment's
own is chosen by.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import enum

import numpy as np

from predictive_watcher.core import conditions


class Regime(enum.StrEnum):
    """When a segment usually holds, in the local time of its instance."""

    NIGHT = 'night'  # 20:00 to 08:00, on all days
    DAY = 'day'  # 08:00 to 20:00, on working days
    WEEKEND = 'weekend'


MOSTLY = 2 / 3  # of a segment's time
_DAY = slice(conditions.SLOTS // 3, conditions.SLOTS * 5 // 6)
_WORKING, _FREE = slice(conditions.SLOTS), slice(conditions.SLOTS, None)


@dataclass(frozen=True, slots=True)
class Regimes:
    """Those of one instance: the one that holds now, and all it has.

    None stands for a segment without a name.
    """

    now: Regime | None
    every: frozenset[Regime | None]


NONE = Regimes(None, frozenset())


def regime(times: np.ndarray) -> Regime | None:
    """What a segment is called; None: it holds at all times.

    :param times: how long it held, by half hours of a working day and then
        of a weekend's, (2 x 48,).

    >>> held = np.zeros(96)
    >>> held[2:8] = held[50:56] = 1.0  # from 01:00 to 04:00
    >>> regime(held)
    <Regime.NIGHT: 'night'>
    """
    by_day = times[_WORKING][_DAY].sum()
    shares = {
        Regime.NIGHT: times.sum() - by_day - times[_FREE][_DAY].sum(),
        Regime.DAY: by_day,
        Regime.WEEKEND: times[_FREE].sum(),
    }
    least = MOSTLY * times.sum()
    return next((r for r, held in shares.items() if held > least), None)


def of_instances(
    instances: tuple[str, ...], parts: Mapping[str, np.ndarray]
) -> dict[str, Regimes]:
    """The regimes of all that have more than one segment.

    :param parts: of what a profile remembers, see `segments.Segments.parts`.
    """
    mass, times = parts['segments.mass'], parts['segments.times']
    now = parts['segments.belief'].argmax(axis=1)
    found = {}
    for row in np.flatnonzero((mass > 0).sum(axis=1) > 1):
        names = {
            int(k): regime(times[row, k]) for k in np.flatnonzero(mass[row])
        }
        found[instances[row]] = Regimes(
            names.get(int(now[row])), frozenset(names.values())
        )
    return found
