"""The scoring engines, with the model that comes with the package."""

import json

from oslo_config import cfg
import pytest

from predictive_watcher import conf as conf_module
from predictive_watcher import exceptions
from predictive_watcher.plugin import scoring


@pytest.fixture
def options():
    conf_module.register_opts(cfg.CONF)
    yield cfg.CONF
    cfg.CONF.clear_override('model_directory', group='predictive_watcher')


def engines():
    return scoring.PredictiveModels.get_scoring_engine_list()


def features(**other):
    steps = 96
    given = {
        'usage': {
            'cpu': [0.5] * steps,
            'memory': [1024] * steps,
            'disk': [None] * steps,
        },
        'end': 1_750_000_200,
        'limits': {'cpu': 2.0, 'memory': 4096},
    }
    return json.dumps({**given, **other})


def test_the_shipped_model_is_an_engine(options):
    assert [e.get_name() for e in engines()] == ['predictive_shipped']


def test_a_configured_model_is_a_second_engine(options, tmp_path):
    options.set_override(
        'model_directory', str(tmp_path), group='predictive_watcher'
    )
    names = [e.get_name() for e in engines()]
    assert names == ['predictive_shipped', 'predictive_configured']


def test_metainfo_is_the_card(options):
    card = json.loads(engines()[0].get_metainfo())
    assert card['levels'] and card['file']['sha256']


def test_metainfo_is_the_same_each_time_it_is_read(options):
    assert engines()[0].get_metainfo() == engines()[0].get_metainfo()


def test_a_damaged_model_is_listed_with_its_error(options, tmp_path):
    (tmp_path / 'card.json').write_text('{"name": ')
    options.set_override(
        'model_directory', str(tmp_path), group='predictive_watcher'
    )
    shipped, damaged = engines()
    assert 'error' not in json.loads(shipped.get_metainfo())
    assert 'not JSON' in json.loads(damaged.get_metainfo())['error']
    assert damaged.get_description()


def test_a_score_has_quantiles_and_risk(options):
    score = json.loads(engines()[0].calculate_score(features()))
    quantiles = score['quantiles']['cpu']['max900']
    assert sorted(quantiles.values()) == list(quantiles.values())
    assert 0 <= score['risk']['cpu'] <= 1


def test_the_tighter_the_limit_the_higher_the_risk(options):
    engine = engines()[0]

    def risk(limit):
        given = features(limits={'cpu': limit, 'memory': 4096})
        return json.loads(engine.calculate_score(given))['risk']['cpu']

    assert risk(0.5) > risk(4.0)


def test_what_has_no_sample_has_no_score(options):
    score = json.loads(engines()[0].calculate_score(features()))
    assert set(score['quantiles']['disk']['300'].values()) == {None}


@pytest.mark.parametrize(
    'given',
    ['no JSON', '[]', '{}', features(usage={}), features(limits={'cpu': 'x'})],
)
def test_features_of_another_form_are_refused_with_the_right_one(
    options, given
):
    with pytest.raises(exceptions.InvalidInput, match='give'):
        engines()[0].calculate_score(given)
