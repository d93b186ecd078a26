"""A recorded trace can be replayed; a bad one is one clear line."""

from demo import fleet
from demo import replay
from demo import workload
import numpy as np
import pytest


SERVERS = fleet.SERVERS
STEPS = workload.HISTORY_STEPS + replay.FUTURE_STEPS


def _trace(steps=STEPS + 10, instances=14, **changes):
    """The first instance is the busiest, the last one idles."""
    rng = np.random.default_rng(3)
    usage = rng.uniform(0, 4, (instances, steps, 2))
    usage *= np.linspace(1, 0.2, instances)[:, np.newaxis, np.newaxis]
    trace = {
        'usage': usage.astype(np.float32),
        'limits': np.full((instances, 2), 8.0, np.float32),
        'instances': np.array([f'i{k}' for k in range(instances)]),
        'resources': np.array(['cpu', 'memory']),
        'start': np.array(1_000_200),
        'step': np.array(300),
    }
    trace |= changes
    return {name: value for name, value in trace.items() if value is not None}


@pytest.fixture
def write(tmp_path):
    def _write(**changes):
        path = tmp_path / 'trace.npz'
        np.savez(path, **_trace(**changes))
        return path

    return _write


def _demand(path):
    return replay.demand(path, SERVERS, workload.HISTORY_STEPS)


def test_the_last_steps_are_scaled_to_the_flavors(write):
    trace = _trace()
    wanted, history = _demand(write())
    assert history == workload.HISTORY_STEPS
    assert wanted.shape == (len(SERVERS), STEPS, 4)
    expected = trace['usage'][0, -STEPS:, 0] / 8 * SERVERS[0].flavor.vcpus
    np.testing.assert_allclose(wanted[0, :, fleet.CPU], expected, rtol=1e-6)


def test_the_busiest_instances_are_replayed(write):
    usage = _trace()['usage'][::-1].copy()
    wanted, _ = _demand(write(usage=usage))
    expected = usage[-1, -STEPS:, 0] / 8 * SERVERS[0].flavor.vcpus
    np.testing.assert_allclose(wanted[0, :, fleet.CPU], expected, rtol=1e-6)


def test_a_resource_that_the_trace_lacks_has_no_samples(write):
    wanted, _ = _demand(write())
    assert np.isnan(wanted[:, :, fleet.DISK]).all()


def test_an_instance_without_samples_is_not_taken(write):
    usage = _trace()['usage']
    usage[0] = np.nan
    wanted, _ = _demand(write(usage=usage))
    assert np.isfinite(wanted[:, :, fleet.CPU]).all()


def test_the_highest_use_stands_in_for_an_unknown_limit(write):
    wanted, _ = _demand(write(limits=np.full((14, 2), np.nan, np.float32)))
    highest = wanted[0, :, fleet.CPU].max()
    assert highest == pytest.approx(SERVERS[0].flavor.vcpus)


def test_a_short_trace_has_less_history(write):
    _, history = _demand(write(steps=200))
    assert history == 200 - replay.FUTURE_STEPS


@pytest.mark.parametrize(
    ('changes', 'word'),
    [
        ({'limits': None}, "no array 'limits'"),
        ({'step': np.array(60)}, 'only 300 s'),
        ({'steps': 100}, '100 steps'),
        ({'instances': 3}, '3 instances'),
        ({'resources': np.array(['cpu', 'gpu'])}, "'gpu' is unknown"),
        ({'limits': np.ones((2, 2))}, 'limits has shape (2, 2)'),
        ({'usage': np.ones((14, 9))}, 'usage has shape (14, 9)'),
    ],
)
def test_a_bad_trace_is_named(write, changes, word):
    with pytest.raises(replay.TraceError) as error:
        _demand(write(**changes))
    assert word in str(error.value)
    assert '\n' not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(replay.TraceError, match='does not exist'):
        replay.load(tmp_path / 'nothing.npz')


def test_a_file_that_is_no_trace_is_named(tmp_path):
    path = tmp_path / 'text.npz'
    path.write_text('hello')
    with pytest.raises(replay.TraceError, match='is no npz file'):
        replay.load(path)
