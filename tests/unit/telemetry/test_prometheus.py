"""What is read from Prometheus and Aetos, and what it is taken to mean."""

import base64
from collections.abc import Collection
import uuid

import hypothesis
from hypothesis import strategies as st
from keystoneauth1 import adapter
from keystoneauth1 import session as ks_session
from keystoneauth1 import token_endpoint
import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import usage
from predictive_watcher.telemetry import circuit
from predictive_watcher.telemetry import prometheus
from tests.fakes import prometheus as fake_prometheus
from tests.fakes.gnocchi import FakeResponse


T0 = 1_700_000_100  # a multiple of 300
STEP = 300
CPU, MEMORY, DISK, NETWORK = range(4)
READ, WRITE = 'disk.device.read.bytes', 'disk.device.write.bytes'
IN, OUT = 'network.incoming.bytes', 'network.outgoing.bytes'
A, B = str(uuid.UUID(int=0xA)), str(uuid.UUID(int=0xB))


@pytest.fixture
def cloud() -> fake_prometheus.FakePrometheus:
    return fake_prometheus.FakePrometheus()


def counter(
    per_s: float,
    steps: int = 12,
    *,
    since: int = -6,
    skip: Collection[int] = (),
    reset: int | None = None,
) -> list[tuple[float, float]]:
    """One sample a step, 20 s after it began; step 0 ends at T0 + STEP."""
    total, samples = 1e6, []
    for step in range(since, steps):
        total = 0.0 if step == reset else total + per_s * STEP
        if step not in skip:
            samples.append((T0 + step * STEP + 20.0, total))
    return samples


def scraped(polls, every=30.0, until=T0 + 12 * STEP):
    """What a Prometheus has that scrapes between the polls."""
    samples, i = [], 0
    for time in np.arange(polls[0][0], until, every):
        while i + 1 < len(polls) and polls[i + 1][0] <= time:
            i += 1
        samples.append((float(time), polls[i][1]))
    return samples


def source_of(
    cloud: fake_prometheus.FakePrometheus, **options: object
) -> prometheus.PrometheusTelemetry:
    kind = (
        prometheus.AetosTelemetry
        if cloud.aetos
        else prometheus.PrometheusTelemetry
    )
    return kind(
        cloud,
        clock=cloud.clock,
        wall=lambda: T0 + 12.0 * STEP,
        **options,
    )


def read(
    cloud: fake_prometheus.FakePrometheus, *instances: str, **options: object
) -> usage.UsageWindow:
    return source_of(cloud, **options).read(
        instances, T0 + STEP, T0 + 12 * STEP
    )


def nans(column: np.ndarray) -> list[int]:
    return [int(i) for i in np.flatnonzero(np.isnan(column))]


def test_a_counter_of_nanoseconds_becomes_vcpus(cloud):
    cloud.add(A, 'cpu', counter(0.5e9))
    assert read(cloud, A).usage[0, :, CPU].tolist() == [0.5] * 12


def test_what_prometheus_calls_instance_is_not_the_instance(cloud):
    cloud.add('somebody', 'cpu', counter(0.5e9), instance=A)
    assert np.isnan(read(cloud, A).usage).all()


def test_another_label_may_hold_the_instance(cloud):
    cloud.add('x', 'cpu', counter(0.5e9), vm=A)
    assert np.isfinite(read(cloud, A, label='vm').usage[0, :, CPU]).all()


def test_disks_and_directions_are_added(cloud):
    for disk in ('vda', 'vdb'):
        for meter in (READ, WRITE):
            cloud.add(f'{A}-{disk}', meter, counter(100.0))
    cloud.add(f'{B}-vda', READ, counter(1e6))
    assert read(cloud, A).usage[0, :, DISK].tolist() == [400.0] * 12


def test_interfaces_are_found_between_other_names(cloud):
    for meter in (IN, OUT):
        cloud.add(f'instance-0000000a-{A}-tap1', meter, counter(10.0))
    assert read(cloud, A).usage[0, :, NETWORK].tolist() == [20.0] * 12


def test_half_a_device_is_unknown_and_told(cloud):
    cloud.add(f'{A}-vda', READ, counter(100.0))
    source = source_of(cloud)
    window = source.read([A], T0 + STEP, T0 + 12 * STEP)
    assert np.isnan(window.usage[0, :, DISK]).all()
    assert 'lacks the series ceilometer_disk_device_write_bytes' in ' '.join(
        source.health.why(A)
    )


def test_a_missing_sample_spoils_its_own_rate_and_the_next(cloud):
    cloud.add(A, 'cpu', counter(1e9, skip=[4]))
    assert nans(read(cloud, A).usage[0, :, CPU]) == [4, 5]


def test_a_counter_that_began_anew_is_unknown_and_not_zero(cloud):
    cloud.add(A, 'cpu', counter(1e9, reset=4))
    window = read(cloud, A)
    assert nans(window.usage[0, :, CPU]) == [4]
    assert window.usage[0, 5, CPU] == 1.0


