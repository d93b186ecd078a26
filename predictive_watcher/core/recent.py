"""Recent usage, kept so that only what is new has to be read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import usage as usage_module


_DAY_S = 86400
_SOME = 0.5  # of a late sample, or it is forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Usage as the audit before knew it.

    ``source`` tells where it was read, and how: another one's is not mixed
    with it.  Every instance in it was asked for up to the window's end.
    ``late`` (instances, 2): how many samples of each came late, those of a day
    ago counting half, and the latest of them by how many seconds; None:
    nothing is known of that.
    """

    source: str
    window: usage_module.UsageWindow
    late: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """Samples that came after the audit that would have used them.

    ``count`` of them, the latest ``most_s`` seconds after the end of its step
    was asked for; ``ignored`` came too late for what the model remembers.
    """

    count: int = 0
    ignored: int = 0
    most_s: int = 0


def known(
    kept: Recent | None, source: str, step_s: int, start: int, end: int | None
) -> frozenset[str]:
    """The instances of which only what is new has to be read.

    None where what is kept is of another source or grid, does not reach back
    to ``start``, ended before it, or lies ahead.
    """
    if kept is None or kept.source != source:
        return frozenset()
    window = kept.window
    if window.step_s != step_s or window.start >= start + step_s:
        return frozenset()
    if window.end < start or (end is not None and window.end > end):
        return frozenset()
    return frozenset(window.instances)


def joined(
    instances: Sequence[str],
    start: int,
    parts: Sequence[usage_module.UsageWindow],
) -> usage_module.UsageWindow:
    """One window from ``start`` on, for these instances in this order.

    A later part overrules those before it where it knows a sample; what it
    does not know does not make the others' unknown.  All have the same grid.
    """
    step = parts[0].step_s
    first = -(-start // step) * step
    length = (max(part.end for part in parts) - first) // step + 1
    row_of = {name: row for row, name in enumerate(instances)}
    layers = [usage_module.layers(part) for part in parts]
    out = {
        name: np.full((*shape, layer.shape[2]), np.nan, np.float32)
        for shape in ((len(instances), length),)
        for of_part in layers
        for name, layer in of_part.items()
    }
    for part, of_part in zip(parts, layers, strict=True):
        pairs = [
            (row_of[name], row)
            for row, name in enumerate(part.instances)
            if name in row_of
        ]
        if not pairs:
            continue
        rows, own = (np.array(side) for side in zip(*pairs, strict=True))
        begin = (part.start - first) // step
        for name, layer in of_part.items():
            new = layer[own, max(0, -begin) :]
            at = slice(max(0, begin), max(0, begin) + new.shape[1])
            old = out[name][rows, at]
            out[name][rows, at] = np.where(np.isfinite(new), new, old)
    return usage_module.UsageWindow(
        instances=tuple(instances), start=first, step_s=step, **out
    )


def late(
    kept: Recent, window: usage_module.UsageWindow, remembered: int | None
) -> Late:
    """What ``window`` knows of steps that were unknown when they were kept.

    :param remembered: Unix seconds of the last step that the model counts as
        seen; None: nothing is remembered.
    """
    came, _ = _came(kept, window)
    steps = np.flatnonzero(came.any(axis=(0, 2)))
    if not len(steps):
        return Late()
    ends = window.times()[: came.shape[1]]
    past = ends <= (remembered if remembered is not None else -1)
    return Late(
        count=int(came.sum()),
        ignored=int(came[:, past].sum()),
        most_s=int(kept.window.end - ends[steps[0]]),
    )


def lateness(
    kept: Recent | None, window: usage_module.UsageWindow
) -> np.ndarray:
    """`Recent.late` of the window's instances, with what came since ``kept``.

    float32 (instances, 2).
    """
    found = np.zeros((len(window.instances), 2), np.float32)
    if kept is None:
        return found
    came, rows = _came(kept, window)
    if kept.late is not None:
        own = {name: row for row, name in enumerate(kept.window.instances)}
        lasting = 2.0 ** (-max(window.end - kept.window.end, 0) / _DAY_S)
        for row, name in enumerate(window.instances):
            if name in own:
                count, most_s = kept.late[own[name]]
                count *= lasting
                found[row] = (count, most_s if count >= _SOME else 0.0)
    ends = window.times()[: came.shape[1]]
    some = came.any(axis=2)
    most = np.where(some, kept.window.end - ends, 0).max(axis=1, initial=0)
    found[rows, 0] += came.sum(axis=(1, 2))
    found[rows, 1] = np.maximum(found[rows, 1], most)
    return found


def _came(
    kept: Recent, window: usage_module.UsageWindow
) -> tuple[np.ndarray, np.ndarray]:
    """Where there is a sample that was not there when the step was kept,
    (instances that were kept, steps, resources); and their rows.
    """
    before = kept.window
    row_of = {name: row for row, name in enumerate(before.instances)}
    pairs = [
        (row, row_of[name])
        for row, name in enumerate(window.instances)
        if name in row_of
    ]
    first = (window.start - before.start) // window.step_s
    length = (min(before.end, window.end) - window.start) // window.step_s + 1
    if not pairs or length < 1:
        shape = (0, 0, window.usage.shape[2])
        return np.zeros(shape, bool), np.zeros(0, np.intp)
    rows, own = (np.array(side) for side in zip(*pairs, strict=True))
    now = np.isfinite(window.usage[rows, :length])
    was = np.isfinite(before.usage[own, first : first + length])
    return now & ~was, rows
