"""What is read from Gnocchi, and what it is taken to mean."""

from collections.abc import Collection
import json
from typing import Any

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import usage
from predictive_watcher.telemetry import catalogue
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import measures
from tests.fakes import gnocchi as fake_gnocchi


T0 = 1_700_000_100  # a multiple of 300
STEP = 300
CPU, MEMORY, DISK, NETWORK = range(4)
READ, WRITE = 'disk.device.read.bytes', 'disk.device.write.bytes'


@pytest.fixture
def cloud() -> fake_gnocchi.FakeGnocchi:
    return fake_gnocchi.FakeGnocchi()


def counter(
    per_s: float,
    steps: int = 12,
    *,
    since: int = -6,
    skip: Collection[int] = (),
    reset: int | None = None,
) -> list[tuple[float, float]]:
    """Samples of a counter, one per step, 20 s after the step began.

    Step 0 is the one that ends at T0 + STEP.
    """
    total, samples = 1e6, []
    for step in range(since, steps):
        total = 0.0 if step == reset else total + per_s * STEP
        if step not in skip:
            samples.append((T0 + step * STEP + 20.0, total))
    return samples


def read(
    cloud: fake_gnocchi.FakeGnocchi,
    *instances: str,
    steps: int | None = 12,
    **options: Any,
) -> usage.UsageWindow:
    """Steps that end from T0 + STEP on."""
    source = gnocchi.GnocchiTelemetry(cloud, **options)
    end = None if steps is None else T0 + steps * STEP
    return source.read(instances, T0 + STEP, end)


def nans(column: np.ndarray) -> list[int]:
    return [int(i) for i in np.flatnonzero(np.isnan(column))]


def test_a_counter_of_nanoseconds_becomes_vcpus(cloud):
    cloud.add('a', 'cpu', counter(0.5e9))
    window = read(cloud, 'a')
    assert window.usage[0, :, CPU].tolist() == [0.5] * 12


def test_a_gauge_is_taken_as_it_is(cloud):
    cloud.add('a', 'memory.usage', [(T0 + 20.0, 700.0)])
    window = read(cloud, 'a', steps=2)
    assert window.usage[0, 0, MEMORY] == 700.0
    assert np.isnan(window.usage[0, 1, MEMORY])


def test_a_bucket_is_stamped_with_its_start_and_a_step_with_its_end(cloud):
    cloud.add('a', 'memory.usage', [(T0 + 1.0, 5.0)])
    window = read(cloud, 'a')
    assert window.times()[0] == T0 + STEP
    assert window.newest().tolist() == [T0 + STEP]


def test_start_and_end_are_moved_onto_the_grid_inwards(cloud):
    cloud.add('a', 'cpu', counter(1e9))
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a'], T0 + 1, T0 + 4 * STEP - 1)
    assert window.times().tolist() == [T0 + i * STEP for i in (1, 2, 3)]


def test_without_an_end_the_window_ends_with_the_newest_sample(cloud):
    cloud.add('a', 'cpu', counter(1e9, steps=5))
    cloud.add('b', 'memory.usage', [(T0 + 7 * STEP, 1.0)])
    window = read(cloud, 'a', 'b', steps=None)
    assert window.end == T0 + 8 * STEP


def test_a_fleet_without_any_sample_gives_one_unknown_step(cloud):
    window = read(cloud, 'a', steps=None)
    assert window.usage.shape == (1, 1, 4)
    assert np.isnan(window.usage).all()
    assert window.newest().tolist() == [-1]


def test_no_instances_give_an_empty_window_without_a_request(cloud):
    assert read(cloud, steps=3).usage.shape == (0, 3, 4)
    assert cloud.requests == []


def test_a_missing_sample_spoils_its_own_rate_and_the_next(cloud):
    cloud.add('a', 'cpu', counter(1e9, skip=[4]))
    window = read(cloud, 'a')
    # the growth in step 5 spans two intervals: it must not look like 2 vCPUs
    assert nans(window.usage[0, :, CPU]) == [4, 5]


