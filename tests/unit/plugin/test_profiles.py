"""Profiles of an audit: kept, lost, and never what a plan hangs on."""

import dataclasses
import logging
import shutil

import numpy as np
from oslo_config import cfg
import pytest

from predictive_watcher import conf as conf_module
from predictive_watcher import subjects
from predictive_watcher.core import conditions
from predictive_watcher.core import explaining
from predictive_watcher.core import ladder
from predictive_watcher.core import pipeline
from predictive_watcher.core import policy
from predictive_watcher.core import profile
from predictive_watcher.core import remembering
from predictive_watcher.core import watching
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.plugin import own_models
from predictive_watcher.plugin import recall
from predictive_watcher.state import cache
from tests.fakes import cloud_data as data
from tests.unit.training import made


@pytest.fixture
def conf(tmp_path):
    made_here = cfg.ConfigOpts()
    conf_module.register_opts(made_here)
    made_here([])
    made_here.set_override(
        'state_directory', str(tmp_path / 'state'), group='predictive_watcher'
    )
    yield made_here
    made_here.reset()


def set_option(conf, name, value):
    conf.set_override(name, value, group='predictive_watcher')


def busy_window(steps):
    """Usage of i0 to i5; i1 is soon at its limit of 2 vCPUs."""
    whole = made.window(steps=120)
    used = whole.usage.copy()
    used[:, :, 0] = np.minimum(used[:, :, 0], 1.0)
    used[1, 60:, 0] = np.linspace(1.2, 1.9, 60)
    used[1, 30:38, 0] = 1.95
    return type(whole)(
        instances=whole.instances,
        start=whole.start,
        step_s=300,
        usage=used[:, :steps].copy(),
    )


def audit(conf, steps, instances=None, *, watched=False):
    """One run, as the strategy makes it."""
    window = busy_window(steps)
    instances = instances or [data.instance(i) for i in window.instances]
    fleet = data.a_fleet(*instances)
    recalled = recall.recall(conf, 'one', fleet.instances)
    found = pipeline.propose(
        fleet=fleet,
        window=window,
        forecaster=recalled.forecaster,
        leases=(),
        policy=policy.Policy(risk_threshold=0.3),
        now=window.end,
        profiling=recalled.profiling,
        vigil=recalled.vigil if watched else None,
    )
    recall.keep(conf, 'one', recalled, wall=0)
    return found, recalled


def plain(found):
    """All that is decided, and every number behind it."""
    return [
        (v.instance.id, v.adjustment, v.numbers(), v.note, v.rung)
        for v in found.verdicts
    ]


def test_a_deleted_cache_changes_no_decision(conf, tmp_path):
    for steps in (100, 104, 110, 119):
        audit(conf, steps)
    with_cache, recalled = audit(conf, 120)
    assert recalled.profiling.resumed == 6
    shutil.rmtree(tmp_path / 'state')
    without, recalled = audit(conf, 120)
    assert recalled.profiling.resumed == 0
    assert plain(with_cache) == plain(without)
    assert any(isinstance(v.adjustment, Resize) for v in without.verdicts)
    # and the one after that goes on from what was made again
    again, recalled = audit(conf, 120)
    assert recalled.profiling.resumed == 6
    assert plain(again) == plain(without)


def profile_file(tmp_path):
    [path] = (tmp_path / 'state').glob('*-profile.state')
    return path


