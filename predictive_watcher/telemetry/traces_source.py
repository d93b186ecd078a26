"""Trace files where a source of usage stands: for replays and tests."""

from collections.abc import Sequence

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces


class TraceTelemetry:
    """What instances used according to a trace.

    :param granularity: seconds of a step; finer steps are averaged.
    :raises InvalidTrace: where the trace's steps do not make such steps.
    """

    name = 'traces'

    def __init__(self, trace: traces.Trace, *, granularity: int = 300) -> None:
        trace = resample.to_step(trace, granularity)
        if trace.window.step_s != granularity:
            raise exceptions.InvalidTrace(
                f'{trace.name}: its step is {trace.window.step_s} s; '
                f'{granularity} s are needed'
            )
        if trace.window.start % granularity:
            raise exceptions.InvalidTrace(
                f'{trace.name}: it begins at {trace.window.start}, which is '
                f'no multiple of {granularity} s; resample it'
            )
        self._trace = trace
        self.step_s = granularity
        self.identity = f'{self.name} {trace.name} {granularity}'
        self.health = base.Health()

    def read(
        self, instances: Sequence[str], start: int, end: int | None
    ) -> usage.UsageWindow:
        """See `base.TelemetrySource.read`."""
        whole = self._trace.window
        step = whole.step_s
        first = -(-start // step) * step
        if end is None:
            end = max(first, self._newest(instances))
        steps = (end - first) // step + 1
        if steps < 1:
            raise exceptions.InvalidInput(
                f'no step of {step} s ends from {start} to {end}; ask for '
                'a longer time'
            )
        out = np.full(
            (len(instances), steps, len(fleet.RESOURCES)), np.nan, np.float32
        )
        places = np.arange(steps) + (first - whole.start) // step
        there = (places >= 0) & (places < whole.usage.shape[1])
        for row, source_row in self._rows(instances):
            out[row, there] = whole.usage[source_row, places[there]]
        self.health = base.Health(problems=self._problems(instances, out))
        return usage.UsageWindow(
            instances=tuple(instances), start=first, step_s=step, usage=out
        )

    def _rows(self, instances: Sequence[str]) -> list[tuple[int, int]]:
        place = {n: i for i, n in enumerate(self._trace.window.instances)}
        return [(i, place[n]) for i, n in enumerate(instances) if n in place]

    def _newest(self, instances: Sequence[str]) -> int:
        rows = [row for _, row in self._rows(instances)]
        return int(self._trace.window.newest()[rows].max(initial=-1))

    def _problems(
        self, instances: Sequence[str], usage_: np.ndarray
    ) -> tuple[base.Problem, ...]:
        silent = ~np.isfinite(usage_).any(axis=1)
        return tuple(
            base.Problem(
                resource=resource,
                text=f'the trace {self._trace.name} has no sample of it',
                instances=frozenset(
                    instances[int(i)]
                    for i in np.flatnonzero(silent[:, column])
                ),
            )
            for column, resource in enumerate(fleet.RESOURCES)
            if silent[:, column].any()
        )
