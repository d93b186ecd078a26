import hypothesis
from hypothesis import strategies
import numpy as np
import pytest

from predictive_watcher.core import ranking


def precision(label, score):
    return ranking.average_precision(
        np.array(label, float), np.array(score, float)
    )


def test_precision_is_averaged_where_recall_grows():
    # found at ranks 1 and 3: (1/1 + 2/3) / 2
    assert precision([1, 0, 1, 0], [4, 3, 2, 1]) == pytest.approx(5 / 6)


def test_what_happened_and_is_tied_counts_as_one():
    assert precision([1, 0, 0, 0], [1, 1, 1, 1]) == 0.25


def test_where_nothing_happened_there_is_no_precision():
    assert np.isnan(precision([0, 0], [1, 2]))
    assert np.isnan(precision([], []))


def test_a_weight_counts_like_so_many_copies():
    label = np.array([1, 0, 1, 0, 0], float)
    score = np.array([3, 3, 2, 1, 4], float)
    weight = np.array([2, 0, 1, 3, 1])
    weighted = ranking.Ranking(label, score).precision(weight)
    copied = precision(np.repeat(label, weight), np.repeat(score, weight))
    assert weighted == pytest.approx(copied)


@hypothesis.given(
    strategies.lists(
        strategies.tuples(strategies.booleans(), strategies.integers(0, 5)),
        min_size=1,
        max_size=30,
    )
)
def test_precision_is_what_its_definition_says(cells):
    label = np.array([happened for happened, _ in cells], float)
    score = np.array([found for _, found in cells], float)
    hypothesis.assume(label.any())
    expected, before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        named = score >= threshold
        hits = label[named].sum()
        expected += (hits - before) * hits / named.sum()
        before = hits
    expected /= label.sum()
    assert precision(label, score) == pytest.approx(expected)


def test_skill_is_zero_for_the_base_rate_and_one_for_the_truth():
    label = np.array([1.0, 0, 0, 0])
    assert ranking.brier_skill(label, np.full(4, 0.25)) == pytest.approx(0)
    assert ranking.brier_skill(label, label) == 1.0


@hypothesis.given(
    rows=strategies.lists(
        strategies.lists(
            strategies.floats(-100, 100) | strategies.just(float('nan')),
            min_size=6,
            max_size=6,
        ).filter(lambda row: not np.isnan(row).all()),
        max_size=5,
    )
)
def test_quantiles_are_those_of_numpy(rows):
    samples = np.array(rows).reshape(-1, 6)
    levels = (0.0, 0.05, 0.5, 0.99, 1.0)
    found = ranking.quantiles(
        samples, np.isfinite(samples).sum(axis=1), levels
    )
    assert found.shape == (len(rows), 5)
    for row, quantiles in zip(samples, found, strict=True):
        expected = np.nanquantile(row, levels)
        np.testing.assert_allclose(quantiles, expected, atol=1e-9)
