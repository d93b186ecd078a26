import json

import numpy as np
import pytest

from benchmarks import boosting
from benchmarks import cells
from benchmarks import store
from predictive_watcher.core import accuracy
from predictive_watcher.core import forecast
from tests.unit.training import made


SETTINGS = boosting.Settings(rounds=4, leaves=4, rows_in_leaf=5)
MAX = accuracy.JUDGED['max900']


def drawn(seed=0):
    part = (made.window(instances=4), made.limits(4))
    return cells.draw([part], 300, np.random.default_rng(seed))


def train(kept, rows=None, settings=SETTINGS, resources=(0,)):
    return boosting.train(
        drawn() if rows is None else rows, list(resources), settings,
        accuracy.CEILING, kept,
    )  # fmt: skip


@pytest.fixture(scope='module')
def boosted():
    return train(store.Store(None))


def test_each_target_and_level_has_a_model_and_events_have_two(boosted):
    assert {t for _, t in boosted.quantiles} == set(accuracy.JUDGED.values())
    assert all(len(b) == 4 for b in boosted.quantiles.values())
    assert sorted(boosted.events) == ['event', 'onset']


def test_forecasts_have_the_levels_that_were_learned(boosted):
    window, limits = made.window(instances=4), made.limits(4)
    at = np.arange(100, 120, 5)
    found = boosted.replayed(window, limits, at)
    assert found.quantiles.shape == (4, 4, 4, 4, 9)
    levels = [forecast.LEVELS.index(level) for level in accuracy.SCORED]
    mine = found.quantiles[:, :, 0, MAX][..., levels]
    assert np.isfinite(mine).all()
    assert (np.diff(mine, axis=-1) >= 0).all()
    assert np.isnan(found.quantiles[:, :, 1:]).all()
    assert np.isfinite(found.risk[:, :, 0]).all()
    scores = accuracy.scores([found.outcome(window, limits)])
    assert 0 < scores['cpu.wql_max900'] < 1


def test_a_forecast_belongs_to_its_instance(boosted):
    window, limits = made.window(instances=4), made.limits(4)
    at = np.array([100, 101])
    found = boosted.replayed(window, limits, at).quantiles
    again = boosted.replayed(window, limits, at[1:]).quantiles
    assert np.array_equal(found[:, 1:], again, equal_nan=True)


def test_what_was_trained_is_taken_from_the_store(tmp_path, boosted):
    train(store.Store(tmp_path))
    kept = store.Store(tmp_path)
    again = train(kept)
    assert kept.taken == len(list(tmp_path.iterdir())) == 10
    x = drawn().x
    assert np.array_equal(again.heads(x), boosted.heads(x), equal_nan=True)


@pytest.mark.parametrize(
    'other',
    [
        {'rows': drawn(seed=1)},
        {'settings': boosting.Settings(rounds=5, leaves=4, rows_in_leaf=5)},
        {'settings': boosting.Settings(rounds=4, leaves=5, rows_in_leaf=5)},
    ],
    ids=['data', 'rounds', 'parameters'],
)
def test_a_model_of_anything_else_is_not_taken(tmp_path, other):
    train(store.Store(tmp_path))
    kept = store.Store(tmp_path)
    train(kept, **other)
    assert kept.taken == 0
    assert len(list(tmp_path.iterdir())) == 20


def test_a_damaged_file_is_named_and_trained_again(tmp_path):
    train(store.Store(tmp_path))
    good = sorted(tmp_path.iterdir())
    content = json.loads(good[0].read_text())
    good[0].write_text(json.dumps({**content, 'booster': 'tree'}))
    good[1].write_text('{')
    good[2].write_text(good[3].read_text())
    kept = store.Store(tmp_path)
    train(kept)
    assert kept.taken == 7
    assert [name in text for name, text in zip(
        (p.name for p in good[:3]), kept.refused, strict=True
    )] == [True] * 3  # fmt: skip
    last = store.Store(tmp_path)
    train(last)
    assert (last.taken, last.refused) == (10, [])
