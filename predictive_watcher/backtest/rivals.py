"""Those who are compared, as forecasters for the one `propose()`.

A rival knows less, or more, than the model; it has the same adjuster, the
same leases, delays and durations.
"""

from collections.abc import Callable
from collections.abc import Mapping

import numpy as np

from predictive_watcher.core import baselines
from predictive_watcher.core import forecast
from predictive_watcher.core import usage as usage_module


AHEAD = 3  # steps


class _Certain:
    """A forecaster that believes in one value for each target."""

    name = ''
    history_s = 3600

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast.Forecast:
        """Look ahead from the window's end; limits bound nothing here."""
        values = self._values(window)
        levels = len(forecast.LEVELS)
        return forecast.Forecast(
            instances=window.instances,
            origin=window.end,
            model=self.name,
            quantiles=np.repeat(
                values[..., None].astype(np.float32), levels, axis=-1
            ),
        )

    def _values(self, window: usage_module.UsageWindow) -> np.ndarray:
        """(instances, resources, targets)."""
        raise NotImplementedError


class Reactive(_Certain):
    """A threshold rule: what is used now is all that is known."""

    name = 'reactive'

    def _values(self, window: usage_module.UsageWindow) -> np.ndarray:
        return _everywhere(_newest(window.usage))


class Early(Reactive):
    """A threshold rule that does not wait for the ceiling.

    It takes what is used now for `MARGIN` times as much, and so acts, with a
    ceiling of .9, from 80 % of the limit on, and leases more.
    """

    name = 'reactive_early'
    MARGIN = 1.125

    def _values(self, window: usage_module.UsageWindow) -> np.ndarray:
        return self.MARGIN * super()._values(window)


class Percentile(_Certain):
    """The 95th percentile of the last day, newer samples counting more.

    The half-life is 24 h, as in the Vertical Pod Autoscaler of Kubernetes.
    """

    name = 'percentile'
    history_s = 86400
    _half_life_s = 86400.0
    _level = 0.95

    def _values(self, window: usage_module.UsageWindow) -> np.ndarray:
        usage = np.moveaxis(window.usage, 1, 2)
        behind = np.arange(usage.shape[-1])[::-1] * window.step_s
        weights = 0.5 ** (behind / self._half_life_s)
        found = baselines.weighted_quantiles(usage, weights, (self._level,))
        now = _newest(window.usage)
        return _everywhere(np.where(np.isnan(now), np.nan, found[..., 0]))


class Oracle(_Certain):
    """It has read the trace to its end, and looks as far as the model."""

    name = 'oracle'

    def __init__(self, demand: usage_module.UsageWindow) -> None:
        self._demand = demand

    def _values(self, window: usage_module.UsageWindow) -> np.ndarray:
        demand = self._demand
        now = (window.end - demand.start) // demand.step_s
        come = demand.usage[:, now + 1 : now + 1 + AHEAD].astype(float)
        missing = AHEAD - come.shape[1]
        come = np.pad(
            come, ((0, 0), (0, missing), (0, 0)), constant_values=np.nan
        )
        newest = _newest(window.usage)
        come = np.where(np.isnan(come), newest[:, None], come)
        most = come.max(axis=1, keepdims=True)
        return np.moveaxis(np.concatenate([come, most], axis=1), 1, 2)


def _newest(usage: np.ndarray) -> np.ndarray:
    """The newest value that is not older than a forecast may look back."""
    out = usage[:, -1].astype(float)
    for back in range(2, min(forecast.MAX_AGE + 1, usage.shape[1]) + 1):
        out = np.where(np.isnan(out), usage[:, -back], out)
    return out


def _everywhere(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], len(forecast.TARGETS), axis=-1)


BY_NAME: Mapping[str, Callable[[], forecast.Forecaster]] = {
    made.name: made for made in (Reactive, Early, Percentile)
}
