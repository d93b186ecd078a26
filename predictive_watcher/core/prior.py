"""What is usual for an instance of which little was seen yet.

Others of its kind stand in for it: what they do at this time of the day,
moved to its own level as far as that is known.  With each sample of its own
it counts more for itself, and after an hour at a time of the day as much as
they do.  The forecast does not ask them: from the first sample on, that says
more of the next 15 minutes than the level of any others (see
doc/source/contributor/benchmarks.rst).
"""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import decay
from predictive_watcher.core import fleet
from predictive_watcher.core import ladder
from predictive_watcher.core import profile
from predictive_watcher.core import scale


_DOUBT_S = 3600.0  # of own samples that others count as much as
_WHOLLY = 0.99  # own share from which nobody has to stand in
_ENOUGH = 0.9  # samples before an instance stands in for others
# what those have in common whose groups are at the same place, see `ladder`
KIN_WORDS = ('application', 'project and flavor', 'flavor', 'project')


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What is usual at one or several times of the day.

    Arrays of shape (instances, [times,] resources): ``level`` and ``spread``
    on the scale of `scale`, NaN where neither the instance nor others know;
    ``own`` is how much of it the instance knows by itself, 0 to 1, and
    ``others`` how many stand in for the rest.
    """

    level: np.ndarray
    spread: np.ndarray
    own: np.ndarray
    others: np.ndarray


def at(
    known: profile.BehaviouralProfile, kin: ladder.Groups, time: int
) -> Usual:
    """What is usual in the step that ends at ``time`` (Unix seconds)."""
    moment = known.calendar.at(time)
    rows = np.arange(len(moment.slot))
    return _usual(
        known,
        kin,
        known.season.level(moment),
        known.season.day[rows, moment.slot],
    )


def days(known: profile.BehaviouralProfile, kin: ladder.Groups) -> Usual:
    """What is usual at each half hour of a working day and a weekend's."""
    day = known.season.day
    return _usual(known, kin, day.known(), day)


def _usual(
    known: profile.BehaviouralProfile,
    kin: ladder.Groups,
    mine: np.ndarray,
    seen: decay.Moments,
) -> Usual:
    """The mixture of the own and the others' levels ``mine``."""
    one = decay.weight(known.time or 0, profile.HALF_LIFE_S)
    doubt = _DOUBT_S / known.step_s
    weight = np.where(np.isfinite(mine), seen.weight / one, 0)
    nan = np.float32(np.nan)
    teaches = weight >= _ENOUGH
    plain, others = kin.others(np.where(teaches, mine, nan))
    square, _ = kin.others(np.where(teaches, mine**2, nan))
    within, _ = kin.others(np.where(teaches, seen.spread() ** 2, nan))
    theirs = plain + _shift(known, kin, one, doubt, mine.ndim)
    share = np.where(others > 0, weight / (weight + doubt), 1.0)
    share = np.where((others > 0) | (weight > 0), share, np.nan)
    level = _mixed(share, mine, theirs)
    between = np.maximum(square - plain**2, 0)
    variance = _mixed(share, seen.spread() ** 2, within + between)
    return Usual(
        level=level,
        spread=np.sqrt(np.maximum(variance, 0)),
        own=share,
        others=others,
    )


def _shift(
    known: profile.BehaviouralProfile,
    kin: ladder.Groups,
    one: np.float32,
    doubt: float,
    dimensions: int,
) -> np.ndarray:
    """How far the own level lies from the others', as far as it is known."""
    own, count = known.level.known(), known.level.weight / one
    theirs, _ = kin.others(np.where(count >= _ENOUGH, own, np.nan))
    apart = np.nan_to_num(own - theirs) * count / (count + doubt)
    return np.asarray(apart if dimensions == 2 else apart[:, None])


def _mixed(
    share: np.ndarray, mine: np.ndarray, theirs: np.ndarray
) -> np.ndarray:
    """Who knows nothing has no say."""
    both = share * np.nan_to_num(mine) + (1 - share) * np.nan_to_num(theirs)
    found = np.where(
        np.isfinite(mine) & np.isfinite(theirs),
        both,
        np.where(np.isfinite(mine), mine, theirs),
    )
    return np.asarray(found)


def said(usual: Usual, row: int) -> str:
    """What is usual for an instance, in words."""
    amounts = scale.amount(usual.level[row])
    return ', '.join(
        f'{resource} {amounts[r]:.3g} {fleet.UNITS[resource]}'
        for r, resource in enumerate(fleet.RESOURCES)
        if np.isfinite(amounts[r])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """Who stands in for an instance: ``count`` others of a group, by
    ``share`` of what is usual for it.
    """

    group: str
    count: int
    share: float

    def __str__(self) -> str:
        return (
            f'{self.count} others of {self.group} stand in by '
            f'{self.share:.0%}'
        )


def stand_ins(
    known: profile.BehaviouralProfile, kin: ladder.Groups, usual: Usual
) -> list[StandIn | None]:
    """Of each instance; None where nobody does."""
    knows = np.asarray(known.level.weight.any(axis=1))
    place, count = kin.stand_ins(knows)
    own = np.nan_to_num(usual.own).reshape(len(count), -1).mean(axis=1)
    return [
        StandIn(
            group=_group(kin, row, int(place[row])),
            count=int(count[row]),
            share=float(1 - own[row]),
        )
        if count[row] and own[row] < _WHOLLY
        else None
        for row in range(len(count))
    ]


def _group(kin: ladder.Groups, row: int, place: int) -> str:
    if place < 0:
        return 'all'
    return f'{KIN_WORDS[place]} {kin.name(row, place)}'
