"""Contenders at work, one after the other or beside each other."""

from collections.abc import Callable
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass
import functools
import multiprocessing
from typing import Protocol

import numpy as np

from predictive_watcher.backtest import figures
from predictive_watcher.backtest import run
from predictive_watcher.backtest import scene as scene_module
from predictive_watcher.backtest import timeline
from predictive_watcher.core.policy import Policy


Tell = Callable[[str, float], None]


class Study(Protocol):
    """What a contender is let into."""

    @property
    def scene(self) -> scene_module.Scene:
        """The cloud and what it lives through."""

    @property
    def policy(self) -> Policy:
        """The rules of the audits."""

    @property
    def stride(self) -> int:
        """An audit at every so many steps."""

    def contender(self, name: str) -> run.Contender:
        """The one of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a contender: its figures, and its timeline."""

    figures: figures.Figures
    arrays: Mapping[str, np.ndarray]


# What the processes of `work` inherit: a model cannot be sent to them.
_inherited: dict[str, tuple[str, Study]] = {}


def work(
    tasks: Mapping[str, tuple[str, Study]], tell: Tell, jobs: int
) -> dict[str, Done]:
    """Let each task's contender live through its study.

    :param tasks: by label, the contender's name and its study.
    """
    if jobs == 1:
        return {
            label: _one(name, study, functools.partial(tell, label))
            for label, (name, study) in tasks.items()
        }
    _inherited.update(tasks)
    try:
        context = multiprocessing.get_context('fork')
        with futures.ProcessPoolExecutor(jobs, context) as pool:
            waiting = {pool.submit(_inherited_one, t): t for t in tasks}
            return _collected(waiting, tasks, tell)
    finally:
        _inherited.clear()


def _collected(
    waiting: Mapping[futures.Future[Done], str],
    tasks: Mapping[str, tuple[str, Study]],
    tell: Tell,
) -> dict[str, Done]:
    found: dict[str, Done] = {}
    tell('replaying', 0.0)
    for future in futures.as_completed(waiting):
        found[waiting[future]] = future.result()
        tell('replaying', len(found) / len(tasks))
    return found


def _inherited_one(label: str) -> Done:
    name, study = _inherited[label]
    return _one(name, study, run.quiet)


def _one(name: str, study: Study, tell: Callable[[float], None]) -> Done:
    lived = run.live(study.scene, study.contender(name), tell, study.stride)
    return Done(
        figures=figures.count(lived, study.policy.ceiling),
        arrays=timeline.of_contender(lived, main=name == 'predictive'),
    )
