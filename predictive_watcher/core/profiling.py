"""The profiles of an audit, which go on where the audit before ended.

What is remembered of each instance is taken up again, so that only new
samples are learned; whoever is new, or was rebuilt, is learned from the
window's history.  Both give, bit for bit, the same where the window holds
all that was remembered.  Whoever is gone is forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import json

import numpy as np

from predictive_watcher.core import conditions
from predictive_watcher.core import fleet
from predictive_watcher.core import ladder
from predictive_watcher.core import prior
from predictive_watcher.core import profile
from predictive_watcher.core import remembering
from predictive_watcher.core import scale
from predictive_watcher.core import usage as usage_module


# telemetry that went back by less does not cost what weeks have taught
_AHEAD_S = 7 * 86400
# the labels of a memory
NAME, MARK, ZONE, KIN = 'name', 'mark', 'zone', 'kin'


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who an instance is, as far as its behaviour is concerned.

    ``kin`` are the groups that it belongs to, the most specific first and
    as many for everybody, '' for none.  ``image`` is what it was made from:
    with another one it is another machine under the same id.
    """

    name: str = ''
    image: str = ''
    kin: tuple[str, ...] = ()
    zone: conditions.Zone = conditions.UTC

    @property
    def mark(self) -> str:
        """What was learned under another mark says nothing."""
        return f'{self.image} {self.zone.name}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The profiles of a window's instances, and who is like whom."""

    behaviour: profile.BehaviouralProfile
    kin: ladder.Groups
    instances: tuple[str, ...] = ()

    def excess_s(self, level: np.ndarray) -> np.ndarray:
        """`profile.BehaviouralProfile.excess_s`, with the groups' help."""
        return self.behaviour.excess_s(level, self.kin)

    def priors(self) -> dict[str, str]:
        """By instance id, who stands in for those that less than a day was
        seen of, and what is usual for it now.
        """
        young = np.flatnonzero(self.behaviour.rung < ladder.Rung.FIRST_DAY)
        if not len(young):
            return {}
        usual = prior.at(self.behaviour, self.kin, self.behaviour.time or 0)
        found = prior.stand_ins(self.behaviour, self.kin, usual)
        return {
            self.instances[row]: f'{found[row]}; usual now: '
            f'{prior.said(usual, row)}'
            for row in young.tolist()
            if found[row] is not None
        }

    def notes(
        self, window: usage_module.UsageWindow, at_risk: np.ndarray
    ) -> dict[str, str]:
        """By instance id, what is at risk and is used far beyond what is
        usual at the activity of its users: they are not why.

        :param window: with the step that was learned last.
        :param at_risk: bool (instances, resources).
        """
        used = window.usage[:, -1]
        active = self.behaviour.activity
        beyond = at_risk & active.beyond(scale.squeezed(used))
        level, _ = active.usual()
        amounts = scale.amount(level)
        told = {}
        for row in np.flatnonzero(beyond.any(axis=1)):
            whose = 'users' if active.measured[row] else 'network'
            told[window.instances[row]] = '; '.join(
                f'{fleet.RESOURCES[r]} is {used[row, r]:.3g} '
                f'{fleet.UNITS[fleet.RESOURCES[r]]}, {amounts[row, r]:.3g} '
                f'are usual at the activity of its {whose}'
                for r in np.flatnonzero(beyond[row])
            )
        return told


