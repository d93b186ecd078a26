"""Learn one network for all instances."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
import math
import time

import numpy as np
import torch

from predictive_watcher.core import replay
from predictive_watcher.training import checkpoint
from predictive_watcher.training import dataset
from predictive_watcher.training import loss as loss_module
from predictive_watcher.training import network as network_module
from predictive_watcher.training import state as state_module


_EMA = 0.999
STEPS = 12000  # 22 minutes on one core


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to learn: size of the network, length and size of the batches.

    With ``minutes`` the clock says when to stop; with ``steps`` alone the
    result depends on the seed only.
    """

    seed: int = 1
    steps: int = STEPS
    minutes: float | None = None
    width: int = 160
    hidden: int = 96
    length: int = 64
    batch: int = 64
    warm: int = 6  # first steps of a stretch, not scored: the state is empty
    rate: float = 3e-3
    threads: int = 1


SIZE = ('width', 'hidden')  # the options that shape the network


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the learning is; ``loss`` is a running mean."""

    step: int
    done: float  # share, 0 to 1
    loss: float
    seconds_left: float


def learn(
    parts: list[dataset.Part],
    options: Options,
    tell: Callable[[Progress], None] = lambda _: None,
    weights: Mapping[str, torch.Tensor] | None = None,
    keeper: checkpoint.Keeper | None = None,
) -> tuple[network_module.Network, int]:
    """Train a network; its running mean, and how many steps it took.

    All parts must be at least 8 steps long.

    :param weights: to begin from, instead of by chance.
    :param keeper: keeps where learning stands, and knows where to go on.
    """
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    sample = dataset.draw(parts, rng, 1000, 2)
    stress = loss_module.emphasis(sample)
    state = _begin(sample, options, rng, weights)
    clock = _Clock(options)
    if keeper is not None and keeper.begun is not None:
        state.resume(keeper.begun)
        clock = _Clock(options, keeper.begun.seconds)
    shortest = min(part.end for part in parts)
    length = max(2, min(options.length, shortest - replay.AHEAD))
    while (done := clock.share(state.step)) < 1.0:
        batch = dataset.draw(parts, rng, options.batch, length)
        _step(state, options, batch, stress, done)
        tell(clock.progress(state.step, state.loss))
        if keeper is not None:
            keeper.after_step(lambda: state.kept(clock.seconds()))
    if keeper is not None:
        keeper.keep(state.kept(clock.seconds()))
    return state.mean.eval(), state.step


def _begin(
    sample: dataset.Batch,
    options: Options,
    rng: np.random.Generator,
    weights: Mapping[str, torch.Tensor] | None,
) -> state_module.State:
    net = network_module.Network(
        sample.x.shape[2],
        *(getattr(options, name) for name in SIZE),
    )
    if weights is None:
        _standardise(net, sample)
    else:
        state_module.load(net, weights, 'the model to begin from')
    return state_module.fresh(net, options.rate, rng)


def _step(
    state: state_module.State,
    options: Options,
    batch: dataset.Batch,
    stress: loss_module.Emphasis,
    done: float,
) -> None:
    """Learn from one batch; ``done`` is the share of the learning."""
    for group in state.optimizer.param_groups:
        group['lr'] = options.rate * _schedule(state.step, done)
    warm = min(options.warm, len(batch.x) // 2)
    loss = loss_module.of(state.net, batch, warm, stress, state.rng)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.net.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    state.average(min(_EMA, state.step / (state.step + 10)))
    state.loss += (loss.item() - state.loss) / min(state.step, 100)


class _Clock:
    """How much of the learning is done: by steps, or by minutes.

    ``spent`` are the seconds that it took before it was interrupted.
    """

    def __init__(self, options: Options, spent: float = 0.0) -> None:
        self._steps = options.steps
        self._limit = options.minutes and options.minutes * 60
        self._began = time.monotonic() - spent

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def share(self, step: int) -> float:
        if self._limit is None:
            return step / self._steps
        return self.seconds() / self._limit

    def progress(self, step: int, loss: float) -> Progress:
        done = max(self.share(step), 1e-9)
        spent = self.seconds()
        return Progress(
            step=step,
            done=min(done, 1.0),
            loss=loss,
            seconds_left=max(0.0, spent / done - spent),
        )


def _schedule(step: int, done: float) -> float:
    """A short rise, then half a cosine."""
    rise = min(1.0, (step + 1) / 100)
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def _standardise(net: network_module.Network, batch: dataset.Batch) -> None:
    x = torch.from_numpy(batch.x).flatten(0, 1)
    # what never changes (a mask that is always 1) is not blown up
    net.standardise(x.mean(0), x.std(0, correction=0).clamp_min(0.05))
