"""Usage of weeks, read piece by piece: to learn from."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import datetime

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module
from predictive_watcher.telemetry import base


_Wanted = fleet.Resource | usage_module.Condition
PIECE_S = 86400  # what an audit reads at once as well


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Usage, and a line for each thing that is missing in it.

    ``unread`` are instances of which a piece was not read in time.
    """

    window: usage_module.UsageWindow
    missing: tuple[str, ...]
    unread: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class _Missing:
    """Instances and pieces of which a resource could not be read."""

    instances: set[str] = field(default_factory=set)
    pieces: set[int] = field(default_factory=set)
    why: str = ''


def read(
    source: base.TelemetrySource,
    instances: Sequence[str],
    start: int,
    end: int,
    tell: Callable[[float], None] = lambda _: None,
    piece_s: int = PIECE_S,
) -> History:
    """The steps that end from ``start`` to ``end``, in Unix seconds.

    :param tell: hears the share that is done.
    :raises InvalidInput: where no step ends between them.
    :raises TelemetryError: where a piece cannot be read, with its time.
    """
    windows: list[usage_module.UsageWindow] = []
    missing: dict[_Wanted, _Missing] = {}
    begin, step_s, unread = start, 0, frozenset[str]()
    while not windows or begin + step_s <= end + 1:
        until = min(begin + piece_s - 1, end)
        try:
            window = source.read(instances, begin, until)
        except exceptions.TelemetryError as error:
            raise type(error)(
                f'from {_clock(begin)} to {_clock(until)}: {error}'
            ) from error
        for problem in source.health.problems:
            found = missing.setdefault(problem.resource, _Missing())
            found.instances |= problem.instances
            found.pieces.add(len(windows))
            found.why = problem.text
        unread |= source.health.unread()
        windows.append(window)
        step_s = window.step_s
        begin = window.end + 1
        tell(min(1.0, (begin - start) / max(end - start, 1)))
    whole = _joined(windows)
    return History(
        window=whole,
        missing=_lines(whole, missing, len(windows)),
        unread=unread,
    )


def _clock(time: int) -> str:
    moment = datetime.datetime.fromtimestamp(time, datetime.UTC)
    return f'{moment:%Y-%m-%d %H:%M} UTC'


def _joined(
    windows: list[usage_module.UsageWindow],
) -> usage_module.UsageWindow:
    layers = [usage_module.layers(window) for window in windows]
    return usage_module.UsageWindow(
        instances=windows[0].instances,
        start=windows[0].start,
        step_s=windows[0].step_s,
        **{
            name: np.concatenate([part[name] for part in layers], axis=1)
            for name in layers[0]
        },
    )


def _lines(
    whole: usage_module.UsageWindow,
    missing: dict[_Wanted, _Missing],
    pieces: int,
) -> tuple[str, ...]:
    """What is missing: of some instances all, of others in some pieces."""
    lines = []
    for resource, found in missing.items():
        if isinstance(resource, usage_module.Condition):
            continue  # it costs accuracy, and sources tell of it themselves
        column = whole.usage[:, :, fleet.RESOURCES.index(resource)]
        silent = ~np.isfinite(column).any(axis=1)
        never = {
            name
            for name, nothing in zip(whole.instances, silent, strict=True)
            if nothing
        }
        some = len(found.instances - never)
        if never:
            lines.append(
                f'{resource} of {len(never)} instances was never read: '
                f'{found.why}'
            )
        if some:
            lines.append(
                f'{resource} of {some} instances is missing in up to '
                f'{len(found.pieces)} of {pieces} pieces of time: {found.why}'
            )
    return tuple(lines)


def with_samples(
    window: usage_module.UsageWindow,
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """The instances that have any sample, and their indices."""
    there = np.flatnonzero(np.isfinite(window.usage).any(axis=(1, 2)))
    return usage_module.UsageWindow(
        instances=tuple(window.instances[i] for i in there),
        start=window.start,
        step_s=window.step_s,
        usage=window.usage[there],
    ), there
