"""Where Gnocchi keeps what Ceilometer samples."""

from dataclasses import dataclass

from predictive_watcher.core import fleet


RATE = 'rate:mean'
MEAN = 'mean'


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Where Gnocchi keeps one resource.

    ``owner`` is the attribute of ``resource_type`` that holds the instance's
    id; ``scale`` turns the stored amount (per second, where it is a counter)
    into the units of `fleet.UNITS`.
    """

    resource: fleet.Resource
    metrics: tuple[str, ...]
    aggregation: str = RATE
    resource_type: str = 'instance'
    owner: str = 'id'
    scale: float = 1.0


MEASURES = (
    Measure(resource=fleet.Resource.CPU, metrics=('cpu',), scale=1e-9),
    Measure(
        resource=fleet.Resource.MEMORY,
        metrics=('memory.usage',),
        aggregation=MEAN,
    ),
    Measure(
        resource=fleet.Resource.DISK,
        metrics=('disk.device.read.bytes', 'disk.device.write.bytes'),
        resource_type='instance_disk',
        owner='instance_id',
    ),
    Measure(
        resource=fleet.Resource.NETWORK,
        metrics=('network.incoming.bytes', 'network.outgoing.bytes'),
        resource_type='instance_network_interface',
        owner='instance_id',
    ),
)
