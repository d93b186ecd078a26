"""What is said of how usage was read."""

import json
import logging

import numpy as np

from predictive_watcher import notifications
from predictive_watcher.plugin import told
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import only_new
from tests.fakes import gnocchi as fake_gnocchi


T0 = 1_700_000_100  # a multiple of 300
STEP = 300


def series(steps):
    return [(T0 + k * STEP + 20.0, 1e9 + k * STEP * 5e8)
            for k in range(steps)]  # fmt: skip


def read(cloud, until, kept=None):
    source = only_new.OnlyNew(gnocchi.GnocchiTelemetry(cloud), kept)
    end = T0 + until * STEP
    window = source.read(['a', 'b', 'c'], T0 + STEP, end)
    return source, told.of(source, window, end - STEP, now=end + 60)


def cloud(of_b):
    made = fake_gnocchi.FakeGnocchi()
    made.add('a', 'cpu', series(60))
    made.add('b', 'cpu', series(of_b))
    return made


def test_age_silence_and_what_is_missing_are_told():
    _, found = read(cloud(of_b=30), 40)
    assert (found.instances, found.silent, found.requests) == (3, 1, 5)
    assert found.age_s == 60 + 5 * STEP  # the median of two
    assert found.oldest_s == 60 + 10 * STEP
    assert found.problems['cpu: Gnocchi has no metric cpu of it'] == 1
    assert found.late.count == 0


def test_late_samples_are_told():
    source, _ = read(cloud(of_b=30), 40)
    _, found = read(cloud(of_b=60), 41, source.recent)
    assert found.resumed == 3
    assert found.late.count == 10
    assert found.late.most_s == 9 * STEP
    assert found.late.ignored == 10


def test_the_payload_is_what_is_documented_and_json_can_hold_it(caplog):
    empty = fake_gnocchi.FakeGnocchi()
    _, found = read(empty, 40)
    payload = {'audit': 'x', 'at': 0, **found.payload()}
    keys = notifications.PAYLOADS[notifications.Event.TELEMETRY]
    assert set(payload) == set(keys)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert payload['age_s'] is None and np.isnan(found.age_s)
    with caplog.at_level(logging.INFO):
        found.log('x')
    assert 'the newest sample of most is unknown old' in caplog.text
