"""LightGBM as a rival: the same features, a model for every figure.

One gradient-boosted model for each resource, target and level learns
z = asinh((y - last) / scale), as the network does; two more learn the chance
that cpu passes its ceiling, with the limit among the features: one of all
rows, one of those where it may begin.
"""

from collections.abc import Callable
from dataclasses import dataclass
import functools
import importlib.metadata
from typing import Any

import lightgbm
import numpy as np

from benchmarks import cells as cells_module
from benchmarks import store as store_module
from predictive_watcher.core import accuracy
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module


NAME = 'lightgbm'
_FEW = 256  # rows
_CPU = fleet.RESOURCES.index(fleet.Resource.CPU)
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
_EVENTS = tuple(accuracy.EVENTS)
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the trees are grown; the same for all models."""

    rounds: int = 300
    leaves: int = 63
    rate: float = 0.08
    rows_in_leaf: int = 100
    seed: int = 1
    threads: int = 1

    def parameters(self) -> dict[str, Any]:
        """As LightGBM calls them."""
        return {
            'num_leaves': self.leaves,
            'learning_rate': self.rate,
            'min_data_in_leaf': self.rows_in_leaf,
            'feature_fraction': 0.6,
            'bagging_fraction': 0.8,
            'bagging_freq': 1,
            'seed': self.seed,
            'verbose': -1,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Boosted:
    """Trained models: by (resource, target) one for each of
    `accuracy.SCORED`, and by name one for each event.
    """

    quantiles: dict[tuple[int, int], list[lightgbm.Booster]]
    events: dict[str, lightgbm.Booster]
    ceiling: float
    threads: int
    rows: dict[str, int]

    def heads(self, x: np.ndarray) -> np.ndarray:
        """z of shape (rows, resources, targets, levels); NaN where there is
        no model.
        """
        shape = (len(fleet.RESOURCES), len(forecast.TARGETS))
        z = np.full((len(x), *shape, len(forecast.LEVELS)), np.nan, np.float32)
        levels = [forecast.LEVELS.index(level) for level in accuracy.SCORED]
        for (r, t), boosters in self.quantiles.items():
            found = [self._ask(booster, x) for booster in boosters]
            # sorting crossed quantiles never makes them worse
            z[:, r, t, levels] = np.sort(np.stack(found, axis=-1), axis=-1)
        return z

    def risk(self, cells: cells_module.Cells) -> np.ndarray:
        """Chance that cpu passes its ceiling, (rows,); NaN: unknown."""
        if not self.events:
            return np.full(len(cells.x), np.nan, np.float32)
        threshold = self.ceiling * cells.limits[:, _CPU]
        chances = {n: self._ask(b, cells.x) for n, b in self.events.items()}
        with np.errstate(invalid='ignore'):
            begins = cells.now[:, _CPU] <= threshold
        chance = np.where(begins, chances['onset'], chances['event'])
        known = np.isfinite(threshold) & np.isfinite(cells.last[:, _CPU])
        return np.where(known, chance, np.nan).astype(np.float32)

    def replayed(
        self,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
        at: np.ndarray,
        tell: Callable[[float], None] = lambda _: None,
    ) -> replay.Replayed:
        """Forecasts from many origins."""
        lead = (len(window.instances), len(at), len(fleet.RESOURCES))
        shape = (*lead, len(forecast.TARGETS), len(forecast.LEVELS))
        quantiles = np.full(shape, np.nan, np.float32)
        risk = np.full(lead, np.nan, np.float32)
        for part, cells in cells_module.blocks(window, limits, at, tell):
            found = forecast.in_units(
                self.heads(cells.x), cells.last, cells.scale, cells.limits
            )
            quantiles[:, part] = _by_instance(found, lead[0])
            chance = _by_instance(self.risk(cells), lead[0])
            risk[:, part, _CPU] = chance
        return replay.Replayed(
            origins=at, quantiles=quantiles, risk=risk, ceiling=self.ceiling
        )

    def _ask(self, booster: lightgbm.Booster, x: np.ndarray) -> np.ndarray:
        # for few rows, threads cost more than they bring
        threads = self.threads if len(x) >= _FEW else 1
        return np.asarray(booster.predict(x, num_threads=threads))


def _by_instance(found: np.ndarray, instances: int) -> np.ndarray:
    """(origins x instances, ...) as (instances, origins, ...)."""
    shape = (-1, instances, *found.shape[1:])
    return np.moveaxis(found.reshape(shape), 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One model to train."""

    name: str
    rows: np.ndarray
    label: np.ndarray
    objective: dict[str, Any]


