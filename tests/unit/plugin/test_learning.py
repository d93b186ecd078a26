"""What an audit learns is kept, and nothing of it stops a plan."""

from types import SimpleNamespace

from oslo_config import cfg

from predictive_watcher import wiring
from predictive_watcher.plugin import learning


def test_an_error_of_our_own_in_the_books_does_not_stop_the_audit(
    caplog, request
):
    conf = cfg.ConfigOpts()
    conf([])
    wiring.options(conf)
    conf.set_override('state_directory', '', 'predictive_watcher')
    request.addfinalizer(conf.reset)  # options are shared by all ConfigOpts
    nothing = SimpleNamespace(
        forecaster=SimpleNamespace(watch=None), proposal=None
    )
    learning.learn(conf, SimpleNamespace(), nothing)
    assert 'AttributeError' in caplog.text
    assert 'forecasts were not settled and kept' in caplog.text
