import json

import pytest

from benchmarks import bootstrap


def test_what_learning_takes_is_measured(tmp_path):
    file = tmp_path / 'found.json'
    code = bootstrap.main([
        '--instances', '3', '--days', '1', '--page', '2',
        '--json', str(file),
    ])  # fmt: skip
    assert code == 0
    found = json.loads(file.read_text())
    assert found['instances'] == 3
    assert found['cpu_seconds'] > 0
    assert found['kept_bytes_per_instance'] > 5000


def test_a_cloud_of_nothing_is_refused(capsys):
    with pytest.raises(SystemExit):
        bootstrap.main(['--instances', '0'])
    assert '0 is not above 0' in capsys.readouterr().err