@pytest.mark.parametrize(
    'harm',
    [
        lambda data: data[:-9],
        lambda data: b'',
        lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
        lambda data: data.replace(b'state ', b'state9', 1),
    ],
)
def test_a_damaged_profile_is_learned_again_and_told(
    conf, tmp_path, harm, caplog
):
    first, _ = audit(conf, 119)
    path = profile_file(tmp_path)
    path.write_bytes(harm(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        second, recalled = audit(conf, 119)
    assert recalled.profiling.resumed == 0
    assert plain(first) == plain(second)
    assert str(path) in caplog.text


def test_a_foreign_profile_is_not_trusted(conf, tmp_path, caplog):
    _, recalled = audit(conf, 119)
    memory = recalled.profiling.memory
    foreign = type(memory)(
        model='profile 0',
        instances=memory.instances,
        time=memory.time,
        step_s=300,
        parts=memory.parts,
        labels=memory.labels,
    )
    cache.write(tmp_path / 'state', cache.profile_name('one'), foreign)
    with caplog.at_level(logging.WARNING):
        _, recalled = audit(conf, 119)
    assert recalled.profiling.resumed == 0
    assert 'another model' in caplog.text


def test_each_verdict_says_on_which_rung_it_stands(conf):
    found, _ = audit(conf, 120)
    rungs = {v.instance.id: v.rung for v in found.verdicts}
    assert rungs['i1'] is ladder.Rung.FIRST_HOURS
    known = found.seen.forecast.rungs
    assert known.tolist() == [int(rungs[f'i{k}']) for k in range(6)]


def test_each_young_instance_says_who_stands_in_for_it(conf):
    found, _ = audit(conf, 120)
    said = {v.instance.id: v.prior for v in found.verdicts}
    assert said['i1'].startswith('5 others of project and flavor p ')
    assert '; usual now: cpu ' in said['i1']
    told = explaining.plain(found.verdicts[0])
    assert told['prior'] == said[told['instance']]


def test_a_rebuilt_server_begins_anew(conf):
    def servers(image):
        return [
            data.instance(f'i{k}', image=image if k == 2 else 'ubuntu')
            for k in range(6)
        ]

    audit(conf, 100, servers('ubuntu'))
    _, recalled = audit(conf, 101, servers('debian'))
    assert recalled.profiling.resumed == 5


def test_a_migrated_and_a_resized_server_keep_their_profiles(conf):
    servers = [data.instance(f'i{k}') for k in range(6)]
    audit(conf, 100, servers)
    servers[0] = data.instance('i0', node='n2')
    servers[1] = data.instance('i1', flavor=data.LARGE)
    _, recalled = audit(conf, 101, servers)
    assert recalled.profiling.resumed == 6


def test_kin_are_told_by_application_flavor_and_project(conf):
    lease = data.lease('b', flavor_name='large', origin_flavor_name='small')
    found = subjects.of(
        conf,
        [
            data.instance('a', image='u'),
            data.instance('b', flavor=data.LARGE),
        ],
        [lease],
        now=data.NOW,
        applications={'a': 'shop'},
    )
    assert found['a'].kin == ('shop', 'p small', 'small', 'p')
    assert found['b'].kin == ('', 'p small', 'small', 'p')
    assert (found['a'].name, found['a'].image) == ('a', 'u')


def test_a_project_may_have_a_time_zone_of_its_own(conf):
    set_option(conf, 'time_zone', 'Europe/Berlin')
    set_option(conf, 'project_time_zones', {'q': 'Asia/Kolkata'})
    found = subjects.of(
        conf,
        [data.instance('a'), data.instance('b', project_id='q')],
        [],
        now=data.NOW,
    )
    assert found['a'].zone.name == 'Europe/Berlin'
    assert found['b'].zone.name == 'Asia/Kolkata'


def test_an_unknown_time_zone_costs_accuracy_and_not_the_audit(conf, caplog):
    set_option(conf, 'time_zone', 'Mars/Olympus')
    with caplog.at_level(logging.WARNING):
        found = subjects.of(conf, [data.instance('a')], [], now=data.NOW)
    assert found['a'].zone == conditions.UTC
    assert 'Mars/Olympus' in caplog.text and 'UTC' in caplog.text


@pytest.mark.parametrize('name', ['one', 'one-profile', 'one-anomalies'])
def test_what_is_whole_but_of_another_make_does_not_cost_the_plan(
    conf, tmp_path, name, caplog
):
    first, recalled = audit(conf, 119, watched=True)
    memory = recalled.kept[name].memory
    parts = dict(memory.parts)
    # as from a release that remembered other things under the same name
    parts[sorted(parts)[0]] = np.zeros((len(memory.instances), 99))
    cache.write(
        tmp_path / 'state', name, dataclasses.replace(memory, parts=parts)
    )
    with caplog.at_level(logging.ERROR):
        second, recalled = audit(conf, 119, watched=True)
    assert plain(first) == plain(second)
    assert recalled.kept[name].resumed == 0
    assert 'the history stands in for it' in caplog.text
    _, recalled = audit(conf, 119, watched=True)
    assert recalled.kept[name].resumed == 6


def test_who_cannot_learn_at_all_does_not_cost_the_plan(conf, monkeypatch):
    first, _ = audit(conf, 119, watched=True)

    def broken(*_):
        raise OverflowError('as from a number that nobody thought of')

    monkeypatch.setattr(profile.BehaviouralProfile, 'advance', broken)
    monkeypatch.setattr(watching.Watch, 'advance', broken)
    second, recalled = audit(conf, 120, watched=True)
    assert len(second.verdicts) == len(first.verdicts)
    assert any(isinstance(v.adjustment, Resize) for v in second.verdicts)
    assert second.seen.known is None
    assert recalled.profiling.memory is None and recalled.vigil.memory is None
    # what was kept before is not overwritten
    monkeypatch.undo()
    _, recalled = audit(conf, 120, watched=True)
    assert recalled.profiling.resumed == 6


def test_regimes_of_another_make_are_none():
    found = profile.BehaviouralProfile(1, 300)
    memory = remembering.Memory(
        model=profile.IDENTITY, instances=('a',), time=0, step_s=300,
        parts={n: p for n, p in found.parts().items() if n != 'segments.mass'},
    )  # fmt: skip
    assert own_models.regimes_of(memory) == {}
    assert own_models.regimes_of(None) == {}
