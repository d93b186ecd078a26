"""Where Gnocchi keeps what Ceilometer samples."""

from collections.abc import Mapping
from dataclasses import dataclass

from predictive_watcher.core import fleet
from predictive_watcher.core import usage


RATE = 'rate:mean'
MEAN = 'mean'


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Where Gnocchi keeps one resource.

    ``resource`` may also be a condition beside the resources, see `beside`.
    ``owner`` is the attribute of ``resource_type`` that holds the instance's
    id; ``scale`` turns the stored amount (per second, where it is a counter)
    into the units of `fleet.UNITS`.
    """

    resource: fleet.Resource | usage.Condition
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

# Of what kinds metrics of conditions are: which aggregation is read, and what
# makes vCPUs of it.
KINDS: Mapping[str, tuple[str, float]] = {
    'nanoseconds': (RATE, 1e-9),
    'seconds': (RATE, 1.0),
    'counter': (RATE, 1.0),
    'gauge': (MEAN, 1.0),
}


def beside(
    steal: str = '',
    steal_kind: str = 'nanoseconds',
    activity: str = '',
    activity_kind: str = 'counter',
) -> tuple[Measure, ...]:
    """Where conditions are kept; an empty name is none.

    >>> [m.metrics for m in beside(activity='logins')]
    [('logins',)]
    """
    given = (
        (usage.Condition.WAITED, steal, steal_kind),
        (usage.Condition.ACTIVITY, activity, activity_kind),
    )
    return tuple(
        Measure(
            resource=condition,
            metrics=(name,),
            aggregation=KINDS[kind][0],
            scale=KINDS[kind][1],
        )
        for condition, name, kind in given
        if name
    )
