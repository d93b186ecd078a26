"""The form of a policy file, as a JSON Schema (draft 7).

What a schema cannot say, such as whether a cron expression has a meaning, is
checked in `reading`.
"""

from collections.abc import Mapping
from typing import Any

from predictive_watcher.core import anomaly
from predictive_watcher.core import forecast
from predictive_watcher.core import policy


Schema = dict[str, Any]


def _object(*, least: int = 0, **properties: Schema) -> Schema:
    return {
        'type': 'object',
        'properties': properties,
        'additionalProperties': False,
        'minProperties': least,
    }


def _number(low: float, high: float) -> Schema:
    return {'type': 'number', 'minimum': low, 'maximum': high}


def _count(high: int = 1_000_000) -> Schema:
    return {'type': 'integer', 'minimum': 0, 'maximum': high}


# one value or several; an empty one would be a slip
_PATTERNS: Schema = {
    'type': ['string', 'array'],
    'minLength': 1,
    'minItems': 1,
    'items': {'type': 'string', 'minLength': 1},
}
_TEXT: Schema = {'type': 'string', 'minLength': 1}
# seconds, or text such as 1h30m
_DURATION: Schema = {'type': ['integer', 'string'], 'minimum': 0}
_WINDOW: Schema = {
    **_object(cron=_TEXT, duration=_DURATION, timezone=_TEXT),
    'required': ['cron', 'duration'],
}
_WINDOWS: Schema = {
    **_WINDOW,
    'type': ['object', 'array'],
    'minItems': 1,
    'items': _WINDOW,
}

_MATCH = _object(
    instance=_PATTERNS,
    user=_PATTERNS,
    project=_PATTERNS,
    image=_PATTERNS,
    flavor=_PATTERNS,
    host=_PATTERNS,
    aggregate=_PATTERNS,
    weight={
        **_object(least=1, min=_number(0, 1e9), max=_number(0, 1e9)),
        'type': ['number', 'object'],
        'minimum': 0,
        'maximum': 1e9,
    },
    metadata={
        'type': 'object',
        'minProperties': 1,
        'additionalProperties': _PATTERNS,
    },
    during=_WINDOWS,
)

_SET = _object(
    least=1,
    weight_factor={'type': 'number', 'exclusiveMinimum': 0, 'maximum': 1000},
    weight_urgency=_number(0.0, 1.0),
    risk_threshold=_number(0.05, 0.99),
    begin_threshold=_number(0.05, 1.0),
    release_threshold=_number(0.0, 0.98),
    quantile_level={'type': 'number', 'enum': list(forecast.LEVELS)},
    ceiling=_number(0.1, 1.0),
    horizon={
        'type': 'integer',
        'enum': [seconds // 60 for seconds in forecast.HORIZONS_S],
    },
    actions={
        'type': 'array',
        'items': {'type': 'string', 'enum': ['resize', 'live_migrate']},
        'uniqueItems': True,
    },
    max_growth=_number(1.0, 1000.0),
    largest_flavor=_TEXT,
    application={**_TEXT, 'maxLength': 255},
    cooldown=_DURATION,
    lease_minimum=_DURATION,
    lease_duration=_DURATION,
    lease_cost=_number(0.0, 1e6),
    cost_factor=_number(0.0, 1e6),
    observe_only={'type': 'boolean'},
    observation_time=_DURATION,
    no_actions_during=_WINDOWS,
    actions_only_during=_WINDOWS,
    budgets=_object(
        least=1,
        per_audit=_count(),
        per_node=_count(),
        per_hour=_count(),
        per_project_hour=_count(),
        per_instance_hour=_count(),
        per_instance_day=_count(),
        unwatched=_count(),
    ),
    anomalies={
        'type': 'object',
        'minProperties': 1,
        'properties': {
            kind.value: {
                'type': 'string',
                'enum': [reaction.value for reaction in policy.Reaction],
            }
            for kind in anomaly.Kind
        },
        'additionalProperties': False,
    },
)

SETTINGS: Mapping[str, Any] = _SET['properties']

_RULE: Schema = {
    **_object(
        name={'type': 'string', 'minLength': 1, 'maxLength': 200},
        priority={'type': 'integer', 'minimum': -1000, 'maximum': 1000},
        match=_MATCH,
        set=_SET,
    ),
    'required': ['name', 'set'],
}

FILE: Mapping[str, Any] = {
    '$schema': 'http://json-schema.org/draft-07/schema#',
    **_object(timezone=_TEXT, rules={'type': 'array', 'items': _RULE}),
    'required': ['rules'],
}