def test_a_counter_that_began_anew_is_unknown_and_not_zero(cloud):
    cloud.add('a', 'cpu', counter(1e9, reset=4))
    window = read(cloud, 'a')
    assert nans(window.usage[0, :, CPU]) == [4]


def test_the_first_rate_of_a_window_is_known_from_the_step_before(cloud):
    cloud.add('a', 'cpu', counter(1e9, since=-2))
    assert not nans(read(cloud, 'a').usage[0, :, CPU])


def test_a_polling_interval_shorter_than_the_granularity(cloud):
    samples = [(T0 + i * 60.0, i * 60 * 1e9) for i in range(-60, 60)]
    cloud.add('a', 'cpu', samples)
    window = read(cloud, 'a', polling_interval=60)
    assert window.usage[0, :, CPU].tolist() == [1.0] * 12


def test_a_polling_interval_longer_than_the_granularity_is_refused(cloud):
    with pytest.raises(exceptions.InvalidConfig, match='600.*300'):
        gnocchi.GnocchiTelemetry(cloud, polling_interval=600)


def disk(cloud, instance, name, metric, samples, **more):
    cloud.add(
        f'{instance}-{name}',
        metric,
        samples,
        type_='instance_disk',
        instance_id=instance,
        **more,
    )


def test_disks_and_directions_are_added(cloud):
    for name, per_s in (('vda', 1.0), ('vdb', 100.0)):
        disk(cloud, 'a', name, READ, counter(per_s))
        disk(cloud, 'a', name, WRITE, counter(10 * per_s))
    window = read(cloud, 'a')
    assert window.usage[0, :, DISK].tolist() == [1111.0] * 12


def test_interfaces_are_added(cloud):
    for name, per_s in (('tap0', 1.0), ('tap1', 100.0)):
        for metric in ('network.incoming.bytes', 'network.outgoing.bytes'):
            cloud.add(
                f'a-{name}',
                metric,
                counter(per_s),
                type_='instance_network_interface',
                instance_id='a',
            )
    window = read(cloud, 'a')
    assert window.usage[0, :, NETWORK].tolist() == [202.0] * 12


@pytest.mark.parametrize('metric', [READ, WRITE])
def test_a_gap_of_one_disk_is_no_partial_sum(cloud, metric):
    for name in ('vda', 'vdb'):
        for own in (READ, WRITE):
            skip = [4] if (name, own) == ('vdb', metric) else []
            disk(cloud, 'a', name, own, counter(1.0, skip=skip))
    window = read(cloud, 'a')
    assert nans(window.usage[0, :, DISK]) == [4, 5]


def test_a_detached_disk_does_not_silence_the_instance(cloud):
    for metric in (READ, WRITE):
        disk(cloud, 'a', 'vda', metric, counter(1.0))
        disk(cloud, 'a', 'vdb', metric, counter(5.0, steps=4))
    usage_ = read(cloud, 'a').usage[0, :, DISK]
    assert usage_.tolist() == [12.0] * 4 + [2.0] * 8


def test_a_disk_that_is_silent_for_a_short_while_may_come_back(cloud):
    for metric in (READ, WRITE):
        disk(cloud, 'a', 'vda', metric, counter(1.0))
        disk(cloud, 'a', 'vdb', metric, counter(5.0, steps=10))
    usage_ = read(cloud, 'a').usage[0, :, DISK]
    assert nans(usage_) == [10, 11]


def test_a_disk_attached_later_adds_from_its_second_rate_on(cloud):
    for metric in (READ, WRITE):
        disk(cloud, 'a', 'vda', metric, counter(1.0))
        disk(cloud, 'a', 'vdb', metric, counter(5.0, since=4))
    usage_ = read(cloud, 'a').usage[0, :, DISK]
    assert usage_[:5].tolist() == [2.0] * 5  # its first sample is in step 4
    assert nans(usage_) == [5]
    assert usage_[6:].tolist() == [12.0] * 6


