"""Load whose regimes are known, and what finding them is worth."""

import numpy as np
import pytest

from benchmarks import groups
from benchmarks import profiles
from benchmarks import regimes


def test_the_index_is_one_for_the_same_and_none_for_chance():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 3, 5000)
    other = rng.integers(0, 3, 5000)
    assert regimes.adjusted_rand(one, (one + 1) % 3) == pytest.approx(1)
    assert abs(regimes.adjusted_rand(one, other)) < 0.01
    assert regimes.adjusted_rand(one, np.zeros(5000, int)) == 0


def test_the_index_of_a_known_table():
    # Hubert and Arabie's own way, worked out by hand: (1 - 0.4) / (2.5 - 0.4)
    one = np.array([0, 0, 0, 1, 1, 1])
    other = np.array([0, 0, 1, 1, 2, 2])
    assert regimes.adjusted_rand(one, other) == pytest.approx(
        (2 - 1.2) / (4.5 - 1.2)
    )


def test_made_load_is_the_same_for_the_same_seed():
    one, other = (regimes.make(4, 2, seed=7) for _ in range(2))
    assert np.array_equal(one.window.usage, other.window.usage)
    assert np.array_equal(one.truth, other.truth)
    assert set(np.unique(one.truth)) <= {0, 1, 2, 3}


def test_who_was_told_the_regimes_knows_what_can_be_known():
    far = regimes.make(4, 3, seed=1)
    found = regimes.informed(far)
    for row in range(4):
        assert regimes.adjusted_rand(far.truth[row], found[row]) > 0.99
    near = regimes.make(4, 3, seed=1, apart=0.1, cpu_only=True)
    worse = [
        regimes.adjusted_rand(near.truth[row], regimes.informed(near)[row])
        for row in range(4)
    ]
    assert max(worse) < 0.9


def test_the_command_measures_time_regimes_and_gain(tmp_path, capsys):
    path = tmp_path / 'found.json'
    code = profiles.main(
        ['--sizes', '50', '--instances', '2', '--days', '8', '--json',
         str(path)]
    )  # fmt: skip
    assert code == 0
    out = capsys.readouterr().out
    assert 'far apart' in out and 'bytes each' in out
    assert path.is_file()


def test_groups_of_inputs_name_what_they_take_away():
    everything = groups.columns('')
    assert len(everything) == len(groups.NAMES)
    for group in groups.GROUPS:
        left = groups.columns(group)
        assert 0 < len(left) < len(everything), group
    assert not groups.of_network('segments').any()
    assert groups.of_network('calendar').sum() == 8
