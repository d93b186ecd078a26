"""Means of several steps, so that a trace has the step of a model."""

import dataclasses

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import usage as usage_module
from predictive_watcher.telemetry import traces


def factor(trace: traces.Trace, step_s: int) -> int:
    """How many steps of the trace make one of ``step_s``.

    :raises InvalidTrace: where that is no whole number.
    """
    own = trace.window.step_s
    if step_s % own:
        raise exceptions.InvalidTrace(
            f'{trace.name}: its step is {own} s; steps of {step_s} s are '
            f'needed, or such of which several make {step_s} s: resample it'
        )
    return step_s // own


def to_step(
    trace: traces.Trace, step_s: int, end: int | None = None
) -> traces.Trace:
    """The trace with steps of ``step_s``, each the mean of its own steps.

    The mean is that of the samples that exist; it is NaN where less than
    half of them do.  A last step that is not complete is left out.

    :param end: Unix seconds at which one of the new steps is to end; None:
        they end at multiples of ``step_s``.
    :raises InvalidTrace: where the step of the trace does not divide
        ``step_s``, or the trace is shorter.
    """
    count = factor(trace, step_s)
    window = trace.window
    if count == 1:
        return trace
    first = window.start + (-(window.start - (end or 0))) % step_s
    # steps of the trace that are in the first new one
    begun = (first - window.start) // window.step_s + 1
    length = (count - begun + int(window.usage.shape[1])) // count
    if length < 1:
        raise exceptions.InvalidTrace(
            f'{trace.name}: its {window.usage.shape[1]} steps of '
            f'{window.step_s} s do not make one of {step_s} s'
        )
    return dataclasses.replace(
        trace,
        window=usage_module.UsageWindow(
            instances=window.instances,
            start=first,
            step_s=step_s,
            usage=_means(window.usage, begun, count, length),
        ),
    )


def _means(
    usage: np.ndarray, begun: int, count: int, length: int
) -> np.ndarray:
    """Means of ``count`` steps, of which the first lacks some at its start."""
    instances, _, resources = usage.shape
    out = np.empty((instances, length, resources), np.float32)
    lacking = count - begun
    for i in range(instances):  # all at once would take several times the room
        padded = np.full((length * count, resources), np.nan)
        own = usage[i, : length * count - lacking]
        padded[lacking : lacking + len(own)] = own
        parts = padded.reshape(length, count, resources)
        there = np.isfinite(parts).sum(axis=1)
        total = np.nansum(parts, axis=1)
        enough = 2 * there >= count
        out[i] = np.where(enough, total / np.maximum(there, 1), np.nan)
    return out


def said(trace: traces.Trace, step_s: int) -> str:
    """What was done to a trace, in one line; empty where nothing was."""
    count = factor(trace, step_s)
    if count == 1:
        return ''
    return (
        f'{trace.name}: steps of {trace.window.step_s} s averaged to '
        f'{step_s} s; unknown where fewer than {-(-count // 2)} of {count} '
        'samples are there'
    )
