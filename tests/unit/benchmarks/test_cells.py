import numpy as np
import pytest

from benchmarks import cells
from predictive_watcher.core import features
from predictive_watcher.core import fleet
from predictive_watcher.core import inputs
from tests.unit.training import made


def drawn(rows=10**6, **other):
    part = (made.window(**other), made.limits(other.get('instances', 6)))
    return cells.draw([part], rows, np.random.default_rng(0))


def test_all_that_can_be_learned_from_is_drawn_where_so_much_is_asked_for():
    found = drawn(instances=2, steps=40)
    # instance 0 lacks 20 to 29; an origin needs itself and three more
    assert len(found.x) == (40 - 3) * 2 - 13
    assert np.isfinite(found.came).all()
    assert found.x.shape[1] == len(inputs.NAMES)


def test_a_draw_is_of_the_size_asked_for_and_always_the_same():
    assert len(drawn(rows=20).x) == 20
    assert drawn(rows=20).digest() == drawn(rows=20).digest()
    assert drawn(rows=20).digest() != drawn(rows=21).digest()


def test_several_traces_are_drawn_from():
    parts = [(made.window(instances=n), made.limits(n)) for n in (2, 3)]
    found = cells.draw(parts, 10**6, np.random.default_rng(0))
    alone = [drawn(instances=n) for n in (2, 3)]
    assert len(found.x) == sum(len(one.x) for one in alone)
    assert np.array_equal(found.x, np.concatenate([one.x for one in alone]))


def test_features_are_those_that_an_audit_sees():
    window, limits = made.window(), made.limits()
    ((part, found),) = cells.blocks(window, limits, np.array([156]))
    assert part == slice(0, 1)
    seen = made.window(steps=160).usage[:, :157]
    state = features.FeatureState(limits, 300)
    for t in range(157):
        state.advance(seen[:, t], 300 * t)
    assert np.array_equal(found.x, state.features())
    assert np.array_equal(found.now, window.usage[:, 156])
    assert np.array_equal(found.came[:, :, 0], window.usage[:, 157])
    most = window.usage[:, 157:160].max(axis=1)
    assert np.array_equal(found.came[:, :, 3], most)


def test_blocks_are_parts_of_the_whole(monkeypatch):
    window, limits = made.window(), made.limits()
    at = np.arange(40, 60, 2)
    ((_, whole),) = cells.blocks(window, limits, at)
    monkeypatch.setattr(cells, '_BLOCK', 20)  # of 6 instances each
    parts = list(cells.blocks(window, limits, at))
    assert [part for part, _ in parts] == [
        slice(0, 4), slice(4, 8), slice(8, 10)
    ]  # fmt: skip
    joined = np.concatenate([found.x for _, found in parts])
    assert np.array_equal(joined, whole.x)


def test_z_is_the_change_in_units_of_the_scale():
    found = drawn(rows=5)
    cpu = fleet.RESOURCES.index(fleet.Resource.CPU)
    back = found.last[:, cpu] + found.scale[:, cpu] * np.sinh(found.z(cpu, 1))
    assert back == pytest.approx(found.came[:, cpu, 1], rel=1e-4)