def test_a_disk_gone_before_the_window_plays_no_part(cloud):
    for metric in (READ, WRITE):
        disk(cloud, 'a', 'vda', metric, counter(1.0))
        disk(cloud, 'a', 'old', metric, counter(5.0, since=-90, steps=-60))
    assert read(cloud, 'a', steps=2).usage[0, :, DISK].tolist() == [2.0] * 2


def test_a_disk_with_one_direction_only_is_unknown_and_said_so(cloud):
    disk(cloud, 'a', 'vda', READ, counter(1.0))
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a'], T0 + STEP, T0 + 12 * STEP)
    assert np.isnan(window.usage[0, :, DISK]).all()
    assert any(WRITE in text for text in source.health.why('a'))


def test_what_many_devices_lack_is_one_problem(cloud):
    names = [f'i{i}' for i in range(20)]
    for name in names:
        for device in ('vda', 'vdb'):
            disk(cloud, name, device, READ, counter(1.0))
    source = gnocchi.GnocchiTelemetry(cloud, page_size=5)
    source.read(names, T0 + STEP, T0 + 12 * STEP)
    lacking = [p for p in source.health.problems if WRITE in p.text]
    assert [p.instances for p in lacking] == [frozenset(names)]


def fifty_with_disks(cloud):
    for i in range(50):
        cloud.add(f'i{i}', 'cpu', counter(1e9))
        disk(cloud, f'i{i}', 'vda', READ, counter(1.0))
        disk(cloud, f'i{i}', 'vda', WRITE, counter(1.0))
    return [f'i{i}' for i in range(50)]


def paths(cloud):
    """What was asked, without queries; and forgets it."""
    found = [url.partition('?')[0] for _, url in cloud.requests]
    cloud.requests.clear()
    return found


def test_metrics_are_looked_up_once_and_then_asked_for_by_their_ids(cloud):
    names = fifty_with_disks(cloud)
    for name in names:
        cloud.add(name, 'memory.usage', [(T0 + 20.0, 700.0)])
        for metric in ('network.incoming.bytes', 'network.outgoing.bytes'):
            cloud.add(
                f'{name}-tap0',
                metric,
                counter(1.0),
                type_='instance_network_interface',
                instance_id=name,
            )
    known = catalogue.Catalogue()
    read(cloud, *names, catalogue=known)
    found = paths(cloud)
    assert found.count('/v1/aggregates') == 4
    assert len(found) == 4 + 3
    window = read(cloud, *names, page_size=20, catalogue=known)
    found = paths(cloud)
    assert found.count('/v1/aggregates') == 3 * 4
    # disks and interfaces that are new
    assert len(found) == 3 * (4 + 2)
    assert np.isfinite(window.usage[:, :, CPU]).all()
    assert np.isfinite(window.usage[:, :, DISK]).all()


def test_a_disk_that_is_attached_later_is_found_at_once(cloud):
    known = catalogue.Catalogue()
    names = fifty_with_disks(cloud)
    read(cloud, *names, catalogue=known)
    for metric in (READ, WRITE):
        disk(cloud, 'i7', 'vdb', metric, counter(2.0))
    window = read(cloud, *names, catalogue=known)
    assert window.usage[7, :, DISK].tolist() == [6.0] * 12
    assert window.usage[8, :, DISK].tolist() == [2.0] * 12


def attach(cloud, name, started_at):
    cloud.started_at = started_at
    for metric in (READ, WRITE):
        disk(cloud, name, 'vdb', metric, counter(2.0))


def test_a_disk_is_found_though_another_page_has_a_newer_one(cloud):
    known = catalogue.Catalogue()
    names = fifty_with_disks(cloud)
    read(cloud, *names, catalogue=known, page_size=10)
    attach(cloud, 'i45', cloud.started_at + 1000)
    attach(cloud, 'i3', cloud.started_at + 1000)
    window = read(cloud, *names, catalogue=known, page_size=10)
    assert window.usage[3, :, DISK].tolist() == [6.0] * 12
    assert window.usage[45, :, DISK].tolist() == [6.0] * 12


