"""Reading what is new gives what reading everything gives."""

import urllib.parse

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import recent
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import only_new
from tests.fakes import gnocchi as fake_gnocchi


T0 = 1_700_000_100  # a multiple of 300
STEP = 300
DAY = 86400
MEMORY = 1


def series(per_s=0.5e9, since=0, steps=400, skip=()):
    return [
        (T0 + i * STEP + 20.0, 1e9 + i * STEP * per_s)
        for i in range(since, steps)
        if i not in skip
    ]


def cloud_of(*names):
    cloud = fake_gnocchi.FakeGnocchi()
    for name in names:
        cloud.add(name, 'cpu', series())
        cloud.add(name, 'memory.usage', series(per_s=1.0))
    return cloud


def audit(cloud, names, at, kept=None, **options):
    """One audit at the end of step ``at``; the source, and its window."""
    source = only_new.OnlyNew(
        gnocchi.GnocchiTelemetry(cloud, clock=cloud.clock, **options), kept
    )
    end = T0 + at * STEP
    return source, source.read(names, end - 100 * STEP, end)


def starts(cloud):
    """From which step on each request asked."""
    found = []
    for _, url in cloud.requests:
        query = dict(urllib.parse.parse_qsl(url.partition('?')[2]))
        if 'start' not in query:
            continue  # which metrics there are
        found.append((int(query['start']) - T0) // STEP)
    cloud.requests.clear()
    return found


def same(one, other):
    assert one.instances == other.instances
    assert (one.start, one.end) == (other.start, other.end)
    np.testing.assert_array_equal(one.usage, other.usage)


def test_who_is_known_is_only_asked_for_what_is_new():
    cloud = cloud_of('a', 'b')
    first, _ = audit(cloud, ['a', 'b'], 200)
    starts(cloud)
    second, window = audit(cloud, ['a', 'b'], 201, first.recent)
    # an hour of margin, and what rates and devices need before it
    assert starts(cloud) == [200 - 12 - 5] * 2
    assert second.resumed == 2
    same(window, audit(cloud, ['a', 'b'], 201)[1])


def test_who_is_new_is_read_whole_and_once():
    cloud = cloud_of('a', 'b')
    first, _ = audit(cloud, ['a'], 200)
    starts(cloud)
    second, window = audit(cloud, ['b', 'a'], 201, first.recent)
    assert sorted(starts(cloud)) == [96] * 2 + [183] * 2
    same(window, audit(cloud, ['b', 'a'], 201)[1])
    starts(cloud)
    audit(cloud, ['b', 'a'], 202, second.recent)
    assert starts(cloud) == [184] * 2


def test_who_is_gone_is_forgotten():
    cloud = cloud_of('a', 'b')
    first, _ = audit(cloud, ['a', 'b'], 200)
    second, _ = audit(cloud, ['a'], 201, first.recent)
    assert second.recent.window.instances == ('a',)


def test_after_a_pause_all_that_was_missed_is_read():
    cloud = cloud_of('a')
    first, _ = audit(cloud, ['a'], 200)
    same(
        audit(cloud, ['a'], 260, first.recent)[1], audit(cloud, ['a'], 260)[1]
    )
    late, window = audit(cloud, ['a'], 350, first.recent)
    assert late.resumed == 0
    same(window, audit(cloud, ['a'], 350)[1])


@pytest.mark.parametrize(
    'options', [{'polling_interval': 150}, {'granularity': 600}]
)
def test_what_was_read_otherwise_is_not_mixed_in(options):
    cloud = cloud_of('a')
    cloud.add_policy(fake_gnocchi.GOOD, granularity='0:10:00')
    cloud.add_policy('both', granularity='0:05:00')
    first = only_new.OnlyNew(gnocchi.GnocchiTelemetry(cloud_of('a')), None)
    first.read(['a'], T0, T0 + 100 * STEP)
    second = only_new.OnlyNew(
        gnocchi.GnocchiTelemetry(cloud, **options), first.recent
    )
    second.read(['a'], T0, T0 + 101 * STEP)
    assert second.resumed == 0


def test_a_clock_that_went_back_reads_everything():
    cloud = cloud_of('a')
    first, _ = audit(cloud, ['a'], 200)
    second, window = audit(cloud, ['a'], 199, first.recent)
    assert second.resumed == 0
    same(window, audit(cloud, ['a'], 199)[1])


def test_new_instances_that_cannot_be_read_do_not_stop_the_others():
    cloud = cloud_of('a', 'b')
    first, _ = audit(cloud, ['a'], 200)

    class Slow(gnocchi.GnocchiTelemetry):
        def read(self, instances, start, end):
            cloud.latency_s = 40.0 if 'b' in instances else 1.0
            return super().read(instances, start, end)

    second = only_new.OnlyNew(Slow(cloud, clock=cloud.clock), first.recent)
    end = T0 + 201 * STEP
    window = second.read(['a', 'b'], end - 100 * STEP, end)
    assert np.isfinite(window.usage[0, -1, MEMORY])
    assert second.health.unread() == {'b'}
    assert second.recent.window.instances == ('a',)
    cloud.latency_s = 0.0
    third, window = audit(cloud, ['a', 'b'], 202, second.recent)
    assert third.resumed == 1
    same(window, audit(cloud, ['a', 'b'], 202)[1])


def test_new_instances_that_are_refused_do_not_stop_the_others():
    cloud = cloud_of('a', 'b')
    first, _ = audit(cloud, ['a'], 200)

    class Broken(gnocchi.GnocchiTelemetry):
        def read(self, instances, start, end):
            if 'b' in instances:
                raise exceptions.TelemetryError('Gnocchi answered 500')
            return super().read(instances, start, end)

    source = only_new.OnlyNew(Broken(cloud), first.recent)
    end = T0 + 201 * STEP
    window = source.read(['a', 'b'], end - 100 * STEP, end)
    assert np.isfinite(window.usage[0, -1, MEMORY])
    assert 'Gnocchi answered 500' in ' '.join(source.health.why('b'))
    with pytest.raises(exceptions.TelemetryError):
        only_new.OnlyNew(Broken(cloud), None).read(['b'], T0, end)


def test_without_an_end_it_goes_up_to_the_newest_sample():
    cloud = cloud_of('a')
    first, _ = audit(cloud, ['a'], 200)
    source = only_new.OnlyNew(gnocchi.GnocchiTelemetry(cloud), first.recent)
    window = source.read(['a'], T0 + 100 * STEP, None)
    assert window.end == T0 + 400 * STEP
    silent = fake_gnocchi.FakeGnocchi()
    source = only_new.OnlyNew(gnocchi.GnocchiTelemetry(silent), first.recent)
    assert source.read(['a'], T0 + 100 * STEP, None).end == T0 + 200 * STEP


def test_samples_that_came_late_are_counted():
    cloud = fake_gnocchi.FakeGnocchi()
    cloud.add('a', 'memory.usage', series(steps=198))
    first, _ = audit(cloud, ['a'], 200)
    cloud.add('a', 'memory.usage', series(steps=201))
    second, _ = audit(cloud, ['a'], 201, first.recent)
    # steps 199 and 200 had ended; the model had counted 199 as seen
    found = second.late(T0 + 199 * STEP)
    assert found == recent.Late(count=2, ignored=1, most_s=STEP)
    assert second.late(None).ignored == 0
    third, _ = audit(cloud, ['a'], 202, second.recent)
    assert third.late(T0 + 201 * STEP) == recent.Late()


def test_the_lateness_of_each_instance_is_kept_and_fades():
    cloud = cloud_of('a', 'b')
    cloud.add('a', 'cpu', series(steps=180))
    first, _ = audit(cloud, ['a', 'b'], 190)
    assert first.recent.late.tolist() == [[0, 0], [0, 0]]
    cloud.add('a', 'cpu', series())
    second, _ = audit(cloud, ['a', 'b'], 191, first.recent)
    count, most_s = second.recent.late[0].tolist()
    assert (count, most_s) == (10, 9 * STEP)
    assert second.recent.late[1].tolist() == [0, 0]
    book = usage_book.recent_of(usage_book.memory_of(second.recent))
    third, _ = audit(cloud, ['b', 'a'], 191 + 90, book)
    count, most_s = third.recent.late[1].tolist()
    assert 7.5 < count < 9 and most_s == 9 * STEP


def test_lateness_is_told_though_who_had_the_newest_sample_is_gone():
    cloud = cloud_of('a')
    cloud.add('b', 'memory.usage', series(steps=390))
    first = only_new.OnlyNew(gnocchi.GnocchiTelemetry(cloud), None)
    whole = first.read(['a', 'b'], T0 + 100 * STEP, None)
    second = only_new.OnlyNew(gnocchi.GnocchiTelemetry(cloud), first.recent)
    window = second.read(['b'], T0 + 100 * STEP, None)
    assert window.end < whole.end
    assert second.late(None) == recent.Late()


@hypothesis.given(st.data())
@hypothesis.settings(deadline=None, max_examples=40)
def test_however_audits_follow_each_other_all_is_as_if_read_at_once(data):
    gaps = st.sets(st.integers(0, 260), max_size=30)
    cloud = fake_gnocchi.FakeGnocchi()
    names = ['a', 'b', 'c']
    for name in names:
        since = data.draw(st.integers(0, 220))
        cloud.add(name, 'cpu', series(since=since, skip=data.draw(gaps)))
        cloud.add(name, 'memory.usage', series(skip=data.draw(gaps)))
    kept, at = None, 150
    for _ in range(4):
        at += data.draw(st.integers(0, 40))
        fleet = data.draw(st.permutations(names))
        fleet = fleet[: data.draw(st.integers(1, 3))]
        source, window = audit(cloud, fleet, at, kept)
        same(window, audit(cloud, fleet, at)[1])
        kept = source.recent
