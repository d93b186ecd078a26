"""Gnocchi down, slow, empty or strange."""

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.telemetry import circuit
from predictive_watcher.telemetry import gnocchi
from tests.fakes import gnocchi as fake_gnocchi


START = 1_700_000_100
END = START + 3000


@pytest.fixture
def cloud() -> fake_gnocchi.FakeGnocchi:
    cloud = fake_gnocchi.FakeGnocchi()
    for name in ('a', 'b'):
        samples = [(START + i * 300.0, i * 3e11) for i in range(-9, 12)]
        cloud.add(name, 'cpu', samples)
        cloud.add(name, 'memory.usage', samples)
    return cloud


def source_of(
    cloud: fake_gnocchi.FakeGnocchi, **options: object
) -> gnocchi.GnocchiTelemetry:
    return gnocchi.GnocchiTelemetry(cloud, clock=cloud.clock, **options)


def test_a_refused_connection_says_what_to_check(cloud):
    cloud.down = True
    with pytest.raises(exceptions.TelemetryError, match='gnocchi-api runs'):
        source_of(cloud).read(['a'], START, END)
    assert len(cloud.requests) == 1  # no retries


@pytest.mark.parametrize(
    ('status', 'hint'),
    [
        (401, 'credentials'),
        (403, 'role'),
        (404, 'endpoint'),
        (500, 'log'),
        (503, 'run'),
        (400, 'older'),
    ],
)
def test_an_error_names_url_status_and_remedy(cloud, status, hint):
    cloud.answer = fake_gnocchi.FakeResponse(
        status_code=status, text='<h1>Broken</h1>'
    )
    with pytest.raises(exceptions.TelemetryError) as caught:
        source_of(cloud).read(['a'], START, END)
    for part in (f' {status} ', '/v1/search/resource', 'Broken', hint):
        assert part in str(caught.value)


def test_refused_credentials_are_told_apart(cloud):
    cloud.unauthorized = True
    with pytest.raises(exceptions.TelemetryError, match=' 401 .*credentials'):
        source_of(cloud).read(['a'], START, END)


@pytest.mark.parametrize(
    'text',
    [
        '<html>welcome</html>',
        '{"a": 1}',
        '[1]',
        'null',
        '[{"group": {}, "measures": {"measures": {"x": {}}}}]',
        '[{"group": {"id": "zzz"}, "measures": {"measures": {"x": {}}}}]',
        '[{"group": {"id": "a"}, "measures": {"measures": {"x": '
        '{"cpu": {"mean": []}}}}}]',
        '[{"group": {"id": "a"}, "measures": {"measures": {"x": '
        '{"cpu": {"rate:mean": [["yesterday", 300, 1]]}}}}}]',
        '[{"group": {"id": "a"}, "measures": {"measures": {"x": '
        '{"cpu": {"rate:mean": [["2023-11-14T22:15:00+00:00", 1, "x"]]}}}}}]',
    ],
)
def test_an_answer_of_another_form_is_an_error_of_telemetry(cloud, text):
    cloud.answer = fake_gnocchi.FakeResponse(text=text)
    with pytest.raises(exceptions.TelemetryError, match='not known|no JSON'):
        source_of(cloud).read(['a'], START, END)


def test_each_request_gets_what_is_left_of_the_deadline(cloud):
    cloud.latency_s = 10.0
    source_of(cloud, timeout_s=60.0).read(['a'], START, END)
    # the metrics of instances, cpu, memory; and no disk, no interface
    assert cloud.timeouts == [60.0, 50.0, 40.0, 30.0, 20.0]


def test_a_deadline_that_passes_at_once_names_what_was_not_read(cloud):
    cloud.latency_s = 61.0
    source = source_of(cloud, timeout_s=60.0)
    with pytest.raises(exceptions.TelemetryTimeout) as caught:
        source.read(['a', 'b'], START, END)
    assert 'cpu of 2 instances' in str(caught.value)
    assert 'network of 2 instances' in str(caught.value)
    assert 'telemetry_timeout' in str(caught.value)
    assert cloud.clock.now == 1060.0
    assert len(cloud.requests) == 1


def test_a_deadline_that_passes_later_keeps_what_was_read(cloud):
    cloud.latency_s = 7.0
    source = source_of(cloud, timeout_s=60.0, page_size=1)
    window = source.read(['a', 'b'], START, END)
    assert cloud.clock.now - 1000.0 <= 60.0
    assert np.isfinite(window.usage[0, :, :2]).all()
    assert np.isfinite(window.usage[1, :, 0]).all()
    assert np.isnan(window.usage[1, :, 2:]).all()
    why = ' '.join(source.health.why('b'))
    assert 'not read in time' in why
    assert 'not read in time' not in ' '.join(source.health.why('a'))


def test_a_source_that_keeps_failing_is_left_alone_and_tried_again(cloud):
    breaker = circuit.Circuit(
        'gnocchi', failures=2, reset_s=300.0, clock=cloud.clock
    )
    cloud.down = True
    for _ in range(2):
        # Watcher makes a new strategy, and so a new source, for each audit
        with pytest.raises(exceptions.TelemetryError):
            source_of(cloud, circuit=breaker).read(['a'], START, END)
    cloud.requests.clear()
    with pytest.raises(exceptions.CircuitOpen, match='failed 2 times'):
        source_of(cloud, circuit=breaker).read(['a'], START, END)
    assert cloud.requests == []
    cloud.down = False
    cloud.clock.sleep(300.0)
    source_of(cloud, circuit=breaker).read(['a'], START, END)
    assert len(cloud.requests) == 5


def test_a_reading_cut_short_is_no_failure_of_the_source(cloud):
    # otherwise a large fleet on a slow Gnocchi would see nothing at all
    breaker = circuit.Circuit(
        'gnocchi', failures=1, reset_s=9.0, clock=cloud.clock
    )
    cloud.latency_s = 4.0
    source_of(cloud, timeout_s=10.0, circuit=breaker).read(['a'], START, END)
    breaker.check()


def test_a_time_without_a_step_is_refused(cloud):
    with pytest.raises(exceptions.InvalidInput, match='longer time'):
        source_of(cloud).read(['a'], START + 1, START + 299)


def test_archive_policies_of_another_form_are_an_error_of_telemetry(cloud):
    cloud.add_policy('old', methods=['mean'])
    cloud.add('a', 'cpu', [(START, 1.0)], policy='old')
    cloud.policies['odd'] = {'name': 'odd'}
    with pytest.raises(exceptions.TelemetryError, match='archive policies'):
        source_of(cloud).read(['a'], START, END)
