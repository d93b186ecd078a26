"""``predictive-watcher group list|show``, from files to people."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks import surges
from predictive_watcher.cli import kindred
from predictive_watcher.cli import main
from predictive_watcher.core import correlation
from predictive_watcher.core import pairs
from predictive_watcher.state import cache
from tests.unit.core import test_correlation as made_module


MADE = made_module.MADE
IDS = MADE.window.instances
NAMES = {name: f'server-{k}' for k, name in enumerate(IDS)}


def keep(directory, audit, known, names=NAMES):
    labels = {'name': names, 'project': dict.fromkeys(IDS, 'shop')}
    cache.write(directory, cache.relations_name(audit), known.memory(labels))


@pytest.fixture(scope='module')
def known():
    return made_module.audits(MADE)


@pytest.fixture(scope='module')
def state(tmp_path_factory, known):
    directory = tmp_path_factory.mktemp('state')
    keep(directory, 'old', made_module.audits(MADE, end=300))
    keep(directory, 'new', known)
    return directory


def call(capsys, *arguments):
    code = main.main(['group', *map(str, arguments)])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_all_groups_are_listed(state, capsys):
    code, out, _ = call(capsys, 'list', '--state-directory', state)
    assert code == 0
    head, *lines = out.splitlines()
    assert 'members' in head and len(lines) == 2
    assert all('shop' in line and 'by up to' in line for line in lines)


def test_the_list_as_json_has_members_and_pairs(state, capsys):
    code, out, _ = call(capsys, 'list', '--json', '--state-directory', state)
    told = json.loads(out)
    assert code == 0 and told['audit'] == 'new'
    found = {
        frozenset(one['instance'] for one in group['members'])
        for group in told['groups']
    }
    assert found == made_module.expected(MADE)
    for group in told['groups']:
        behind = {m['instance']: m['behind_s'] for m in group['members']}
        assert min(behind.values()) == 0
        for pair in group['pairs']:
            assert pair['ahead'] in behind and pair['behind'] in behind
            assert 0 < pair['correlation'] <= 1
        assert group['leads']
        for lead in group['leads']:
            assert lead['leader'] in behind and lead['follower'] in behind
            assert lead['by_s'] in (300, 600, 900)
            assert lead['raises'] is False  # nobody has forecast anything
            assert lead['loss_ratio'] is None and lead['settled'] == 0


def test_a_group_is_shown_by_number_id_and_name(state, capsys):
    leader = IDS[MADE.leader[0]]
    ways = []
    for wanted in (leader, NAMES[leader]):
        code, out, _ = call(capsys, 'show', wanted, '--state-directory', state)
        assert code == 0 and leader in out
        ways.append(out)
    number = ways[0].split()[1]
    code, out, _ = call(capsys, 'show', number, '--state-directory', state)
    assert {*ways, out} == {out}
    assert 'is ahead of' in out or 'at once' in out
    assert 'surges of' in out


def test_one_group_as_json(state, capsys):
    follower = IDS[MADE.follower[0]]
    code, out, _ = call(
        capsys, 'show', follower, '--json', '--state-directory', state
    )
    assert code == 0
    assert follower in {m['instance'] for m in json.loads(out)['members']}


def test_an_audit_can_be_chosen_and_may_know_no_group(state, capsys):
    code, out, _ = call(
        capsys, 'list', '--state-directory', state, '--audit', 'old'
    )
    assert code == 0
    assert out == 'no instances move together, as far as audit old knows\n'


def alone():
    grouped = set().union(*made_module.expected(MADE))
    return next(name for name in IDS if name not in grouped)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['show', '999'], ["no group '999'", 'group list']),
        (['show', alone()], ['is in no group', 'group list']),
        (['list', '--audit', 'no'], ["audit 'no'", 'new, old']),
    ],
)
def test_what_cannot_be_shown_is_told_with_what_to_do(
    state, capsys, arguments, said
):
    code, out, err = call(capsys, *arguments, '--state-directory', state)
    assert code == 1 and out == ''
    for part in said:
        assert part in err


def test_a_group_of_thousands_is_shown_at_once():
    """Each is 5 min behind the one before; a line to the last is weaker."""
    count = 3000
    names = tuple(f'{k:05}' for k in range(count))
    chain = np.arange(count - 1)
    found = pairs.Pairs(np.append(chain, 0), np.append(chain + 1, count - 1))
    found.active[:] = True
    found.lag[:] = pairs.LAGS.tolist().index(1)
    found.energy[:] = found.own[:] = 1.0
    found.moment[:] = 5.0
    found.moment[-1] = 4.0
    known = dataclasses.replace(
        correlation.nothing(names, 300),
        pairs=found,
        group=np.ones(count, int),
    )
    labels = {'name': {}, 'project': {}}
    told = kindred.of(known.memory(labels), known, 1)
    assert [m['behind_s'] for m in told['members']] == [
        300 * k for k in range(count)
    ]


def test_a_name_that_two_have_is_told(tmp_path, capsys, known):
    keep(tmp_path, 'one', known, dict.fromkeys(IDS, 'web'))
    code, _, err = call(capsys, 'show', 'web', '--state-directory', tmp_path)
    assert code == 1
    assert f'{len(IDS)} instances are called' in err and IDS[0] in err


def test_a_folder_without_groups_is_told(tmp_path, capsys):
    code, _, err = call(capsys, 'list', '--state-directory', tmp_path)
    assert code == 1
    assert 'no audit has run' in err and '--config-file' in err


def test_a_damaged_file_is_told(tmp_path, capsys, known):
    keep(tmp_path, 'one', known)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    code, _, err = call(capsys, 'list', '--state-directory', tmp_path)
    assert code == 1
    assert 'damaged' in err and 'learns it anew' in err


def test_what_another_release_kept_is_told(tmp_path, capsys):
    window, limits = surges.independent(2, 1, np.random.default_rng(0))
    known = correlation.learned(
        correlation.nothing(window.instances, 300), window, limits
    )
    memory = known.memory({'name': {}, 'project': {}})
    parts = {n: p for n, p in memory.parts.items() if n != 'probed'}
    other = type(memory)(
        model=memory.model, instances=memory.instances, time=memory.time,
        step_s=memory.step_s, parts=parts, labels=memory.labels,
    )  # fmt: skip
    cache.write(tmp_path, cache.relations_name('one'), other)
    code, _, err = call(capsys, 'list', '--state-directory', tmp_path)
    assert code == 1
    assert 'another make' in err


def test_without_a_state_directory_there_is_nothing(tmp_path, capsys):
    conf = tmp_path / 'watcher.conf'
    conf.write_text('[predictive_watcher]\nstate_directory =\n')
    code, _, err = call(capsys, 'list', '--config-file', conf)
    assert code == 1
    assert 'state_directory is empty' in err
