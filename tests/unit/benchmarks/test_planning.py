import json

import pytest

from benchmarks import planning


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp('planning') / 'found.json'
    code = planning.main([
        '--instances', '60', '--nodes', '4', '--rounds', '1',
        '--json', str(file),
    ])  # fmt: skip
    assert code == 0
    return json.loads(file.read_text())


def test_every_case_has_its_time_and_a_verdict_for_each_instance(found):
    assert set(found['cases']) == set(planning.CASES)
    for case in found['cases'].values():
        assert case['seconds'] > 0
        assert sum(case['decided'].values()) == 60
    assert found['peak_mib'] > 0


def test_the_dangers_and_leases_that_were_made_are_found(found):
    assert found['cases']['a calm cloud']['decided'] == {'hold low_risk': 60}
    leased = found['cases']['and as many leases']['decided']
    assert leased['release need_passed'] >= 1


def test_a_full_cloud_has_no_room_for_those_at_risk(found):
    full = found['cases']['a full cloud']['decided']
    assert full['hold no_node'] >= 1 and full['hold lease_kept'] >= 1


def test_a_cloud_of_nothing_is_refused(capsys):
    with pytest.raises(SystemExit):
        planning.main(['--instances', '0'])
    assert '0 is not above 0' in capsys.readouterr().err
