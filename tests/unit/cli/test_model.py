import json
import shutil

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.cli import main
from predictive_watcher.cli import model as model_module
from predictive_watcher.models import card
from predictive_watcher.models import registry
from tests.unit.training import made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'models'


def a_model(tmp_path, version):
    """The shipped model under another version; its file as it is."""
    place = tmp_path / f'new-{version}'
    shutil.copytree(registry.SHIPPED, place)
    facts = json.loads((place / card.CARD).read_text(encoding='utf-8'))
    data = (place / card.MODEL).read_bytes()
    card.write(place, data, {**facts, 'name': 'own', 'version': version})
    return place


def a_trace(tmp_path):
    window = made.window(instances=2, steps=60)
    path = tmp_path / 'made.npz'
    np.savez(
        path,
        usage=window.usage,
        limits=made.limits(2),
        instances=np.array(window.instances),
        resources=np.array(['cpu', 'memory', 'disk', 'network']),
        start=0,
        step=300,
    )
    return path


def run(capsys, verb, *arguments, registry):
    code = main.main(
        ['model', verb, *map(str, arguments), '--registry', str(registry)]
    )
    return code, *capsys.readouterr()


@pytest.fixture
def two(folder, tmp_path):
    for version in ('1', '2'):
        registry.add(folder, a_model(tmp_path, version))
    registry.promote(folder, 'own-1', '2026-01-01T00:00:00+00:00', 'first')
    return folder


def test_models_are_listed_and_the_one_in_use_is_marked(two, capsys):
    code, out, _ = run(capsys, 'list', registry=two)
    assert code == 0
    assert [line[:7] for line in out.splitlines()] == ['* own-1', '  own-2']
    assert 'cpu max900 loss' in out


def test_the_card_of_the_one_in_use_is_shown(two, capsys):
    code, out, _ = run(capsys, 'show', registry=two)
    facts = json.loads(out)
    assert (code, facts['version']) == (0, '1')
    assert facts['promoted'][0]['why'] == 'first'
    _, out, _ = run(capsys, 'show', 'own-2', registry=two)
    assert json.loads(out)['version'] == '2'


def test_a_folder_of_models_is_its_champion(two):
    assert registry.load(two).name == 'own-1'
    before = registry.changed_at(two)
    registry.promote(two, 'own-2', '2026-01-02T00:00:00+00:00', 'better')
    assert registry.load(two).name == 'own-2'
    assert registry.changed_at(two) > before
    whys = [entry['why'] for entry in registry.champion(two).history]
    assert whys == ['first', 'better']


def test_what_was_tampered_with_is_refused_by_name(two, capsys):
    path = two / 'own-2' / card.MODEL
    path.write_bytes(path.read_bytes()[:-1] + b'?')
    code, out, _ = run(capsys, 'verify', registry=two)
    assert code == 1
    assert out.splitlines()[0] == 'own-1: ok'
    assert out.splitlines()[1].startswith('own-2: refused: ')
    assert 'sha256' in out
    code, _, err = run(capsys, 'promote', 'own-2', '--force', registry=two)
    assert code == 1
    assert 'own-2' in err and 'sha256' in err
    assert registry.load(two).name == 'own-1'


def test_a_champion_that_was_exchanged_is_refused(two, capsys):
    facts = json.loads((two / registry.CHAMPION).read_text())
    facts['sha256'] = '0' * 64
    (two / registry.CHAMPION).write_text(json.dumps(facts))
    with pytest.raises(exceptions.ModelRefused, match='promoted was 000'):
        registry.load(two)
    code, out, _ = run(capsys, 'verify', registry=two)
    assert code == 1 and 'own-1: refused' in out


@pytest.mark.parametrize(
    'text',
    ['no json', '[]', '{"model": "../up", "sha256": "", "history": []}'],
)
def test_a_damaged_champion_file_is_refused_and_can_be_replaced(
    two, text, capsys
):
    (two / registry.CHAMPION).write_text(text)
    code, _, err = run(capsys, 'list', registry=two)
    assert code == 1
    assert registry.CHAMPION in err and err.count('\n') == 1
    code, _, _ = run(capsys, 'promote', 'own-2', '--force', registry=two)
    assert code == 0
    assert registry.load(two).name == 'own-2'


def test_without_traces_only_force_promotes(two, tmp_path, capsys):
    new = a_model(tmp_path, '3')
    code, _, err = run(capsys, 'promote', new, registry=two)
    assert code == 1 and '--traces' in err
    assert registry.names(two) == ['own-1', 'own-2']
    code, out, _ = run(capsys, 'promote', new, '--force', registry=two)
    assert code == 0 and 'promoted: own-3 (forced)' in out
    assert registry.load(two).name == 'own-3'


def test_the_model_in_use_is_no_challenger(two, tmp_path, capsys):
    code, _, err = run(
        capsys,
        *('promote', 'own-1', '--traces', a_trace(tmp_path)),
        registry=two,
    )
    assert code == 1 and 'in use already' in err


@pytest.mark.parametrize(('loss', 'code'), [(0.9, 0), (1.0, 1), (1.1, 1)])
def test_only_a_better_model_is_promoted(
    two, tmp_path, loss, code, monkeypatch, capsys
):
    new = a_model(tmp_path, '3')
    facts = json.loads((new / card.CARD).read_text(encoding='utf-8'))
    data = (new / card.MODEL).read_bytes()
    # another file that onnxruntime loads: metadata are left alone
    card.write(new, data + b'r\x00', facts)
    real = model_module.accuracy.scores
    asked = []

    def scores(outcomes):
        asked.append(outcomes)
        found = real(outcomes)
        return {
            key: value * loss if '.wql' in key and len(asked) == 1 else value
            for key, value in found.items()
            if value is not None
        }

    monkeypatch.setattr(model_module.accuracy, 'scores', scores)
    found, out, err = run(
        capsys,
        *('promote', new, '--traces', a_trace(tmp_path)),
        registry=two,
    )
    assert found == code, err
    assert registry.load(two).name == ('own-3' if code == 0 else 'own-1')
    if code:
        assert 'not promoted' in err
        assert registry.names(two) == ['own-1', 'own-2']
    else:
        assert '0.9000 times the quantile loss of own-1' in out


def test_another_model_of_the_same_version_is_refused(two, tmp_path, capsys):
    new = tmp_path / 'again'
    shutil.copytree(two / 'own-1', new)
    facts = json.loads((new / card.CARD).read_text(encoding='utf-8'))
    data = (new / card.MODEL).read_bytes()
    card.write(new, data + b'r\x00', facts)
    code, _, err = run(capsys, 'promote', new, '--force', registry=two)
    assert code == 1 and 'another version' in err


def test_an_old_model_can_be_brought_back(two, capsys):
    run(capsys, 'promote', 'own-2', '--force', registry=two)
    code, _, _ = run(capsys, 'promote', 'own-1', '--force', registry=two)
    assert code == 0
    assert registry.load(two).name == 'own-1'
    assert len(registry.champion(two).history) == 3


@pytest.mark.parametrize('verb', ['list', 'verify'])
def test_an_empty_folder_is_told(folder, verb, capsys):
    code, _, err = run(capsys, verb, registry=folder)
    assert code == 1 and 'no model' in err


def test_an_unknown_name_tells_the_known_ones(two, capsys):
    code, _, err = run(capsys, 'show', 'gone', registry=two)
    assert code == 1 and 'own-1, own-2' in err