def test_a_disk_is_found_though_another_audit_has_seen_a_newer_one(cloud):
    known = catalogue.Catalogue()
    names = fifty_with_disks(cloud)
    read(cloud, *names, catalogue=known)
    attach(cloud, 'i45', cloud.started_at + 1000)
    attach(cloud, 'i3', cloud.started_at + 1000)
    read(cloud, *names[:10], catalogue=known)
    window = read(cloud, *names[40:], catalogue=known)
    assert window.usage[5, :, DISK].tolist() == [6.0] * 12


def test_audits_do_not_disturb_each_other(cloud, monkeypatch):
    """One finds all metrics gone while another one reads."""
    known = catalogue.Catalogue()
    names = fifty_with_disks(cloud)
    read(cloud, *names, catalogue=known)
    good = cloud.request

    def meanwhile(url, method, **more):
        for measure in measures.MEASURES:
            known.forget(measure, names)
        return good(url, method, **more)

    monkeypatch.setattr(cloud, 'request', meanwhile)
    window = read(cloud, *names, catalogue=known)
    assert np.isfinite(window.usage[:, :, [CPU, DISK]]).all()


def test_a_metric_that_was_made_anew_is_found_again(cloud):
    names = fifty_with_disks(cloud)
    known = catalogue.Catalogue()
    read(cloud, *names, catalogue=known)
    cloud.resources['i3'].metrics['cpu'].id = 'another'
    window = read(cloud, *names, catalogue=known)
    assert np.isfinite(window.usage[:, :, CPU]).all()


def test_a_metric_that_comes_later_is_found(cloud):
    cloud.add('a', 'cpu', counter(1e9))
    known = catalogue.Catalogue()
    assert np.isnan(read(cloud, 'a', catalogue=known).usage[0, 0, MEMORY])
    cloud.add('a', 'memory.usage', [(T0 + 20.0, 700.0)])
    window = read(cloud, 'a', catalogue=known)
    assert window.usage[0, 0, MEMORY] == 700.0


def test_metrics_that_gnocchi_lists_and_does_not_have_are_told(
    cloud, monkeypatch
):
    cloud.add('a', 'cpu', counter(1e9))
    cloud.add('a', 'memory.usage', [(T0 + 20.0, 700.0)])
    good = cloud.request

    def gone(url, method, **more):
        if 'a/cpu' in str(more.get('json')):
            return fake_gnocchi.FakeResponse(
                status_code=404, text="{'cause': 'Unknown metrics'}"
            )
        return good(url, method, **more)

    monkeypatch.setattr(cloud, 'request', gone)
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a'], T0 + STEP, T0 + 2 * STEP)
    assert window.usage[0, 0, MEMORY] == 700.0
    assert 'lists metrics that it does not have' in str(source.health.why('a'))


def searches(cloud):
    """For whom the last reading looked, and in which way."""
    return [path for path in paths(cloud) if '/search/' in path]


def test_all_is_looked_up_again_after_hours(cloud):
    names = fifty_with_disks(cloud)
    known = catalogue.Catalogue(cloud.clock)
    found = []
    for hours in (0, 1, 7):
        cloud.clock.sleep(3600.0 * hours)
        read(cloud, *names, catalogue=known)
        found.append(len(searches(cloud)))
    assert found[0] == found[2] > found[1]


def test_who_lacks_a_metric_is_looked_for_the_more_rarely_the_longer(cloud):
    cloud.add('a', 'cpu', counter(1e9))
    known = catalogue.Catalogue(cloud.clock)
    looked = []
    for minutes in range(0, 300, 5):
        window = read(cloud, 'a', catalogue=known)
        assert np.isfinite(window.usage[0, :, CPU]).all()
        if '/v1/search/resource/instance' in paths(cloud):
            looked.append(minutes)
        cloud.clock.sleep(300.0)
    # it doubles until it is an hour
    assert looked == [0, 5, 10, 20, 40, 80, 140, 200, 260]


