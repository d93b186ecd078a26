"""A recurrent model at work: state in, one sample more, state out.

Training, audits and replays score in this one way.  What a model needs to
remember of an instance is in the arrays of a `Follower`; the model itself
remembers nothing.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from predictive_watcher.core import calibration
from predictive_watcher.core import features
from predictive_watcher.core import forecast
from predictive_watcher.core import inputs


class Recurrent(Protocol):
    """A network that is asked with its own state."""

    @property
    def name(self) -> str:
        """How it is called in verdicts, tables and metrics."""

    @property
    def hidden(self) -> int:
        """The width of its state."""

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


class Follower:
    """What a model knows of instances, sample by sample.

    ``features`` is what follows from the samples, ``h`` and ``c`` the model's
    own state, float32 (1, instances, hidden), ``calibration`` what was
    learned from its forecasts.
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
        self.features = features.FeatureState(usable(limits), step_s)
        self.h = np.zeros((1, len(limits), model.hidden), np.float32)
        self.c = self.h.copy()
        self.calibration = (
            calibration.Calibration(*limits.shape) if calibrated else None
        )
        self._quantiles: np.ndarray | None = None
        self._mixture: list[np.ndarray] = []

    def watch(self, sample: np.ndarray, time: int) -> None:
        """Take a sample without asking the model: cheap."""
        self._take(sample, time)
        self._quantiles = None

    def advance(self, sample: np.ndarray, time: int) -> None:
        """Take the sample of the step that ends at ``time``.

        :param sample: (instances, resources) in the units of usage, NaN
            where there is none.
        """
        self._take(sample, time)
        heads, self.h, self.c = self.model.recur(
            self.features.features()[None], self.h, self.c
        )
        self._quantiles, *self._mixture = heads
        if self.calibration is not None:
            state = self.features
            last = np.where(state.known, state.last, np.nan)
            self._quantiles = self.calibration.correct(
                self._quantiles, last, state.scale
            )

    def _take(self, sample: np.ndarray, time: int) -> None:
        self.features.advance(sample, time)
        if self.calibration is not None:
            self.calibration.advance(sample, time // self.features.step_s)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, with the instances first: views, but for
        ``mixture``, which is there once the model was asked.
        """
        found = {
            **self.features.parts(),
            'h': np.moveaxis(self.h, 1, 0),
            'c': np.moveaxis(self.c, 1, 0),
        }
        if self.calibration is not None:
            found |= self.calibration.parts()
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
        step = time // self.features.step_s
        self.features.time = time
        self.features.position = step % inputs.RING
        if self.calibration is None:
            return  # what the model said last is in the calibration
        self.calibration.count = step
        if not self._mixture:
            shape = (len(self.features.last), *parts['mixture'].shape[2:])
            self._mixture = [np.full(shape, np.nan, np.float32) for _ in '123']
        for k, array in enumerate(self._mixture):
            array[rows] = parts['mixture'][:, k]
        self._quantiles = self.calibration.newest()

    def forecast(self, instances: tuple[str, ...]) -> forecast.Forecast:
        """Look ahead from the newest sample.

        What has no sample, or only one that is too old, has NaN.
        """
        if self._quantiles is None:
            raise ValueError('nothing to look ahead from: call advance()')
        return in_units(
            [self._quantiles, *self._mixture],
            self.features,
            instances,
            self.features.time,
            self.model.name,
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
    last = np.where(state.known, state.last, np.nan)
    weight, mean, spread = (part.astype(np.float64) for part in mixture)
    return forecast.Forecast(
        instances=instances,
        origin=origin,
        model=model,
        quantiles=forecast.in_units(
            quantiles, last, state.scale, state.limits
        ),
        exceedance=forecast.Exceedance(
            weight=weight,
            mean=mean,
            spread=spread,
            last=last.astype(np.float64),
            scale=state.scale.astype(np.float64),
        ),
    )
