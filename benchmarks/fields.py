"""Where forecasters are compared: parts of traces that none has seen."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import accuracy
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split as split_module


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Usage and the steps of it to forecast from.

    ``offset`` is the step of the trace with which ``window`` begins.
    """

    trace: traces.Trace
    window: usage_module.UsageWindow
    limits: np.ndarray
    origins: np.ndarray
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What ``--quick`` uses of a trace."""

    instances: int = 40  # to learn from
    history: int = 21 * 288  # steps before that which is learned or reported
    steps: int = 7 * 288  # reported


def split(trace: traces.Trace) -> split_module.Split:
    """The trainer's own split of a trace."""
    return split_module.of(
        split_module.Source(
            name=trace.name, window=trace.window, limits=trace.limits
        )
    )


def learned(
    parted: split_module.Split, share: Share | None
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """The part of a trace to learn from, with its limits."""
    end = parted.at(split_module.TRAIN_UNTIL)
    if share is None:
        return parted.part(parted.learn, end)
    window, limits = parted.part(parted.learn[: share.instances], end)
    return _from(window, max(0, end - share.history)), limits


def held_out(
    parted: split_module.Split,
    trace: traces.Trace,
    stride: int,
    share: Share | None,
) -> Field:
    """The instances and the time that were held out."""
    begin = parted.at(split_module.CHOOSE_UNTIL)
    end = parted.at(split_module.REPORT_UNTIL)
    offset = 0
    if share is not None:
        end = min(end, begin + share.steps)
        offset = max(0, begin - share.history)
    window, limits = parted.part(parted.held, end)
    return Field(
        trace=trace,
        window=_from(window, offset),
        limits=limits,
        origins=np.arange(begin, end - replay.AHEAD, stride) - offset,
        offset=offset,
    )


def whole(trace: traces.Trace, begin: int, stride: int) -> Field:
    """All instances of a trace, from step ``begin`` on.

    :raises InvalidInput: where nothing would be left.
    """
    length = trace.window.usage.shape[1]
    origins = np.arange(begin, length - replay.AHEAD, stride)
    if not len(origins):
        raise exceptions.InvalidInput(
            f'--transfer {trace.name}: it has {length} steps, none after '
            f'step {begin} to forecast from; choose a smaller --transfer-from'
        )
    return Field(
        trace=trace,
        window=trace.window,
        limits=trace.limits,
        origins=origins,
    )


def _from(
    window: usage_module.UsageWindow, begin: int
) -> usage_module.UsageWindow:
    return usage_module.UsageWindow(
        instances=window.instances,
        start=window.start + begin * window.step_s,
        step_s=window.step_s,
        usage=window.usage[:, begin:].copy(),
    )


def paired(
    field: Field, ours: replay.Replayed, theirs: replay.Replayed
) -> tuple[accuracy.Outcome, accuracy.Outcome]:
    """The outcomes of both, at the origins that they share."""
    _, a, b = np.intersect1d(
        ours.origins, theirs.origins, assume_unique=True, return_indices=True
    )
    whole = len(a) == len(ours.origins)
    return (
        # a slice copies nothing
        ours.outcome(field.window, field.limits, None if whole else a),
        theirs.outcome(field.window, field.limits, b),
    )


def between(
    window: usage_module.UsageWindow, begin: int, end: int
) -> usage_module.UsageWindow:
    """Some steps of a window."""
    begin = max(0, begin)
    return usage_module.UsageWindow(
        instances=window.instances,
        start=window.start + begin * window.step_s,
        step_s=window.step_s,
        usage=window.usage[:, begin:end].copy(),
    )
