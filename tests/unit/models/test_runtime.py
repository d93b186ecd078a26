import json
import shutil

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import forecast
from predictive_watcher.core import usage
from predictive_watcher.models import card
from predictive_watcher.models import registry
from predictive_watcher.models import runtime


NAN = float('nan')


@pytest.fixture(scope='module')
def model():
    return registry.load(threads=1)


def made(instances, steps, seed=0):
    rng = np.random.default_rng(seed)
    base = np.array([1.0, 2000.0, 1e6, 1e5])
    values = base * rng.uniform(0.5, 1.5, (instances, steps, 4))
    return values.astype(np.float32)


def limits(instances):
    return np.tile([4.0, 8192.0, NAN, NAN], (instances, 1))


def window(values, step_s=300):
    return usage.UsageWindow(
        instances=tuple(f'i{k}' for k in range(len(values))),
        start=1_700_000_100,
        step_s=step_s,
        usage=values,
    )


def test_a_forecast_has_ascending_quantiles_within_what_is_possible(model):
    values = made(5, 300)
    found = model.forecast(window(values), limits(5))
    q = found.quantiles
    assert q.shape == (5, 4, 4, 9)
    assert q.dtype == np.float32
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=-1) >= 0).all()
    assert (q >= 0).all()
    assert (q[:, 0] <= np.float32(4.4)).all() and (q[:, 1] <= 8192).all()
    assert found.origin == window(values).end
    assert found.instances == window(values).instances


@pytest.mark.parametrize('steps', [1, 2, 3, 7, 47, 48, 49])
def test_every_length_of_history_gives_a_forecast(model, steps):
    found = model.forecast(window(made(2, steps)), limits(2))
    assert np.isfinite(found.quantiles).all()
    chance = found.probability(np.full((2, 4), 1.0))
    assert ((chance >= 0) & (chance <= 1)).all()


def test_without_any_step_there_is_no_forecast(model):
    found = model.forecast(window(made(2, 0)), limits(2))
    assert np.isnan(found.quantiles).all()


def test_without_any_instance_the_forecast_is_empty(model):
    found = model.forecast(window(made(0, 5)), limits(0))
    assert found.quantiles.shape == (0, 4, 4, 9)


def test_what_has_no_sample_has_no_forecast_and_the_rest_has(model):
    values = made(3, 100)
    values[0, :, 2] = np.nan  # never any
    values[1, -3:, 0] = np.nan  # too long ago
    values[2, -2:, 0] = np.nan  # not too long ago
    values[2, 30:60] = np.nan  # a gap
    found = model.forecast(window(values), limits(3))
    unknown = np.isnan(found.quantiles).all(axis=(2, 3))
    assert np.argwhere(unknown).tolist() == [[0, 2], [1, 0]]
    assert np.isfinite(found.quantiles[~unknown]).all()
    chance = found.probability(np.ones((3, 4)))
    assert np.array_equal(np.isnan(chance), unknown)


def test_the_order_of_the_instances_does_not_matter(model):
    values = made(6, 80)
    order = np.array([3, 1, 5, 0, 2, 4])
    one = model.forecast(window(values), limits(6)).quantiles
    other = model.forecast(window(values[order]), limits(6)).quantiles
    assert np.allclose(one[order], other, rtol=1e-4)


def test_an_instance_alone_gets_what_it_gets_among_others(model):
    values = made(5, 80)
    every = model.forecast(window(values), limits(5)).quantiles
    alone = model.forecast(window(values[2:3]), limits(1)).quantiles
    assert np.allclose(every[2:3], alone, rtol=1e-4)


def test_many_instances_are_scored_in_chunks(model, monkeypatch):
    values = made(7, 20)
    whole = model.forecast(window(values), limits(7)).quantiles
    monkeypatch.setattr(runtime, 'CHUNK', 3)
    parts = model.forecast(window(values), limits(7)).quantiles
    assert np.allclose(whole, parts, rtol=1e-4)


def test_the_chance_falls_as_the_limit_rises(model):
    found = model.forecast(window(made(4, 200)), limits(4))
    base = np.tile([1.0, 2000.0, 1e6, 1e5], (4, 1))
    chances = np.stack(
        [found.probability(base * k) for k in np.linspace(0.1, 4, 30)]
    )
    assert (np.diff(chances, axis=0) <= 1e-9).all()


@pytest.mark.parametrize('limit', [NAN, 0.0, -1.0, np.inf])
def test_a_limit_that_is_none_bounds_nothing(model, limit):
    values = made(1, 50)
    found = model.forecast(window(values), np.full((1, 4), limit))
    none = model.forecast(window(values), np.full((1, 4), NAN))
    assert np.array_equal(found.quantiles, none.quantiles)


def test_a_window_of_another_step_is_refused(model):
    with pytest.raises(exceptions.ModelRefused, match='60 s'):
        model.forecast(window(made(1, 10), step_s=60), limits(1))


def test_a_steady_climb_is_a_risk_before_it_reaches_the_limit(model):
    rng = np.random.default_rng(1)
    climb = np.full(288, 0.3)
    climb[-11:] += 0.05 * np.arange(1, 12)  # now at .85 of the limit
    flat = np.full(288, 0.85)
    values = made(2, 288)
    base = np.array([4.0, 4000.0, 1e6, 1e5])
    values[:] = base * (1 + rng.normal(0, 0.01, values.shape))
    noise = rng.normal(0, 0.005, (2, 288))
    values[:, :, 0] = 4 * (np.stack([climb, flat]) + noise)
    found = model.forecast(window(values), limits(2))
    climbing, steady = found.probability(0.9 * limits(2))[:, 0]
    assert climbing > 0.4
    assert steady < 0.2
    most = found.level(forecast.Target.MAX900, 0.9)[0, 0]
    assert most > 0.9 * 4


def test_making_a_forecaster_does_not_read_the_model(tmp_path):
    directory = tmp_path / 'model'
    shutil.copytree(registry.SHIPPED, directory)
    (directory / card.MODEL).unlink()
    lazy = registry.load(directory)
    with pytest.raises(exceptions.ModelNotFound):
        lazy.forecast(window(made(1, 5)), limits(1))


def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path):
    directory = tmp_path / 'model'
    shutil.copytree(registry.SHIPPED, directory)
    facts = json.loads((directory / card.CARD).read_text())
    card.write(directory, b'not a model', facts)
    with pytest.raises(exceptions.ModelRefused, match='does not load') as e:
        registry.load(directory).forecast(window(made(1, 5)), limits(1))
    assert '\n' not in str(e.value)


def test_a_graph_of_another_size_is_refused(tmp_path):
    directory = tmp_path / 'model'
    shutil.copytree(registry.SHIPPED, directory)
    path = directory / card.CARD
    facts = json.loads(path.read_text())
    facts['hidden'] += 1
    path.write_text(json.dumps(facts))
    with pytest.raises(exceptions.ModelRefused, match='its inputs are'):
        registry.load(directory).forecast(window(made(1, 5)), limits(1))


def test_a_model_describes_itself(model):
    facts = model.describe()
    assert json.loads(json.dumps(facts)) == facts
    assert model.name == f'{facts["name"]}-{facts["version"]}'
    assert model.history_s == facts['history_s'] >= 86400
