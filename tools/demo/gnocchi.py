"""Write samples into Gnocchi, as Ceilometer's publisher does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minicloud.progress import wait_for

from demo.samples import GAUGES
from demo.samples import Measures
from demo.samples import METRICS


#: Ceilometer's own policies, which its publisher creates when it starts:
#: 300 s for 30 days, with rates for what only grows.
GAUGE_POLICY = 'ceilometer-low'
COUNTER_POLICY = 'ceilometer-low-rate'
_POLICIES = {
    GAUGE_POLICY: ['mean'],
    COUNTER_POLICY: ['mean', 'rate:mean'],
}
_DEVICES = {'instance_disk': 'vda', 'instance_network_interface': 'tap0'}
_BATCH = 20
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A server as its samples describe it."""

    id: str
    name: str
    flavor_id: str
    flavor_name: str
    host: str


class Gnocchi:
    """Gnocchi's API, as far as a publisher of samples needs it."""

    def __init__(self, connection: Any) -> None:
        self._session = connection.session
        self._project = connection.current_project_id
        self._user = connection.current_user_id

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        service = {'service_type': 'metric', 'interface': 'public'}
        return self._session.request(
            '/v1/' + path, method, endpoint_filter=service, **kwargs
        )

    def create_policies(self) -> None:
        """The archive policies that samples are kept by."""
        for name, methods in _POLICIES.items():
            span = {'granularity': '5 minutes', 'timespan': '30 days'}
            body = {
                'name': name,
                'aggregation_methods': methods,
                'back_window': 0,
                'definition': [span],
            }
            self._call('POST', 'archive_policy', json=body)

    def create(self, server: Described) -> None:
        """The server's resources with all their metrics, without samples."""
        self._resource('instance', server.id, _attributes(server))
        for kind, device in _DEVICES.items():
            about = {'name': device, 'instance_id': server.id}
            self._resource(kind, f'{server.id}-{device}', about)

    def _resource(self, kind: str, name: str, about: dict[str, str]) -> None:
        metrics = {
            metric: {
                'archive_policy_name': GAUGE_POLICY
                if metric in GAUGES
                else COUNTER_POLICY
            }
            for metric, owner in METRICS.items()
            if owner == kind
        }
        body = {
            'id': name,
            'project_id': self._project,
            'user_id': self._user,
            'metrics': metrics,
            **about,
        }
        self._call('POST', f'resource/{kind}', json=body)

    def add_counter(self, server: str, metric: str) -> None:
        """One more metric of a server, of what only grows."""
        body = {metric: {'archive_policy_name': COUNTER_POLICY}}
        path = f'resource/instance/{server}/metric'
        self._call('POST', path, json=body)

    def describe(self, server: Described) -> None:
        """A later sample tells where the server is now, and its flavor."""
        path = f'resource/instance/{server.id}'
        self._call('PATCH', path, json=_attributes(server))

    def write(self, measures: Mapping[str, Measures]) -> int:
        """Send samples, by server id and metric; return their number."""
        by_resource: dict[str, Measures] = {}
        for server, metrics in measures.items():
            for metric, points in metrics.items():
                owner = _owner(server, metric)
                by_resource.setdefault(owner, {})[metric] = points
        owners = list(by_resource)
        for i in range(0, len(owners), _BATCH):
            body = {owner: by_resource[owner] for owner in owners[i:][:_BATCH]}
            self._call('POST', 'batch/resources/metrics/measures', json=body)
        return sum(
            len(points)
            for metrics in by_resource.values()
            for points in metrics.values()
        )

    def backlog(self) -> int:
        """Measures that metricd has not yet aggregated."""
        answer = self._call('GET', 'status').json()
        waiting: int = answer['storage']['summary']['measures']
        return waiting

    def wait(self) -> None:
        """Return when everything written can be read."""
        wait_for(
            lambda: self.backlog() == 0,
            'Gnocchi to aggregate the measures',
            within_s=_PATIENCE_S,
        )


def _attributes(server: Described) -> dict[str, str]:
    return {
        'display_name': server.name,
        'flavor_id': server.flavor_id,
        'flavor_name': server.flavor_name,
        'host': server.host,
    }


def _owner(server: str, metric: str) -> str:
    kind = METRICS.get(metric, 'instance')
    return server if kind == 'instance' else f'{server}-{_DEVICES[kind]}'
