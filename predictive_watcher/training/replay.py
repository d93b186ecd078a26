"""Forecast as if time went by: each origin knows what was before it only."""

from collections.abc import Callable

import numpy as np
import torch

from predictive_watcher.core import features
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import usage as usage_module
from predictive_watcher.training import dataset
from predictive_watcher.training import network as network_module
from predictive_watcher.training import report


_ORIGINS = 700  # of a report, evenly spread
_CPU = fleet.RESOURCES.index(fleet.Resource.CPU)


def origins(begin: int, end: int) -> np.ndarray:
    """Steps to forecast from, such that the truth ends before ``end``."""
    last = end - dataset.AHEAD
    stride = max(1, -(-(last - begin) // _ORIGINS))
    return np.arange(begin, last, stride)


def _truth(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    at: np.ndarray,
    quantiles: np.ndarray,
    risk: np.ndarray,
) -> report.Outcome:
    steps = range(1, dataset.AHEAD + 1)
    came = np.stack([window.usage[:, at + k] for k in steps], axis=-1)
    came = np.concatenate([came, came.max(axis=-1, keepdims=True)], axis=-1)
    return report.Outcome(
        quantiles=quantiles,
        came=came,
        now=window.usage[:, at],
        risk=risk,
        limit=limits[:, _CPU],
    )


def forecaster(
    rival: forecast.Forecaster,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    at: np.ndarray,
    tell: Callable[[float], None] = lambda _: None,
) -> report.Outcome:
    """Ask ``rival`` at every origin, with the history it likes to see."""
    history = rival.history_s // window.step_s
    quantiles, risk = [], []
    for n, origin in enumerate(at):
        begin = max(0, int(origin) + 1 - history)
        part = usage_module.UsageWindow(
            instances=window.instances,
            start=window.start + begin * window.step_s,
            step_s=window.step_s,
            usage=window.usage[:, begin : origin + 1].copy(),
        )
        found = rival.forecast(part, limits)
        quantiles.append(found.quantiles)
        chance = found.probability(report.CEILING * limits)
        risk.append(chance[:, _CPU])
        tell(n / len(at))
    return _truth(
        window, limits, at, np.stack(quantiles, 1), np.stack(risk, 1)
    )


@torch.no_grad()
def network(
    net: network_module.Network,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    at: np.ndarray,
    context: int,
    tell: Callable[[float], None] = lambda _: None,
) -> report.Outcome:
    """Score a network statefully, from ``context`` steps before the first."""
    state = features.FeatureState(limits, window.step_s)
    h = c = torch.zeros(1, len(limits), net.hidden)
    wanted = set(at.tolist())
    quantiles, risk = [], []
    for t in range(int(at[-1]) + 1):
        time = window.start + t * window.step_s
        state.advance(window.usage[:, t], time)
        if t < at[0] - context:
            continue
        x = torch.from_numpy(state.features()[None])
        seen, h, c = net.recur(x, h, c)
        if t not in wanted:
            continue
        heads = [head.numpy() for head in net.heads(seen[0])]
        found = _forecast(window, state, time, heads)
        quantiles.append(found.quantiles)
        risk.append(found.probability(report.CEILING * limits)[:, _CPU])
        tell(t / int(at[-1]))
    return _truth(
        window, limits, at, np.stack(quantiles, 1), np.stack(risk, 1)
    )


def _forecast(
    window: usage_module.UsageWindow,
    state: features.FeatureState,
    origin: int,
    heads: list[np.ndarray],
) -> forecast.Forecast:
    last = np.where(state.known, state.last, np.nan)
    quantiles, weight, mean, spread = heads
    return forecast.Forecast(
        instances=window.instances,
        origin=origin,
        model='',
        quantiles=forecast.in_units(
            quantiles, last, state.scale, state.limits
        ),
        exceedance=forecast.Exceedance(
            weight=weight,
            mean=mean,
            spread=spread,
            last=last,
            scale=state.scale,
        ),
    )
