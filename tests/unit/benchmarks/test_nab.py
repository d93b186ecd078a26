"""The scorer does what NAB's does; the benchmark reads, detects and scores."""

import json

import numpy as np
import pytest

from benchmarks import nab
from benchmarks import nab_scorer as scorer


STANDARD = scorer.PROFILES['standard']
WINDOWS = ((400, 499), (700, 799))


def labelled(*rows, windows=WINDOWS, length=1000):
    score = np.zeros(length)
    score[list(rows)] = 1.0
    return scorer.label(score, windows)


def points(*rows, profile='standard'):
    return scorer.at(labelled(*rows), 0.5, scorer.PROFILES[profile]).score


@pytest.mark.parametrize('profile', scorer.PROFILES)
def test_telling_nothing_is_worth_0_and_all_at_once_100(profile):
    assert points(profile=profile) == 0
    assert points(400, 700, profile=profile) == pytest.approx(100)


def test_a_detection_in_the_middle_has_the_published_worth():
    # 2 / (1 + e^-2.5) - 1 = 0.84828 of 0.98661 that the left end has
    expected = 100 * (1 + 0.84828 / 0.98661) / 2
    assert points(450, 750) == pytest.approx(expected, abs=0.01)


def test_only_the_first_detection_of_a_window_counts():
    assert points(450, 460, 499, 750) == points(450, 750)


def test_a_false_detection_costs_its_weight_once_for_two_windows():
    # 0.11 of the 2 x 2 between null and perfect
    assert points(400, 700, 200) == pytest.approx(100 - 100 * 0.11 / 4)
    assert points(400, 700, 200, profile='reward_low_FP_rate') == (
        pytest.approx(100 - 100 * 0.22 / 4)
    )


def test_a_false_detection_right_behind_a_window_costs_little():
    near = 2 / (1 + np.exp(5 / 99)) - 1
    assert points(400, 700, 500) == pytest.approx(100 + 100 * 0.11 * near / 4)


def test_a_missed_window_costs_more_where_misses_weigh_more():
    assert points(400) == pytest.approx(50)
    assert points(400, profile='reward_low_FN_rate') == pytest.approx(50)
    assert points(400, 200, profile='reward_low_FN_rate') == pytest.approx(
        50 - 100 * 0.11 / 6
    )


def test_the_first_15_percent_are_not_scored():
    assert points(400, 700, 149) == pytest.approx(100)
    assert points(400, 700, 150) < 100
    assert scorer.probation(1000) == 150
    assert scorer.probation(20_000) == 750


def test_the_best_threshold_is_as_good_as_any():
    rng = np.random.default_rng(3)
    rows = scorer.together(
        [scorer.label(rng.random(1000).round(2), WINDOWS) for _ in '123']
    )
    for profile in scorer.PROFILES.values():
        best = scorer.best(rows, profile)
        every = [
            scorer.at(rows, level, profile).score
            for level in [*np.unique(rows.score), np.inf]
        ]
        assert best.score == pytest.approx(max(every))
        assert scorer.at(rows, best.threshold, profile) == best


def test_a_detector_that_always_tells_nothing_gets_nothing():
    best = scorer.best(labelled(), STANDARD)
    assert best.score == pytest.approx(0, abs=1e-9)


def written(folder, name, value, spans, step_s=300):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    times = np.datetime64('2014-04-01T00:00:00') + np.arange(
        len(value)
    ) * np.timedelta64(step_s, 's')
    text = [str(t).replace('T', ' ') for t in times]
    lines = [f'{t},{v}' for t, v in zip(text, value, strict=True)]
    path.write_text('timestamp,value\n' + '\n'.join(lines) + '\n')
    return {name: [[text[a], text[b]] for a, b in spans]}


def folder_of_series(folder):
    rng = np.random.default_rng(5)
    windows = {}
    for k, name in enumerate(['a/one.csv', 'a/two.csv', 'b/three.csv']):
        value = rng.normal(50, 2, 1500).round(3)
        value[1000 + k] += 60
        windows |= written(folder, name, value, [(950, 1050)])
    windows['b/not_there.csv'] = []
    (folder / nab.WINDOWS).write_text(json.dumps(windows))


def test_obvious_spikes_are_found_with_one_threshold(tmp_path, capsys):
    folder_of_series(tmp_path)
    out = tmp_path / 'out.json'
    code = nab.main(['--nab', str(tmp_path), '--json', str(out)])
    assert code == 0, capsys.readouterr().err
    found = json.loads(out.read_text())
    assert (found['series'], found['windows']) == (3, 3)
    assert found['standard']['score'] > 90
    assert found['standard']['windows_hit'] == 3
    assert set(found['standard']['folder_left_out']) == {'a', 'b', 'all'}


def test_a_folder_without_labels_is_refused(tmp_path, capsys):
    assert nab.main(['--nab', str(tmp_path)]) == 1
    assert nab.WINDOWS in capsys.readouterr().err
