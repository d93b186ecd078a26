"""Who takes part in a comparison of forecasts."""

import argparse
from collections.abc import Callable
import functools
import pathlib
from typing import Any

import numpy as np

from benchmarks import boosting
from benchmarks import cells
from benchmarks import contest
from benchmarks import ets
from benchmarks import fields
from benchmarks import saved
from benchmarks import store
from predictive_watcher import exceptions
from predictive_watcher.cli import progress
from predictive_watcher.core import baselines
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import replay
from predictive_watcher.models import registry
from predictive_watcher.telemetry import traces


SIMPLE = {rival.name: rival for rival in baselines.BASELINES}
RIVALS = (boosting.NAME, ets.NAME, *SIMPLE)
_DAYS = 'lightgbm-days'
_SEED = 5  # of what is drawn to learn from


class Task:
    """The contenders of one run, and what they learn from."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.bar = progress.Bar()
        self.store = store.Store(arguments.cache)
        self.share = fields.Share() if arguments.quick else None
        self.resources = arguments.only or [str(r) for r in fleet.RESOURCES]
        self.facts: dict[str, Any] = {}
        read = [traces.read(path) for path in arguments.traces]
        splits = [fields.split(trace) for trace in read]
        self.learned = [fields.learned(s, self.share) for s in splits]
        self.held = [
            fields.held_out(parted, trace, arguments.stride, self.share)
            for parted, trace in zip(splits, read, strict=True)
        ]
        self.transfer = [
            fields.whole(
                traces.read(path),
                arguments.transfer_from,
                arguments.transfer_stride,
            )
            for path in arguments.transfer
        ]

    def ours(self) -> contest.Contender:
        """The model, or the forecasts that stand for it."""
        name = self.arguments.ours
        if name is not None:
            files = [p for n, p in self.arguments.forecasts if n == name]
            if not files:
                raise exceptions.InvalidInput(
                    f'--ours {name}: no --forecasts has that name'
                )
            return self._saved(name, files)
        model = registry.load(self.arguments.model, self.arguments.threads)

        def ask(
            field: fields.Field, told: Callable[[float], None]
        ) -> replay.Replayed:
            model.check_step(field.window.step_s)
            return replay.recurrent(
                model,
                field.window,
                field.limits,
                field.origins,
                self.arguments.ceiling,
                max(model.card.context, replay.WARM_S // model.card.step_s),
                told,
                calibrated=True,
            )

        return contest.Contender(name=model.name, ask=ask)

    def rivals(self) -> list[contest.Contender]:
        """All that were asked for, the slowest last."""
        chosen = self.arguments.rivals
        found = [self._simple(r) for n, r in SIMPLE.items() if n in chosen]
        names = dict.fromkeys(n for n, _ in self.arguments.forecasts)
        for name in names:
            files = [p for n, p in self.arguments.forecasts if n == name]
            if name != self.arguments.ours:
                found.append(self._saved(name, files))
        if ets.NAME in chosen:
            found.append(self._ets())
        return found

    def boosted(self, on_days: bool) -> contest.Contender:
        """LightGBM; learns now.

        :param on_days: from all of the traces of ``--days``.
        """
        arguments = self.arguments
        name = _DAYS if on_days else boosting.NAME
        parts = self.learned
        if on_days:
            days = [traces.read(path) for path in arguments.days]
            parts = [(day.window, day.limits) for day in days]
        drawn = cells.draw(
            parts,
            arguments.rows,
            np.random.default_rng(_SEED),
            functools.partial(self.bar.tell, 'drawing rows'),
        )
        wanted = [i for i, r in enumerate(fleet.RESOURCES) if self._wants(r)]
        model = boosting.train(
            drawn,
            wanted,
            boosting.Settings(
                rounds=arguments.rounds, threads=arguments.threads
            ),
            arguments.ceiling,
            self.store,
            self.bar.tell,
        )
        self.facts[name] = {
            'rounds': arguments.rounds,
            'rows': model.rows,
            'taken from the cache': self.store.taken,
        }
        return contest.Contender(
            name=name,
            ask=lambda field, told: model.replayed(
                field.window, field.limits, field.origins, told
            ),
        )

    def _wants(self, resource: fleet.Resource) -> bool:
        return str(resource) in self.resources

    def _saved(
        self, name: str, files: list[pathlib.Path]
    ) -> contest.Contender:
        def ask(
            field: fields.Field, _: Callable[[float], None]
        ) -> replay.Replayed | None:
            for path in files:
                found = saved.read(path, field, self.arguments.ceiling)
                if found is not None:
                    return found
            return None

        return contest.Contender(name=name, ask=ask)

    def _simple(self, rival: forecast.Forecaster) -> contest.Contender:
        def ask(
            field: fields.Field, told: Callable[[float], None]
        ) -> replay.Replayed:
            some = -(-len(field.origins) // self.arguments.compared)
            return replay.forecaster(
                rival,
                field.window,
                field.limits,
                field.origins[::some],
                self.arguments.ceiling,
                told,
            )

        return contest.Contender(name=rival.name, ask=ask)

    def _ets(self) -> contest.Contender:
        def ask(
            field: fields.Field, told: Callable[[float], None]
        ) -> replay.Replayed:
            there = np.isfinite(field.window.usage).any(axis=(0, 1))
            return ets.replayed(
                field.window,
                field.limits,
                field.origins,
                self.arguments.ceiling,
                self.arguments.ets,
                [
                    i
                    for i, r in enumerate(fleet.RESOURCES)
                    if self._wants(r) and there[i]
                ],
                np.random.default_rng(_SEED),
                told,
            )

        return contest.Contender(name=ets.NAME, ask=ask)
