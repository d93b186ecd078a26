"""Weeks of usage, read piece by piece."""

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import history
from tests.fakes import gnocchi as fake_gnocchi


T0 = 1_700_000_100  # a multiple of 300
STEP = 300
DAY = 86400
CPU, MEMORY, DISK, NETWORK = range(4)


def gauge(values, since=0):
    return [
        (T0 + (since + i) * STEP + 20.0, float(v))
        for i, v in enumerate(values)
    ]


def counter(per_s, since=0):
    total, samples = 1e6, []
    for i, rate in enumerate(per_s):
        total += rate * STEP
        samples.append((T0 + (since + i) * STEP + 20.0, total))
    return samples


@pytest.fixture
def cloud():
    """Two days of an old instance with two disks, one of them new."""
    cloud = fake_gnocchi.FakeGnocchi()
    rng = np.random.default_rng(0)
    steps = 2 * DAY // STEP
    cloud.add('old', 'cpu', counter(rng.uniform(0, 1e9, steps)))
    cloud.add('old', 'memory.usage', gauge(rng.uniform(0, 900, steps)))
    for disk, since in (('vda', 0), ('vdb', 200)):
        for metric in ('disk.device.read.bytes', 'disk.device.write.bytes'):
            cloud.add(
                f'old-{disk}',
                metric,
                counter(rng.uniform(0, 1e6, steps - since), since),
                type_='instance_disk',
                instance_id='old',
            )
    cloud.add('young', 'memory.usage', gauge([5.0] * 300, since=200))
    return cloud


def read(cloud, *instances, end=T0 + 2 * DAY, **options):
    source = gnocchi.GnocchiTelemetry(cloud)
    return history.read(source, instances, T0 + 1, end, **options)


@pytest.mark.parametrize('piece_s', [STEP, 7000, 30000, DAY])
def test_in_pieces_it_is_what_it_is_at_once(cloud, piece_s):
    whole = gnocchi.GnocchiTelemetry(cloud).read(
        ['old', 'young'], T0 + 1, T0 + 2 * DAY
    )
    found = read(cloud, 'old', 'young', piece_s=piece_s).window
    assert found.instances == whole.instances
    assert np.array_equal(found.times(), whole.times())
    differ = found.usage != whole.usage
    differ &= np.isfinite(found.usage) | np.isfinite(whole.usage)
    # a disk that is new is only missed where its first sample is in sight
    rows = {(int(i), int(r)) for i, _, r in np.argwhere(differ)}
    assert rows <= {(0, DISK)}
    assert differ.sum() <= 8


def test_no_request_asks_for_more_than_a_piece(cloud):
    told = []
    read(cloud, 'old', tell=told.append)
    asked = [url for _, url in cloud.requests if '/aggregates' in url]
    assert len(asked) == 2 * 3  # days, resources that are there
    assert told[-1] == 1.0 and told == sorted(told)


def test_what_is_never_there_is_told_once_for_each_resource(cloud):
    missing = read(cloud, 'old', 'young').missing
    assert [line.split(' was ')[0] for line in missing] == [
        'cpu of 1 instances',
        'disk of 1 instances',
        'network of 2 instances',
    ]
    assert 'Gnocchi has no metric cpu of it' in missing[0]


def test_what_is_there_for_a_part_of_the_time_is_told_so(cloud):
    cloud.add('late', 'memory.usage', gauge([1.0] * 200, since=350))
    (line,) = (
        line
        for line in read(cloud, 'late').missing
        if line.startswith('memory')
    )
    assert 'memory of 1 instances is missing in up to 1 of 2 pieces' in line
    assert 'check the polling of Ceilometer' in line


def test_a_piece_that_cannot_be_read_is_named_by_its_time(cloud):
    cloud.down = True
    with pytest.raises(
        exceptions.TelemetryError,
        match=r'from 2023-11-14 22:15 UTC to .*Gnocchi cannot be reached',
    ):
        read(cloud, 'old')


def test_time_that_has_no_step_is_refused(cloud):
    with pytest.raises(exceptions.InvalidInput, match='no step'):
        read(cloud, 'old', end=T0 + 2)


def test_a_time_that_ends_between_two_steps_ends_with_the_first(cloud):
    found = read(cloud, 'old', end=T0 + DAY + 2 * STEP + 299)
    assert found.window.end == T0 + DAY + 2 * STEP
    assert np.isfinite(found.window.usage[0, :, MEMORY]).all()


def test_instances_without_any_sample_are_left_out(cloud):
    found = read(cloud, 'old', 'gone', 'young').window
    kept, there = history.with_samples(found)
    assert kept.instances == ('old', 'young')
    assert there.tolist() == [0, 2]
