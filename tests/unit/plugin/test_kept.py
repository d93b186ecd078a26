"""What is kept of drift and nodes, whole but not what is expected."""

import logging

import numpy as np
from oslo_config import cfg
import pytest

from predictive_watcher import conf as conf_module
from predictive_watcher.core import drift
from predictive_watcher.core import joint
from predictive_watcher.core import remembering
from predictive_watcher.plugin import learning
from predictive_watcher.plugin import nodes
from predictive_watcher.state import cache
from predictive_watcher.state import ledger
from tests.unit.core import test_drift
from tests.unit.core import test_joint


@pytest.fixture
def conf(tmp_path):
    made_here = cfg.ConfigOpts()
    conf_module.register_opts(made_here)
    made_here([])
    made_here.set_override(
        'state_directory', str(tmp_path), group='predictive_watcher'
    )
    yield made_here
    made_here.reset()


def keep(tmp_path, name, model, parts):
    memory = remembering.Memory(
        model=model, instances=('a',), time=600, step_s=300, parts=parts
    )
    cache.write(tmp_path, name, memory)


def other_makes(parts):
    """As earlier or later releases may have kept it."""
    name = sorted(parts)[0]
    yield {n: part for n, part in parts.items() if n != name}
    yield {**parts, 'more': np.zeros(1)}
    yield {**parts, name: np.zeros((1, 2, 99))}


@pytest.mark.parametrize('k', range(3))
def test_drift_of_another_make_is_watched_anew(conf, tmp_path, k, caplog):
    parts = drift.nothing(('a',)).parts()
    book = ledger.Ledger(f'sqlite:///{tmp_path / "ledger.db"}')

    def watched():
        return learning.watched(conf, 'one', None, book).watch.instances

    keep(tmp_path, 'one-drift', 'drift-1', parts)
    assert watched() == ('a',)
    keep(tmp_path, 'one-drift', 'drift-1', list(other_makes(parts))[k])
    with caplog.at_level(logging.WARNING):
        assert watched() == ()
    assert 'of another make' in caplog.text


@pytest.mark.parametrize('k', range(3))
def test_nodes_of_another_make_are_judged_anew(conf, tmp_path, k, caplog):
    parts = joint.nothing(('a',)).parts()
    keep(tmp_path, 'one-nodes', 'nodes-2', parts)
    assert nodes.recalled(conf, 'one').joint.nodes == ('a',)
    keep(tmp_path, 'one-nodes', 'nodes-2', list(other_makes(parts))[k])
    with caplog.at_level(logging.WARNING):
        assert nodes.recalled(conf, 'one').joint.nodes == ()
    assert 'of another make' in caplog.text


def test_drift_that_cannot_be_gone_on_with_costs_no_forecast(
    conf, tmp_path, caplog
):
    memory = remembering.Memory(
        model='drift-1', instances=('b', 'a'), time=600, step_s=300,
        parts=drift.nothing(('b',)).parts(),
    )  # fmt: skip
    cache.write(tmp_path, 'one-drift', memory)
    book = ledger.Ledger(f'sqlite:///{tmp_path / "ledger.db"}')
    watched = learning.watched(conf, 'one', test_drift.Fixed(), book)
    window = test_drift.window_of(np.full(300, 1.0))
    found = watched.forecast(window, test_drift.LIMITS)
    assert np.isfinite(found.quantiles).all()
    assert watched.watch.step.shape == (1, 4)
    assert 'drift is watched anew; please report this' in caplog.text


def test_nodes_that_cannot_be_gone_on_with_cost_no_plan(
    conf, tmp_path, caplog
):
    parts = joint.nothing(('n1',)).parts() | {'member_node': np.array([7])}
    memory = remembering.Memory(
        model='nodes-2', instances=('n1',), time=600, step_s=300, parts=parts
    )
    cache.write(tmp_path, 'one-nodes', memory)
    joints = nodes.recalled(conf, 'one')
    used = test_joint.window(np.full((4, 8), 10.0))
    judged = joints.judged(test_joint.site(), test_joint.load(), used)
    assert np.isfinite(judged.sd).all()
    assert joints.joint.nodes == ('n1', 'n2')
    assert 'nodes are judged anew; please report this' in caplog.text
