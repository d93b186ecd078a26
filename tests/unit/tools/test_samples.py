"""Samples are what Ceilometer would report."""

import datetime

from demo import fleet
from demo import samples
import numpy as np


FLAVOR = fleet.FLAVORS['gold.medium']
USAGE = np.array([[0.5, 800.0, 1000.0, 500.0], [1.0, 900.0, 2000.0, 100.0]])
ENDS = [1_000_200, 1_000_500]


def _values(measures, metric):
    return [sample['value'] for sample in measures[metric]]


def test_cpu_is_a_growing_counter_of_nanoseconds():
    read = samples.Meter().read(USAGE, ENDS, FLAVOR)
    assert _values(read, 'cpu') == [150e9, 450e9]


def test_memory_is_a_gauge_in_mib():
    read = samples.Meter().read(USAGE, ENDS, FLAVOR)
    assert _values(read, 'memory.usage') == [800.0, 900.0]
    assert _values(read, 'memory') == [2048.0, 2048.0]


def test_both_directions_add_up_to_the_usage():
    read = samples.Meter().read(USAGE, ENDS, FLAVOR)
    for kind in ('disk.device.read.bytes', 'disk.device.write.bytes'):
        assert len(_values(read, kind)) == 2
    disk = sum(
        _values(read, f'disk.device.{way}.bytes')[-1]
        for way in ('read', 'write')
    )
    assert disk == (1000 + 2000) * 300
    network = sum(
        _values(read, f'network.{way}.bytes')[-1]
        for way in ('incoming', 'outgoing')
    )
    assert network == (500 + 100) * 300


def test_a_poll_is_a_little_ahead_of_the_end_of_its_step():
    read = samples.Meter().read(USAGE, ENDS, FLAVOR)
    polled = datetime.datetime.fromisoformat(read['cpu'][0]['timestamp'])
    assert polled.timestamp() == ENDS[0] - samples.POLL_AHEAD_S


def test_where_usage_is_unknown_there_is_no_sample():
    usage = USAGE.copy()
    usage[0] = np.nan
    read = samples.Meter().read(usage, ENDS, FLAVOR)
    assert all(len(points) == 1 for points in read.values())


def test_a_counter_goes_on_and_begins_again_when_told():
    meter = samples.Meter()
    meter.read(USAGE[:1], ENDS[:1], FLAVOR)
    later = meter.read(USAGE[1:], ENDS[1:], FLAVOR)
    assert _values(later, 'cpu') == [450e9]
    meter.restart()
    later = meter.read(USAGE[1:], ENDS[1:], FLAVOR)
    assert _values(later, 'cpu') == [300e9]
