"""The policy file of a site: it changes, breaks, and comes back."""

import pytest

from predictive_watcher import exceptions
from predictive_watcher.policies import file


NOW = 1_790_000_000
GOOD = 'rules:\n  - {name: a, set: {ceiling: 0.8}}\n'
OTHER = 'rules:\n  - {name: b, set: {ceiling: 0.7}}\n'
BROKEN = 'rules:\n  - {name: a, set: {ceiling: 8}}\n'


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'policies.yaml'


@pytest.fixture
def kept(tmp_path):
    return tmp_path / 'state'


def names(loaded):
    return [rule.name for rule in loaded.rules]


def test_a_file_that_is_not_there_has_no_rules(path):
    loaded = file.PolicyFile(path).load(NOW)
    assert (loaded.rules, loaded.problem) == ((), '')


def test_a_change_is_seen_at_the_next_look(path):
    policies = file.PolicyFile(path)
    path.write_text(GOOD)
    assert names(policies.load(NOW)) == ['a']
    path.write_text(OTHER)
    loaded = policies.load(NOW)
    assert (names(loaded), loaded.changed) == (['b'], True)
    assert not policies.load(NOW).changed


def test_a_broken_file_leaves_the_rules_and_says_so(path):
    policies = file.PolicyFile(path)
    path.write_text(GOOD)
    policies.load(NOW)
    path.write_text(BROKEN)
    loaded = policies.load(NOW)
    assert names(loaded) == ['a']
    assert loaded.changed
    assert f'{path}:2: rules[0].set.ceiling: 8 is more' in loaded.problem
    assert 'good last are in use' in loaded.problem
    again = policies.load(NOW)
    assert (again.problem, again.changed) == (loaded.problem, False)


def test_a_mended_file_is_used_again(path):
    policies = file.PolicyFile(path)
    for text in (GOOD, BROKEN, OTHER):
        path.write_text(text)
        loaded = policies.load(NOW)
    assert (names(loaded), loaded.problem) == (['b'], '')


def test_a_file_that_cannot_be_read_is_broken(path):
    policies = file.PolicyFile(path)
    path.write_text(GOOD)
    policies.load(NOW)
    path.unlink()
    path.mkdir()
    loaded = policies.load(NOW)
    assert names(loaded) == ['a']
    assert 'cannot be read' in loaded.problem


def test_a_file_that_is_taken_away_leaves_its_rules_and_says_so(path, kept):
    policies = file.PolicyFile(path, kept)
    path.write_text(GOOD)
    policies.load(NOW)
    path.unlink()
    loaded = policies.load(NOW)
    assert (names(loaded), loaded.changed) == (['a'], True)
    assert f'{path} is gone; put it back' in loaded.problem
    assert not policies.load(NOW).changed
    # also after a restart
    assert names(file.PolicyFile(path, kept).load(NOW)) == ['a']


def test_a_file_that_comes_back_is_used_again(path):
    policies = file.PolicyFile(path)
    path.write_text(GOOD)
    policies.load(NOW)
    path.unlink()
    policies.load(NOW)
    path.write_text(OTHER)
    loaded = policies.load(NOW)
    assert (names(loaded), loaded.problem) == (['b'], '')


def test_a_file_without_rules_may_go(path, kept):
    policies = file.PolicyFile(path, kept)
    for text in (GOOD, 'rules: []'):
        path.write_text(text)
        policies.load(NOW)
    path.unlink()
    for one in (policies, file.PolicyFile(path, kept)):
        loaded = one.load(NOW)
        assert (loaded.rules, loaded.problem) == ((), '')


def test_without_rules_from_before_a_broken_file_is_an_error(path, kept):
    path.write_text(BROKEN)
    with pytest.raises(exceptions.InvalidPolicies, match='nothing is done'):
        file.PolicyFile(path, kept).load(NOW)


def test_a_restart_with_a_broken_file_goes_on_with_what_was_good(path, kept):
    path.write_text(GOOD)
    file.PolicyFile(path, kept).load(NOW)
    path.write_text(BROKEN)
    loaded = file.PolicyFile(path, kept).load(NOW)
    assert names(loaded) == ['a']
    assert 'good last are in use' in loaded.problem


def test_a_folder_that_cannot_be_written_costs_the_copy_only(path, kept):
    kept.touch()
    path.write_text(GOOD)
    assert names(file.PolicyFile(path, kept).load(NOW)) == ['a']
