"""What all sources have in common that ask a server: deadline and circuit."""

import abc
from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import time

from keystoneauth1 import adapter
import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import circuit as circuit_module
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import reading as reading_module


_LEAST_S = 5.0  # for conditions, where usage took nearly all of the time


class Metered(abc.ABC):
    """A source of usage behind a server.

    :param client: sends requests to the server.
    :param granularity: seconds of a step.
    :param polling_interval: seconds between two samples of a metric; at most
        the granularity.
    :param timeout_s: deadline of one `read`.
    :param page_size: instances asked for in one request.
    :param conditions: what is read beside usage, see `measures.beside`.
    :param place: which server this is: usage of another one is not mixed
        with it.
    :param clock: monotonic seconds; ``wall``: Unix seconds.
    """

    name = ''

    def __init__(
        self,
        client: adapter.Adapter,
        *,
        granularity: int = 300,
        polling_interval: int = 300,
        timeout_s: float = 60.0,
        page_size: int = 1000,
        circuit: circuit_module.Circuit | None = None,
        conditions: Sequence[measures.Measure] = (),
        place: str = '',
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if polling_interval > granularity:
            raise exceptions.InvalidConfig(
                f'[predictive_watcher] polling_interval {polling_interval} '
                f'is longer than granularity {granularity}: most steps '
                'would have no sample; raise granularity'
            )
        self._client = client
        self.step_s = granularity
        self._polling_interval_s = polling_interval
        self._timeout_s = timeout_s
        self._page_size = page_size
        self._circuit = circuit or circuit_module.Circuit(
            self.name, failures=3, reset_s=300.0, clock=clock
        )
        self._conditions = tuple(conditions)
        self._place = place
        self._clock = clock
        self._wall = wall
        self.health = base.Health()

    @property
    def identity(self) -> str:
        """See `base.TelemetrySource.identity`."""
        beside = [
            f'{one.resource}={one.metrics[0]}:{one.aggregation}:{one.scale:g}'
            for one in self._conditions
        ]
        whole = [self.name, self.step_s, self._polling_interval_s]
        return ' '.join(map(str, [*whole, *filter(None, [self._place]),
                                  *beside]))  # fmt: skip

    @abc.abstractmethod
    def _reading(
        self,
        instances: tuple[str, ...],
        first: int,
        stop: int | None,
        wanted: tuple[measures.Measure, ...],
        timeout_s: float,
    ) -> reading_module.Reading:
        """A reading that has not begun yet."""

    def read(
        self, instances: Sequence[str], start: int, end: int | None
    ) -> usage.UsageWindow:
        """See `base.TelemetrySource.read`.

        When the deadline passes, what was read up to then is returned and
        `health` names the rest; if that is nothing, it is an error.

        :raises TelemetryTimeout: the deadline passed before any answer came.
        :raises CircuitOpen: the server failed lately and is left alone.
        :raises TelemetryError: the server answered with an error.
        :raises InvalidInput: no step ends from ``start`` to ``end``.
        """
        step = self.step_s
        first = -(-start // step) * step
        steps = None if end is None else (end - first) // step + 1
        if steps is not None and steps < 1:
            raise exceptions.InvalidInput(
                f'no step of {step} s ends from {start} to {end}; ask for '
                'a longer time'
            )
        self.health = base.Health()
        self._circuit.check()
        reading = self._reading(
            tuple(instances),
            first,
            None if steps is None else first + (steps - 1) * step,
            measures.MEASURES,
            self._timeout_s,
        )
        try:
            complete = reading.collect(self._page_size)
        except exceptions.TelemetryError as error:
            self._circuit.failed(str(error))
            self.health = reading.health()
            raise
        if complete:  # half a reading is neither a failure nor a recovery
            self._circuit.succeeded()
        window = usage.UsageWindow(
            instances=reading.instances,
            start=first,
            step_s=step,
            usage=reading.usage(steps),
        )
        self.health = reading.health()
        return self._with_conditions(window) if self._conditions else window

    def _with_conditions(self, window: usage.UsageWindow) -> usage.UsageWindow:
        """The same with what else is measured; what of it is missing costs
        nothing but itself, and is told only where nobody has it.
        """
        shape = (*window.usage.shape[:2], len(usage.CONDITIONS))
        found = np.full(shape, np.nan, np.float32)
        columns = [
            usage.CONDITIONS.index(usage.Condition(one.resource))
            for one in self._conditions
        ]
        reading = self._reading(
            window.instances,
            window.start,
            window.end,
            self._conditions,
            max(self._timeout_s - self.health.seconds, _LEAST_S),
        )
        told = []
        try:
            reading.collect(self._page_size)
        except exceptions.TelemetryError as error:
            told.append(f'conditions are not known: {error}')
        else:
            found[:, :, columns] = reading.usage(window.usage.shape[1])
        beside = reading.health()
        told += [
            f'{one.resource} is not known: {one.text}'
            for one in beside.problems
            if len(one.instances) == len(window.instances)
        ]
        self.health = dataclasses.replace(
            self.health,
            requests=self.health.requests + beside.requests,
            seconds=self.health.seconds + beside.seconds,
            notes=(*self.health.notes, *told),
        )
        return _wanted(window, found)


def _wanted(
    window: usage.UsageWindow, conditions: np.ndarray
) -> usage.UsageWindow:
    """What was waited for is used as soon as there is room."""
    waited = conditions[:, :, usage.CONDITIONS.index(usage.Condition.WAITED)]
    used = window.usage.copy()
    cpu = fleet.RESOURCES.index(fleet.Resource.CPU)
    used[:, :, cpu] += np.nan_to_num(waited)
    return dataclasses.replace(window, usage=used, conditions=conditions)
