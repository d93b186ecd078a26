"""The strategy's parameters, as Watcher stores and checks them."""

import ast

import jsonschema
import pytest
from watcher.common import exception
from watcher.common import utils

from predictive_watcher import exceptions
from predictive_watcher.core import forecast
from predictive_watcher.core import policy
from predictive_watcher.plugin import parameters


def validated(**given):
    """What a strategy gets after Watcher has checked it."""
    utils.StrictDefaultValidatingDraft4Validator(parameters.schema()).validate(
        given
    )
    return given


def test_the_schema_survives_being_stored_as_text():
    schema = parameters.schema()
    assert ast.literal_eval(str(schema)) == schema
    assert str(parameters.schema()) == str(schema)


def test_a_changed_copy_leaves_the_schema_alone():
    parameters.schema()['properties'].clear()
    assert parameters.schema()['properties']


def test_every_parameter_has_a_description_and_a_valid_default():
    for name, spec in parameters.SCHEMA['properties'].items():
        assert spec['description'].endswith('.'), name
        validated(**{name: spec['default']})


def test_defaults_are_those_of_the_policy():
    default = parameters.Parameters.from_input(validated(), stale_after_s=900)
    assert default.policy == policy.Policy(stale_after_s=900)
    assert default.observe_only is False


def test_the_quantile_level_is_one_that_is_forecast():
    levels = parameters.SCHEMA['properties']['quantile_level']['enum']
    assert tuple(levels) == forecast.LEVELS


def test_each_parameter_reaches_the_policy():
    changed = parameters.Parameters.from_input(
        validated(
            risk_threshold=0.6,
            release_threshold=0.2,
            begin_threshold=0.3,
            weight_urgency=0.5,
            ceiling=0.8,
            quantile_level=0.9,
            actions=['resize'],
            max_actions=1,
            max_actions_per_node=1,
            lease_minimum=60,
            lease_duration=600,
            lease_cost=30.0,
            cost_factor=2.0,
            resize_interruption=30,
            resize_duration=90,
            migration_interruption=2,
            migration_duration=20,
            observe_only=True,
        ),
        stale_after_s=1200,
    )
    assert changed.observe_only is True
    assert changed.policy == policy.Policy(
        risk_threshold=0.6,
        release_threshold=0.2,
        begin_threshold=0.3,
        weight_urgency=0.5,
        ceiling=0.8,
        quantile_level=0.9,
        allow_resize=True,
        allow_migrate=False,
        max_actions=1,
        max_actions_per_node=1,
        lease_minimum_s=60,
        lease_duration_s=600,
        lease_cost=30.0,
        cost_factor=2.0,
        resize_interruption_s=30,
        resize_duration_s=90,
        migration_interruption_s=2,
        migration_duration_s=20,
        stale_after_s=1200,
    )


def test_an_audit_older_than_a_parameter_gets_its_default():
    read = parameters.Parameters.from_input({}, stale_after_s=900)
    assert read.policy.risk_threshold == 0.5


def test_a_lease_that_would_end_at_the_risk_it_began_is_refused():
    with pytest.raises(exceptions.InvalidInput, match='release_threshold'):
        parameters.Parameters.from_input(
            validated(risk_threshold=0.3, release_threshold=0.3),
            stale_after_s=900,
        )


def test_an_unknown_parameter_is_refused_by_watcher():
    with pytest.raises(exception.AuditParameterNotAllowed):
        validated(risk_treshold=0.5)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('risk_threshold', 1.0),
        ('ceiling', 0),
        ('quantile_level', 0.94),
        ('actions', ['reboot']),
        ('max_actions', -1),
        ('observe_only', 'yes'),
    ],
)
def test_a_value_out_of_range_is_refused_by_watcher(name, value):
    with pytest.raises(jsonschema.ValidationError):
        validated(**{name: value})
