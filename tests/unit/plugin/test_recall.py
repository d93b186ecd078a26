import dataclasses
import logging
import shutil

import numpy as np
from oslo_config import cfg
import pytest

from predictive_watcher import conf as conf_module
from predictive_watcher.models import card
from predictive_watcher.plugin import recall
from tests.fakes import cloud_data
from tests.fakes import models as models_module
from tests.unit.training import made


DAY_S = 86400


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


def audit(conf, name='one', instances=(), leases=()):
    recalled = recall.recall(conf, name, instances, leases)
    found = recalled.forecaster.forecast(made.window(steps=40), made.limits())
    recall.keep(conf, name, recalled, wall=0)
    return found, sum(part.resumed for part in recalled.kept.values())


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


@pytest.fixture
def models(conf, tmp_path):
    """A registry: ``usual-1``, and ``large-1`` for the flavor large."""
    folder = tmp_path / 'models'
    for name in ('usual', 'large', 'shop'):
        models_module.add(folder, name)
    models_module.promote(folder, 'usual-1')
    models_module.promote(folder, 'large-1', 'flavor=large')
    conf.set_override(
        'model_directory', str(folder), group='predictive_watcher'
    )
    return folder


def fleet(**flavors):
    """Instances i0, i1, ... of the flavor small, but for those named."""
    return [
        cloud_data.instance(
            f'i{k}',
            flavor=cloud_data.flavor(flavors.get(f'i{k}', 'small'), 2, 4),
        )
        for k in range(6)
    ]


def models_of(found):
    return [found.model_of(row) for row in range(len(found.instances))]


def test_a_flavor_has_the_model_of_its_own(conf, models):
    found, _ = audit(conf, instances=fleet(i1='large', i4='large'))
    u, o = 'usual-1', 'large-1'
    assert models_of(found) == [u, o, u, u, o, u]
    shutil.rmtree(models)
    conf.clear_override('model_directory', group='predictive_watcher')
    alone, _ = audit(conf, 'alone')
    # all are the same network: nobody got the forecast of another instance
    assert np.array_equal(found.quantiles, alone.quantiles, equal_nan=True)


def test_the_application_comes_before_the_flavor(conf, models):
    models_module.promote(models, 'shop-1', 'application=shop')
    conf.set_override(
        'application_metadata', 'app', group='predictive_watcher'
    )
    instances = fleet(i1='large', i2='large')
    instances[2] = cloud_data.instance(
        'i2', flavor=cloud_data.flavor('large', 2, 4), metadata={'app': 'shop'}
    )
    found, _ = audit(conf, instances=instances)
    assert models_of(found)[1:3] == ['large-1', 'shop-1']