def test_a_metric_that_comes_late_is_found_within_the_hour(cloud):
    cloud.add('a', 'cpu', counter(1e9))
    known = catalogue.Catalogue(cloud.clock)
    for _ in range(30):
        read(cloud, 'a', catalogue=known)
        cloud.clock.sleep(300.0)
    cloud.add('a', 'memory.usage', [(T0 + 20.0, 700.0)])
    waited = 0
    while np.isnan(read(cloud, 'a', catalogue=known).usage[0, 0, MEMORY]):
        cloud.clock.sleep(300.0)
        waited += 300
    assert 0 < waited <= 3600


def test_who_lacks_one_metric_has_the_others(cloud):
    names = fifty_with_disks(cloud)
    disk(cloud, 'i7', 'vdb', READ, counter(2.0))
    known = catalogue.Catalogue(cloud.clock)
    for _ in range(4):
        window = read(cloud, *names, catalogue=known)
        cloud.clock.sleep(300.0)
    assert np.isfinite(window.usage[:, :, CPU]).all()
    assert np.isfinite(window.usage[:7, :, DISK]).all()


def test_one_that_is_new_is_looked_for_beside_one_that_lacks_a_metric(cloud):
    cloud.add('a', 'cpu', counter(1e9))
    known = catalogue.Catalogue(cloud.clock)
    for _ in range(8):
        read(cloud, 'a', catalogue=known)
        cloud.clock.sleep(300.0)
    cloud.add('b', 'cpu', counter(1e9))
    window = read(cloud, 'a', 'b', catalogue=known)
    assert np.isfinite(window.usage[:, :, CPU]).all()


def test_a_metric_that_is_gone_is_looked_for_beside_one_that_is_lacked(cloud):
    cloud.add('a', 'cpu', counter(1e9))
    known = catalogue.Catalogue(cloud.clock)
    for _ in range(8):
        read(cloud, 'a', catalogue=known)
        cloud.clock.sleep(300.0)
    cloud.resources['a'].metrics['cpu'].id = 'another'
    window = read(cloud, 'a', catalogue=known)
    assert np.isfinite(window.usage[:, :, CPU]).all()


def test_more_disks_than_gnocchi_lists_at_once_are_all_found(cloud):
    for i in range(1200):
        for metric in (READ, WRITE):
            disk(cloud, f'i{i}', 'vda', metric, counter(1.0, 4))
    names = [f'i{i}' for i in range(1200)]
    window = read(cloud, *names, steps=3, page_size=2000)
    assert np.isfinite(window.usage[:, :, DISK]).all()


def test_owners_listed_in_another_form_are_told(cloud, monkeypatch):
    names = fifty_with_disks(cloud)
    good = cloud.request

    def bad(url, method, **more):
        if '/search/' in url:
            return fake_gnocchi.FakeResponse(text='[{"id": "x"}]')
        return good(url, method, **more)

    monkeypatch.setattr(cloud, 'request', bad)
    with pytest.raises(exceptions.TelemetryError, match='listed resources'):
        read(cloud, *names)


def test_health_counts_requests_and_names_what_is_missing(cloud):
    cloud.add('a', 'cpu', counter(1e9))
    cloud.add('b', 'cpu', [])
    source = gnocchi.GnocchiTelemetry(cloud, clock=cloud.clock)
    cloud.latency_s = 2.0
    source.read(['a', 'b', 'c'], T0, None)
    assert source.health.requests == len(cloud.requests) == 5
    assert source.health.seconds == 10.0
    assert not [t for t in source.health.why('a') if t.startswith('cpu')]
    why = {name: ' '.join(source.health.why(name)) for name in 'bc'}
    assert 'cpu gave no valid sample since 2023-11-14' in why['b']
    assert 'Gnocchi has no metric cpu of it' in why['c']