class Profiling:
    """Learns the profiles of one audit, with a memory before and after.

    ``memory`` is what to keep for the next audit once `learn` was called,
    ``resumed`` how many instances went on where they were, ``known`` their
    ids.
    """

    def __init__(
        self,
        memory: remembering.Memory | None = None,
        subjects: Mapping[str, Subject] | None = None,
    ) -> None:
        self.memory = memory
        self.resumed = 0
        self.known: frozenset[str] = frozenset()
        self._subjects = subjects or {}

    def learn(self, window: usage_module.UsageWindow) -> Known:
        """The profiles at the window's end."""
        self.resumed, self.known = 0, frozenset()
        who = [self._subjects.get(i, Subject()) for i in window.instances]
        seen = remembering.steps_known(self.memory, window, profile.IDENTITY)
        kept = max(window.usage.shape[1] - remembering.unsure(window), seen)
        found = self._until(window, who, seen)
        times = window.times()
        for k in range(seen, kept):
            found.follow(window, k)
        if kept > 0 and not remembering.is_ahead(
            self.memory, window, _AHEAD_S
        ):
            parts = found.parts()
            if kept < len(times):
                parts = {name: part.copy() for name, part in parts.items()}
            self.memory = _memory(window, who, parts, int(times[kept - 1]))
        for k in range(kept, len(times)):
            found.follow(window, k)
        kin = ladder.Groups([subject.kin for subject in who])
        return Known(
            behaviour=found, kin=kin, instances=window.instances
        )

    def _until(
        self,
        window: usage_module.UsageWindow,
        who: list[Subject],
        seen: int,
    ) -> profile.BehaviouralProfile:
        """All instances after the first ``seen`` steps of the window."""
        calendar = _calendar(who)
        found = profile.BehaviouralProfile(len(who), window.step_s, calendar)
        memory = self.memory
        paused = _ended_before(memory, window)
        if memory is None or not (seen or paused):
            return found
        place = self._places(memory, window.instances, who)
        old, new = np.flatnonzero(place >= 0), np.flatnonzero(place < 0)
        self.resumed = len(old)
        self.known = frozenset(window.instances[row] for row in old)
        if len(new) and not paused:
            young = profile.BehaviouralProfile(
                len(new), window.step_s, calendar.among(new)
            )
            for k in range(seen):
                young.follow(window, k, new)
            found.resume(young.parts(), new, memory.time)
        parts = {name: part[place[old]] for name, part in memory.parts.items()}
        found.resume(parts, old, memory.time)
        if paused:
            found.pause(window.start - window.step_s)
        return found

    @staticmethod
    def _places(
        memory: remembering.Memory,
        instances: tuple[str, ...],
        who: list[Subject],
    ) -> np.ndarray:
        """The row of each instance in the memory, -1 where it is new."""
        marks = memory.labels.get(MARK, ())
        row_of = {
            (name, mark): row
            for row, (name, mark) in enumerate(
                zip(memory.instances, marks, strict=False)
            )
        }
        return np.array(
            [
                row_of.get((instance, subject.mark), -1)
                for instance, subject in zip(instances, who, strict=True)
            ],
            np.int64,
        )


def learned(
    window: usage_module.UsageWindow, subjects: Mapping[str, Subject]
) -> remembering.Memory:
    """What is known of instances after the whole of a window."""
    who = [subjects.get(name, Subject()) for name in window.instances]
    found = profile.BehaviouralProfile(len(who), window.step_s, _calendar(who))
    found.learn(window)
    return _memory(window, who, found.parts(), window.end)


def _ended_before(
    memory: remembering.Memory | None, window: usage_module.UsageWindow
) -> bool:
    """Was nobody looking for longer than the window?  What took weeks to
    learn still holds.
    """
    return (
        memory is not None
        and memory.model == profile.IDENTITY
        and memory.step_s == window.step_s
        and memory.time < window.start
        and (window.start - memory.time) % window.step_s == 0
    )


def _calendar(who: list[Subject]) -> conditions.Calendar:
    zones = tuple(dict.fromkeys(subject.zone for subject in who))
    index = {zone: k for k, zone in enumerate(zones)}
    return conditions.Calendar(
        len(who), zones, [index[subject.zone] for subject in who]
    )


def _memory(
    window: usage_module.UsageWindow,
    who: list[Subject],
    parts: Mapping[str, np.ndarray],
    time: int,
) -> remembering.Memory:
    return remembering.Memory(
        model=profile.IDENTITY,
        instances=window.instances,
        time=time,
        step_s=window.step_s,
        parts=parts,
        labels={
            NAME: tuple(subject.name for subject in who),
            MARK: tuple(subject.mark for subject in who),
            ZONE: tuple(subject.zone.name for subject in who),
            KIN: tuple(json.dumps(subject.kin) for subject in who),
        },
    )


def returns(
    known: Known | None, guidelines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How often a day more is needed than the own flavor is good for, and the
    mean time between (s); 0 and NaN where nobody knows.

    :param guidelines: (instances, resources) in the units of usage.
    """
    if known is None:
        return np.zeros(guidelines.shape), np.full(guidelines.shape, np.nan)
    return known.behaviour.returns(guidelines)
