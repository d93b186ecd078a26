import numpy as np
import pytest

from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison


NAN = float('nan')
LIMIT = 10.0


def outcome(offset, came, risk=None):
    """Every quantile is ``offset`` (instances,) above what came."""
    came = np.asarray(came, np.float32)
    offset = np.broadcast_to(offset, came.shape[:1]).astype(np.float32)
    full = np.broadcast_to(came[:, :, None, None], (*came.shape, 4, 4))
    quantiles = full + offset[:, None, None, None]
    risk = np.full(came.shape, 0.5) if risk is None else np.asarray(risk)
    return accuracy.Outcome(
        quantiles=np.repeat(quantiles[..., None], 9, axis=-1),
        came=full,
        now=np.ones((*came.shape, 4), np.float32),
        risk=np.repeat(risk[..., None], 4, axis=-1),
        limits=np.full((len(came), 4), LIMIT, np.float32),
    )


def compare(ours, theirs, seed=0, **other):
    rng = np.random.default_rng(seed)
    return comparison.compare(ours, theirs, rng, **other)


def test_twice_the_error_is_twice_the_loss_in_every_draw():
    came = np.full((3, 4), 5.0)
    found = compare(outcome(2.0, came), outcome(1.0, came))
    for key in ('cpu.wql_300', 'network.wql_max900'):
        ratio = found[key]
        assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 2.0)


def test_what_one_of_them_does_not_forecast_counts_for_neither():
    came = np.full((2, 4), 5.0)
    ours, theirs = outcome([1, 8], came), outcome([2, 1], came)
    holes = theirs.quantiles.copy()
    holes[1] = NAN
    theirs = accuracy.Outcome(
        quantiles=holes, came=theirs.came, now=theirs.now, risk=theirs.risk,
        limits=theirs.limits,
    )  # fmt: skip
    assert compare(ours, theirs)['cpu.wql_300'].value == 0.5


def test_instances_are_drawn_whole():
    rng = np.random.default_rng(1)
    drawn = comparison.draw(rng, 5, 300)
    assert drawn.shape == (300, 5)
    assert (drawn.sum(axis=1) == 5).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(5), abs=0.2)


def test_the_interval_is_that_of_the_drawn_sums():
    # two instances: (2, 0), (1, 1) or (0, 2), with chances 1/4, 1/2, 1/4
    drawn = comparison.draw(np.random.default_rng(2), 2, 4000)
    ours, theirs = np.array([1.0, 3.0]), np.array([1.0, 1.0])
    found = comparison.ratio(ours, theirs, drawn)
    assert (found.value, found.low, found.high) == (2.0, 1.0, 3.0)
    shares = [
        np.mean((drawn == pair).all(axis=1)) for pair in ([2, 0], [1, 1])
    ]
    assert shares == pytest.approx([0.25, 0.5], abs=0.03)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        theirs = rng.gamma(4.0, size=60)
        ours = 0.8 * theirs * rng.gamma(25.0, 1 / 25, size=60)
        drawn = comparison.draw(rng, 60, 200)
        found = comparison.ratio(ours, theirs, drawn)
        held += found.low <= 0.8 <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_the_better_ranking_has_the_greater_precision():
    came = [[1, 9.5, 1, 1], [9.5, 1, 1, 1]]
    good = outcome(1.0, came, [[0.1, 0.9, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1]])
    # the first onset is seen last: precisions 1/4 and 2/8
    bad = outcome(1.0, came, [[0.9, 0.1, 0.9, 0.9], [0.4, 0.2, 0.2, 0.2]])
    found = compare(good, bad, draws=50)
    assert found['cpu.onset_ap'].value == pytest.approx(1 / 0.25)
    assert found['cpu.event_ap'] == found['cpu.onset_ap']
    assert found['cpu.onset_brier'].value == pytest.approx(
        8 * 0.01 / (0.81 * 4 + 0.36 + 0.04 * 3)
    )


def test_without_an_event_there_is_no_ratio_of_events():
    came = np.full((2, 4), 5.0)
    found = compare(outcome(1.0, came), outcome(1.0, came))
    assert not [key for key in found if 'onset' in key or 'event' in key]


def test_the_table_names_rivals_and_intervals():
    came = [[1, 9.5, 1, 1], [9.5, 1, 1, 1]]
    found = compare(outcome(2.0, came), outcome(1.0, came), draws=20)
    text = comparison.table({'other': found}, 'ours')
    assert 'ours / rival' in text
    assert '2.000 [2.000, 2.000]' in text
    for word in ('cpu', 'network', 'other', 'onset_ap', 'event_brier'):
        assert word in text
