"""What every source of usage must do.

A source is added with a function that makes one from memory samples: to each
instance the Unix seconds and MiB of its samples.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import usage
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import prometheus
from predictive_watcher.telemetry import traces
from predictive_watcher.telemetry import traces_source
from tests.fakes import gnocchi as fake_gnocchi
from tests.fakes import prometheus as fake_prometheus


T0 = 1_700_000_100
MEMORY = 1
Samples = Mapping[str, Sequence[tuple[float, float]]]


def from_gnocchi(samples: Samples) -> base.TelemetrySource:
    fake = fake_gnocchi.FakeGnocchi()
    for instance, own in samples.items():
        fake.add(instance, 'memory.usage', own)
    return gnocchi.GnocchiTelemetry(fake)


def _filled(
    samples: Samples, *, aetos: bool
) -> fake_prometheus.FakePrometheus:
    fake = fake_prometheus.FakePrometheus(aetos=aetos)
    for instance, own in samples.items():
        fake.add(instance, 'memory.usage', own)
    return fake


def from_prometheus(samples: Samples) -> base.TelemetrySource:
    return prometheus.PrometheusTelemetry(
        _filled(samples, aetos=False), wall=lambda: T0 + 7200.0
    )


def from_aetos(samples: Samples) -> base.TelemetrySource:
    return prometheus.AetosTelemetry(
        _filled(samples, aetos=True), wall=lambda: T0 + 7200.0
    )


def from_traces(samples: Samples) -> base.TelemetrySource:
    grid = np.full((len(samples), 24, 4), np.nan, np.float32)
    for row, own in zip(grid, samples.values(), strict=True):
        for time, value in own:
            row[int(time - T0) // 300, MEMORY] = value
    return traces_source.TraceTelemetry(
        traces.Trace(
            name='made',
            window=usage.UsageWindow(
                instances=tuple(samples),
                start=T0 + 300,
                step_s=300,
                usage=grid,
            ),
            limits=np.full((len(samples), 4), np.nan, np.float32),
            resources=fleet.RESOURCES,
        )
    )


@pytest.fixture(
    params=[from_gnocchi, from_prometheus, from_aetos, from_traces]
)
def make(
    request: pytest.FixtureRequest,
) -> Callable[[Samples], base.TelemetrySource]:
    return request.param


@pytest.fixture
def source(make) -> base.TelemetrySource:
    return make(
        {
            'a': [(T0 + 10.0, 1.0), (T0 + 310.0, 2.0), (T0 + 910.0, 4.0)],
            'b': [(T0 + 610.0, 3.0)],
        }
    )


def memory(source, instances, start, end):
    return source.read(instances, start, end).usage[:, :, MEMORY].tolist()


def test_samples_are_found_in_the_step_that_ends_after_them(source):
    window = source.read(['a'], T0 + 300, T0 + 600)
    assert window.times().tolist() == [T0 + 300, T0 + 600]
    assert window.usage[0, :, MEMORY].tolist() == [1.0, 2.0]


def test_what_has_no_sample_is_unknown(source):
    window = source.read(['a', 'none'], T0 + 300, T0 + 1200)
    known = np.isfinite(window.usage[:, :, MEMORY])
    assert known.tolist() == [[True, True, False, True], [False] * 4]
    assert np.isnan(window.usage[:, :, [0, 2, 3]]).all()


def test_rows_keep_the_order_of_the_ids(source):
    assert memory(source, ['b', 'a'], T0 + 900, T0 + 900)[0] == [3.0]
    assert source.read(['b', 'a'], T0 + 900, T0 + 900).instances == ('b', 'a')


def test_without_an_end_it_goes_up_to_the_newest_sample(source):
    assert source.read(['a', 'b'], T0, None).end == T0 + 1200
    assert source.read(['b'], T0, None).end == T0 + 900


def test_there_is_always_a_step(source):
    assert source.read(['none'], T0, None).usage.shape == (1, 1, 4)
    with pytest.raises(exceptions.InvalidInput):
        source.read(['a'], T0 + 1, T0 + 2)


def test_health_says_why_usage_is_missing(source):
    source.read(['a', 'none'], T0, None)
    assert any('memory' in why for why in source.health.why('none'))
    assert not any('memory' in why for why in source.health.why('a'))
    assert source.name
