import numpy as np
import pytest

from predictive_watcher.core import following
from predictive_watcher.models import registry
from tests.fakes import recurrent
from tests.unit.training import made


STEPS = 40
INSTANCES = 23
NAMES = tuple(f'i{k}' for k in range(INSTANCES))


def samples(steps=STEPS):
    usage = made.window(INSTANCES, steps).usage.copy()
    usage[np.random.default_rng(1).random(usage.shape) < 0.1] = np.nan
    return np.moveaxis(usage, 1, 0)


def follower(model):
    return following.Follower(model, made.limits(INSTANCES), 300)


def walk(found, begin=0, end=STEPS):
    """Forecasts after each of the steps; every fifth is only watched."""
    out = []
    for t, sample in enumerate(samples()[begin:end], begin):
        if t % 5 == 0:
            found.watch(sample, 300 * t)
        else:
            found.advance(sample, 300 * t)
            out.append(found.forecast(NAMES))
    return out


def same(one, other):
    assert one.origin == other.origin
    assert np.array_equal(one.quantiles, other.quantiles, equal_nan=True)
    for name in ('weight', 'mean', 'spread', 'last', 'scale'):
        pair = (getattr(f.exceedance, name) for f in (one, other))
        assert np.array_equal(*pair, equal_nan=True)


def same_parts(one, other):
    assert one.keys() == other.keys()
    for name, part in one.items():
        assert np.array_equal(part, other[name], equal_nan=True), name


@pytest.fixture(scope='module')
def whole():
    found = follower(registry.load(threads=1))
    return walk(found), found.parts()


@pytest.mark.parametrize('block', [1, 2, 7, 22, 23])
@pytest.mark.parametrize('threads', [1, 2, 5])
def test_blocks_on_threads_give_bit_for_bit_what_the_whole_gives(
    whole, block, threads, monkeypatch
):
    monkeypatch.setattr(following, 'MOST', block)
    found = follower(registry.load(threads=threads))
    for one, other in zip(walk(found), whole[0], strict=True):
        same(one, other)
    same_parts(found.parts(), whole[1])


def test_what_one_remembers_another_goes_on_with_in_other_blocks(
    whole, monkeypatch
):
    model = registry.load()
    monkeypatch.setattr(following, 'MOST', 5)
    first = follower(model)
    before = walk(first, 0, 20)
    monkeypatch.setattr(following, 'MOST', 8)
    second = follower(model)
    for rows in (np.arange(3, INSTANCES), np.arange(3)):
        second.resume(
            {name: part[rows] for name, part in first.parts().items()},
            rows,
            300 * 19,
        )
    same(second.forecast(NAMES), before[-1])
    after = walk(second, 20)
    for one, other in zip(after, whole[0][-len(after) :], strict=True):
        same(one, other)
    same_parts(second.parts(), whole[1])


def test_a_forecast_stays_as_it_was_when_the_next_sample_comes(whole):
    found = follower(registry.load())
    kept = walk(found, 0, 20)[-1]
    copied = kept.quantiles.copy(), kept.exceedance.mean.copy()
    walk(found, 20)
    assert np.array_equal(kept.quantiles, copied[0], equal_nan=True)
    assert np.array_equal(kept.exceedance.mean, copied[1])


def test_what_fails_in_a_block_is_told(monkeypatch):
    class Broken(recurrent.Echo):
        threads = 2

        def recur(self, x, h, c):
            raise RuntimeError('the model is gone')

    monkeypatch.setattr(following, 'MOST', 5)
    with pytest.raises(RuntimeError, match='the model is gone'):
        follower(Broken()).advance(samples(1)[0], 0)


def test_after_a_sample_was_only_watched_there_is_no_forecast():
    found = follower(recurrent.Echo())
    found.advance(samples(2)[0], 0)
    found.watch(samples(2)[1], 300)
    with pytest.raises(ValueError, match='advance'):
        found.forecast(NAMES)
