"""What is measured of an instance beside its usage."""

import numpy as np
import pytest

from predictive_watcher.core import recent
from predictive_watcher.core import usage
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import history
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import only_new
from predictive_watcher.telemetry import prometheus
from tests.fakes import gnocchi as fake_gnocchi
from tests.fakes import prometheus as fake_prometheus


T0 = 1_700_000_100  # a multiple of 300
STEP = 300
CPU = 0
STEAL, LOGINS = 'vcpus.delay', 'logins'


def series(per_s, steps=40, since=-6):
    return [(T0 + k * STEP + 20.0, 1e3 + k * STEP * per_s)
            for k in range(since, steps)]  # fmt: skip


def level(value, steps=40, since=-6):
    return [(T0 + k * STEP + 20.0, value) for k in range(since, steps)]


BESIDE = measures.beside(STEAL, 'nanoseconds', LOGINS, 'gauge')


def in_gnocchi(filled, **options):
    cloud = fake_gnocchi.FakeGnocchi()
    for instance, metric, samples in filled:
        cloud.add(instance, metric, samples)
    return cloud, gnocchi.GnocchiTelemetry(cloud, **options)


def in_prometheus(filled, **options):
    cloud = fake_prometheus.FakePrometheus()
    for instance, metric, samples in filled:
        cloud.add(instance, metric, samples)
    return cloud, prometheus.PrometheusTelemetry(
        cloud, wall=lambda: T0 + 40.0 * STEP, **options
    )


FILLED = (
    ('a', 'cpu', series(0.5e9)),
    ('a', STEAL, series(0.25e9)),
    ('a', LOGINS, level(7.0)),
    ('b', 'cpu', series(0.5e9)),
)


@pytest.fixture(params=[in_gnocchi, in_prometheus])
def source(request):
    return request.param


def read(source, steps=12):
    return source.read(['a', 'b'], T0 + STEP, T0 + steps * STEP)


def test_what_an_instance_waited_for_is_part_of_what_it_wanted(source):
    _, found = source(FILLED, conditions=BESIDE)
    window = read(found)
    assert window.usage[:, :, CPU].tolist() == [[0.75] * 12, [0.5] * 12]
    waited = window.condition(usage.Condition.WAITED)
    assert waited[0].tolist() == [0.25] * 12
    assert np.isnan(waited[1]).all()


def test_activity_is_read_of_whoever_has_it(source):
    _, found = source(FILLED, conditions=BESIDE)
    active = read(found).condition(usage.Condition.ACTIVITY)
    assert active[0].tolist() == [7.0] * 12
    assert np.isnan(active[1]).all()
    assert found.health.notes == ()


def asked(cloud):
    """Metrics and series that were asked for."""
    return getattr(cloud, 'queries', None) or cloud.metrics


def test_without_the_options_nothing_more_is_asked_for(source):
    cloud, found = source(FILLED)
    window = read(found)
    assert window.conditions is None
    assert window.usage[0, :, CPU].tolist() == [0.5] * 12
    assert not [q for q in asked(cloud) if STEAL in q or LOGINS in q]


def test_what_nobody_has_costs_a_note_and_no_usage(source):
    _, found = source(FILLED[:1], conditions=BESIDE)
    window = read(found)
    assert window.usage[0, :, CPU].tolist() == [0.5] * 12
    assert np.isnan(window.conditions).all()
    text = ' '.join(found.health.notes)
    assert 'waited is not known' in text and 'activity is not known' in text
    assert not {
        one for problem in found.health.problems
        if problem.resource in usage.CONDITIONS
        for one in problem.instances
    }  # fmt: skip


class _Failing(fake_gnocchi.FakeGnocchi):
    """Goes down when it is asked for a condition."""

    def request(self, *args, **more):
        body = more.get('json') or {}
        wanted = str(body.get('operations'))
        self.down = STEAL in wanted or LOGINS in wanted
        return super().request(*args, **more)


def test_a_server_that_fails_at_them_leaves_usage_and_no_closed_circuit():
    cloud = _Failing()
    for row in FILLED:
        cloud.add(*row)
    found = gnocchi.GnocchiTelemetry(cloud, conditions=BESIDE)
    for _ in range(5):
        window = read(found)
        assert window.usage[0, :, CPU].tolist() == [0.5] * 12
        assert any('conditions are not known' in n for n in found.health.notes)
        assert not found.health.unread()


def test_unknown_cpu_stays_unknown_whatever_was_waited_for(source):
    _, found = source(FILLED[1:3], conditions=BESIDE)
    assert np.isnan(read(found).usage[:, :, CPU]).all()


def test_a_counter_that_began_anew_is_no_negative_wait(source):
    again = [(t, 0.0 if k == 8 else v)
             for k, (t, v) in enumerate(series(0.25e9))]  # fmt: skip
    _, found = source(
        (FILLED[0], ('a', STEAL, again)), conditions=BESIDE[:1]
    )
    cpu = read(found).usage[0, :, CPU]
    assert np.isfinite(cpu).all()
    assert (cpu >= 0.5).all()


def test_only_what_is_new_is_read_of_conditions_too(source):
    cloud, found = source(FILLED, conditions=BESIDE)
    first = only_new.OnlyNew(found, None)
    read(first, 20)
    kept = usage_book.recent_of(usage_book.memory_of(first.recent))
    later = only_new.OnlyNew(found, kept)
    window = read(later, 30)
    whole = read(found, 30)
    assert later.resumed == 2
    assert np.array_equal(window.usage, whole.usage, equal_nan=True)
    assert np.array_equal(
        window.conditions, whole.conditions, equal_nan=True
    )


def test_usage_kept_without_conditions_is_not_mixed_with_what_has_them(source):
    _, plain = source(FILLED)
    _, beside = source(FILLED, conditions=BESIDE)
    assert plain.identity != beside.identity
    window = read(plain)
    kept = recent.Recent(source=plain.identity, window=window)
    later = only_new.OnlyNew(beside, kept)
    read(later)
    assert later.resumed == 0


def test_a_history_read_in_pieces_has_them(source):
    _, found = source(FILLED, conditions=BESIDE)
    got = history.read(
        found, ['a', 'b'], T0 + STEP, T0 + 30 * STEP, piece_s=3000
    )
    whole = read(found, 30)
    assert np.array_equal(
        got.window.conditions, whole.conditions, equal_nan=True
    )


def test_a_series_of_another_exporter_keeps_its_own_name():
    cloud, found = in_prometheus(
        FILLED[:1], conditions=measures.beside('delay_seconds', 'seconds')
    )
    cloud.add('a', 'delay_seconds', series(0.25), __name__='delay_seconds')
    window = found.read(['a'], T0 + STEP, T0 + 12 * STEP)
    assert window.usage[0, :, CPU].tolist() == [0.75] * 12


def test_another_place_or_label_is_another_source():
    cloud = fake_prometheus.FakePrometheus()
    made = prometheus.PrometheusTelemetry
    names = {
        made(cloud, label=label, place=place).identity
        for label in ('resource', 'instance_id')
        for place in ('http://one:9090', 'http://two:9090')
    }
    assert len(names) == 4


def test_conditions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match='conditions have shape'):
        usage.UsageWindow(
            instances=('a',),
            start=0,
            step_s=STEP,
            usage=np.zeros((1, 2, 4), np.float32),
            conditions=np.zeros((1, 3, 2), np.float32),
        )
