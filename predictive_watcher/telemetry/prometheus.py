"""Ceilometer's samples, read from Prometheus, through Aetos or directly.

Names and labels are those of sg-core (infrawatch/sg-core,
plugins/handler/ceilometer-metrics/main.go) and of Ceilometer's own exporter
(openstack/ceilometer, ceilometer/polling/prom_exporter.py).
"""

import math
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import http_basic
from keystoneauth1 import session as ks_session

from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import metered
from predictive_watcher.telemetry import prometheus_http
from predictive_watcher.telemetry import prometheus_reading


# Apache takes lines of 8,190 bytes; a part of it is for the rest of the query.
_URL_BYTES = 7000
_BODY_BYTES = 1_000_000  # Prometheus itself takes 10 MB


def aetos_adapter(
    session: ks_session.Session,
    region_name: str | None = None,
    interface: str = 'public',
) -> adapter.Adapter:
    """Requests to the service type "metric-storage"."""
    return adapter.Adapter(
        session,
        service_type='metric-storage',
        region_name=region_name,
        interface=interface,
        connect_retries=0,
        status_code_retries=0,
    )


def url_adapter(
    url: str,
    user: str | None = None,
    password: str | None = None,
    cafile: str | None = None,
) -> adapter.Adapter:
    """Requests to a Prometheus at ``url``, without Keystone."""
    auth = None
    if user is not None:
        auth = http_basic.HTTPBasicAuth(
            endpoint=url, username=user, password=password
        )
    return adapter.Adapter(
        ks_session.Session(auth=auth, verify=cafile or True),
        endpoint_override=url.rstrip('/'),
        connect_retries=0,
        status_code_retries=0,
    )


class PrometheusTelemetry(metered.Metered):
    """Usage of instances from Prometheus: four queries per page of instances.

    :param label: the label that holds Ceilometer's resource id.
    """

    name = 'prometheus'
    _service = 'Prometheus'
    _post = True
    _most_bytes = _BODY_BYTES

    def __init__(
        self, client: adapter.Adapter, *, label: str = 'resource', **more: Any
    ) -> None:
        super().__init__(client, **more)
        self._label = label

    @property
    def identity(self) -> str:
        """Another label may name other instances."""
        return f'{super().identity} {self._label}'

    def _reading(
        self,
        instances: tuple[str, ...],
        first: int,
        stop: int | None,
        wanted: tuple[measures.Measure, ...],
        timeout_s: float,
    ) -> prometheus_reading.PrometheusReading:
        step = self.step_s
        now = math.ceil(self._wall() / step) * step
        return prometheus_reading.PrometheusReading(
            prometheus_http.Requests(
                self._client,
                timeout_s,
                self._clock,
                self._wall,
                service=self._service,
                post=self._post,
            ),
            label=self._label,
            until=max(now, first) if stop is None else stop,
            most_bytes=self._most_bytes,
            instances=instances,
            first=first,
            stop=stop,
            step=step,
            interval_s=self._polling_interval_s,
            now=self._wall(),
            wanted=wanted,
        )


class AetosTelemetry(PrometheusTelemetry):
    """The same through Aetos, OpenStack's door to Prometheus.

    It knows only GET, so that a query is as long as a URL may be: more
    requests for the same page.
    """

    name = 'aetos'
    _service = 'Aetos'
    _post = False
    _most_bytes = _URL_BYTES
