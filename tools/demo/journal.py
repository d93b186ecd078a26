"""What happened, step by step; everything told later is computed from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np


RESIZE = 'predictive_resize'
MIGRATE = 'predictive_migrate'
RELEASE = 'release'
DONE = 'SUCCEEDED'


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action of a plan, as Watcher's API tells it at its end."""

    kind: str
    server: str
    state: str
    message: str
    parameters: Mapping[str, Any]

    @property
    def is_release(self) -> bool:
        """Whether it ends a lease."""
        return self.kind == RESIZE and self.parameters.get('kind') == RELEASE

    @property
    def is_lease(self) -> bool:
        """Whether it begins one."""
        return self.kind == RESIZE and not self.is_release

    @property
    def is_migration(self) -> bool:
        """Whether it moves the server."""
        return self.kind == MIGRATE

    @property
    def done(self) -> bool:
        """Whether it did what it was meant to."""
        return self.state == DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An action plan that was applied."""

    uuid: str
    state: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of simulated time.

    ``limits`` and ``nodes`` are those in force while it lasted; the plan was
    applied after its end.
    """

    end: int
    written_at: float
    demand: np.ndarray
    usage: np.ndarray
    limits: np.ndarray
    nodes: tuple[str, ...]
    plan: Plan | None


@dataclass(slots=True)
class Journal:
    """All steps since the story began."""

    steps: list[Step] = field(default_factory=list)

    def actions(self) -> list[tuple[int, Action]]:
        """Every action with the number of the step that it followed."""
        return [
            (number, action)
            for number, step in enumerate(self.steps)
            if step.plan
            for action in step.plan.actions
        ]
