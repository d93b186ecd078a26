"""Forecast as if time went by: each origin knows what was before it only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import accuracy
from predictive_watcher.core import fleet
from predictive_watcher.core import following
from predictive_watcher.core import forecast
from predictive_watcher.core import usage as usage_module


AHEAD = 3  # steps a target reaches beyond its origin
# Before the first origin a model is asked for so long, to learn its
# calibration.
WARM_S = 14 * 86400
Tell = Callable[[float], None]
Improve = Callable[[int, forecast.Forecast], forecast.Forecast]


def _silent(_: float) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Forecasts from many origins, float32; NaN where there is none.

    ``origins`` are steps; ``quantiles`` (instances, origins, resources,
    targets, levels) in the units of usage; ``risk`` (instances, origins,
    resources) = P(maximum over the next 900 s > ``ceiling`` x limit).
    """

    origins: np.ndarray
    quantiles: np.ndarray
    risk: np.ndarray
    ceiling: float

    def outcome(
        self,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
        some: np.ndarray | None = None,
    ) -> accuracy.Outcome:
        """The forecasts beside what came.

        :param some: indices into ``origins``; None: all of them.
        """
        # a slice copies nothing: forecasts may be large
        pick = slice(None) if some is None else some
        at = self.origins[pick]
        usage = window.usage
        came = np.stack([usage[:, at + k + 1] for k in range(AHEAD)], axis=-1)
        most = came.max(axis=-1, keepdims=True)
        return accuracy.Outcome(
            quantiles=self.quantiles[:, pick],
            came=np.concatenate([came, most], axis=-1),
            now=usage[:, at],
            risk=self.risk[:, pick],
            limits=limits,
            ceiling=self.ceiling,
        )


class _Kept:
    """Room for the forecasts of a replay, filled one origin at a time."""

    def __init__(
        self, instances: int, origins: np.ndarray, limits: np.ndarray,
        ceiling: float,
    ) -> None:  # fmt: skip
        lead = (instances, len(origins), len(fleet.RESOURCES))
        shape = (*lead, len(forecast.TARGETS), len(forecast.LEVELS))
        self._origins = origins
        self._thresholds = ceiling * limits
        self._ceiling = ceiling
        self._quantiles = np.empty(shape, np.float32)
        self._risk = np.empty(lead, np.float32)

    def put(self, n: int, found: forecast.Forecast) -> None:
        self._quantiles[:, n] = found.quantiles
        self._risk[:, n] = found.probability(self._thresholds)

    def replayed(self) -> Replayed:
        return Replayed(
            origins=self._origins,
            quantiles=self._quantiles,
            risk=self._risk,
            ceiling=self._ceiling,
        )


def origins(begin: int, end: int, most: int) -> np.ndarray:
    """At most ``most`` steps to forecast from, evenly spread, such that the
    truth ends before ``end``.

    >>> origins(10, 23, 5).tolist()
    [10, 12, 14, 16, 18]
    """
    last = end - AHEAD
    stride = max(1, -(-(last - begin) // most))
    return np.arange(begin, last, stride)


def forecaster(
    rival: forecast.Forecaster,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    at: np.ndarray,
    ceiling: float,
    tell: Tell = _silent,
) -> Replayed:
    """Ask ``rival`` at every origin, with the history it likes to see."""
    history = rival.history_s // window.step_s
    kept = _Kept(len(window.instances), at, limits, ceiling)
    for n, origin in enumerate(at):
        begin = max(0, int(origin) + 1 - history)
        part = usage_module.UsageWindow(
            instances=window.instances,
            start=window.start + begin * window.step_s,
            step_s=window.step_s,
            usage=window.usage[:, begin : origin + 1].copy(),
        )
        kept.put(n, rival.forecast(part, limits))
        tell(n / len(at))
    return kept.replayed()


def recurrent(
    model: following.Recurrent,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    at: np.ndarray,
    ceiling: float,
    warm: int,
    tell: Tell = _silent,
    calibrated: bool = False,
    improve: Improve | None = None,
) -> Replayed:
    """Let ``model`` follow the window, and look ahead at every origin.

    The samples are seen from the first step on; the model is asked from
    ``warm`` steps before the first origin, at every step, so that with
    ``calibrated`` its forecasts are corrected by what came before the origin.

    :param improve: what becomes of each forecast that it is asked for, told
        the step; by what came until then.
    """
    follower = following.Follower(model, limits, window.step_s, calibrated)
    kept = _Kept(len(window.instances), at, limits, ceiling)
    place = {int(origin): n for n, origin in enumerate(at)}
    length = int(at[-1]) + 1
    for t in range(length):
        time = window.start + t * window.step_s
        if t < at[0] - warm:
            follower.watch(window.usage[:, t], time)
        else:
            follower.advance(window.usage[:, t], time)
        if improve is not None and t >= at[0] - warm:
            found = improve(t, follower.forecast(window.instances))
        elif t in place:
            found = follower.forecast(window.instances)
        if t in place:
            kept.put(place[t], found)
        tell(t / length)
    return kept.replayed()
