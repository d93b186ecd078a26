"""``predictive-watcher profile show``, from files to people."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks import regimes
from predictive_watcher.cli import main
from predictive_watcher.core import fleet
from predictive_watcher.core import profile
from predictive_watcher.core import profiling
from predictive_watcher.core import recent
from predictive_watcher.state import cache
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import traces


MADE = regimes.make(3, 2, seed=3).window
NAMES = ('shop', 'batch', 'shop')


def keep(directory, audit, window=MADE, names=NAMES, kin=()):
    subjects = {
        instance: profiling.Subject(name=name, kin=kin)
        for instance, name in zip(window.instances, names, strict=True)
    }
    learner = profiling.Profiling(None, subjects)
    learner.learn(window)
    cache.write(directory, cache.profile_name(audit), learner.memory)


@pytest.fixture(scope='module')
def state(tmp_path_factory):
    directory = tmp_path_factory.mktemp('state')
    keep(directory, 'audit-1', MADE.until(MADE.end - 3600))
    keep(directory, 'audit-2')
    return directory


def show(capsys, *arguments):
    code = main.main(['profile', 'show', *map(str, arguments)])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_an_instance_is_shown_by_its_id(state, capsys):
    code, out, _ = show(capsys, 'i1', '--state-directory', state)
    assert code == 0
    assert out.startswith('batch (i1)\n')
    for part in ('first_day', 'working day', 'segments', 'holds now', 'vCPUs'):
        assert part in out
    assert 'also known to audit-1' in out


def test_an_instance_is_shown_by_its_name_as_json(state, capsys):
    code, out, _ = show(capsys, 'batch', '--json', '--state-directory', state)
    found = json.loads(out)
    assert code == 0
    assert (found['instance'], found['audit']) == ('i1', 'audit-2')
    assert found['rung'] == 'first_day'
    assert found['as_of'] == MADE.end
    assert found['data_age_s'] > 0
    cpu = found['resources']['cpu']
    assert len(cpu['working_day']) == len(cpu['weekend']) == 48
    assert len(cpu['week']) == 56
    assert cpu['weekend'] == [None] * 48  # it was Monday and Tuesday
    assert len(found['segments']) >= 2
    shares = [segment['share'] for segment in found['segments']]
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    for segment in found['segments']:
        for limits in segment['resources'].values():
            assert limits['low'] <= limits['usual'] <= limits['high']


def test_an_audit_can_be_chosen(state, capsys):
    _, out, _ = show(
        capsys, 'i1', '--json', '--state-directory', state,
        '--audit', 'audit-1',
    )  # fmt: skip
    assert json.loads(out)['as_of'] == MADE.end - 3600


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['nobody'], ['nobody', 'openstack server list']),
        (['shop'], ['2 instances are called', 'i0, i2']),
        (['i1', '--audit', 'no'], ["audit 'no'", 'audit-1, audit-2']),
    ],
)
def test_what_cannot_be_shown_is_told_with_what_to_do(
    state, capsys, arguments, said
):
    code, _, err = show(capsys, *arguments, '--state-directory', state)
    assert code == 1
    for part in said:
        assert part in err


def test_a_folder_without_profiles_is_told(tmp_path, capsys):
    code, _, err = show(capsys, 'i1', '--state-directory', tmp_path)
    assert code == 1
    assert 'no audit has run' in err and '--config-file' in err


def test_a_damaged_profile_is_told(tmp_path, capsys):
    keep(tmp_path, 'one', MADE.until(MADE.start + 3600))
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    code, _, err = show(capsys, 'i1', '--state-directory', tmp_path)
    assert code == 1
    assert 'damaged' in err and 'makes it again' in err


@pytest.fixture(scope='module')
def trace(tmp_path_factory):
    path = tmp_path_factory.mktemp('traces') / 'some.npz'
    used = MADE.usage[:, :100].copy()
    used[2] = np.nan
    used[0, :, 1] = np.nan
    window = dataclasses.replace(MADE, usage=used)
    traces.write(
        path,
        traces.Trace(
            name='some',
            window=window,
            limits=np.full((3, 4), 4.0, np.float32),
            resources=fleet.RESOURCES,
        ),
    )
    return path


def test_an_instance_of_a_trace_is_learned_and_shown(trace, capsys):
    code, out, _ = show(capsys, 'i0', '--traces', trace)
    assert code == 0
    assert 'first_hours' in out
    assert 'memory: no samples' in out


def test_an_instance_without_samples_has_no_numbers(trace, capsys):
    code, out, _ = show(capsys, 'i2', '--traces', trace)
    assert code == 0
    assert 'no_samples' in out and 'none is known yet' in out
    _, out, _ = show(capsys, 'i2', '--traces', trace, '--json')
    found = json.loads(out)
    assert found['segments'] == []
    assert found['data_age_s'] is None
    assert found['resources']['cpu']['level'] is None
    assert found['resources']['cpu']['excess'] == []


def test_an_instance_that_a_trace_lacks_is_told(trace, capsys):
    code, _, err = show(capsys, 'i9', '--traces', trace)
    assert code == 1
    assert 'i9' in err and 'it has 3, such as i0' in err


KIN = ('shop', 'p small', 'small', 'p')


def young(directory, silent=False):
    """i2 is new, the others are known for two days."""
    used = MADE.usage.copy()
    used[2, : None if silent else -3] = np.nan
    keep(directory, 'one', dataclasses.replace(MADE, usage=used), kin=KIN)


def test_who_stands_in_for_a_new_instance_is_shown(tmp_path, capsys):
    young(tmp_path)
    _, out, _ = show(capsys, 'i2', '--state-directory', tmp_path)
    assert 'kin       2 others of application shop stand in by' in out
    assert 'with kin' in out
    _, out, _ = show(capsys, 'i2', '--state-directory', tmp_path, '--json')
    found = json.loads(out)
    assert found['stand_in']['group'] == 'application shop'
    assert found['stand_in']['share'] > 0.9
    cpu = found['resources']['cpu']
    assert None not in cpu['working_day_with_kin']
    assert cpu['working_day'].count(None) == 47


def test_an_instance_without_a_sample_has_what_its_kin_do(tmp_path, capsys):
    young(tmp_path, silent=True)
    _, out, _ = show(capsys, 'i2', '--state-directory', tmp_path)
    assert 'cpu: no samples; a full bar is' in out
    assert out.count('with kin') == 4


def test_a_profile_of_another_make_is_told(tmp_path, capsys):
    keep(tmp_path, 'one')
    name = cache.profile_name('one')
    memory = cache.read(tmp_path, name, profile.IDENTITY)
    parts = {**memory.parts, 'seen': np.zeros((3, 7), np.float32)}
    cache.write(tmp_path, name, dataclasses.replace(memory, parts=parts))
    code, _, err = show(capsys, 'i1', '--state-directory', tmp_path)
    assert code == 1
    assert 'of another make' in err and 'makes it again' in err


def test_late_samples_of_an_instance_are_told(tmp_path, capsys):
    keep(tmp_path, 'one')
    late = np.array([[0, 0], [3.2, 1500], [0, 0]], np.float32)
    kept = recent.Recent(source='told', window=MADE.last(5), late=late)
    cache.write(
        tmp_path, cache.usage_name('one'), usage_book.memory_of(kept)
    )
    _, out, _ = show(capsys, 'i1', '--state-directory', tmp_path)
    assert 'late      3 samples within about a day, up to 25 min' in out
    _, out, _ = show(capsys, 'i0', '--state-directory', tmp_path)
    assert 'late  ' not in out
    _, out, _ = show(capsys, 'i1', '--json', '--state-directory', tmp_path)
    assert json.loads(out)['late'] == {'samples': 3.2, 'most_s': 1500.0}
