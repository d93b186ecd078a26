"""The model at work in a replay, with what it learned before it began."""

from collections.abc import Callable

import numpy as np

from predictive_watcher.core import correlation
from predictive_watcher.core import following
from predictive_watcher.core import profiling
from predictive_watcher.core import remembering
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module


def warmed(
    model: remembering.Model,
    demand: usage_module.UsageWindow,
    limits: np.ndarray,
    begin: int,
    tell: Callable[[float], None],
) -> remembering.Memory | None:
    """What audits would remember by step ``begin``; None: it is the first.

    The model watches from the trace's first step on and is asked for the
    last `replay.WARM_S`, so that its calibration has learned.
    """
    if begin < 1:
        return None
    model.check_step(demand.step_s)
    follower = following.Follower(model, limits, demand.step_s)
    asked = max(0, begin - replay.WARM_S // demand.step_s)
    for t in range(begin):
        time = demand.start + t * demand.step_s
        sample = np.fmin(demand.usage[:, t], limits)
        sample = np.where(np.isnan(demand.usage[:, t]), np.nan, sample)
        sample = sample.astype(np.float32)
        if t < asked:
            follower.watch(sample, time)
        else:
            follower.advance(sample, time)
        tell(t / begin)
    return remembering.Memory(
        model=model.identity,
        instances=demand.instances,
        time=demand.start + (begin - 1) * demand.step_s,
        step_s=demand.step_s,
        parts={name: a.copy() for name, a in follower.parts().items()},
    )


def related(
    demand: usage_module.UsageWindow, limits: np.ndarray, begin: int
) -> correlation.Correlation | None:
    """What audits of each hour would know of who moves together by step
    ``begin``; None: it is the first.
    """
    known, day = None, 86400 // demand.step_s
    hour = max(1, 3600 // demand.step_s)
    warm = replay.WARM_S // demand.step_s
    for end in range(max(hour, begin - warm), begin + 1, hour):
        first = max(0, end - day - 2 * hour)
        past = usage_module.UsageWindow(
            instances=demand.instances,
            start=demand.start + first * demand.step_s,
            step_s=demand.step_s,
            usage=demand.usage[:, first:end].copy(),
        )
        before = known or correlation.nothing(demand.instances, demand.step_s)
        known = correlation.learned(before, past, limits)
    return known


def profiled(
    demand: usage_module.UsageWindow, limits: np.ndarray, begin: int
) -> remembering.Memory | None:
    """The profiles that audits would have learned by step ``begin``; None:
    it is the first.
    """
    if begin < 1:
        return None
    used = np.fmin(demand.usage[:, :begin], limits[:, None])
    past = usage_module.UsageWindow(
        instances=demand.instances,
        start=demand.start,
        step_s=demand.step_s,
        usage=np.where(
            np.isnan(demand.usage[:, :begin]), np.nan, used
        ).astype(np.float32),
    )
    return profiling.learned(past, {})
