"""What is built once in a process, and what is built anew."""

import gc
import os
import shutil
import weakref

from oslo_config import cfg
import pytest

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.cli import site
from predictive_watcher.models import registry


@pytest.fixture
def conf(tmp_path):
    directory = tmp_path / 'model'
    shutil.copytree(registry.SHIPPED, directory)
    conf = cfg.ConfigOpts()
    conf([])
    wiring.options(conf)
    conf.set_override(
        'model_directory', str(directory), group='predictive_watcher'
    )
    yield conf
    conf.reset()  # a group's options are shared by all ConfigOpts


def test_the_model_is_read_once_in_a_process(conf):
    assert wiring.forecaster(conf) is wiring.forecaster(conf)


def test_a_model_that_was_replaced_is_noticed(conf, tmp_path):
    before = wiring.forecaster(conf)
    os.utime(tmp_path / 'model' / 'card.json', ns=(1, 1))
    assert wiring.forecaster(conf) is not before


def telemetry_of(conf, **given):
    for name, value in given.items():
        conf.set_override(name, value, group='predictive_watcher')
    return wiring.telemetry(conf, session=None)


@pytest.fixture
def sections(conf):
    """Those of Watcher that say where services are."""
    for group, names in site.WATCHER_OPTS.items():
        conf.register_opts(names, group=group)
    return conf


@pytest.mark.parametrize('name', ['gnocchi', 'aetos', 'prometheus'])
def test_usage_is_read_from_where_it_is_configured(sections, name):
    source = telemetry_of(
        sections, telemetry=name, prometheus_url='http://localhost:9090'
    )
    assert source.name == name


def test_prometheus_without_a_url_is_refused_with_advice(sections):
    with pytest.raises(exceptions.InvalidConfig, match='prometheus_url'):
        telemetry_of(sections, telemetry='prometheus')


def test_a_model_that_was_replaced_is_not_kept(conf, tmp_path):
    before = weakref.ref(wiring.forecaster(conf))
    os.utime(tmp_path / 'model' / 'card.json', ns=(1, 1))
    wiring.forecaster(conf)
    gc.collect()
    assert before() is None


def identity_of(sections, **given):
    return telemetry_of(sections, **given).identity


def test_a_url_is_part_of_what_a_source_is_and_its_password_is_not(sections):
    one, other, secret = (
        identity_of(sections, telemetry='prometheus', prometheus_url=url)
        for url in (
            'http://one:9090', 'http://two:9090', 'http://me:pass@one:9090',
        )
    )  # fmt: skip
    assert one != other
    assert one == secret


def test_metrics_of_conditions_are_part_of_what_a_source_is(sections):
    plain = identity_of(sections, telemetry='gnocchi')
    steal = identity_of(sections, steal_metric='vcpus.delay')
    kind = identity_of(sections, steal_kind='seconds')
    active = identity_of(sections, activity_metric='logins')
    assert len({plain, steal, kind, active}) == 4
