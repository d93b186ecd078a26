"""Metrics are written in batches; who is not known is left out."""

import json

from keystoneauth1 import exceptions as ks_exceptions
import pytest

from predictive_watcher import exceptions
from predictive_watcher.telemetry import measuring
from tests.fakes.gnocchi import FakeResponse


class FakeBatch:
    """Gnocchi's batch of measures, as far as it is used here.

    What it says of resources that it does not know is that of Gnocchi 4.7.
    """

    def __init__(self, known=(), status=202, down=False):
        self.known, self.status, self.down = set(known), status, down
        self.bodies = []

    def request(self, url, method, *, json, timeout, raise_exc):
        assert (url, method) == (measuring.PATH, 'POST')
        assert timeout > 0 and not raise_exc
        if self.down:
            raise ks_exceptions.ConnectFailure('Connection refused')
        self.bodies.append(json)
        unknown = [i for i in json if i not in self.known]
        if unknown:
            return _refused(unknown)
        return FakeResponse(status_code=self.status, text='')

    def written(self):
        return self.bodies[-1]


def _refused(unknown):
    detail = [{'resource_id': i, 'original_resource_id': i} for i in unknown]
    words = {'cause': 'Unknown resources', 'detail': detail}
    return FakeResponse(
        status_code=400,
        text=json.dumps({'code': 400, 'description': words}),
    )


def test_measures_are_written_with_their_time_and_policy():
    batch = FakeBatch(['a'])
    writer = measuring.Measuring(batch, 'low')
    assert writer.write(0, {'a': {'predictive.risk': 0.25}}) == (1, 0)
    assert batch.written() == {
        'a': {
            'predictive.risk': {
                'archive_policy_name': 'low',
                'measures': [
                    {'timestamp': '1970-01-01T00:00:00+00:00', 'value': 0.25}
                ],
            }
        }
    }


def test_without_a_policy_gnocchi_chooses():
    batch = FakeBatch(['a'])
    measuring.Measuring(batch).write(0, {'a': {'predictive.risk': 0.5}})
    assert set(batch.written()['a']['predictive.risk']) == {'measures'}


def test_who_is_not_known_is_left_out_and_the_rest_is_written():
    batch = FakeBatch(['a', 'c'])
    found = measuring.Measuring(batch).write(
        0, {name: {'predictive.risk': 0.5} for name in 'abc'}
    )
    assert found == (2, 1)
    assert set(batch.written()) == {'a', 'c'}


def test_where_nobody_is_known_nothing_is_sent_again():
    batch = FakeBatch()
    found = measuring.Measuring(batch).write(0, {'a': {'m': 1.0}})
    assert found == (0, 1)
    assert len(batch.bodies) == 1


def test_nothing_known_is_not_sent():
    batch = FakeBatch()
    assert measuring.Measuring(batch).write(0, {'a': {}}) == (0, 0)
    assert batch.bodies == []


def test_many_instances_are_several_requests():
    names = [f'i{k}' for k in range(measuring.PAGE + 1)]
    batch = FakeBatch(names)
    values = {name: {'m': 1.0} for name in names}
    assert measuring.Measuring(batch).write(0, values) == (len(names), 0)
    assert [len(body) for body in batch.bodies] == [measuring.PAGE, 1]


@pytest.mark.parametrize(
    ('batch', 'words'),
    [
        (FakeBatch(['a'], status=403), 'answered 403'),
        (FakeBatch(['a'], status=500), 'answered 500'),
        (FakeBatch(['a'], down=True), 'cannot be reached'),
    ],
)
def test_a_refusal_says_what_is_wrong(batch, words):
    with pytest.raises(exceptions.TelemetryError, match=words):
        measuring.Measuring(batch).write(0, {'a': {'m': 1.0}})


def test_a_slow_gnocchi_does_not_keep_a_plan_waiting():
    clock = [0.0]

    class Slow(FakeBatch):
        def request(self, *given, timeout, **more):
            waits.append(timeout)
            clock[0] += 20.0
            return super().request(*given, timeout=timeout, **more)

    waits = []
    names = [f'i{k}' for k in range(3 * measuring.PAGE)]
    batch = Slow(names)
    writer = measuring.Measuring(batch, timeout_s=30.0, clock=lambda: clock[0])
    with pytest.raises(exceptions.TelemetryError, match='within 30 s'):
        writer.write(0, {name: {'predictive.risk': 0.5} for name in names})
    assert waits == [30.0, 10.0]
