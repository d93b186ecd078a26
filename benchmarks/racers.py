"""Whose speed is measured: each takes one new sample of many instances."""

from collections.abc import Callable
import importlib.util
import time

import numpy as np

from benchmarks import boosting
from benchmarks import cells
from benchmarks import ets
from benchmarks import store
from predictive_watcher.core import accuracy
from predictive_watcher.core import calibration
from predictive_watcher.core import experts
from predictive_watcher.core import features
from predictive_watcher.core import fleet
from predictive_watcher.core import following
from predictive_watcher.core import forecast
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import runtime


STEP_S = 300
STAGES = ('samples', 'features', 'network', 'calibration', 'units')
_BLOCK = 1024  # instances that go through the stages together
_WARM = 12  # steps before anything is measured
_MEAN = np.array([1.0, 2048.0, 1e6, 1e5])
_MODELS = 64  # 4 resources x 4 targets x 4 levels
_DAY = 288
Once = Callable[[], float]  # does it once, and says how many seconds it took


class Load:
    """Made usage: no step is like the one before."""

    def __init__(self, instances: int, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        shape = (instances, len(fleet.RESOURCES))
        self._level = _MEAN * self._rng.gamma(4.0, 0.25, shape)
        self.limits = np.full(shape, np.nan, np.float32)
        self.limits[:, :2] = 4 * self._level[:, :2]
        self.time = 0

    def step(self) -> tuple[np.ndarray, int]:
        """The next sample, and the Unix seconds of its step."""
        self.time += STEP_S
        change = self._rng.gamma(20.0, 1 / 20, self._level.shape)
        self._level = 0.9 * self._level * change + 0.1 * self._level
        return self._level.astype(np.float32), self.time


def window(
    instances: int, steps: int
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """Made usage of many steps, and the limits."""
    load = Load(instances, seed=1)
    samples = [load.step()[0] for _ in range(steps)]
    made = usage_module.UsageWindow(
        instances=tuple(f'i{k}' for k in range(instances)),
        start=0,
        step_s=STEP_S,
        usage=np.stack(samples, axis=1),
    )
    return made, load.limits


def timed(work: Callable[[], object]) -> float:
    """The seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Ours:
    """What an audit does for one new sample: features, network, calibration,
    units.
    """

    def __init__(self, model: runtime.OnnxForecaster, instances: int) -> None:
        self._load = Load(instances)
        self._names = tuple(f'i{k}' for k in range(instances))
        self._follower = following.Follower(model, self._load.limits, STEP_S)
        for _ in range(_WARM):
            self._follower.advance(*self._load.step())

    def once(self) -> float:
        """From the sample to the forecast."""
        sample, now = self._load.step()

        def work() -> None:
            self._follower.advance(sample, now)
            self._follower.forecast(self._names)

        return timed(work)

    def state_bytes(self) -> float:
        """Kept for each instance from audit to audit."""
        parts = self._follower.parts().values()
        return sum(part.nbytes for part in parts) / len(self._names)


class _Block:
    """Some instances, and all that is remembered of them."""

    def __init__(self, model: runtime.OnnxForecaster, load: Load) -> None:
        self._model = model
        self._load = load
        self.state = features.FeatureState(load.limits, STEP_S)
        self._learned = calibration.Calibration(*load.limits.shape)
        self._experts = experts.Experts(len(load.limits))
        self._h = np.zeros((1, len(load.limits), model.hidden), np.float32)
        self._c = self._h.copy()

    def step(self) -> list[float]:
        """Seconds of each stage."""
        sample, now = self._load.step()
        state = self.state
        marks = [time.perf_counter()]
        state.advance(sample, now)
        marks.append(time.perf_counter())
        x = state.features()[None]
        marks.append(time.perf_counter())
        heads, self._h, self._c = self._model.recur(x, self._h, self._c)
        marks.append(time.perf_counter())
        last, step = state.recent, now // STEP_S
        self._learned.advance(
            sample,
            step,
            lambda most: self._experts.settle(self._learned, sample, most),
        )
        quantiles = self._learned.correct(heads[0], last, state.scale)
        self._experts.observe(quantiles, state.means, last, state.scale, step)
        quantiles = self._experts.mixed(quantiles, last, state.scale, step)
        marks.append(time.perf_counter())
        forecast.in_units(quantiles, last, state.scale, state.limits)
        marks.append(time.perf_counter())
        return [float(spent) for spent in np.diff(marks)]


class Staged:
    """The same on one thread, taken apart; block after block."""

    def __init__(self, model: runtime.OnnxForecaster, instances: int) -> None:
        self._blocks: list[_Block] = []
        for begin in range(0, instances, _BLOCK):
            load = Load(min(_BLOCK, instances - begin), seed=begin)
            self._blocks.append(_Block(model, load))
        for _ in range(_WARM):
            self.once()

    def once(self) -> dict[str, float]:
        """Seconds by stage."""
        spent = dict.fromkeys(STAGES, 0.0)
        for block in self._blocks:
            for stage, seconds in zip(STAGES, block.step(), strict=True):
                spent[stage] += seconds
        return spent

    def inputs(self) -> np.ndarray:
        """Features of all instances, (instances, features)."""
        return np.concatenate([b.state.features() for b in self._blocks])


def torch_network(model: runtime.OnnxForecaster, x: np.ndarray) -> Once | None:
    """The network of the model in torch, on one thread; None: no torch, or
    not a network that the trainer of this version makes.
    """
    if importlib.util.find_spec('torch') is None:
        return None
    import torch

    from predictive_watcher.training import network as network_module
    from predictive_watcher.training import replay as replay_module

    options = model.card.facts['training'].get('options', {})
    if 'width' not in options:
        return None
    net = network_module.Network(x.shape[1], options['width'], model.hidden)
    live = replay_module.Live(net.eval())
    empty = np.zeros((1, len(x), model.hidden), np.float32)
    threads = torch.get_num_threads()

    def once() -> float:
        torch.set_num_threads(1)
        try:
            return timed(lambda: live.recur(x[None], empty, empty))
        finally:
            torch.set_num_threads(threads)

    return once


def onnx_network(model: runtime.OnnxForecaster, x: np.ndarray) -> Once:
    """The network of the model alone, as audits ask it, on one thread."""
    empty = np.zeros((1, len(x), model.hidden), np.float32)
    return lambda: timed(lambda: model.recur(x[None], empty, empty))


def forests(
    rounds: int, rows: int, threads: int, tell: boosting.Tell
) -> list[boosting.Boosted]:
    """LightGBM models of the full number and size.

    What they learned is of no interest here: eight are trained, and read
    until there are 64 in memory.
    """
    drawn = cells.draw(
        [window(max(2, rows // _DAY), 2 * _DAY)],
        rows,
        np.random.default_rng(0),
    )
    cpu = [fleet.RESOURCES.index(fleet.Resource.CPU)]
    settings = boosting.Settings(rounds=rounds)
    grown = boosting.train(
        drawn, cpu, settings, accuracy.CEILING, store.Store(None), tell
    )
    each = len(accuracy.SCORED) * len(accuracy.JUDGED)
    return [boosting.copied(grown, threads) for _ in range(_MODELS // each)]


def lightgbm(grown: list[boosting.Boosted], x: np.ndarray) -> Once:
    """All quantiles of all instances from 64 models."""
    return lambda: timed(lambda: [copy.heads(x) for copy in grown])


def autoets(series: int) -> Once:
    """Seconds for one instance: one series of each resource."""
    made, _ = window(series, _DAY)

    def work() -> None:
        for i in range(series):
            ets.quantiles(made.usage[i, :, 0], i)

    def once() -> float:
        return timed(work) / series * len(fleet.RESOURCES)

    return once


def simple(rival: forecast.Forecaster, instances: int) -> Once:
    """A baseline, which reads its history anew each time."""
    made, limits = window(instances, rival.history_s // STEP_S)
    return lambda: timed(lambda: rival.forecast(made, limits))