def test_an_unknown_resource_type_leaves_the_others_readable(cloud):
    cloud.types.remove('instance_disk')
    cloud.add('a', 'cpu', counter(1e9))
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a'], T0 + STEP, T0 + 12 * STEP)
    assert np.isfinite(window.usage[0, :, CPU]).all()
    assert 'ceilometer-upgrade' in ' '.join(source.health.why('a'))


@pytest.mark.parametrize(
    'policy',
    [
        {'methods': ['max']},
        {'granularity': '1:00:00'},
    ],
    ids=['without a mean', 'without the granularity'],
)
def test_one_unfit_archive_policy_does_not_silence_the_page(cloud, policy):
    cloud.add_policy('old', **policy)
    for name in 'abc':
        old = fake_gnocchi.GOOD if name != 'b' else 'old'
        cloud.add(name, 'cpu', counter(1e9), policy=old)
        for metric in (READ, WRITE):
            disk(cloud, name, 'vda', metric, counter(1.0), policy=old)
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a', 'b', 'c'], T0 + STEP, T0 + 12 * STEP)
    for column in (CPU, DISK):
        known = np.isfinite(window.usage[:, :, column]).all(axis=1)
        assert known.tolist() == [True, False, True]
    why = [t for t in source.health.why('b') if t.startswith('cpu')]
    assert len(why) == 1
    assert 'archive policy old of metric cpu lacks rate:mean' in why[0]
    assert 'granularity 300 s' in why[0]


@pytest.mark.parametrize('path', ['/v1/metric', '/v1/archive_policy'])
def test_a_policy_that_is_deleted_while_it_is_looked_for_is_told(
    cloud, monkeypatch, path
):
    cloud.add_policy('old', methods=['max'])
    cloud.add('a', 'cpu', counter(1e9), policy='old')
    cloud.add('a', 'memory.usage', [(T0 + 20.0, 700.0)])
    good = cloud.request

    def gone(url, method, **more):
        if url.partition('?')[0] == path:
            return fake_gnocchi.FakeResponse(
                status_code=404, text='Archive policy old does not exist'
            )
        return good(url, method, **more)

    monkeypatch.setattr(cloud, 'request', gone)
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a'], T0 + STEP, T0 + 2 * STEP)
    assert window.usage[0, 0, MEMORY] == 700.0
    [why] = [t for t in source.health.why('a') if t.startswith('cpu')]
    assert 'Archive policy old does not exist' in why


def test_unfit_metrics_are_looked_up_once_for_all_pages(cloud):
    cloud.add_policy('old', methods=['max'])
    names = [f'i{i}' for i in range(9)]
    for i, name in enumerate(names):
        cloud.add(
            name,
            'cpu',
            counter(1e9),
            policy='old' if i % 3 == 0 else fake_gnocchi.GOOD,
        )
    read(cloud, *names, page_size=3)
    found = paths(cloud)
    # cpu of each page, and again
    assert found.count('/v1/aggregates') == 3 * 2
    # the policies, and the metrics with the old one
    assert found.count('/v1/archive_policy') == 1
    assert found.count('/v1/metric') == 1


def test_a_page_of_unfit_metrics_only_is_not_asked_for_again(cloud):
    cloud.add_policy('old', methods=['max'])
    cloud.add('a', 'cpu', counter(1e9), policy='old')
    window = read(cloud, 'a')
    assert np.isnan(window.usage[0, :, CPU]).all()
    assert paths(cloud).count('/v1/aggregates') == 1


def test_a_counter_without_a_rate_is_differenced_and_said_so(cloud):
    cloud.add_policy('low', methods=['mean', 'max'])
    cloud.add('a', 'cpu', counter(1e9))
    cloud.add('b', 'cpu', counter(0.5e9, skip=[4], reset=8), policy='low')
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a', 'b'], T0 + STEP, T0 + 12 * STEP)
    assert window.usage[0, :, CPU].tolist() == [1.0] * 12
    assert nans(window.usage[1, :, CPU]) == [4, 5, 8]
    assert np.nanmax(window.usage[1, :, CPU]) == 0.5
    assert not [t for t in source.health.why('b') if t.startswith('cpu')]
    (note,) = source.health.notes
    assert 'policy low of metric cpu lacks rate:mean' in note
    assert 'growth of its mean is read instead (1 instances)' in note