def nightly(begin, steps):
    """i1 runs a batch from 22:00 to 04:00; the others never do."""
    window = made.window(steps=steps)
    times = begin + 300 * np.arange(steps)
    used = np.full(window.usage.shape, 0.5, np.float32)
    used[1, (times // 3600 % 24 >= 22) | (times // 3600 % 24 < 4)] = 8.0
    return dataclasses.replace(window, start=begin, usage=used)


def behaved(conf, window):
    recalled = recall.recall(conf, 'one', fleet())
    found = recalled.forecaster.forecast(window, made.limits())
    recalled.profiling.learn(window)
    recall.keep(conf, 'one', recalled, wall=0)
    return found, recalled.forecaster


def test_a_segment_has_the_model_of_its_own_while_it_holds(conf, models):
    models_module.promote(models, 'shop-1', 'segment=night')
    u, o = 'usual-1', 'shop-1'
    by_night = 4 * DAY_S - 3600  # it is 23:00
    found, _ = behaved(conf, nightly(0, by_night // 300))
    assert models_of(found) == [u] * 6  # there were no profiles before
    found, asked = behaved(conf, nightly(0, by_night // 300 + 1))
    assert models_of(found) == [u, o, u, u, u, u]
    # both models go on with it, whichever is heard
    assert 'i1' in asked.default.memory.instances
    by_day = by_night + 12 * 3600
    behaved(conf, nightly(0, by_day // 300))
    found, asked = behaved(conf, nightly(0, by_day // 300 + 1))
    assert models_of(found) == [u] * 6
    [own] = asked.own
    assert own.forecaster.memory.instances == ('i1',)


def test_models_remember_for_themselves(conf, models):
    instances = fleet(i1='large', i4='large')
    assert audit(conf, instances=instances)[1] == 0
    found, resumed = audit(conf, instances=instances)
    assert resumed == 6
    # i1 is resized: the other model has to learn it from its history
    smaller, resumed = audit(conf, instances=fleet(i4='large'))
    assert resumed == 5
    assert models_of(smaller)[1] == 'usual-1'
    assert np.array_equal(found.quantiles, smaller.quantiles, equal_nan=True)
    assert audit(conf, instances=fleet(i4='large'))[1] == 6


@pytest.mark.parametrize(
    ('harm', 'said'),
    [
        (lambda p: (p / card.MODEL).write_bytes(b'no model'), '8 bytes'),
        (lambda p: (p / card.MODEL).unlink(), 'no such file'),
        (lambda p: (p / card.CARD).unlink(), 'no such file'),
        (lambda p: (p / card.CARD).write_text('{'), 'not JSON'),
        (lambda p: models_module.rewrite(p, version='2'), 'promoted was'),
    ],
)
def test_a_model_that_cannot_be_used_leaves_its_instances_to_the_default(
    conf, models, harm, said, caplog
):
    harm(models / 'large-1')
    with caplog.at_level(logging.WARNING):
        found, _ = audit(conf, instances=fleet(i1='large', i4='large'))
    assert models_of(found) == ['usual-1'] * 6
    assert np.isfinite(found.quantiles[1]).all()
    assert sorted(found.notes) == ['i1', 'i4']
    for text in (found.notes['i1'], caplog.text):
        assert str(models / 'large-1') in text and said in text
    assert 'usual-1 forecasts 2 instances' in caplog.text


def test_a_model_of_another_step_is_refused_for_its_instances_only(
    conf, models
):
    models_module.add(models, 'large', version='60', step_s=60)
    models_module.promote(models, 'large-60', 'flavor=large')
    found, _ = audit(conf, instances=fleet(i1='large'))
    assert models_of(found) == ['usual-1'] * 6
    assert 'steps of 60 s' in found.notes['i1']


def test_a_model_that_was_mended_is_used_again(conf, models):
    path = models / 'large-1' / card.MODEL
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    instances = fleet(i1='large')
    assert models_of(audit(conf, instances=instances)[0])[1] == 'usual-1'
    path.write_bytes(whole)
    found, resumed = audit(conf, instances=instances)
    assert models_of(found)[1] == 'large-1'
    assert found.notes == {}
    assert resumed == 5


def test_a_lease_does_not_change_the_model(conf, models):
    def lease(instance, now_flavor, origin):
        return cloud_data.lease(
            instance, flavor_name=now_flavor, origin_flavor_name=origin
        )

    leases = [
        lease('i1', 'large', 'small'),
        lease('i2', 'huge', 'large'),
        lease('i3', 'huge', 'large'),  # resized by hand since: it counts not
    ]
    found, _ = audit(
        conf, instances=fleet(i1='large', i2='huge', i3='tiny'), leases=leases
    )
    u, o = 'usual-1', 'large-1'
    assert models_of(found) == [u, u, o, u, u, u]


def test_a_model_may_be_that_of_several_and_of_all(conf, models):
    models_module.promote(models, 'large-1', 'flavor=huge')
    models_module.promote(models, 'usual-1', 'flavor=tiny')
    found, _ = audit(conf, instances=fleet(i1='large', i2='huge', i3='tiny'))
    u, o = 'usual-1', 'large-1'
    assert models_of(found) == [u, o, o, u, u, u]
    assert (
        audit(conf, instances=fleet(i1='large', i2='huge', i3='tiny'))[1] == 6
    )
