"""A forecaster whose forecasts a test writes itself."""

from collections.abc import Mapping

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import usage


class FakeForecaster:
    """Expects of each instance a logistic peak around a given middle.

    ``expected`` maps instance ids to (middle, spread) by resource; what is
    not given stays at the last sample, closely.  An instance without any
    sample gets no forecast, as with a real model.
    """

    name = 'fake'
    history_s = 86400

    def __init__(
        self,
        expected: Mapping[str, Mapping[str, tuple[float, float]]],
        error: exceptions.ModelError | None = None,
    ) -> None:
        self._expected = expected
        self._error = error

    def forecast(
        self, window: usage.UsageWindow, limits: np.ndarray
    ) -> forecast.Forecast:
        """Quantiles of the same logistic for every target."""
        if self._error:
            raise self._error
        last = _last(window)
        middle, spread = last.copy(), np.maximum(0.001 * np.abs(last), 1e-3)
        for row, instance in enumerate(window.instances):
            for resource, given in self._expected.get(instance, {}).items():
                column = fleet.RESOURCES.index(fleet.Resource(resource))
                middle[row, column], spread[row, column] = given
        middle = np.where(np.isfinite(last), middle, np.nan)
        levels = np.array(forecast.LEVELS)
        odds = np.log(levels / (1 - levels))
        q = middle[..., None] + spread[..., None] * odds
        q = np.repeat(q[:, :, None, :], len(forecast.TARGETS), axis=2)
        return forecast.Forecast(
            instances=window.instances,
            origin=window.end,
            model=self.name,
            quantiles=q.astype(np.float32),
        )


def _last(window: usage.UsageWindow) -> np.ndarray:
    """The last sample of each instance and resource, NaN where none is."""
    last = np.full(window.usage[:, 0].shape, np.nan)
    for step in range(window.usage.shape[1]):
        now = window.usage[:, step]
        last = np.where(np.isfinite(now), now, last)
    return last
