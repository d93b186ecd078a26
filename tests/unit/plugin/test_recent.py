"""What an audit keeps of usage for the next one."""

import dataclasses
import logging

import numpy as np
from oslo_config import cfg
import pytest

from predictive_watcher import conf as conf_module
from predictive_watcher.core import fleet
from predictive_watcher.core import pipeline
from predictive_watcher.core import usage
from predictive_watcher.core.policy import Policy
from predictive_watcher.plugin import recall
from predictive_watcher.plugin import recent
from predictive_watcher.state import cache
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import gnocchi
from tests.fakes import cloud_data
from tests.fakes import gnocchi as fake_gnocchi
from tests.unit.training import made


T0 = 1_700_000_100  # a multiple of 300


@pytest.fixture
def conf(tmp_path):
    made_here = cfg.ConfigOpts()
    conf_module.register_opts(made_here)
    made_here([])
    made_here.set_override(
        'state_directory', str(tmp_path / 'state'), group='predictive_watcher'
    )
    yield made_here
    made_here.reset()  # a group's options are shared by all ConfigOpts


def read(conf, window, source=None):
    """What the next audit reads after one that kept ``window``."""
    recalled = recall.recall(conf, 'one')
    recalled.forecaster.forecast(window, made.limits())
    known = recent.source_of(conf, 'one', source or Told(window))
    known.read(window.instances, window.start, window.end)
    recent.keep(conf, 'one', known, recalled)
    recall.keep(conf, 'one', recalled, wall=0)
    return known


class Told:
    """A source that tells one window, and remembers what it was asked."""

    name = 'told'
    identity = 'told 300'
    step_s = 300

    def __init__(self, window, unread=()):
        self.window = window
        self.asked = []
        self.health = base.Health(
            problems=tuple(
                base.Problem(
                    resource=resource,
                    text='not read in time',
                    instances=frozenset(unread),
                    unread=True,
                )
                for resource in fleet.RESOURCES
                if unread
            )
        )

    def read(self, instances, start, end):
        self.asked.append((len(instances), start))
        rows = [self.window.instances.index(name) for name in instances]
        first = (start - self.window.start) // self.step_s
        return usage.UsageWindow(
            instances=tuple(instances),
            start=self.window.start + first * self.step_s,
            step_s=self.step_s,
            usage=self.window.usage[rows, first:],
        )


def test_the_second_audit_reads_only_what_is_new(conf):
    window = made.window(steps=40)
    assert read(conf, window).resumed == 0
    source = Told(window)
    assert read(conf, window, source).resumed == 6
    assert source.asked == [(6, window.end - 3600)]


def test_usage_that_is_kept_and_damaged_is_read_again(conf, tmp_path, caplog):
    window = made.window(steps=40)
    read(conf, window)
    path = tmp_path / 'state' / 'one-usage.state'
    path.write_bytes(path.read_bytes()[:-9])
    with caplog.at_level(logging.WARNING):
        assert read(conf, window).resumed == 0
    assert 'damaged' in caplog.text and 'read again' in caplog.text


def test_who_was_not_read_is_not_remembered_as_silent(conf):
    window = made.window(steps=40)
    left_out = frozenset(window.instances[:2])
    read(conf, window, Told(window, unread=left_out))
    source = Told(window)
    known = read(conf, window, source)
    assert known.resumed == 4
    assert source.asked == [(4, window.end - 3600), (2, window.start)]
    found = recall.recall(conf, 'one').kept['one']
    assert left_out < set(found.memory.instances)


def test_without_a_state_directory_everything_is_read(conf):
    conf.set_override('state_directory', '', group='predictive_watcher')
    window = made.window(steps=40)
    assert read(conf, window).resumed == 0
    assert read(conf, window).resumed == 0


def plans(conf, tmp_path, *, forget):
    """What three audits in a row propose for a ramp and a calm instance."""
    cloud = fake_gnocchi.FakeGnocchi()
    fleet_ = cloud_data.a_fleet(
        cloud_data.instance('ramp'), cloud_data.instance('calm')
    )
    for name, climb in (('ramp', 3e4), ('calm', 0.0)):
        times = T0 + 20 + 300 * np.arange(-330, 10)
        used = np.cumsum(
            300 * (0.6e9 + climb * np.maximum(0, times - T0 + 4e4))
        )
        cloud.add(name, 'cpu', list(zip(times, used, strict=True)))
        cloud.add(name, 'memory.usage', [(t, 900.0) for t in times])
    found = []
    for path in (tmp_path / 'state').glob('*'):
        path.unlink()  # of the plans before
    for end in (T0, T0 + 300, T0 + 600):
        for path in (tmp_path / 'state').glob(f'*{forget}.state'):
            path.unlink()
        recalled = recall.recall(conf, 'one', fleet_.instances)
        known = recent.source_of(
            conf, 'one', gnocchi.GnocchiTelemetry(cloud, clock=cloud.clock)
        )
        window = known.read(
            ['ramp', 'calm'], end - recalled.forecaster.history_s, end
        )
        proposal = pipeline.propose(
            fleet=fleet_,
            window=window,
            forecaster=recalled.forecaster,
            leases=(),
            policy=Policy(),
            now=end,
        )
        recent.keep(conf, 'one', known, recalled)
        recall.keep(conf, 'one', recalled, wall=0)
        found.append(proposal)
    return found


def test_plans_are_the_same_with_and_without_what_is_kept(conf, tmp_path):
    kept = plans(conf, tmp_path, forget='no such')
    read_again = plans(conf, tmp_path, forget='one-usage')
    from_nothing = plans(conf, tmp_path, forget='')
    assert [len(p.verdicts) for p in kept] == [2, 2, 2]
    for one, other in zip(kept, read_again, strict=True):
        np.testing.assert_array_equal(one.seen.risk.risk, other.seen.risk.risk)
        np.testing.assert_array_equal(one.seen.excess_s, other.seen.excess_s)
        np.testing.assert_array_equal(
            one.seen.load.moves, other.seen.load.moves
        )
    for one, other in zip(kept, from_nothing, strict=True):
        assert [v.adjustment.reason for v in one.verdicts] == [
            v.adjustment.reason for v in other.verdicts
        ]


def test_a_profile_outlives_a_reading_that_was_not_in_time(conf):
    window = made.window(steps=40)
    left_out, never = window.instances[0], window.instances[1]

    def audit(names, unread):
        recalled = recall.recall(conf, 'one')
        rows = [window.instances.index(name) for name in names]
        known = recent.source_of(conf, 'one', Told(window, unread=unread))
        recalled.profiling.learn(
            known.read(names, window.start, window.end).only(range(len(rows)))
        )
        recent.keep(conf, 'one', known, recalled)
        recall.keep(conf, 'one', recalled, wall=0)
        return recalled.profiling.memory.instances

    audit([left_out], ())
    assert audit([left_out, never], {left_out, never}) == (left_out,)


def test_kept_usage_of_another_make_is_read_again(conf, tmp_path, caplog):
    window = made.window(steps=40)
    read(conf, window)
    memory = cache.read(tmp_path / 'state', 'one-usage', 'told 300')
    bad = dataclasses.replace(memory, parts={'used': np.zeros(6)})
    cache.write(tmp_path / 'state', 'one-usage', bad)
    with caplog.at_level(logging.WARNING):
        assert read(conf, window).resumed == 0
    assert 'read again' in caplog.text
