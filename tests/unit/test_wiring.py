"""What is built once in a process, and what is built anew."""

import os
import shutil

from oslo_config import cfg
import pytest

from predictive_watcher import wiring
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
