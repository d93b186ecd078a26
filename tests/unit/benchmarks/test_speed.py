import json

import numpy as np
import pytest

from benchmarks import racers
from benchmarks import speed
from predictive_watcher.models import card
from predictive_watcher.models import registry


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp('speed') / 'found.json'
    code = speed.main([
        '--sizes', '1', '3', '--rounds', '1', '--trees', '2', '--rows', '600',
        '--without', 'autoets', '--json', str(file),
    ])  # fmt: skip
    assert code == 0
    return json.loads(file.read_text())


def test_every_stage_and_rival_has_its_time(found):
    for size in ('1', '3'):
        seconds = found['instances'][size]['seconds']
        stages = {f'stage.{stage}' for stage in racers.STAGES}
        rivals = {'ours', 'onnxruntime', 'lightgbm', 'persistence', 'mean60'}
        assert stages | rivals <= set(seconds)
        assert min(seconds.values()) > 0


def test_the_machine_and_the_model_are_measured(found):
    row = found['instances']['3']
    assert row['peaks']['sgemm1'] > 1e8
    assert 10_000 < row['state_bytes'] < 40_000
    path = registry.SHIPPED / card.MODEL
    assert found['model']['bytes'] == path.stat().st_size
    memory = found['session_bytes']
    assert memory['before'] <= memory['loaded'] <= memory['scored']


def test_operations_are_two_for_each_weight_of_a_matrix():
    pytest.importorskip('onnx')
    size = (registry.SHIPPED / card.MODEL).stat().st_size
    found = speed.operations(registry.SHIPPED)
    # nearly all of the file is weights of 4 bytes
    assert 0.85 * size / 4 < found / 2 < size / 4


def test_the_table_has_a_column_for_each_size(found):
    text = speed.table(found)
    assert 'times as long as ours' in text
    line = next(t for t in text.splitlines() if t.startswith('lightgbm'))
    assert len(line.split()) == 3


def test_made_load_moves_and_stays_alive():
    load = racers.Load(5)
    first, then = load.step()[0], load.step()[0]
    assert (first != then).all()
    for _ in range(500):
        last, now = load.step()
    assert now == 502 * racers.STEP_S
    assert np.isfinite(last).all() and (last > 0).all()
