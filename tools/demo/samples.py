"""What Ceilometer would report of a server's usage.

CPU time, disk and network traffic are counters that only grow, memory is a
gauge. A sample is taken some seconds before the end of its step, as a poll
never falls on a full minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import datetime
from typing import Any

import numpy as np

from demo.fleet import CPU
from demo.fleet import DISK
from demo.fleet import Flavor
from demo.fleet import MEMORY
from demo.fleet import NETWORK
from demo.workload import STEP_S


#: Seconds by which a poll is ahead of the end of its step.
POLL_AHEAD_S = 5
_NS = 1_000_000_000
_READ_SHARE = 0.4
_INCOMING_SHARE = 0.3
_BYTES_PER_REQUEST = 16384

#: Metric: the kind of resource it belongs to.
METRICS = {
    'cpu': 'instance',
    'memory.usage': 'instance',
    'memory': 'instance',
    'vcpus': 'instance',
    'disk.device.read.bytes': 'instance_disk',
    'disk.device.write.bytes': 'instance_disk',
    'disk.device.read.requests': 'instance_disk',
    'disk.device.write.requests': 'instance_disk',
    'network.incoming.bytes': 'instance_network_interface',
    'network.outgoing.bytes': 'instance_network_interface',
}
GAUGES = frozenset({'memory.usage', 'memory', 'vcpus'})

Measures = dict[str, list[dict[str, Any]]]


@dataclass(slots=True, kw_only=True)
class Meter:
    """The counters of one server."""

    _totals: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(METRICS, 0.0)
    )

    def read(
        self, usage: np.ndarray, ends: Sequence[int], flavor: Flavor
    ) -> Measures:
        """Measures by metric; where usage is NaN there is no sample.

        :param usage: ``[time, resource]``, the mean over each step.
        :param ends: Unix seconds of each step's end.
        """
        found: Measures = {metric: [] for metric in METRICS}
        for row, end in zip(usage, ends, strict=True):
            at = polled(end)
            for metric, value in self._values(row, flavor).items():
                found[metric].append({'timestamp': at, 'value': value})
        return {
            metric: samples for metric, samples in found.items() if samples
        }

    def _values(self, row: np.ndarray, flavor: Flavor) -> dict[str, float]:
        now: dict[str, float] = {}
        for metric, rate in _rates(row).items():
            if np.isfinite(rate):
                self._totals[metric] += float(rate) * STEP_S
                now[metric] = round(self._totals[metric])
        if np.isfinite(row[MEMORY]):
            now['memory.usage'] = float(row[MEMORY])
        if np.isfinite(row).any():
            now['memory'] = float(flavor.memory_mib)
            now['vcpus'] = float(flavor.vcpus)
        return now

    def restart(self) -> None:
        """A resize or a migration begins every counter again."""
        self._totals = dict.fromkeys(METRICS, 0.0)


def polled(end: int) -> str:
    """When the sample of a step was taken.

    :param end: Unix seconds of the step's end.
    """
    at = datetime.datetime.fromtimestamp(end - POLL_AHEAD_S, tz=datetime.UTC)
    return at.isoformat()


def _rates(row: np.ndarray) -> dict[str, float]:
    """Growth of each counter in a second."""
    read = row[DISK] * _READ_SHARE
    write = row[DISK] - read
    incoming = row[NETWORK] * _INCOMING_SHARE
    return {
        'cpu': row[CPU] * _NS,
        'disk.device.read.bytes': read,
        'disk.device.write.bytes': write,
        'disk.device.read.requests': read / _BYTES_PER_REQUEST,
        'disk.device.write.requests': write / _BYTES_PER_REQUEST,
        'network.incoming.bytes': incoming,
        'network.outgoing.bytes': row[NETWORK] - incoming,
    }