def train(
    cells: cells_module.Cells,
    resources: list[int],
    settings: Settings,
    ceiling: float,
    store: store_module.Store,
    tell: Tell = lambda _, __: None,
) -> Boosted:
    """Train all models, or take those that the store has."""
    tasks = _tasks(cells, resources, ceiling)
    digest = cells.digest()
    found: dict[str, lightgbm.Booster] = {}
    data: dict[str, lightgbm.Dataset] = {}
    for n, task in enumerate(tasks):
        made_of = {
            'data': digest,
            'parameters': {**settings.parameters(), **task.objective},
            'rounds': settings.rounds,
            'ceiling': ceiling,
            'lightgbm': importlib.metadata.version('lightgbm'),
        }
        text = store.find(task.name, made_of)
        if text is None:
            told = functools.partial(_tell_round, tell, task, n, len(tasks))
            text = _grown(cells, task, settings, data, told)
            store.keep(task.name, made_of, text)
        found[task.name] = lightgbm.Booster(model_str=text)
    return _boosted(found, tasks, resources, ceiling, settings.threads)


def _boosted(
    found: dict[str, lightgbm.Booster],
    tasks: list[_Task],
    resources: list[int],
    ceiling: float,
    threads: int,
) -> Boosted:
    quantiles = {
        (r, t): [found[_name(r, target, v)] for v in accuracy.SCORED]
        for r in resources
        for target, t in accuracy.JUDGED.items()
        if _name(r, target, accuracy.SCORED[0]) in found
    }
    return Boosted(
        quantiles=quantiles,
        events={n: found[n] for n in _EVENTS if n in found},
        ceiling=ceiling,
        threads=threads,
        rows={task.name: int(task.rows.sum()) for task in tasks},
    )


def _name(resource: int, target: str, level: float) -> str:
    return f'{fleet.RESOURCES[resource]}-{target}-q{level:g}'


def _tasks(
    cells: cells_module.Cells, resources: list[int], ceiling: float
) -> list[_Task]:
    tasks = []
    for r in resources:
        for target, t in accuracy.JUDGED.items():
            rows = cells.learnable(r, t)
            z = cells.z(r, t)
            tasks += [
                _Task(
                    name=_name(r, target, level),
                    rows=rows,
                    label=z,
                    objective={'objective': 'quantile', 'alpha': level},
                )
                for level in accuracy.SCORED
                if rows.any()
            ]
    if _CPU in resources:
        tasks += _events(cells, ceiling)
    return tasks


def _events(cells: cells_module.Cells, ceiling: float) -> list[_Task]:
    threshold = ceiling * cells.limits[:, _CPU]
    known = cells.learnable(_CPU, _MAX) & np.isfinite(threshold)
    with np.errstate(invalid='ignore'):
        label = (cells.came[:, _CPU, _MAX] > threshold).astype(np.float32)
        begins = cells.now[:, _CPU] <= threshold
    tasks = []
    for name, onset in accuracy.EVENTS.items():
        rows = known & begins if onset else known
        if 0 < label[rows].sum() < rows.sum():
            objective = {'objective': 'binary'}
            tasks.append(
                _Task(name=name, rows=rows, label=label, objective=objective)
            )
    return tasks if len(tasks) == len(accuracy.EVENTS) else []


def _grown(
    cells: cells_module.Cells,
    task: _Task,
    settings: Settings,
    data: dict[str, lightgbm.Dataset],
    tell: Callable[[float], None],
) -> str:
    """The text of a trained booster; ``data`` keeps the newest rows' bins."""
    key = task.name.rsplit('-q', 1)[0]
    if key not in data:
        data.clear()
        data[key] = lightgbm.Dataset(
            cells.x[task.rows],
            task.label[task.rows],
            params=settings.parameters(),
            free_raw_data=True,
        )

    def after_each(environment: Any) -> None:
        tell(environment.iteration / settings.rounds)

    booster = lightgbm.train(
        {
            **settings.parameters(),
            **task.objective,
            'num_threads': settings.threads,
        },
        data[key],
        settings.rounds,
        callbacks=[after_each],
    )
    return str(booster.model_to_string())


def _tell_round(
    tell: Tell, task: _Task, n: int, tasks: int, done: float
) -> None:
    tell(f'growing {task.name}', (n + done) / tasks)


def copied(boosted: Boosted, threads: int) -> Boosted:
    """The same models once more in memory, without those of events, asked on
    so many threads.
    """

    def again(booster: lightgbm.Booster) -> lightgbm.Booster:
        return lightgbm.Booster(model_str=booster.model_to_string())

    return Boosted(
        quantiles={
            place: [again(booster) for booster in boosters]
            for place, boosters in boosted.quantiles.items()
        },
        events={},
        ceiling=boosted.ceiling,
        threads=threads,
        rows=boosted.rows,
    )
