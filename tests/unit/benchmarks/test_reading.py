import pytest

from benchmarks import made_metrics
from benchmarks import reading
from predictive_watcher import exceptions
from predictive_watcher.telemetry import measures
from tests.fakes import gnocchi


END = 1_700_000_100
NAMES = made_metrics.names(5)


@pytest.fixture
def cloud():
    """A fake Gnocchi with the samples that a real one is filled with."""
    made = gnocchi.FakeGnocchi()
    for name in NAMES:
        for measure in measures.MEASURES:
            for metric in measure.metrics:
                made.add(
                    made_metrics.resource(measure.resource_type, name),
                    metric,
                    [
                        (sample['timestamp'], sample['value'])
                        for sample in made_metrics.samples(name, metric, END)
                    ],
                    type_=measure.resource_type,
                    instance_id=name,
                )
    return made


def measured(cloud):
    return reading.measure_all(cloud, NAMES, END, 2, lambda *_: None)


def test_all_ways_find_the_same_usage_with_more_or_fewer_requests(cloud):
    found = measured(cloud)
    # a request for each resource, and two for what is new
    assert found['one interval']['requests'] == 6
    assert found['as an audit reads']['requests'] == 6
    assert found['one interval']['requests at first'] == 7
    assert found['one request each']['requests'] == 6 * len(NAMES)
    assert found['one interval']['known'] == 1.0
    assert 'times faster' in reading.table(found)


def test_ways_that_do_not_agree_prove_nothing(cloud):
    disk = made_metrics.resource('instance_disk', NAMES[2])
    cloud.add(
        f'{disk}-other',
        'disk.device.read.bytes',
        [(END - 300 * i - 280, 1e6 - i * 1e4) for i in range(20, -1, -1)],
        type_='instance_disk',
        instance_id=NAMES[2],
    )
    with pytest.raises(exceptions.TelemetryError, match='same usage'):
        measured(cloud)


def test_a_cloud_that_does_not_start_is_said_so(tmp_path, capsys):
    (tmp_path / 'here').write_text('a file')
    code = reading.main(['--minicloud', str(tmp_path / 'here')])
    assert code == 1
    assert 'the mini cloud' in capsys.readouterr().err