def test_a_poll_that_is_scraped_again_and_again_is_one_sample(cloud):
    cloud.add(A, 'cpu', scraped(counter(0.5e9)))
    memory = [(t, 100.0 + i) for i, (t, _) in enumerate(counter(1.0))]
    cloud.add(A, 'memory.usage', scraped(memory))
    window = read(cloud, A)
    assert window.usage[0, :, CPU].tolist() == [0.5] * 12
    expected = [106.0 + i for i in range(12)]
    assert window.usage[0, :, MEMORY].tolist() == expected


def test_a_poll_that_was_missed_is_not_an_idle_guest(cloud):
    cloud.add(A, 'cpu', scraped(counter(0.5e9, skip=[4])))
    for meter in (READ, WRITE):
        cloud.add(f'{A}-vda', meter, scraped(counter(0.0)))
    cloud.add(A, 'memory.usage', scraped(counter(0.0)))
    window = read(cloud, A)
    assert nans(window.usage[0, :, CPU]) == [4, 5]
    assert nans(window.usage[0, :, DISK]) == [4, 5]
    assert nans(window.usage[0, :, MEMORY]) == [4]
    assert window.usage[0, 0, DISK] == 0.0  # a disk may well be idle


def test_several_polls_in_a_step_are_averaged(cloud):
    gauge = [(T0 + i * 60.0 + 1, float(i % 5)) for i in range(60)]
    cloud.add(A, 'memory.usage', gauge)
    window = read(cloud, A, polling_interval=60)
    assert window.usage[0, :, MEMORY].tolist() == [2.0] * 12


def test_a_series_that_changed_its_labels_begins_anew(cloud):
    cloud.add(A, 'cpu', counter(1e9, steps=6), vm_instance='compute-0')
    moved = [(t, v - 1e6) for t, v in counter(2e9, since=6)]
    cloud.add(A, 'cpu', moved, vm_instance='compute-1')
    window = read(cloud, A)
    assert nans(window.usage[0, :, CPU]) == [6]
    assert window.usage[0, 5, CPU] == 1.0
    assert window.usage[0, 7, CPU] == 2.0


@pytest.mark.parametrize('word', ['NaN', '+Inf', '-Inf'])
def test_what_is_no_number_is_unknown(cloud, word):
    samples = [(T0 + 20.0, 1.0), (T0 + STEP + 20.0, word)]
    cloud.add(A, 'memory.usage', samples)
    window = read(cloud, A)
    assert window.usage[0, 0, MEMORY] == 1.0
    assert nans(window.usage[0, :, MEMORY])[0] == 1


def test_four_queries_for_a_page_of_instances(cloud):
    names = [str(uuid.UUID(int=i)) for i in range(250)]
    read(cloud, *names, page_size=100)
    assert [method for method, _ in cloud.requests] == ['POST'] * 12


def test_a_url_is_never_longer_than_servers_take():
    cloud = fake_prometheus.FakePrometheus(aetos=True)
    names = [str(uuid.UUID(int=i)) for i in range(1000)]
    for name in names:
        cloud.add(name, 'memory.usage', [(T0 + 20.0, 5.0)])
    window = read(cloud, *names)
    assert (window.usage[:, 0, MEMORY] == 5.0).all()
    assert {method for method, _ in cloud.requests} == {'GET'}
    assert max(len(url) for _, url in cloud.requests) < 8190
    assert len(cloud.requests) < 30


def test_too_many_samples_are_asked_for_in_two_halves(cloud):
    names = [str(uuid.UUID(int=i)) for i in range(8)]
    for name in names:
        cloud.add(name, 'memory.usage', counter(1.0))
    cloud.most_samples = 40
    window = read(cloud, *names)
    assert np.isfinite(window.usage[:, :, MEMORY]).all()


def test_one_instance_that_is_too_much_is_an_error(cloud):
    cloud.add(A, 'memory.usage', counter(1.0))
    cloud.most_samples = 3
    with pytest.raises(exceptions.TelemetryError, match='query.max-samples'):
        read(cloud, A)


def test_a_warning_is_told(cloud):
    cloud.warnings = ['block 01H: not all of it could be read']
    source = source_of(cloud)
    source.read([A], T0 + STEP, T0 + 12 * STEP)
    (note,) = source.health.notes
    assert 'may not be complete' in note
    assert 'block 01H' in note


