"""The anomalies of an audit, which go on where the audit before ended.

What is known of each instance is taken up again, so that only new samples are
judged; whoever is new is watched over the window's history.  What was forecast
for the next step is remembered too: how far a sample is from it is one more
way to be surprising.  A step that may still get samples is judged for this
audit, and again by the next one.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from predictive_watcher.core import anomaly
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import outbreak
from predictive_watcher.core import remembering
from predictive_watcher.core import usage as usage_module
from predictive_watcher.core import watching
from predictive_watcher.core.forecast import Target


IDENTITY = 'anomalies-1'
BLOCK = 1024  # instances that take a step together: what fits a cache
_LOW, _MIDDLE, _HIGH = 0.05, 0.5, 0.95  # quantiles that are remembered
_AHEAD_S = 300  # what they were forecast for
Parts = dict[str, np.ndarray]


class Vigil:
    """Watches the instances of one audit, with a memory before and after.

    ``memory`` is what to keep for the next audit once `look` was called,
    ``resumed`` how many instances went on where they were.
    """

    def __init__(self, memory: remembering.Memory | None = None) -> None:
        self.memory = memory
        self.resumed = 0

    def look(
        self,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
        forecast: forecast_module.Forecast,
        instances: Sequence[fleet_module.Instance] = (),
    ) -> anomaly.Findings:
        """What is out of the ordinary at the window's end.

        :param window: until the step from which ``forecast`` looks ahead.
        :param limits: (instances, resources) in the units of usage.
        :param instances: for their nodes; who is not named has none.
        """
        steps = window.usage.shape[1]
        seen = remembering.steps_known(self.memory, window, IDENTITY)
        kept = max(steps - remembering.unsure(window), seen)
        watch, extra = self._until(window, limits, seen)
        _advance(watch, window, limits, range(seen, kept), extra)
        kept_parts = _copied(watch.parts())
        _advance(watch, window, limits, range(kept, steps), extra)
        found = outbreak.spread(
            watch.findings(window.instances), _by_node(window, instances)
        )
        news = _news(watch, extra, window.instances)
        if kept > 0 and not remembering.is_ahead(self.memory, window):
            due = forecast.origin + _AHEAD_S
            slot = due // window.step_s % 2
            extra['expected'][:, slot] = _expected(forecast)
            extra['expected_at'][:, slot] = due
            self.memory = remembering.Memory(
                model=IDENTITY,
                instances=window.instances,
                time=window.start + (kept - 1) * window.step_s,
                step_s=window.step_s,
                parts={**kept_parts, **extra},
            )
        return replace(found, news=news)

    def _until(
        self,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
        seen: int,
    ) -> tuple[watching.Watch, Parts]:
        """All instances after the first ``seen`` steps of the window, and
        what is remembered beside the watch.
        """
        count, resources = limits.shape
        watch = watching.Watch(count, resources)
        extra: Parts = {
            'expected': np.full((count, 2, resources, 3), np.nan, np.float32),
            'expected_at': np.zeros((count, 2), np.int64),
            'told_began': np.zeros(count, np.int64),
            'told_kind': np.zeros(count, np.uint8),
        }
        memory = self.memory
        if memory is None or not seen:
            return watch, extra
        row_of = {name: row for row, name in enumerate(memory.instances)}
        place = np.array([row_of.get(name, -1) for name in window.instances])
        old, new = np.flatnonzero(place >= 0), np.flatnonzero(place < 0)
        self.resumed = len(old)
        views = {**watch.parts(), **extra}
        for name, part in memory.parts.items():
            views[name][old] = part[place[old]]
        if len(new):
            young = watching.Watch(len(new), resources)
            times = window.times()
            for t in range(seen):
                young.advance(window.usage[new, t], int(times[t]), limits[new])
            for name, part in young.parts().items():
                views[name][new] = part
        return watch, extra


def look(
    vigil: Vigil | None,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    forecast: forecast_module.Forecast,
    instances: Sequence[fleet_module.Instance],
) -> anomaly.Findings:
    """What is odd at the step from which ``forecast`` looks ahead; nothing
    is known of it where nobody watches.
    """
    if vigil is None:
        nothing = np.full(len(window.instances), np.nan, np.float32)
        return anomaly.Findings(score=nothing)
    until = window.until(forecast.origin)
    return vigil.look(until, limits, forecast, instances)


def _advance(
    watch: watching.Watch,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    steps: range,
    extra: Mapping[str, np.ndarray],
) -> None:
    times = window.times()
    for begin in range(0, len(window.instances), BLOCK):
        rows = slice(begin, begin + BLOCK)
        some = watch.among(rows)
        for t in steps:
            slot = times[t] // window.step_s % 2
            due = extra['expected_at'][rows, slot] == times[t]
            expected = np.where(
                due[:, None, None],
                extra['expected'][rows, slot],
                np.float32(np.nan),
            )
            some.advance(
                window.usage[rows, t],
                int(times[t]),
                limits[rows],
                expected if due.any() else None,
            )


def _expected(forecast: forecast_module.Forecast) -> np.ndarray:
    return np.stack(
        [
            forecast.level(Target.S300, level).astype(np.float32)
            for level in (_LOW, _MIDDLE, _HIGH)
        ],
        axis=-1,
    )


def _copied(parts: Mapping[str, np.ndarray]) -> Parts:
    return {name: part.copy() for name, part in parts.items()}


def _news(
    watch: watching.Watch, extra: Parts, instances: tuple[str, ...]
) -> frozenset[str]:
    """Whose event no audit has told yet, or not of this kind."""
    kind, began = watch.events['kind'], watch.events['began']
    new = (kind > 0) & (
        (began != extra['told_began']) | (kind != extra['told_kind'])
    )
    extra['told_began'], extra['told_kind'] = began.copy(), kind.copy()
    return frozenset(instances[row] for row in np.flatnonzero(new))


def _by_node(
    window: usage_module.UsageWindow,
    instances: Sequence[fleet_module.Instance],
) -> dict[str, list[str]]:
    here = set(window.instances)
    nodes: dict[str, list[str]] = {}
    for one in instances:
        if one.id in here:
            nodes.setdefault(one.node, []).append(one.id)
    return nodes
