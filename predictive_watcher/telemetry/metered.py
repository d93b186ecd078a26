"""What all sources have in common that ask a server: deadline and circuit."""

import abc
from collections.abc import Callable
from collections.abc import Sequence
import time

from keystoneauth1 import adapter

from predictive_watcher import exceptions
from predictive_watcher.core import usage
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import circuit as circuit_module
from predictive_watcher.telemetry import reading as reading_module


class Metered(abc.ABC):
    """A source of usage behind a server.

    :param client: sends requests to the server.
    :param granularity: seconds of a step.
    :param polling_interval: seconds between two samples of a metric; at most
        the granularity.
    :param timeout_s: deadline of one `read`.
    :param page_size: instances asked for in one request.
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
        self._clock = clock
        self._wall = wall
        self.health = base.Health()

    @property
    def identity(self) -> str:
        """See `base.TelemetrySource.identity`."""
        return f'{self.name} {self.step_s} {self._polling_interval_s}'

    @abc.abstractmethod
    def _reading(
        self, instances: tuple[str, ...], first: int, stop: int | None
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
        return window
