import json
import shutil

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.cli import main
from predictive_watcher.core import accuracy
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


def a_trace(tmp_path, step=300):
    window = made.window(instances=2, steps=60 * 300 // step)
    path = tmp_path / 'made.npz'
    np.savez(
        path,
        usage=window.usage,
        limits=made.limits(2),
        instances=np.array(window.instances),
        resources=np.array(['cpu', 'memory', 'disk', 'network']),
        start=0,
        step=step,
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
    whys = [entry['why'] for entry in registry.champions(two).history]
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
    code, out, _ = run(capsys, 'list', registry=two)
    assert 'own-2' in out.splitlines()[1] and 'refused' in out.splitlines()[1]
    assert 'refused' not in out.splitlines()[0]


def test_a_champion_that_was_exchanged_is_refused(two, capsys):
    facts = json.loads((two / registry.CHAMPION).read_text())
    facts['sha256'] = '0' * 64
    (two / registry.CHAMPION).write_text(json.dumps(facts))
    with pytest.raises(exceptions.ModelRefused, match='promoted was 000'):
        registry.load(two)
    code, out, _ = run(capsys, 'verify', registry=two)
    assert code == 1 and 'own-1: refused' in out
    code, out, _ = run(capsys, 'list', registry=two)
    assert 'refused' in out and 'promoted was 000' in out


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
    real = accuracy.scores
    asked = []

    def scores(outcomes):
        asked.append(outcomes)
        found = real(outcomes)
        return {
            key: value * loss if '.wql' in key and len(asked) == 1 else value
            for key, value in found.items()
            if value is not None
        }

    monkeypatch.setattr(accuracy, 'scores', scores)
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


def test_traces_of_shorter_steps_are_averaged_and_it_is_told(
    two, tmp_path, capsys
):
    new = a_model(tmp_path, '3')
    facts = json.loads((new / card.CARD).read_text(encoding='utf-8'))
    card.write(new, (new / card.MODEL).read_bytes() + b'r\x00', facts)
    _, out, _ = run(
        capsys,
        *('promote', new, '--traces', a_trace(tmp_path, step=60)),
        registry=two,
    )
    assert out.count('steps of 60 s averaged to 300 s') == 1


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
    assert len(registry.champions(two).history) == 3


@pytest.mark.parametrize('verb', ['list', 'verify'])
def test_an_empty_folder_is_told(folder, verb, capsys):
    code, _, err = run(capsys, verb, registry=folder)
    assert code == 1 and 'no model' in err


def test_an_unknown_name_tells_the_known_ones(two, capsys):
    code, _, err = run(capsys, 'show', 'gone', registry=two)
    assert code == 1 and 'own-1, own-2' in err


LARGE = ('--for', 'flavor=m1.large')


def test_a_flavor_and_an_application_may_have_models_of_their_own(two, capsys):
    code, out, _ = run(
        capsys, 'promote', 'own-2', '--force', *LARGE, registry=two
    )
    assert code == 0
    assert out == 'promoted: own-2 for flavor=m1.large (forced)\n'
    run(
        capsys,
        *('promote', 'own-1', '--force', '--for', 'application=shop-*'),
        registry=two,
    )
    _, out, _ = run(capsys, 'list', registry=two)
    first, second = out.splitlines()
    assert first.startswith('* own-1 ')
    assert first.endswith(' application=shop-*')
    assert second.startswith('  own-2 ')
    assert second.endswith(' flavor=m1.large')
    _, out, _ = run(capsys, 'show', *LARGE, registry=two)
    facts = json.loads(out)
    assert facts['version'] == '2'
    # the file is the same, so one card stands for both
    assert facts['in_use_for'] == [
        *('default', 'flavor=m1.large', 'application=shop-*')
    ]
    assert [e.get('for') for e in facts['promoted']] == [
        *(None, 'flavor=m1.large', 'application=shop-*')
    ]
    assert registry.load(two).name == 'own-1'


def test_who_has_no_model_of_its_own_is_shown_the_default_one(two, capsys):
    _, out, _ = run(capsys, 'show', '--for', 'flavor=tiny', registry=two)
    assert json.loads(out)['version'] == '1'


def test_a_retired_model_leaves_its_instances_to_the_default_one(two, capsys):
    run(capsys, 'promote', 'own-2', '--force', *LARGE, registry=two)
    code, out, _ = run(capsys, 'retire', *LARGE, registry=two)
    assert code == 0 and 'flavor=m1.large' in out
    found = registry.champions(two)
    assert found.own == {}
    assert [entry['why'] for entry in found.history] == [
        *('first', 'forced', 'retired')
    ]
    code, _, err = run(capsys, 'retire', *LARGE, registry=two)
    assert code == 1 and 'flavor=m1.large: has no model' in err


def test_a_model_of_its_own_need_not_have_a_default_beside_it(
    folder, tmp_path, capsys
):
    new = a_model(tmp_path, '7')
    code, _, _ = run(
        capsys, 'promote', new, '--force', *LARGE, registry=folder
    )
    assert code == 0
    assert registry.load(folder).name == registry.load().name
    code, out, _ = run(capsys, 'list', registry=folder)
    assert code == 0
    assert out.splitlines()[1].startswith(f'* {registry.load().name} ')
    assert run(capsys, 'verify', registry=folder)[0] == 0


def test_the_challenger_meets_the_model_that_its_instances_have(
    two, tmp_path, capsys
):
    new = a_model(tmp_path, '3')
    facts = json.loads((new / card.CARD).read_text(encoding='utf-8'))
    data = (new / card.MODEL).read_bytes()
    card.write(new, data + b'r\x00', facts)
    run(capsys, 'promote', new, '--force', *LARGE, registry=two)
    traces = ('--traces', a_trace(tmp_path))
    code, _, err = run(
        capsys, 'promote', 'own-3', *traces, *LARGE, registry=two
    )
    assert code == 1 and 'in use already' in err
    code, _, err = run(capsys, 'promote', 'own-1', *traces, registry=two)
    assert code == 1 and 'in use already' in err
    # the same network twice: neither is better
    code, out, err = run(
        capsys, 'promote', 'own-2', *traces, *LARGE, registry=two
    )
    assert code == 1 and 'own-3' in out
    assert '1.0000 times the quantile loss of own-3' in err


def test_a_model_of_its_own_that_is_gone_is_refused_by_name(two, capsys):
    run(capsys, 'promote', 'own-2', '--force', *LARGE, registry=two)
    shutil.rmtree(two / 'own-2')
    for verb, expected in (('list', 0), ('verify', 1)):
        code, out, _ = run(capsys, verb, registry=two)
        assert code == expected
        line = next(row for row in out.splitlines() if 'own-2' in row)
        assert 'refused: ' in line and 'no such file' in line


def test_a_model_of_its_own_that_was_exchanged_is_refused(two, capsys):
    run(capsys, 'promote', 'own-2', '--force', *LARGE, registry=two)
    facts = json.loads((two / 'own-2' / card.CARD).read_text(encoding='utf-8'))
    data = (two / 'own-2' / card.MODEL).read_bytes()
    card.write(two / 'own-2', data + b'r\x00', facts)
    code, out, _ = run(capsys, 'verify', registry=two)
    assert code == 1
    assert out.splitlines()[0] == 'own-1: ok'
    assert 'own-2: refused' in out and 'promoted was' in out


@pytest.mark.parametrize('text', ['m1.large', 'node=one', 'flavor='])
def test_for_nobody_is_refused(two, text, capsys):
    with pytest.raises(SystemExit):
        run(capsys, 'promote', 'own-2', '--for', text, registry=two)
    assert 'flavor=NAME' in capsys.readouterr().err


def test_a_name_and_a_selector_are_one_too_many(two, capsys):
    code, _, err = run(capsys, 'show', 'own-2', *LARGE, registry=two)
    assert code == 1 and 'give one of them' in err


def test_a_damaged_selector_is_refused(two, capsys):
    facts = json.loads((two / registry.CHAMPION).read_text())
    facts['own'] = {'rack=7': {'model': 'own-2', 'sha256': ''}}
    (two / registry.CHAMPION).write_text(json.dumps(facts))
    code, _, err = run(capsys, 'list', registry=two)
    assert code == 1 and 'rack=7' in err and registry.CHAMPION in err


def test_the_usage_of_promote_has_the_name_before_the_traces(capsys):
    with pytest.raises(SystemExit):
        main.main(['model', 'promote', '--help'])
    usage = capsys.readouterr().out.partition('\n\n')[0]
    assert usage.index('NAME') < usage.index('--traces')
