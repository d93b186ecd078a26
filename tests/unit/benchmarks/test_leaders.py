"""Load in which some lead others, and what that is measured to bring."""

import json

import numpy as np
import pytest

from benchmarks import leaders
from benchmarks import surges


def test_a_follower_has_the_surges_of_its_leader_later():
    rng = np.random.default_rng(0)
    window, limits = surges.independent(6, 3, rng)
    made = surges.plant(window, limits, rng, leaders=2, followers=2)
    assert len(made.leader) == 4 and set(made.lag_min) <= set(range(5, 16))
    more = made.window.usage[..., 0] - window.usage[..., 0]
    for leader, follower, lag in zip(
        made.leader, made.follower, made.lag_min, strict=True
    ):
        first, second = (np.diff(more[row]) for row in (leader, follower))
        alike = [
            np.corrcoef(first[: len(first) - k], second[k:])[0, 1]
            for k in range(5)
        ]
        assert abs(5 * int(np.argmax(alike)) - lag) <= 5


def test_nothing_planted_changes_nothing():
    rng = np.random.default_rng(0)
    window, limits = surges.independent(4, 1, rng)
    made = surges.plant(window, limits, rng, leaders=0, followers=0)
    assert len(made.leader) == 0
    np.testing.assert_array_equal(made.window.usage, window.usage)


def test_cpu_stays_within_its_limit():
    rng = np.random.default_rng(0)
    window, limits = surges.independent(20, 2, rng)
    made = surges.plant(window, limits, rng, leaders=2, followers=9)
    assert (made.window.usage[..., 0] <= limits[:, 0, None] + 1e-5).all()


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(leaders, '_LEARN', 288)


def test_the_command_tells_ratios_and_speed(soon, tmp_path, capsys):
    path = tmp_path / 'found.json'
    arguments = [
        *('--instances', '12', '--days', '1', '--sizes', '40'),
        *('--rounds', '3', '--json', str(path)),
    ]
    assert leaders.main(arguments) == 0
    found = json.loads(path.read_text())['results']
    assert found['without']['ratio']['max900'] == [1.0, 1.0, 1.0]
    assert found['planted']['found']['planted'] == 3
    assert 0 < found['planted']['surges_share'] < 1
    [speed] = found['speed']
    assert speed['instances'] == 40 and speed['step_ms'] > 0
    assert 'ratio_at_surges' in capsys.readouterr().out


def test_a_trace_that_is_not_there_is_told(tmp_path, capsys):
    assert leaders.main(['--traces', str(tmp_path / 'no.npz')]) == 1
    assert 'no.npz' in capsys.readouterr().err
