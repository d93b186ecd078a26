import logging

from oslo_config import cfg
import pytest

from predictive_watcher import conf as conf_module
from predictive_watcher.plugin import recall
from tests.unit.training import made


@pytest.fixture
def conf(tmp_path):
    made_here = cfg.ConfigOpts()
    conf_module.register_opts(made_here)
    made_here([])
    made_here.set_override(
        'state_directory', str(tmp_path / 'state'), group='predictive_watcher'
    )
    return made_here


def audit(conf, name='one'):
    forecaster = recall.remembering_of(conf, name)
    found = forecaster.forecast(made.window(steps=40), made.limits())
    recall.keep(conf, name, forecaster, wall=0)
    return found, forecaster.resumed


def test_the_second_audit_goes_on_where_the_first_was(conf):
    _, resumed = audit(conf)
    assert resumed == 0
    _, resumed = audit(conf)
    assert resumed == 6
    _, resumed = audit(conf, 'other')
    assert resumed == 0


def test_a_damaged_state_is_made_again_and_told(conf, tmp_path, caplog):
    first, _ = audit(conf)
    [path] = (tmp_path / 'state').iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with caplog.at_level(logging.WARNING):
        second, resumed = audit(conf)
    assert resumed == 0
    assert (first.quantiles == second.quantiles).all()
    assert 'damaged' in caplog.text and 'from its history' in caplog.text
    assert audit(conf)[1] == 6


def test_a_state_that_cannot_be_kept_stops_nothing(conf, tmp_path, caplog):
    (tmp_path / 'state').write_text('in the way')
    with caplog.at_level(logging.WARNING):
        assert audit(conf)[1] == 0
        assert audit(conf)[1] == 0
    assert 'is not kept' in caplog.text and 'state_directory' in caplog.text


def test_without_a_folder_nothing_is_kept(conf, tmp_path):
    conf.set_override('state_directory', '', group='predictive_watcher')
    assert audit(conf)[1] == 0
    assert audit(conf)[1] == 0
    assert list(tmp_path.iterdir()) == []
