"""A recurrent model at work: state in, one sample more, state out.

Training, audits and replays score in this one way.  What a model needs to
remember of an instance is in the arrays of a `Follower`; the model itself
remembers nothing.
"""

from typing import Protocol

import numpy as np

from predictive_watcher.core import calibration
from predictive_watcher.core import features
from predictive_watcher.core import forecast


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
        self._heads: list[np.ndarray] = []

    def watch(self, sample: np.ndarray, time: int) -> None:
        """Take a sample without asking the model: cheap."""
        self._take(sample, time)
        self._heads = []

    def advance(self, sample: np.ndarray, time: int) -> None:
        """Take the sample of the step that ends at ``time``.

        :param sample: (instances, resources) in the units of usage, NaN
            where there is none.
        """
        self._take(sample, time)
        self._heads, self.h, self.c = self.model.recur(
            self.features.features()[None], self.h, self.c
        )
        if self.calibration is not None:
            state = self.features
            last = np.where(state.known, state.last, np.nan)
            self._heads[0] = self.calibration.correct(
                self._heads[0], last, state.scale
            )

    def _take(self, sample: np.ndarray, time: int) -> None:
        self.features.advance(sample, time)
        if self.calibration is not None:
            self.calibration.advance(sample)

    def forecast(self, instances: tuple[str, ...]) -> forecast.Forecast:
        """Look ahead from the newest sample.

        What has no sample, or only one that is too old, has NaN.
        """
        if not self._heads:
            raise ValueError('nothing to look ahead from: call advance()')
        return in_units(
            self._heads,
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
