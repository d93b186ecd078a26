"""Ceilometer's samples, read from Gnocchi's aggregates API."""

from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import session as ks_session

from predictive_watcher.telemetry import catalogue as catalogue_module
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import gnocchi_reading
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import metered


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


class GnocchiTelemetry(metered.Metered):
    """Usage of instances from Gnocchi: a request for each thousand metrics,
    and two for disks and interfaces that are new.

    ``client`` sends requests to the service type "metric", see
    `metric_adapter`; the archive policies must have the granularity.

    :param catalogue: of metrics, to go on with what other readings found.
    """

    name = 'gnocchi'

    def __init__(
        self,
        client: adapter.Adapter,
        *,
        catalogue: catalogue_module.Catalogue | None = None,
        **more: Any,
    ) -> None:
        super().__init__(client, **more)
        self._catalogue = catalogue or catalogue_module.Catalogue()

    def _reading(
        self,
        instances: tuple[str, ...],
        first: int,
        stop: int | None,
        wanted: tuple[measures.Measure, ...],
        timeout_s: float,
    ) -> gnocchi_reading.GnocchiReading:
        return gnocchi_reading.GnocchiReading(
            requests=gnocchi_http.Requests(
                self._client, timeout_s, self._clock, self._wall
            ),
            catalogue=self._catalogue,
            instances=instances,
            first=first,
            stop=stop,
            step=self.step_s,
            interval_s=self._polling_interval_s,
            now=self._wall(),
            wanted=wanted,
        )
