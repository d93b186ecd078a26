"""Validators that Nova loads, against the shape that Nova expects."""

import dataclasses
import importlib
import importlib.util
import re
import sys
import types

import pytest

from predictive_watcher import extra_specs
from predictive_watcher.core import fleet
from tests.fakes import cloud_data as data


@dataclasses.dataclass
class Validator:
    """The fields of nova.api.validation.extra_specs.base."""

    name: str
    description: str
    value: dict
    deprecated: bool = False
    parameters: list = dataclasses.field(default_factory=list)

    def allows(self, value):
        return bool(re.fullmatch(self.value['pattern'], value))


@pytest.fixture
def nova(monkeypatch):
    try:
        importlib.import_module('nova')
    except ImportError:
        base = types.ModuleType('nova.api.validation.extra_specs.base')
        base.ExtraSpecValidator = Validator
        monkeypatch.setitem(sys.modules, base.__name__, base)
        for name in (
            'nova',
            'nova.api',
            'nova.api.validation',
            'nova.api.validation.extra_specs',
        ):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))


def test_every_extra_spec_of_ours_has_a_validator(nova):
    names = {one.name for one in extra_specs.register()}
    assert names == {
        fleet.WEIGHT_SPEC,
        fleet.FAMILY_SPEC,
        *fleet.WEIGHT_SPECS.values(),
    }
    assert all(name.startswith('predictive:') for name in names)


@pytest.mark.parametrize(
    'value', ['4', '0.5', '1.0', '10', '0', '0.0', '-1', 'heavy', '', 'nan']
)
def test_nova_refuses_just_those_weights_that_an_audit_cannot_read(
    nova, value
):
    by_name = {one.name: one for one in extra_specs.register()}
    for key in (fleet.WEIGHT_SPEC, 'predictive:weight_cpu'):
        flavor = data.flavor('f', 2, 4, **{key.replace(':', '__'): value})
        pattern = by_name[key].value['pattern']
        assert bool(re.fullmatch(pattern, value)) == readable(flavor)


def readable(flavor):
    try:
        flavor.weights()
    except fleet.exceptions.InvalidExtraSpec:
        return False
    return True


def test_only_value_types_that_nova_knows_are_used():
    assert {one['value']['type'] for one in extra_specs.described()} == {str}


def test_nova_is_imported_only_when_it_asks():
    assert 'nova' not in sys.modules or importlib.util.find_spec('nova')
