import os

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import remembering
from predictive_watcher.state import cache


def memory(**other):
    parts = {'h': np.arange(6, dtype=np.float32).reshape(3, 2)}
    return remembering.Memory(
        **{
            'model': 'm',
            'instances': ('a', 'b', 'ç'),
            'time': 900,
            'step_s': 300,
            'parts': parts,
            **other,
        }
    )


def test_what_is_written_is_read_again(tmp_path):
    cache.write(tmp_path / 'new' / 'state', 'one', memory())
    found = cache.read(tmp_path / 'new' / 'state', 'one', 'm')
    assert (found.model, found.instances) == ('m', ('a', 'b', 'ç'))
    assert (found.time, found.step_s) == (900, 300)
    assert np.array_equal(found.parts['h'], memory().parts['h'])
    assert found.parts['h'].dtype == np.float32


def test_an_audit_that_has_none_starts_from_nothing(tmp_path):
    cache.write(tmp_path, 'one', memory())
    assert cache.read(tmp_path, 'other', 'm') is None


def test_the_newest_replaces_the_one_before(tmp_path):
    cache.write(tmp_path, 'one', memory())
    cache.write(tmp_path, 'one', memory(time=1200))
    assert cache.read(tmp_path, 'one', 'm').time == 1200
    assert len(list(tmp_path.iterdir())) == 1


def test_no_name_leads_out_of_the_folder(tmp_path):
    cache.write(tmp_path / 'in', '../out', memory())
    assert [p.name for p in tmp_path.iterdir()] == ['in']
    assert cache.read(tmp_path / 'in', '../out', 'm').time == 900


def test_a_state_of_another_model_is_refused(tmp_path):
    cache.write(tmp_path, 'one', memory())
    with pytest.raises(exceptions.StateError, match='another model'):
        cache.read(tmp_path, 'one', 'n')


@pytest.mark.parametrize(
    ('spoil', 'said'),
    [
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), 'damaged'),
        (lambda data: data[: len(data) // 2], 'damaged'),
        (lambda data: b'', 'version'),
        (lambda data: data.replace(b'state ', b'state 9', 1), 'version'),
        (lambda data: b'PK\x03\x04' + data, 'version'),
    ],
)
def test_a_file_that_is_not_whole_or_not_ours_is_refused(
    tmp_path, spoil, said
):
    cache.write(tmp_path, 'one', memory())
    [path] = tmp_path.iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(exceptions.StateError, match=said) as caught:
        cache.read(tmp_path, 'one', 'm')
    assert str(path) in str(caught.value)


def test_what_cannot_be_written_is_told_with_the_option(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(exceptions.StateError, match='state_directory'):
        cache.write(tmp_path / 'file' / 'state', 'one', memory())


def test_a_write_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    cache.write(tmp_path, 'one', memory())

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fdopen', full)
    with pytest.raises(exceptions.StateError, match='No space left'):
        cache.write(tmp_path, 'one', memory(time=1200))
    assert cache.read(tmp_path, 'one', 'm').time == 900
    assert len(list(tmp_path.iterdir())) == 1


def test_states_of_audits_that_are_no_more_are_deleted(tmp_path):
    cache.write(tmp_path, 'old', memory())
    [old] = tmp_path.iterdir()
    os.utime(old, (100, 100))
    cache.write(tmp_path, 'new', memory())
    assert cache.purge(tmp_path, 200.0) == 1
    assert cache.read(tmp_path, 'old', 'm') is None
    assert cache.read(tmp_path, 'new', 'm') is not None
    assert cache.purge(tmp_path / 'gone', 200.0) == 0


def test_what_a_killed_process_left_half_written_is_deleted(tmp_path):
    left = tmp_path / '.writing-abc'
    left.write_bytes(b'half')
    assert cache.purge(tmp_path, left.stat().st_mtime - 1) == 0
    os.utime(left, (100, 100))
    assert cache.purge(tmp_path, 200.0) == 1
    assert not left.exists()
