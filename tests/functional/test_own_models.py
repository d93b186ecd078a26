"""Audits of instances that have models of their own."""

import pytest

from predictive_watcher.models import card
from predictive_watcher.models import registry
from tests.fakes import models as models_module
from tests.functional.harness import loads
from tests.functional.harness.verdicts import verdicts


@pytest.fixture
def models(tmp_path, option):
    """A registry: one model for all, one for a flavor, one for the shop."""
    for name in ('usual', 'big', 'shop'):
        models_module.add(tmp_path, name)
    models_module.promote(tmp_path, 'usual-1')
    models_module.promote(tmp_path, 'big-1', 'flavor=lar*')
    models_module.promote(tmp_path, 'shop-1', 'application=shop')
    option('model_directory', str(tmp_path))
    return tmp_path


@pytest.fixture
def told(watcher, audit, boot, models):
    """What an audit says of four instances, by name."""

    def run():
        boot('ramp', loads.ramping(0.6, 1.78))
        boot('calm', loads.steady(0.6))
        boot('big', loads.steady(0.6), flavor='large')
        boot(
            'shop',
            loads.steady(0.6),
            flavor='large',
            metadata={'predictive:application': 'shop'},
        )
        uuid = audit()
        plan = watcher.first_plan(uuid)
        [action] = watcher.actions(plan['uuid'])
        found = verdicts(watcher, uuid)
        assert watcher.audit(uuid)['state'] == 'ONGOING'
        return found, action['input_parameters']

    return run


def test_each_instance_is_forecast_by_its_own_model(told):
    found, action = told()
    assert {name: v['model'] for name, v in found.items()} == {
        'ramp': 'usual-1',
        'calm': 'usual-1',
        'big': 'big-1',
        'shop': 'shop-1',
    }
    assert {v['note'] for v in found.values()} == {''}
    assert found['ramp']['reason'] == 'violation_expected'
    assert found['big']['reason'] == found['shop']['reason'] == 'low_risk'
    assert action['explanation']['model'] == 'usual-1'


def test_a_tampered_model_leaves_its_instances_to_the_default_and_says_so(
    told, models
):
    path = models / 'big-1' / card.MODEL
    path.write_bytes(path.read_bytes()[:-1] + b'?')
    found, _ = told()
    assert found['big']['model'] == 'usual-1'
    assert found['big']['reason'] == 'low_risk'
    assert str(path) in found['big']['note']
    assert 'sha256' in found['big']['note']
    assert (found['shop']['model'], found['shop']['note']) == ('shop-1', '')
    assert found['ramp']['reason'] == 'violation_expected'


def test_without_a_default_champion_the_model_of_the_package_stands_in(
    told, models
):
    (models / registry.CHAMPION).unlink()
    models_module.promote(models, 'big-1', 'flavor=small')
    found, action = told()
    assert found['big']['model'] == registry.load().name
    assert found['ramp']['model'] == action['explanation']['model'] == 'big-1'
