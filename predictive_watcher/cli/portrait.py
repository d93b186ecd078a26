"""One instance's behavioural profile, for programs."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from predictive_watcher.core import conditions
from predictive_watcher.core import decay
from predictive_watcher.core import fleet
from predictive_watcher.core import ladder
from predictive_watcher.core import prior
from predictive_watcher.core import profile
from predictive_watcher.core import scale
from predictive_watcher.core import segments


A_BAR_S = 3 * 3600  # in the picture of a week
_SHARES = (0.5, 0.7, 0.8, 0.9)  # of the largest usual use, for excesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Who stands in for an instance, and what is usual for it with them:
    ``level`` (half hours of a working day and of a weekend's, resources) on
    the scale of `scale`, of which it knows the share ``own`` by itself.
    """

    stand_in: prior.StandIn | None
    level: np.ndarray
    own: np.ndarray


def of(
    known: profile.BehaviouralProfile, now: int, kin: Kin | None = None
) -> dict[str, Any]:
    """What is known of the only instance of a profile.

    Times are seconds, amounts the units of usage; None is unknown.

    :param now: Unix seconds, to tell the age of the data from.
    """
    end = known.time or 0
    rung = ladder.Rung(int(known.rung[0]))
    age = float(known.age_s[0])
    measured = bool(known.activity.measured[0])
    return {
        'activity': 'metric' if measured else 'network',
        'rung': rung.code,
        'seen_s': float(known.seen_s[0]),
        'as_of': end,
        'data_age_s': _number(now - end + age),
        'half_life_s': profile.HALF_LIFE_S,
        'resources': {
            str(resource): _resource(known, r, now - end)
            | _with_kin(kin, r)
            for r, resource in enumerate(fleet.RESOURCES)
        },
        'stand_in': None
        if kin is None or kin.stand_in is None
        else dataclasses.asdict(kin.stand_in),
        'segments': _segments(known),
    }


def _resource(
    known: profile.BehaviouralProfile, r: int, since: int
) -> dict[str, Any]:
    mean, spread = known.level.known()[0, r], known.level.spread()[0, r]
    usual = known.activity.usual()[0][0, r]
    age = known.age[0, r] * float(known.step_s) + since
    day = scale.of_resource(known.season.day[0, :, r].known(), r)
    return {
        'unit': fleet.UNITS[fleet.RESOURCES[r]],
        'data_age_s': _number(age if np.isfinite(mean) else np.nan),
        'level': _number(scale.of_resource(mean, r)),
        'from': _number(scale.of_resource(mean - spread, r)),
        'to': _number(scale.of_resource(mean + spread, r)),
        'working_day': [_number(v) for v in day[: conditions.SLOTS]],
        'weekend': [_number(v) for v in day[conditions.SLOTS :]],
        'week': [_number(v) for v in _week(known, r)],
        'excess': _excess(known, r),
        'follows_activity': _number(known.activity.follows()[0, r]),
        'usual_at_activity': _number(scale.of_resource(usual, r)),
    }


def _with_kin(kin: Kin | None, r: int) -> dict[str, Any]:
    if kin is None or kin.stand_in is None:
        return {}
    usual = [_number(v) for v in scale.of_resource(kin.level[:, r], r)]
    return {
        'working_day_with_kin': usual[: conditions.SLOTS],
        'weekend_with_kin': usual[conditions.SLOTS :],
        'own_share': [_number(v) for v in kin.own[:, r]],
    }


def _week(known: profile.BehaviouralProfile, r: int) -> np.ndarray:
    """Three hours each, from Monday on."""
    monday = 4 * 86400  # 1970-01-05
    calendar = conditions.Calendar(1)
    every = range(monday + 1800, monday + 7 * 86400 + 1800, 1800)
    found = [known.season.level(calendar.at(t))[0, r] for t in every]
    slots = scale.of_resource(np.array(found), r)
    parts = slots.reshape(-1, A_BAR_S // 1800)
    some = np.isfinite(parts).any(axis=1)
    sums = np.nansum(parts, axis=1)
    count = np.maximum(np.isfinite(parts).sum(axis=1), 1)
    return np.where(some, sums / count, np.nan)


def _excess(
    known: profile.BehaviouralProfile, r: int
) -> list[dict[str, float]]:
    """How long usage stays above shares of the largest that was seen."""
    most = known.excess.highest()[0, r]
    if not np.isfinite(most):
        return []
    one = decay.weight(known.time or 0, profile.HALF_LIFE_S)
    found = []
    for share in _SHARES:
        level = np.full(known.level.mean.shape, share * most)
        seconds, runs = known.excess.above(level, one)
        found.append(
            {
                'above': float(share * most),
                'runs': round(float(runs[0, r]), 2),
                'lasts_s': round(float(known.excess_s(level)[0, r])),
            }
        )
    return found


def _segments(known: profile.BehaviouralProfile) -> list[dict[str, Any]]:
    """The regimes, the one that held longest first."""
    state = known.segments
    mass = state.mass[0]
    order = [int(k) for k in np.argsort(-mass, kind='stable') if mass[k] > 0]
    total = state.times[0].sum(axis=0)
    found = []
    for k in order:
        usual = state.times[0, k] > 0.5 * total
        usual &= total > 0
        found.append(
            {
                'segment': k,
                'holds_now': k == int(state.now[0]),
                'share': float(mass[k] / mass.sum()),
                'working_day': _ranges(usual[: conditions.SLOTS]),
                'weekend': _ranges(usual[conditions.SLOTS :]),
                'resources': {
                    str(resource): _limits(state, k, r)
                    for r, resource in enumerate(fleet.RESOURCES)
                },
            }
        )
    return found


def _limits(state: segments.Segments, k: int, r: int) -> dict[str, Any]:
    names = ('low', 'usual', 'high')
    if not state.usage.weight[0, k, r] > 0:
        return dict.fromkeys(names)
    places = (0, segments.LEVELS.index(0.5), -1)
    values = scale.of_resource(state.limits()[0, k, r], r)
    return {
        name: _number(values[place])
        for name, place in zip(names, places, strict=True)
    }


def _ranges(which: np.ndarray) -> list[str]:
    """Half hours as ranges of time.

    >>> _ranges(np.array([True, True, False, True]))
    ['00:00-01:00', '01:30-02:00']
    """
    padded = np.concatenate([[False], which, [False]]).astype(int)
    edges = np.flatnonzero(np.diff(padded))
    return [
        f'{_clock(begin)}-{_clock(end)}'
        for begin, end in edges.reshape(-1, 2).tolist()
    ]


def _clock(slot: int) -> str:
    minutes = slot * conditions.SLOT_S // 60
    return f'{minutes // 60:02}:{minutes % 60:02}'


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
