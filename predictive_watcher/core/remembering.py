"""A model that goes on where the audit before it ended.

What is remembered of each instance (features, recurrent state, calibration)
is taken up again, so that only new samples are scored; whoever is new is
scored over the window's history.  Both give, bit for bit, the same.

A sample may come late: then the step is scored for this audit, but not
remembered, and the next audit scores it again with what has come by then.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from dataclasses import dataclass
from dataclasses import field
from typing import Protocol

import numpy as np

from predictive_watcher.core import following
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage as usage_module


_LATE = 1  # steps that a sample may come late
_AHEAD_S = 3600  # of telemetry that went back a little
_REPORTING = 12  # steps within which one that reports at all has reported


class Model(following.Recurrent, Protocol):
    """A recurrent model that says what it needs."""

    @property
    def identity(self) -> str:
        """Tells it from every other model, and from other versions of it."""

    @property
    def history_s(self) -> int:
        """How many seconds of usage it likes to see."""

    def check_step(self, step_s: int) -> None:
        """Nothing, if the model forecasts steps of ``step_s`` seconds.

        :raises ModelRefused: where it does not.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is known of instances after the step that ends at ``time``.

    ``model`` is the identity of the model that was asked; ``parts`` are
    arrays with the instances first, see `following.Follower.parts`;
    ``labels`` have a text for each instance.
    """

    model: str
    instances: tuple[str, ...]
    time: int
    step_s: int
    parts: Mapping[str, np.ndarray]
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Remembering:
    """A `forecast.Forecaster` for one audit, with a memory before and after.

    ``memory`` is what to keep for the next audit once `forecast` was called,
    ``resumed`` how many instances went on where they were.

    :param calibrated: whether forecasts are corrected by what came.
    """

    def __init__(
        self, model: Model, memory: Memory | None, calibrated: bool = True
    ) -> None:
        self._model = model
        self._calibrated = calibrated
        self.memory = memory
        self.resumed = 0

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def history_s(self) -> int:
        """How many seconds of usage it likes to see, for whoever is new."""
        return self._model.history_s

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """Look ahead from the window's end.

        :raises ModelRefused: where the window's step is not the model's, or
            the model file is not the one on its card.
        """
        self._model.check_step(window.step_s)
        steps = window.usage.shape[1]
        seen = steps_known(self.memory, window, self._model.identity)
        if seen == steps and not self._calibrated:
            seen = 0  # what the model said last is in the calibration
        kept = max(steps - unsure(window), seen)
        follower = self._until(window, limits, seen)
        _advance(follower, window, np.arange(seen, kept))
        if kept > 0 and not is_ahead(self.memory, window):
            self.memory = Memory(
                model=self._model.identity,
                instances=window.instances,
                time=window.start + (kept - 1) * window.step_s,
                step_s=window.step_s,
                parts=_copied(follower) if kept < steps else follower.parts(),
            )
        _advance(follower, window, np.arange(kept, steps))
        return follower.forecast(window.instances)

    def hasten(self, cells: Mapping[str, np.ndarray]) -> None:
        """Let the calibration of some instances learn as fast as at first.

        :param cells: by instance id, which resources, bool (resources,).
        """
        if self.memory is None or 'settled' not in self.memory.parts:
            return
        row_of = {name: i for i, name in enumerate(self.memory.instances)}
        settled = self.memory.parts['settled'].copy()
        for name in cells.keys() & row_of.keys():
            settled[row_of[name]][:, cells[name]] = 0
        parts = {**self.memory.parts, 'settled': settled}
        self.memory = dataclasses.replace(self.memory, parts=parts)

    def _until(
        self,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
        seen: int,
    ) -> following.Follower:
        """All instances after the first ``seen`` steps of the window."""
        follower = following.Follower(
            self._model, limits, window.step_s, self._calibrated
        )
        memory = self.memory
        if memory is None or not seen:
            return follower
        row_of = {name: row for row, name in enumerate(memory.instances)}
        place = np.array([row_of.get(name, -1) for name in window.instances])
        old, new = np.flatnonzero(place >= 0), np.flatnonzero(place < 0)
        self.resumed = len(old)
        if len(new):
            young = following.Follower(self._model, limits[new], window.step_s)
            _advance(young, window, np.arange(seen), new)
            follower.resume(young.parts(), new, memory.time)
        parts = {name: part[place[old]] for name, part in memory.parts.items()}
        follower.resume(parts, old, memory.time)
        return follower


def fits(memory: Memory, fresh: Mapping[str, np.ndarray]) -> bool:
    """Is the memory made as ``fresh``, but for how many are in it?"""
    return memory.parts.keys() == fresh.keys() and all(
        part.shape[1:] == fresh[name].shape[1:]
        for name, part in memory.parts.items()
    )


def steps_known(
    memory: Memory | None, window: usage_module.UsageWindow, model: str
) -> int:
    """How many of the window's steps are in the memory already.

    0 where nobody can go on: the memory ends before the window begins, lies
    ahead of it, or is of another grid or model.
    """
    if memory is None or memory.step_s != window.step_s:
        return 0
    if memory.model != model:
        return 0
    last, off_grid = divmod(memory.time - window.start, window.step_s)
    if off_grid or not 0 <= last < window.usage.shape[1]:
        return 0
    known = set(memory.instances)
    return last + 1 if known.intersection(window.instances) else 0


def is_ahead(
    memory: Memory | None,
    window: usage_module.UsageWindow,
    most_s: int = _AHEAD_S,
) -> bool:
    """Is the memory newer than the window, by ``most_s`` seconds or less?
    Then it is kept for the next audit, and this one goes without it.
    """
    return memory is not None and 0 < memory.time - window.end <= most_s


def unsure(window: usage_module.UsageWindow) -> int:
    """How many of the newest steps may still get samples: 0 or `_LATE`."""
    recent = np.isfinite(window.usage[:, -_REPORTING:])
    late = recent.any(axis=1)[:, None] & ~recent[:, -_LATE:]
    return _LATE if late.any() else 0


def learned(
    model: Model, window: usage_module.UsageWindow, limits: np.ndarray
) -> Memory:
    """What is known of instances after the whole of a window.

    :raises ModelRefused: where the window's step is not the model's.
    """
    model.check_step(window.step_s)
    follower = following.Follower(model, limits, window.step_s)
    _advance(follower, window, np.arange(window.usage.shape[1]))
    return Memory(
        model=model.identity,
        instances=window.instances,
        time=window.end,
        step_s=window.step_s,
        parts=follower.parts(),
    )


def joined(memories: Sequence[Memory]) -> Memory:
    """One memory of what others know of different instances.

    All are of the same model and time.
    """
    return dataclasses.replace(
        memories[0],
        instances=tuple(n for memory in memories for n in memory.instances),
        parts={
            name: np.concatenate([memory.parts[name] for memory in memories])
            for name in memories[0].parts
        },
        labels={
            name: tuple(t for memory in memories for t in memory.labels[name])
            for name in memories[0].labels
        },
    )


def without(memory: Memory, names: frozenset[str]) -> Memory:
    """The memory of all instances but these."""
    rows = [
        row for row, name in enumerate(memory.instances) if name not in names
    ]
    return dataclasses.replace(
        memory,
        instances=tuple(memory.instances[row] for row in rows),
        parts={name: part[rows] for name, part in memory.parts.items()},
        labels={
            name: tuple(texts[row] for row in rows)
            for name, texts in memory.labels.items()
        },
    )


def _advance(
    follower: following.Follower,
    window: usage_module.UsageWindow,
    steps: np.ndarray,
    rows: np.ndarray | slice = slice(None),
) -> None:
    for t in steps:
        time = window.start + int(t) * window.step_s
        follower.advance(window.usage[rows, t], time)


def _copied(follower: following.Follower) -> dict[str, np.ndarray]:
    return {name: part.copy() for name, part in follower.parts().items()}