@pytest.mark.parametrize(
    ('status', 'text', 'words'),
    [
        (429, '{"status":"error","errorType":"x","error":"busy"}', 'concurr'),
        (503, '<h1>Service Unavailable</h1>', 'query.timeout'),
        (422, '{"status":"error","errorType":"execution","error":"o"}', 'o;'),
        (403, '{"faultstring": "not allowed"}', 'role'),
        (400, '{"status":"error","errorType":"bad_data","error":"@"}', '2.33'),
        (200, '{"status":"error","errorType":"timeout","error":"z"}', 'z'),
        (200, '{"status":"success","data":{"resultType":"vector"}}', 'vector'),
        (200, '{"status": "success", "data": {"resultType"', 'no JSON'),
        (200, '[1]', 'not known'),
        (
            200,
            '{"status":"success","data":{"resultType":"matrix","result":[1]}}',
            'not known',
        ),
        (
            200,
            '{"status":"success","data":{"resultType":"matrix","result":'
            f'[{{"metric":{{"resource":"{A}","__name__":"ceilometer_cpu"}},'
            '"values":[[1700000400,"many"]]}]}}',
            'not known',
        ),
        (
            200,
            '{"status":"success","data":{"resultType":"matrix","result":'
            f'[{{"metric":{{"resource":"{A}","__name__":"ceilometer_cpu"}},'
            '"values":[[Infinity,"1"]]}]}}',
            'not known',
        ),
    ],
)
def test_what_is_no_answer_is_an_error_that_says_why(
    cloud, status, text, words
):
    cloud.answer = FakeResponse(status_code=status, text=text)
    with pytest.raises(exceptions.TelemetryError, match=words):
        read(cloud, A)


def test_a_deadline_that_passes_later_keeps_what_was_read(cloud):
    for name in (A, B):
        cloud.add(name, 'cpu', counter(1e9))
    cloud.latency_s = 11.0
    source = source_of(cloud, timeout_s=60.0, page_size=1)
    window = source.read([A, B], T0 + STEP, T0 + 12 * STEP)
    assert np.isfinite(window.usage[:, :, CPU]).all()
    assert source.health.unread() == {B}


def test_a_source_that_keeps_failing_is_left_alone(cloud):
    breaker = circuit.Circuit(
        'prometheus', failures=2, reset_s=300.0, clock=cloud.clock
    )
    cloud.down = True
    for _ in range(2):
        with pytest.raises(exceptions.TelemetryError, match='reached'):
            read(cloud, A, circuit=breaker)
    with pytest.raises(exceptions.CircuitOpen):
        read(cloud, A, circuit=breaker)


def test_a_clock_that_is_ahead_is_measured(cloud):
    cloud.date = T0 + 12 * STEP + 90.0
    source = source_of(cloud)
    source.read([A], T0 + STEP, T0 + 12 * STEP)
    assert source.health.skew_s == 90.0


@hypothesis.given(
    st.lists(
        st.text(
            st.characters(exclude_categories=['C', 'Z']),
            min_size=1,
            max_size=20,
        ),
        unique=True,
        max_size=20,
    )
)
@hypothesis.settings(deadline=None)
def test_whatever_an_instance_is_called_it_is_found(names):
    cloud = fake_prometheus.FakePrometheus()
    for name in names:
        cloud.add(name, 'memory.usage', [(T0 + 20.0, 5.0)])
    window = read(cloud, *names, page_size=7)
    assert (window.usage[:, 0, MEMORY] == 5.0).all()


URL = 'http://prometheus.example:9090'


def connected(client, cloud):
    """The session's own requests, as they would go over the wire."""
    transport = fake_prometheus.Transport(cloud)
    client.session.session.mount(URL, transport)
    return transport


def test_requests_to_a_prometheus_with_a_password(cloud):
    cloud.add(A, 'cpu', counter(0.5e9))
    client = prometheus.url_adapter(URL + '/', 'me', 'secret')
    transport = connected(client, cloud)
    source = prometheus.PrometheusTelemetry(
        client, wall=lambda: T0 + 12.0 * STEP
    )
    window = source.read([A], T0 + STEP, T0 + 12 * STEP)
    assert window.usage[0, :, CPU].tolist() == [0.5] * 12
    sent = {h['Authorization'] for h in transport.headers}
    assert sent == {'Basic ' + base64.b64encode(b'me:secret').decode()}


def test_requests_to_aetos_carry_the_token_of_the_session():
    cloud = fake_prometheus.FakePrometheus(aetos=True)
    cloud.add(A, 'cpu', counter(0.5e9))
    session = ks_session.Session(auth=token_endpoint.Token(URL, 'token'))
    client = prometheus.aetos_adapter(session)
    connected(client, cloud)
    source = prometheus.AetosTelemetry(client, wall=lambda: T0 + 12.0 * STEP)
    window = source.read([A], T0 + STEP, T0 + 12 * STEP)
    assert window.usage[0, :, CPU].tolist() == [0.5] * 12
    nobody = adapter.Adapter(ks_session.Session(), endpoint_override=URL)
    connected(nobody, cloud)
    with pytest.raises(exceptions.TelemetryError, match='401'):
        prometheus.AetosTelemetry(nobody).read([A], T0 + STEP, T0 + 12 * STEP)
