"""Rows of all that is known of instances, and inputs in groups.

What the network sees (`core.inputs`), and of the behavioural profile what it
does not see: the season in local time, and the limits of normal of the
segment that holds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import features
from predictive_watcher.core import fleet
from predictive_watcher.core import following
from predictive_watcher.core import inputs
from predictive_watcher.core import profile
from predictive_watcher.core import replay
from predictive_watcher.core import scale
from predictive_watcher.core import usage as usage_module


# what is taken away at once; 'profile' is all that says how the instance was
# before the last four hours
GROUPS = ('profile', 'season', 'segments', 'calendar', 'activity')
_SEASON = ('yesterday', 'profile', 'week', 'has_yesterday', 'has_profile')
_LEVEL = ('mean288', 'high288', 'low288')
_OWN = ('season_next', 'segment_low', 'segment_usual', 'segment_high')
NAMES: tuple[str, ...] = (
    *inputs.NAMES,
    *(f'{r}.{name}' for name in _OWN for r in fleet.RESOURCES),
)
Tell = Callable[[str, float], None]


def _is_in(name: str, group: str) -> bool:
    owner, _, what = name.partition('.')
    season = owner != 'calendar' and what.startswith((*_SEASON, 'season_'))
    segment = what.startswith('segment_')
    match group:
        case 'profile':
            return season or segment or what in _LEVEL
        case 'season':
            return season
        case 'segments':
            return segment
        case 'calendar':
            return owner == 'calendar'
        case 'activity':
            return owner == 'network'
    return False


def columns(without: str) -> np.ndarray:
    """Indices of the inputs that are not in a group; '' is none."""
    left = [k for k, name in enumerate(NAMES) if not _is_in(name, without)]
    return np.array(left, np.int64)


def of_network(group: str) -> np.ndarray:
    """Which inputs of the network are in a group, bool."""
    return np.array([_is_in(name, group) for name in inputs.NAMES])


class Without:
    """A `following.Recurrent` that is not told a group of its inputs: what
    is unknown is 0 to it, as with an instance that is new.
    """

    def __init__(self, model: following.Recurrent, group: str) -> None:
        self._model = model
        self.name, self.hidden = model.name, model.hidden
        self.threads = 1
        self._told = (~of_network(group)).astype(np.float32)

    def recur(
        self, x: np.ndarray, h: np.ndarray, c: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Asks the model."""
        told = (x * self._told).astype(np.float32)
        return self._model.recur(told, h, c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """``x`` (rows, NAMES); ``owner`` the index of the instance; ``last``,
    ``scale`` and ``came``, the maximum that came, (rows, resources).
    """

    x: np.ndarray
    owner: np.ndarray
    last: np.ndarray
    scale: np.ndarray
    came: np.ndarray

    def learnable(self, r: int) -> np.ndarray:
        """Where a sample is known and what came of it, bool (rows,)."""
        known = np.isfinite(self.last[:, r]) & np.isfinite(self.came[:, r])
        return np.asarray(known)

    def z(self, r: int) -> np.ndarray:
        """What came, as the network learns it."""
        change = self.came[:, r] - self.last[:, r]
        return np.asarray(np.arcsinh(change / self.scale[:, r]))

    def in_units(self, z: np.ndarray, r: int, rows: np.ndarray) -> np.ndarray:
        """Quantiles (rows, levels) of some rows in the units of usage."""
        change = np.sinh(np.clip(z, -12, 12)) * self.scale[rows, r, None]
        return np.asarray(np.maximum(self.last[rows, r, None] + change, 0))


def at(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    origins: np.ndarray,
    tell: Tell,
) -> Rows:
    """Rows of all instances at every origin."""
    every = np.arange(len(window.instances))
    return _walk(
        window, limits, {int(t): every for t in origins}, 'to judge', tell
    )


def drawn(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    rows: int,
    rng: np.random.Generator,
    tell: Tell,
) -> Rows:
    """Random rows, of the second half of the time: the first is history."""
    steps = window.usage.shape[1]
    count = len(window.instances)
    begin = steps // 2
    chosen = rng.choice(
        (steps - replay.AHEAD - begin) * count,
        min(rows, (steps - replay.AHEAD - begin) * count),
        replace=False,
    )
    step, who = np.divmod(np.sort(chosen), count)
    edges = np.flatnonzero(np.diff(step)) + 1
    at_step = {
        int(part[0]) + begin: rows_of
        for part, rows_of in zip(
            np.split(step, edges), np.split(who, edges), strict=True
        )
    }
    return _walk(window, limits, at_step, 'to learn', tell)


def _walk(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    at_step: dict[int, np.ndarray],
    what: str,
    tell: Tell,
) -> Rows:
    state = features.FeatureState(following.usable(limits), window.step_s)
    known = profile.BehaviouralProfile(len(window.instances), window.step_s)
    found: list[Rows] = []
    last_step = max(at_step)
    for t in range(last_step + 1):
        time = window.start + t * window.step_s
        state.advance(window.usage[:, t], time)
        known.advance(window.usage[:, t], time)
        tell(what, t / last_step)
        if t in at_step:
            ahead = window.usage[:, t + 1 : t + 1 + replay.AHEAD].max(axis=1)
            found.append(_rows(state, known, ahead, at_step[t]))
    return Rows(
        **{
            name: np.concatenate([getattr(part, name) for part in found])
            for name in Rows.__slots__
        }
    )


def _rows(
    state: features.FeatureState,
    known: profile.BehaviouralProfile,
    came: np.ndarray,
    who: np.ndarray,
) -> Rows:
    normal = known.normal()
    later = known.calendar.at(state.time + 2 * state.step_s)
    season = scale.amount(known.season.level(later))
    amounts = np.stack([season, normal.low, normal.usual, normal.high], axis=1)
    z = np.arcsinh((amounts - state.last[:, None]) / state.scale[:, None])
    own = z.reshape(len(z), -1)  # trees know what to do with NaN
    return Rows(
        x=np.concatenate([state.features(), own], axis=1)[who],
        owner=who,
        last=state.recent[who],
        scale=state.scale[who],
        came=came[who],
    )
