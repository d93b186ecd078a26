"""Which instance a disk or an interface in Gnocchi belongs to.

Answers name devices by their resource.  Asked to group them by instance,
Gnocchi makes an aggregation of its own for each, which takes twice as long
where its API has threads for each of them.  Who owns a device never changes,
so it is asked once in a process.
"""

from collections.abc import Collection
from collections.abc import Mapping

from predictive_watcher import exceptions
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import measures


PAGE = 1000  # Gnocchi's default max_limit
_MOST = 1_000_000  # devices that are remembered


class Owners:
    """Instances by the resource of their device; learns what it is asked."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(
        self,
        requests: gnocchi_http.Requests,
        measure: measures.Measure,
        devices: Collection[str],
    ) -> Mapping[str, str]:
        """The owners of these devices; of those that are gone, none.

        :raises TelemetryError: where Gnocchi does not answer as it should.
        """
        if measure.owner == 'id':
            return {device: device for device in devices}
        unknown = sorted(set(devices) - self._known.keys())
        if len(self._known) + len(unknown) > _MOST:
            self._known.clear()
            unknown = sorted(devices)
        for i in range(0, len(unknown), PAGE):
            try:
                found = requests.post(
                    f'/v1/search/resource/{measure.resource_type}',
                    {'in': {'id': unknown[i : i + PAGE]}},
                    limit=PAGE,
                )
                for resource in found:
                    owner = str(resource[measure.owner])
                    self._known[str(resource['id'])] = owner
            except (gnocchi_http.NoResourceType, gnocchi_http.NoMetric):
                break  # it was deleted meanwhile
            except (TypeError, KeyError) as error:
                raise exceptions.TelemetryError(
                    f'Gnocchi listed resources of {measure.resource_type} in '
                    f'a form that is not known ({error!r}); is it Gnocchi 4.3 '
                    'or later?'
                ) from error
        return {
            device: self._known[device]
            for device in devices
            if device in self._known
        }
