import json
import shutil

import pytest

from predictive_watcher import exceptions
from predictive_watcher.models import card
from predictive_watcher.models import registry


@pytest.fixture
def copy(tmp_path):
    """The shipped model in a folder that may be damaged."""
    directory = tmp_path / 'model'
    shutil.copytree(registry.SHIPPED, directory)
    return directory


@pytest.fixture
def change(copy):
    """Change the card's facts: a function is called with them."""

    def changed(edit):
        path = copy / card.CARD
        facts = json.loads(path.read_text())
        edit(facts)
        path.write_text(json.dumps(facts))
        return copy

    return changed


def refusal(directory, kind=exceptions.ModelRefused):
    with pytest.raises(kind) as caught:
        registry.load(directory)
    text = str(caught.value)
    assert str(directory / card.CARD) in text
    assert '\n' not in text
    return text


def test_the_shipped_card_fits_this_version():
    found = card.read(registry.SHIPPED)
    assert found.step_s == 300
    assert len(card.model_bytes(registry.SHIPPED, found)) == found.size


def test_the_shipped_card_names_its_training_data_and_its_scores():
    facts = card.read(registry.SHIPPED).facts
    assert 'CCGRID 2015' in json.dumps(facts['training'])
    assert facts['created'] and facts['software']['torch']


def test_the_shipped_model_is_at_most_two_megabytes():
    assert card.read(registry.SHIPPED).size <= 2_000_000


def test_a_folder_without_a_card_is_not_found(tmp_path):
    text = refusal(tmp_path, exceptions.ModelNotFound)
    assert 'no such file' in text


def test_a_card_that_is_not_json_is_refused(copy):
    (copy / card.CARD).write_text('{"name":')
    assert 'not JSON' in refusal(copy)


def test_a_card_that_is_no_text_is_refused(copy):
    (copy / card.CARD).write_bytes(b'\xff\xfe\x00')
    assert 'cannot be read' in refusal(copy)


def test_a_card_that_is_no_object_is_refused(copy):
    (copy / card.CARD).write_text('[]')
    assert 'the card is list' in refusal(copy)


@pytest.mark.parametrize(
    'key', ['name', 'inputs', 'levels', 'hidden', 'file', 'scores']
)
def test_a_missing_key_is_named(change, key):
    assert f'{key} is missing' in refusal(change(lambda f: f.pop(key)))


@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('step_s', '300', "step_s is '300', expected a whole number"),
        ('step_s', True, 'step_s is True'),
        ('context', 0, 'context is 0, expected a number above 0'),
        ('resources', ['cpu'], 'the length of resources is 1, expected 4'),
        (
            'resources',
            ['cpu', 'memory', 'network', 'disk'],
            "resources[2] is 'network', expected 'disk'",
        ),
        ('targets', ['300', '600', '900', 'max'], "targets[3] is 'max'"),
        ('units', {}, 'units is {}'),
    ],
)
def test_a_card_of_another_kind_is_refused_by_value(change, key, value, said):
    assert said in refusal(change(lambda f: f.update({key: value})))


def test_another_level_is_refused_by_value(change):
    directory = change(lambda f: f['levels'].__setitem__(0, 0.04))
    assert 'levels[0] is 0.04, expected 0.05' in refusal(directory)


def test_another_input_is_refused_by_name(change):
    directory = change(lambda f: f['inputs'].__setitem__(3, 'cpu.magic'))
    assert "inputs[3] is 'cpu.magic'" in refusal(directory)


def test_a_card_without_the_digest_is_refused(change):
    directory = change(lambda f: f['file'].pop('sha256'))
    assert 'file.sha256 is missing' in refusal(directory)


def test_a_missing_model_file_is_not_found(copy):
    found = card.read(copy)
    (copy / card.MODEL).unlink()
    with pytest.raises(exceptions.ModelNotFound, match='model.onnx'):
        card.model_bytes(copy, found)


def test_a_tampered_model_file_is_refused_by_its_digest(copy):
    path = copy / card.MODEL
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(exceptions.ModelRefused, match='sha256'):
        card.model_bytes(copy, card.read(copy))


def test_a_cut_model_file_is_refused_by_its_size(copy):
    path = copy / card.MODEL
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(exceptions.ModelRefused, match='bytes'):
        card.model_bytes(copy, card.read(copy))


def test_what_is_written_can_be_read_and_leaves_nothing_else(tmp_path, copy):
    facts = dict(card.read(copy).facts)
    new = tmp_path / 'a' / 'b'
    card.write(new, b'model', {**facts, 'name': 'new'})
    found = card.read(new)
    assert (found.name, found.size) == ('new', 5)
    assert card.model_bytes(new, found) == b'model'
    assert sorted(p.name for p in new.iterdir()) == [card.CARD, card.MODEL]


def test_a_model_that_cannot_be_described_leaves_the_old_one(copy):
    before = card.read(copy)
    with pytest.raises(ValueError, match='JSON'):
        card.write(copy, b'new', {**before.facts, 'name': float('nan')})
    assert card.model_bytes(copy, card.read(copy))