def test_a_counter_without_a_rate_that_is_sampled_more_often(cloud):
    cloud.add_policy('low', methods=['mean'])
    samples = [(T0 + i * 60.0, i * 60 * 1e9) for i in range(-60, 60)]
    cloud.add('a', 'cpu', samples, policy='low')
    window = read(cloud, 'a', polling_interval=60)
    assert window.usage[0, :, CPU].tolist() == [1.0] * 12


def test_disks_of_two_policies_are_one_sum(cloud):
    cloud.add_policy('low', methods=['mean'])
    for name, policy in (('vda', 'low'), ('vdb', fake_gnocchi.GOOD)):
        disk(cloud, 'a', name, READ, counter(1.0), policy=policy)
        disk(cloud, 'a', name, WRITE, counter(2.0))
    assert read(cloud, 'a').usage[0, :, DISK].tolist() == [6.0] * 12


@pytest.mark.parametrize('methods', [['mean', 'rate:mean'], ['mean']])
def test_finer_steps_are_averaged_and_said_so(cloud, methods):
    cloud.add_policy('fine', methods, '0:01:00', '0:00:07')
    samples = [(T0 + i * 60.0, i * 60 * 1e9) for i in range(-60, 60)]
    gauge = [(T0 + i * 60.0, float(i % 5)) for i in range(-60, 60)]
    cloud.add('a', 'cpu', samples, policy='fine')
    cloud.add('a', 'memory.usage', gauge, policy='fine')
    source = gnocchi.GnocchiTelemetry(cloud, polling_interval=60)
    window = source.read(['a'], T0 + STEP, T0 + 12 * STEP)
    assert window.usage[0, :, CPU].tolist() == [1.0] * 12
    assert window.usage[0, :, MEMORY].tolist() == [2.0] * 12
    assert len(source.health.notes) == 2
    assert all('at 60 s, averaged' in note for note in source.health.notes)


def test_coarser_steps_are_unknown_and_said_why(cloud):
    cloud.add_policy('coarse', ['mean', 'rate:mean'], '1:00:00')
    cloud.add('a', 'cpu', counter(1e9), policy='coarse')
    source = gnocchi.GnocchiTelemetry(cloud)
    window = source.read(['a'], T0 + STEP, T0 + 12 * STEP)
    assert np.isnan(window.usage).all()
    assert 'it has 3600 s at best' in ' '.join(source.health.why('a'))


def at(cloud, now, *instances):
    """A reading that ends now, and how it went."""
    source = gnocchi.GnocchiTelemetry(cloud, wall=lambda: now)
    return source.read(instances, T0 + STEP, int(now)), source.health


def test_samples_of_the_future_are_refused_and_told(cloud):
    cloud.add('a', 'memory.usage', [(T0 + 20.0, 1.0), (T0 + 920.0, 9.0)])
    cloud.add('b', 'memory.usage', [(T0 + 20.0, 1.0), (T0 + 310.0, 2.0)])
    window, health = at(cloud, T0 + 400.0, 'a', 'b')
    assert window.usage[:, :, MEMORY].tolist() == [[1.0], [1.0]]
    assert 'yet to come' in ' '.join(health.why('a'))
    assert 'yet to come' not in ' '.join(health.why('b'))


@pytest.mark.parametrize(
    ('shown', 'skew_s', 'words'),
    [(90.0, 90.0, 'ahead of'), (-91.0, -90.0, 'behind'), (0.0, 0.0, None)],
)
def test_a_clock_that_goes_wrong_is_measured_and_told(
    cloud, shown, skew_s, words
):
    cloud.date = T0 + 400.0 + shown
    _, health = at(cloud, T0 + 400.0, 'a')
    assert health.skew_s == skew_s
    assert [words in note for note in health.notes] == [True] * bool(words)


