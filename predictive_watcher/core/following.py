"""A recurrent model at work: state in, one sample more, state out.

Training, audits and replays score in this one way.  What a model needs to
remember of an instance is in the arrays of a `Follower`; the model itself
remembers nothing.
"""

from collections.abc import Callable
from collections.abc import Mapping
from concurrent import futures
import copy
from typing import Protocol
from typing import TypeVar

import numpy as np

from predictive_watcher.core import features
from predictive_watcher.core import forecast
from predictive_watcher.core import inputs
from predictive_watcher.core import learned as learned_module
from predictive_watcher.core import usage as usage_module


# Instances that take a step together: enough that threads seldom wait for
# each other, few enough that what is computed on the way stays near.
LEAST, MOST = 1024, 8192
_Found = TypeVar('_Found')


class Recurrent(Protocol):
    """A network that is asked with its own state."""

    @property
    def name(self) -> str:
        """How it is called in verdicts, tables and metrics."""

    @property
    def hidden(self) -> int:
        """The width of its state."""

    @property
    def threads(self) -> int:
        """How many threads may ask it at once."""

    def recur(
        self, x: np.ndarray, h: np.ndarray, c: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Heads after the last step, and the state there.

        :param x: features, float32 (time, instances, features).
        :param h: like ``c``, the state before, (1, instances, hidden).
        :returns: quantiles (instances, resources, targets, levels) and the
            weight, mean and spread of `forecast.Exceedance`, all of
            z = asinh((y - last) / scale); and h and c.
        """


def usable(limits: np.ndarray) -> np.ndarray:
    """Limits; whatever is not a positive number limits nothing: NaN."""
    limits = np.asarray(limits, np.float32)
    return np.where(np.isfinite(limits) & (limits > 0), limits, np.nan)


def context(
    window: usage_module.UsageWindow, limits: np.ndarray, steps: int
) -> tuple[np.ndarray, features.FeatureState]:
    """Features of the window's last ``steps`` steps, and the final state.

    Shape (time, instances, features), where time is ``steps`` or, for a
    shorter window, what there is.
    """
    state = features.FeatureState(limits, window.step_s)
    times = window.times()
    begin = max(0, len(times) - steps)
    shape = (len(times) - begin, len(window.instances), len(inputs.NAMES))
    out = np.empty(shape, np.float32)
    for t, time in enumerate(times):
        state.advance(window.usage[:, t], int(time))
        if t >= begin:
            out[t - begin] = state.features()
    return out, state


class _Block:
    """Some instances of a follower, and what is known of them.

    The arrays are views of the follower's own, but for ``quantiles``: what
    the model said last, corrected, of z; None while it was not asked.
    """

    def __init__(
        self,
        rows: slice,
        state: features.FeatureState,
        h: np.ndarray,
        c: np.ndarray,
        learned: learned_module.Learned | None,
    ) -> None:
        self.rows = rows
        self.features = state.among(rows)
        self.learned = learned and learned.among(rows)
        self.h = h[:, rows]
        self.c = c[:, rows]
        self.quantiles: np.ndarray | None = None

    def take(self, sample: np.ndarray, time: int) -> None:
        """A sample comes; the model is not asked."""
        mine = sample[self.rows]
        self.features.advance(mine, time)
        if self.learned is not None:
            step = time // self.features.step_s
            self.learned.settle(mine, self.features.limits, step)
        self.quantiles = None

    def ask(self, model: Recurrent) -> list[np.ndarray]:
        """Heads after the newest step; all but the quantiles are returned."""
        heads, self.h[...], self.c[...] = model.recur(
            self.features.features()[None], self.h, self.c
        )
        self.quantiles, *mixture = heads
        if self.learned is not None:
            self.quantiles = self.learned.correct(heads, self.features)
        return mixture

    def resume(self, time: int) -> None:
        """The arrays are now those of the step that ends at ``time``."""
        self.features.time = time
        if self.learned is not None:
            self.quantiles = self.learned.newest(self.features)

    def in_units(self) -> np.ndarray:
        """Quantiles in the units of usage."""
        if self.quantiles is None:
            raise ValueError('nothing to look ahead from: call advance()')
        return _quantiles(self.quantiles, self.features)


class Follower:
    """What a model knows of instances, sample by sample.

    Blocks of instances take a step beside each other, on as many threads as
    the model allows; what comes out is the same, bit for bit.
    """

    def __init__(
        self,
        model: Recurrent,
        limits: np.ndarray,
        step_s: int,
        calibrated: bool = True,
    ) -> None:
        """Begin with nothing seen.

        :param limits: (instances, resources) in the units of usage.
        :param calibrated: whether forecasts are corrected by what came.
        """
        self.model = model
        self._features = features.FeatureState(usable(limits), step_s)
        # the model's own state
        self._h = np.zeros((1, len(limits), model.hidden), np.float32)
        self._c = self._h.copy()
        self._learned = (
            learned_module.Learned(*limits.shape) if calibrated else None
        )
        each = min(max(-(-len(limits) // model.threads), LEAST), MOST)
        self._blocks = [
            _Block(
                slice(begin, begin + each),
                self._features, self._h, self._c, self._learned,
            )
            for begin in range(0, max(len(limits), 1), each)
        ]  # fmt: skip
        self._mixture: list[np.ndarray] = []

    def watch(self, sample: np.ndarray, time: int) -> None:
        """Take a sample without asking the model: cheap."""
        self._each(lambda block: block.take(sample, time))

    def advance(self, sample: np.ndarray, time: int) -> None:
        """Take the sample of the step that ends at ``time``.

        :param sample: (instances, resources) in the units of usage, NaN
            where there is none.
        """

        def step(block: _Block) -> list[np.ndarray]:
            block.take(sample, time)
            return block.ask(self.model)

        mixtures = self._each(step)
        self._mixture = [
            np.concatenate(part) for part in zip(*mixtures, strict=True)
        ]

    def _each(self, work: Callable[[_Block], _Found]) -> list[_Found]:
        threads = min(self.model.threads, len(self._blocks))
        if threads == 1:
            return [work(block) for block in self._blocks]
        with futures.ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, self._blocks))

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, with the instances first: views, but for
        ``mixture``, which is there once the model was asked.
        """
        found = {
            **self._features.parts(),
            'h': np.moveaxis(self._h, 1, 0),
            'c': np.moveaxis(self._c, 1, 0),
        }
        if self._learned is not None:
            found |= self._learned.parts()
        if self._mixture:
            found['mixture'] = np.stack(self._mixture, axis=1)
        return found

    def resume(
        self,
        parts: Mapping[str, np.ndarray],
        rows: np.ndarray,
        time: int,
    ) -> None:
        """Put what was remembered of instances into ``rows``.

        All rows of a follower must be resumed at the same time.

        :param parts: of `parts`, instances first.
        :param time: Unix seconds of the newest step that is in them.
        """
        for name, view in self.parts().items():
            if name != 'mixture':
                view[rows] = parts[name]
        self._each(lambda block: block.resume(time))
        if self._learned is None:
            return  # what the model said last is in the calibration
        if not self._mixture:
            shape = (len(self._features.last), *parts['mixture'].shape[2:])
            self._mixture = [np.full(shape, np.nan, np.float32) for _ in '123']
        for k, array in enumerate(self._mixture):
            array[rows] = parts['mixture'][:, k]

    def _chances(self) -> forecast.Exceedance:
        state = copy.copy(self._features)
        state.time = self._blocks[0].features.time
        if self._learned is None:
            return learned_module.in_mixture(self._mixture, state)
        return self._learned.exceedance(self._mixture, state)

    def forecast(self, instances: tuple[str, ...]) -> forecast.Forecast:
        """Look ahead from the newest sample.

        What has no sample, or only one that is too old, has NaN.
        """
        cells = (*self._features.last.shape, len(forecast.TARGETS))
        quantiles = np.empty((*cells, len(forecast.LEVELS)), np.float32)

        def fill(block: _Block) -> None:
            quantiles[block.rows] = block.in_units()

        self._each(fill)
        return forecast.Forecast(
            instances=instances,
            origin=self._blocks[0].features.time,
            model=self.model.name,
            quantiles=quantiles,
            exceedance=self._chances(),
        )


def in_units(
    heads: list[np.ndarray],
    state: features.FeatureState,
    instances: tuple[str, ...],
    origin: int,
    model: str,
) -> forecast.Forecast:
    """What the heads of a model say, in the units of usage."""
    quantiles, *mixture = heads
    return forecast.Forecast(
        instances=instances,
        origin=origin,
        model=model,
        quantiles=_quantiles(quantiles, state),
        exceedance=learned_module.in_mixture(mixture, state),
    )


def _quantiles(z: np.ndarray, state: features.FeatureState) -> np.ndarray:
    return forecast.in_units(z, state.recent, state.scale, state.limits)
