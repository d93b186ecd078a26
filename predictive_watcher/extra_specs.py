"""Validators of our extra specs, for Nova's API.

Nova finds `register` through the entry point group
``nova.api.extra_spec_validators`` where this package is installed beside
nova-api, and then refuses a flavor with ``predictive:weight=heavy`` (from
microversion 2.86), instead of leaving its servers without any adjustment.
Nothing else here needs Nova, so it is imported when Nova asks.
"""

import importlib
from typing import Any

from predictive_watcher.core import fleet


# above zero, without exponent: 4, 0.5, 2.25
POSITIVE = r'0*[1-9][0-9]*(\.[0-9]+)?|0*\.0*[1-9][0-9]*'
FAMILY = r'[A-Za-z0-9_.\-]{1,64}'


def register() -> list[Any]:
    """One ExtraSpecValidator for each of our extra specs."""
    base = importlib.import_module('nova.api.validation.extra_specs.base')
    return [base.ExtraSpecValidator(**given) for given in described()]


def described() -> list[dict[str, Any]]:
    """Name, meaning and form of each of our extra specs."""
    found = [
        {
            'name': fleet.WEIGHT_SPEC,
            'description': 'The weight of an instance when a plan of Watcher '
            'serves those that are about to violate a limit: the heavier '
            'comes first and gets more. Positive; 1 where it is not set.',
            'value': {'type': str, 'pattern': POSITIVE},
        },
        {
            'name': fleet.FAMILY_SPEC,
            'description': 'The family of the flavor: an instance may be '
            'leased larger flavors of the same family only.',
            'value': {'type': str, 'pattern': FAMILY},
        },
    ]
    for resource, key in fleet.WEIGHT_SPECS.items():
        found.append(
            {
                'name': key,
                'description': f'The weight where {resource.value} is '
                f'concerned; {fleet.WEIGHT_SPEC} where it is not set.',
                'value': {'type': str, 'pattern': POSITIVE},
            }
        )
    return found
