"""Who moves together, as an audit remembers it."""

import dataclasses
import logging

import numpy as np
from oslo_config import cfg
import pytest

from predictive_watcher import conf as conf_module
from predictive_watcher.core import correlation
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leading
from predictive_watcher.core import moving
from predictive_watcher.core import pairs
from predictive_watcher.plugin import relations
from predictive_watcher.state import cache
from tests.fakes import cloud_data
from tests.unit.core import test_correlation as made_module


MADE = made_module.MADE
SITE = cloud_data.a_fleet(
    *(cloud_data.instance(name) for name in MADE.window.instances)
)


@pytest.fixture
def conf(tmp_path):
    made_here = cfg.ConfigOpts()
    conf_module.register_opts(made_here)
    made_here([])
    made_here.set_override(
        'state_directory', str(tmp_path), group='predictive_watcher'
    )
    yield made_here
    made_here.reset()  # a group's options are shared by all ConfigOpts


def learn(conf):
    correlating = relations.recalled(conf, 'one', {})
    found = correlating.learn(SITE, MADE.window, MADE.limits)
    relations.keep(conf, 'one', correlating, SITE.instances)
    return found


def test_the_next_audit_goes_on_with_what_was_kept(conf, tmp_path):
    first = learn(conf)
    assert first.time == MADE.window.end
    again = relations.recalled(conf, 'one', {})
    assert again.known.time == first.time
    memory = cache.read(
        tmp_path, cache.relations_name('one'), correlation.IDENTITY
    )
    assert set(memory.labels['project']) == {'p'}


def test_a_damaged_file_is_told_and_learned_anew(conf, tmp_path, caplog):
    learn(conf)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    assert relations.recalled(conf, 'one', {}).known is None
    assert 'learned anew' in caplog.text


def test_without_a_state_directory_nothing_is_kept(conf, tmp_path):
    conf.set_override('state_directory', '', group='predictive_watcher')
    assert learn(conf) is not None
    assert list(tmp_path.iterdir()) == []


def test_an_error_costs_no_plan(conf, caplog):
    correlating = relations.recalled(conf, 'one', {})
    caplog.set_level(logging.ERROR)
    assert correlating.learn(SITE, None, MADE.limits) is None
    assert 'please report' in caplog.text


def put(tmp_path, **parts):
    """Let what was kept be another, and whole all the same."""
    name = cache.relations_name('one')
    memory = cache.read(tmp_path, name, correlation.IDENTITY)
    both = {**memory.parts, **parts}
    cache.write(tmp_path, name, dataclasses.replace(memory, parts=both))


def test_what_cannot_be_gone_on_with_is_learned_anew(conf, tmp_path, caplog):
    learn(conf)
    put(tmp_path, move_last=np.zeros((2, moving.WIDTH), np.float32))
    assert learn(conf).time == MADE.window.end
    assert 'please report' in caplog.text
    caplog.clear()
    again = relations.recalled(conf, 'one', {})
    assert again.known.time == MADE.window.end
    assert not caplog.text


def test_what_breaks_while_it_is_learned_is_learned_anew(
    conf, tmp_path, caplog
):
    early = dataclasses.replace(
        MADE.window, start=MADE.window.start - 288 * 300
    )
    first = relations.recalled(conf, 'one', {})
    first.learn(SITE, early, MADE.limits)
    relations.keep(conf, 'one', first, SITE.instances)
    put(tmp_path, **pairs.Pairs(np.array([0]), np.array([99])).parts())
    found = learn(conf)
    assert found.time == MADE.window.end
    assert (found.pairs.second < len(MADE.window.instances)).all()
    assert relations.recalled(conf, 'one', {}).known.time == found.time


def test_a_forecast_that_cannot_be_raised_costs_only_who_leads(
    conf, caplog
):
    correlating = relations.recalled(conf, 'one', {})
    correlating.learn(SITE, MADE.window, MADE.limits)
    lead = leading.Leads(np.array([0]), np.array([99]), np.array([1]))
    correlating.known = dataclasses.replace(correlating.known, leads=lead)
    forecast = forecast_module.Forecast(
        instances=MADE.window.instances,
        origin=MADE.window.end,
        model='m',
        quantiles=np.zeros((len(MADE.window.instances), 4, 4, 9)),
    )
    told = correlating.raised(forecast, MADE.window, MADE.limits)
    assert told is forecast
    assert 'please report' in caplog.text
    assert correlating.known.leads.leader.tolist() == []


def test_a_folder_that_cannot_be_written_costs_no_plan(conf, tmp_path, caplog):
    blocked = tmp_path / 'a file'
    blocked.write_text('')
    conf.set_override(
        'state_directory', str(blocked / 'state'), group='predictive_watcher'
    )
    learn(conf)
    assert 'is not kept' in caplog.text
