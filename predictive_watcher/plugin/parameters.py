"""What can be chosen for each audit: the parameters of the strategy."""

from collections.abc import Mapping
import copy
from dataclasses import dataclass
from typing import Any

from predictive_watcher.core import policy


# Watcher stores this schema as text and cancels the audits of the strategy
# when the text changes: it holds literals only, and changing it belongs in
# the release notes as an upgrade step.
SCHEMA: Mapping[str, Any] = {
    '$schema': 'http://json-schema.org/draft-04/schema#',
    'type': 'object',
    'properties': {
        'risk_threshold': {
            'description': 'Act where the chance of a violation within 15 '
            'minutes is this or more.',
            'type': 'number',
            'default': 0.5,
            'minimum': 0.05,
            'maximum': 0.99,
        },
        'release_threshold': {
            'description': 'End a lease where the chance of a violation at '
            'the own flavor is below this; must be below risk_threshold.',
            'type': 'number',
            'default': 0.1,
            'minimum': 0.0,
            'maximum': 0.98,
        },
        'begin_threshold': {
            'description': 'A lease begins at this chance of a violation '
            'already, where that is lower than risk_threshold.',
            'type': 'number',
            'default': 1.0,
            'minimum': 0.05,
            'maximum': 1.0,
        },
        'weight_urgency': {
            'description': 'The chance at which a lease begins is divided by '
            'the weight to this power: 0, all alike; 0.5, half of the risk '
            'is enough for weight 4.',
            'type': 'number',
            'default': 0.0,
            'minimum': 0.0,
            'maximum': 1.0,
        },
        'ceiling': {
            'description': 'Share of a limit from which its use counts as a '
            'violation.',
            'type': 'number',
            'default': 0.9,
            'minimum': 0.1,
            'maximum': 1.0,
        },
        'quantile_level': {
            'description': 'Quantile of the predicted use that an '
            'adjustment has to cover.',
            'type': 'number',
            'default': 0.95,
            'enum': [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99],
        },
        'actions': {
            'description': 'What the plan may contain.',
            'type': 'array',
            'items': {'type': 'string', 'enum': ['resize', 'live_migrate']},
            'default': ['resize', 'live_migrate'],
        },
        'max_actions': {
            'description': 'Largest number of actions in one plan.',
            'type': 'integer',
            'default': 5,
            'minimum': 0,
        },
        'max_actions_per_node': {
            'description': 'Largest number of actions in one plan that '
            'burden the same node.',
            'type': 'integer',
            'default': 2,
            'minimum': 1,
        },
        'lease_minimum': {
            'description': 'Seconds that a lease lasts at least; for how '
            'long it waits for a need that returns is told by lease_cost, '
            'or where no profile knows the instance, 96 times this if it '
            'comes again within a day.',
            'type': 'integer',
            'default': 900,
            'minimum': 0,
        },
        'lease_duration': {
            'description': 'Seconds after which a lease expires; it goes on '
            'only where the risk still asks for it.',
            'type': 'integer',
            'default': 3600,
            'minimum': 300,
        },
        'lease_cost': {
            'description': 'What an hour of a core that is lent, with its '
            'share of memory, counts as, in weighted seconds of violation: '
            'the more, the sooner leases end and the more often they begin '
            'again.',
            'type': 'number',
            'default': 120.0,
            'minimum': 0.0,
        },
        'max_growth': {
            'description': 'How many times as large as its own flavor an '
            'instance may become.',
            'type': 'number',
            'default': 4.0,
            'minimum': 1.0,
        },
        'cooldown': {
            'description': 'Seconds for which an instance is left alone '
            'after an action, and after one that failed.',
            'type': 'integer',
            'default': 1800,
            'minimum': 0,
        },
        'cost_factor': {
            'description': 'How much a second of interruption counts '
            'against a second of violation.',
            'type': 'number',
            'default': 1.0,
            'minimum': 0.0,
        },
        'resize_interruption': {
            'description': 'Seconds for which a resize stops the guest.',
            'type': 'number',
            'default': 60.0,
            'minimum': 0.0,
        },
        'resize_duration': {
            'description': 'Seconds from the order to resize until the new '
            'limits hold.',
            'type': 'number',
            'default': 120.0,
            'minimum': 0.0,
        },
        'migration_interruption': {
            'description': 'Seconds for which a live migration stops the '
            'guest.',
            'type': 'number',
            'default': 1.0,
            'minimum': 0.0,
        },
        'migration_duration': {
            'description': 'Seconds from the order to migrate until the '
            'guest runs on the other node.',
            'type': 'number',
            'default': 60.0,
            'minimum': 0.0,
        },
        'observe_only': {
            'description': 'Give verdicts, but propose no action.',
            'type': 'boolean',
            'default': False,
        },
    },
}


def schema() -> dict[str, Any]:
    """A copy of the schema, for Watcher to keep."""
    return copy.deepcopy(dict(SCHEMA))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What one audit was told."""

    policy: policy.Policy
    observe_only: bool

    @classmethod
    def from_input(
        cls,
        given: Mapping[str, Any],
        *,
        stale_after_s: int,
        family_pattern: str = '',
    ) -> 'Parameters':
        """Read the audit's parameters, which Watcher has validated.

        An audit that was created before a parameter existed gets its
        default.

        :param stale_after_s: like ``family_pattern`` the site's option of
            that name.
        :raises InvalidInput: where values do not go together.
        """
        value = {
            name: given.get(name, spec['default'])
            for name, spec in SCHEMA['properties'].items()
        }
        return cls(
            policy=policy.Policy(
                risk_threshold=value['risk_threshold'],
                release_threshold=value['release_threshold'],
                begin_threshold=value['begin_threshold'],
                weight_urgency=value['weight_urgency'],
                ceiling=value['ceiling'],
                quantile_level=value['quantile_level'],
                allow_resize='resize' in value['actions'],
                allow_migrate='live_migrate' in value['actions'],
                max_actions=value['max_actions'],
                max_actions_per_node=value['max_actions_per_node'],
                lease_minimum_s=value['lease_minimum'],
                lease_duration_s=value['lease_duration'],
                max_growth=value['max_growth'],
                cooldown_s=value['cooldown'],
                lease_cost=value['lease_cost'],
                cost_factor=value['cost_factor'],
                resize_interruption_s=value['resize_interruption'],
                resize_duration_s=value['resize_duration'],
                migration_interruption_s=value['migration_interruption'],
                migration_duration_s=value['migration_duration'],
                stale_after_s=stale_after_s,
                family_pattern=family_pattern,
            ),
            observe_only=value['observe_only'],
        )