def test_a_server_without_a_clock_is_nothing_to_tell_of(cloud):
    _, health = at(cloud, T0 + 400.0, 'a')
    assert np.isnan(health.skew_s) and health.notes == ()


@pytest.mark.parametrize('value', [None, float('nan'), float('inf')])
def test_what_is_no_number_stays_unknown(cloud, monkeypatch, value):
    series = [
        ['2023-11-14T22:15:00+00:00', 1, 1.0],
        ['2023-11-14T22:20:00+00:00', 1, value],
    ]
    said = {'measures': {'a': {'cpu': {'rate:mean': series}}}}

    def answer(url, method, **more):
        found = [] if '/search/' in url else said
        return fake_gnocchi.FakeResponse(text=json.dumps(found))

    monkeypatch.setattr(cloud, 'request', answer)
    assert np.isnan(read(cloud, 'a').usage).all()


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(st.randoms(use_true_random=False))
def test_shuffled_or_doubled_samples_are_the_same_usage(random):
    cloud = fake_gnocchi.FakeGnocchi()
    cloud.add('a', 'cpu', counter(1e9, skip=(4,)))
    for metric in (READ, WRITE):
        disk(cloud, 'a', 'vda', metric, counter(2.0))
        disk(cloud, 'a', 'vdb', metric, counter(3.0))
    whole = read(cloud, 'a', 'b').usage
    good = cloud.request

    def mixed(url, method, **more):
        answer = good(url, method, **more)
        if answer.status_code != 200:
            return answer
        found = json.loads(answer.text)
        if isinstance(found, list):
            random.shuffle(found)
            return fake_gnocchi.FakeResponse(text=json.dumps(found))
        metrics = list(found['measures'].items())
        random.shuffle(metrics)
        found['measures'] = dict(metrics)
        for points in (p for _, ways in metrics for p in ways.values()):
            points += random.sample(points, len(points) // 2)
            random.shuffle(points)
        return fake_gnocchi.FakeResponse(text=json.dumps(found))

    cloud.request = mixed
    assert np.array_equal(read(cloud, 'a', 'b').usage, whole, equal_nan=True)


holes = st.dictionaries(
    st.sampled_from('abc'), st.sets(st.integers(-3, 11)), max_size=3
)


@hypothesis.given(holes=holes, order=st.permutations('abc'))
@hypothesis.settings(deadline=None, max_examples=40)
def test_the_order_of_ids_changes_only_the_order_of_rows(holes, order):
    cloud = fake_gnocchi.FakeGnocchi()
    for number, name in enumerate('abc'):
        skip = holes.get(name, set())
        cloud.add(name, 'cpu', counter((number + 1) * 1e9, skip=skip))
        disk(cloud, name, 'vda', READ, counter(number + 1.0, skip=skip))
        disk(cloud, name, 'vda', WRITE, counter(1.0))
    one = read(cloud, *'abc', page_size=2)
    other = read(cloud, *order, page_size=2)
    rows = [other.instances.index(name) for name in 'abc']
    np.testing.assert_array_equal(one.usage, other.usage[rows])


@hypothesis.given(holes=holes)
@hypothesis.settings(deadline=None, max_examples=40)
def test_a_step_without_a_sample_is_never_a_number(holes):
    cloud = fake_gnocchi.FakeGnocchi()
    for name in 'abc':
        skip = holes.get(name, set())
        cloud.add(name, 'cpu', counter(1e9, skip=skip))
        gauge = [
            (T0 + step * STEP, 1.0) for step in range(12) if step not in skip
        ]
        cloud.add(name, 'memory.usage', gauge)
    window = read(cloud, *'abc')
    for row, name in enumerate('abc'):
        for step in holes.get(name, set()):
            if step >= 0:
                assert np.isnan(window.usage[row, step]).all()
    known = window.usage[:, :, CPU][np.isfinite(window.usage[:, :, CPU])]
    assert np.all(known == 1.0)  # no gap makes a rate too large
