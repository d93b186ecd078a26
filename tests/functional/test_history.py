"""A model learned from what a cloud's Gnocchi has."""

import numpy as np
import pytest

from predictive_watcher.cli import main
from predictive_watcher.models import registry
from tests.functional.harness import cloud as cloud_module


END = 1_700_000_100  # a multiple of 300
STEPS = 400
_CONFIG = """
[watcher_clients_auth]
auth_type = password
auth_url = {auth_url}
username = watcher
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
"""


@pytest.fixture
def cloud():
    cloud = cloud_module.FakeCloud()
    cluster = cloud.cluster
    cluster.add_node('one')
    flavor = cluster.add_flavor('small', 2, 4096)
    rng = np.random.default_rng(0)
    for name in 'abcde':
        server = cluster.boot(name, flavor, 'one')
        series = {
            resource: amount * rng.uniform(0.2, 0.9, STEPS)
            for resource, amount in (
                ('cpu', 2.0),
                ('memory', 4096.0),
                ('disk', 1e6),
                ('network', 1e6),
            )
        }
        if name == 'a':
            del series['network']
        cloud.gnocchi.record(server.id, END, **series)
    cluster.boot('silent', flavor, 'one')
    return cloud


@pytest.fixture
def conf(cloud, tmp_path):
    with cloud.serving() as auth_url:
        path = tmp_path / 'watcher.conf'
        path.write_text(_CONFIG.format(auth_url=auth_url))
        yield path


def train(
    capsys, conf, folder, *more, begin=END - STEPS * 300, end=END, name='own'
):
    code = main.main(
        [
            *('train', '--gnocchi', '--config-file', str(conf)),
            *('--from', str(begin), '--to', str(end)),
            *('--output', str(folder / name)),
            *(str(a) for a in more),
        ]
    )
    out, err = capsys.readouterr()
    return code, out, err


def test_a_model_is_learned_from_gnocchi_and_the_usage_is_kept(
    cloud, conf, tmp_path, capsys
):
    pytest.importorskip('torch')
    kept, output = tmp_path / 'cloud.npz', tmp_path / 'own'
    code, out, err = train(
        capsys, conf, tmp_path, '--steps', 1, '--keep-traces', kept
    )
    assert code == 0, err
    assert 'asking Nova' in err and 'asking Gnocchi' in err
    assert 'network of 2 instances was never read' in err
    data = registry.load(output).describe()['training']['data'][0]
    assert data['source'] == 'gnocchi'
    assert data['instances'] + len(data['held_out']) == 5  # not the silent
    with np.load(kept) as file:
        assert file['usage'].shape == (5, STEPS + 1, 4)
        assert file['limits'][:, :2].tolist() == [[2.0, 4096.0]] * 5
        cpu = file['usage'][:, :, 0]
    assert np.isfinite(cpu[:, 2:]).all() and (cpu[:, 2:] < 1.81).all()
    # what was kept is what was learned from, and the cloud is not needed
    again = tmp_path / 'again'
    code = main.main(
        ['train', '--traces', str(kept), '--output', str(again)]
        + ['--steps', '1']
    )
    assert code == 0
    model = 'model.onnx'
    assert (again / model).read_bytes() == (output / model).read_bytes()


def test_servers_that_were_deleted_meanwhile_are_learned_from(
    cloud, conf, tmp_path, capsys
):
    pytest.importorskip('torch')
    servers = cloud.cluster.servers
    gone = next(s.id for s in servers.values() if s.name == 'e')
    cloud.cluster.departed[gone] = servers.pop(gone)
    kept = tmp_path / 'cloud.npz'
    code, _, err = train(
        capsys, conf, tmp_path, '--steps', 1, '--keep-traces', kept
    )
    assert code == 0, err
    with np.load(kept) as file:
        assert gone in file['instances'].tolist()
        assert file['usage'].shape[0] == 5


def refused(code, out, err):
    assert code == 1
    assert out == ''
    last = err.splitlines()[-1]
    assert last.startswith('predictive-watcher: ')
    assert 'Traceback' not in err
    return last


def test_a_time_without_samples_is_said(conf, tmp_path, capsys):
    said = refused(*train(capsys, conf, tmp_path, begin=1000, end=90000))
    assert 'Gnocchi has no sample of the 6 instances' in said


def test_a_cloud_without_instances_is_said(cloud, conf, tmp_path, capsys):
    cloud.cluster.servers.clear()
    said = refused(*train(capsys, conf, tmp_path))
    assert 'Nova shows no instance' in said


def test_a_gnocchi_that_fails_is_said_with_the_time(
    cloud, conf, tmp_path, capsys
):
    with cloud.gnocchi.failing():
        said = refused(*train(capsys, conf, tmp_path))
    assert 'from 2023-11-13' in said
    assert 'Gnocchi answered 503' in said
