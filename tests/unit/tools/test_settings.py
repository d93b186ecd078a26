"""Where a cloud lives, and what cannot be wished for any more."""

import socket

from minicloud import environment
from minicloud import settings
from minicloud.errors import MiniCloudError
import pytest


def test_what_exists_wins_over_defaults(tmp_path):
    settings.settle(home=tmp_path, base_port=31000, hosts=4).save()
    again = settings.settle(home=tmp_path)
    assert (again.base_port, again.hosts) == (31000, 4)


def test_what_exists_cannot_be_wished_away(tmp_path):
    settings.settle(home=tmp_path, base_port=31000).save()
    with pytest.raises(MiniCloudError, match='base_port = 31000, not 32000'):
        settings.settle(home=tmp_path, base_port=32000)


def test_damaged_settings_are_named(tmp_path):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'settings.json').write_text('{')
    with pytest.raises(MiniCloudError, match='is damaged'):
        settings.settle(home=tmp_path)


def test_a_taken_port_is_found(tmp_path):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        port = listener.getsockname()[1]
        taken = settings.settle(home=tmp_path, base_port=port - 3)
        assert port in settings.taken_ports(taken)


def test_every_port_belongs_to_the_block(tmp_path):
    all_of_it = settings.settle(
        home=tmp_path, base_port=31000, db='mysql', mq='rabbit'
    )
    ports = all_of_it.ports()
    assert len(set(ports)) == len(ports) == 11
    assert all(31000 <= port < 32000 for port in ports)


def test_an_old_python_is_named_with_what_to_do():
    with pytest.raises(MiniCloudError, match=r'this is 3\.10.*PYTHON='):
        environment.check_python((3, 10))
    environment.check_python((3, 11))


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, 'NEEDED_MIB', 10**12)
    with pytest.raises(MiniCloudError, match='choose another place'):
        environment.check_disk(tmp_path)


def test_a_failed_command_says_its_last_word(tmp_path):
    log = tmp_path / 'log'
    with pytest.raises(MiniCloudError, match='trying failed: ERROR: no luck'):
        environment.run_visibly(
            ['sh', '-c', 'echo ERROR: no luck; exit 3'], log, 'trying'
        )


def test_a_missing_network_is_named(tmp_path):
    log = tmp_path / 'log'
    words = 'echo Temporary failure in name resolution; exit 1'
    with pytest.raises(MiniCloudError, match='index cannot be reached'):
        environment.run_visibly(['sh', '-c', words], log, 'installing')


def test_too_few_hypervisors_are_refused_before_anything_is_installed(
    tmp_path,
):
    with pytest.raises(MiniCloudError, match='--hosts 3 at least'):
        settings.settle(home=tmp_path, hosts=0)
