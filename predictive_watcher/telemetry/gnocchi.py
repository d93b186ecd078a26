"""Ceilometer's samples, read from Gnocchi's aggregates API."""

from collections.abc import Callable
from collections.abc import Sequence
import time

from keystoneauth1 import adapter
from keystoneauth1 import session as ks_session

from predictive_watcher import exceptions
from predictive_watcher.core import usage
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import circuit as circuit_module
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import gnocchi_reading
from predictive_watcher.telemetry import grid


def metric_adapter(
    session: ks_session.Session,
    region_name: str | None = None,
    interface: str = 'public',
) -> adapter.Adapter:
    """What `GnocchiTelemetry` wants, from any keystoneauth1 session."""
    return adapter.Adapter(
        session,
        service_type='metric',
        region_name=region_name,
        interface=interface,
        connect_retries=0,
        status_code_retries=0,
    )


class GnocchiTelemetry:
    """Usage of instances from Gnocchi: four requests per page of instances.

    :param client: sends requests to the service type "metric"; see
        `metric_adapter`.
    :param granularity: seconds; the archive policies must have it.
    :param polling_interval: seconds between two samples of a metric; at most
        the granularity.
    :param timeout_s: deadline of one `read`.
    :param page_size: instances asked for in one request.
    """

    name = 'gnocchi'

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
    ) -> None:
        if polling_interval > granularity:
            raise exceptions.InvalidConfig(
                f'[predictive_watcher] polling_interval {polling_interval} '
                f'is longer than granularity {granularity}: most steps '
                'would have no sample; raise granularity'
            )
        self._client = client
        self._step_s = granularity
        self._polling_interval_s = polling_interval
        self._timeout_s = timeout_s
        self._page_size = page_size
        self._circuit = circuit or circuit_module.Circuit(
            self.name, failures=3, reset_s=300.0, clock=clock
        )
        self._clock = clock
        self.health = base.Health()

    def read(
        self, instances: Sequence[str], start: int, end: int | None
    ) -> usage.UsageWindow:
        """See `base.TelemetrySource.read`.

        When the deadline passes, what was read up to then is returned and
        `health` names the rest; if that is nothing, it is an error.

        :raises TelemetryTimeout: the deadline passed before any answer came.
        :raises CircuitOpen: Gnocchi failed lately and is left alone.
        :raises TelemetryError: Gnocchi answered with an error.
        :raises InvalidInput: no step ends from ``start`` to ``end``.
        """
        step = self._step_s
        first = -(-start // step) * step
        steps = None if end is None else (end - first) // step + 1
        if steps is not None and steps < 1:
            raise exceptions.InvalidInput(
                f'no step of {step} s ends from {start} to {end}; ask for '
                'a longer time'
            )
        self.health = base.Health()
        self._circuit.check()
        reading = gnocchi_reading.GnocchiReading(
            requests=gnocchi_http.Requests(
                self._client, self._timeout_s, self._clock
            ),
            instances=tuple(instances),
            # Gnocchi stamps a bucket with its start, we with its end
            origin=first - (grid.LEAD_IN + 1) * step,
            stop=None if end is None else first + (steps or 0) * step - step,
            step=step,
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
            usage=reading.usage(steps, self._polling_interval_s),
        )
        self.health = reading.health()
        return window
