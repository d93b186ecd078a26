"""What an action is told: its input parameters in Watcher's database.

They hold all that is needed to check the action again when it runs, to
explain it to a person, and to write its lease into a ledger that was lost.
Times are Unix seconds.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from predictive_watcher.core import leases


RESIZE = 'predictive_resize'
MIGRATE = 'predictive_migrate'
LEASE = 'lease'
RELEASE = 'release'
CONFIRM = 'confirm'
_KINDS = {
    LEASE: leases.Kind.RESIZE,
    RELEASE: leases.Kind.RELEASE,
    CONFIRM: leases.Kind.CONFIRM,
}

_TEXT: Mapping[str, Any] = {'type': 'string', 'minLength': 1}
_TIME: Mapping[str, Any] = {'type': 'integer', 'minimum': 0}
_AMOUNT = _TIME
_UUID: Mapping[str, Any] = {
    'type': 'string',
    'pattern': '^[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}$',
}
_COMMON: Mapping[str, Any] = {
    'resource_id': _UUID,
    'resource_name': {'type': 'string'},
    'project_id': {'type': 'string'},
    'audit': _UUID,
    'reason': _TEXT,
    'decided_at': _TIME,
    'valid_until': _TIME,
    'weight': {'type': 'number', 'minimum': 0},
    'budgets': {'type': 'object', 'additionalProperties': _AMOUNT},
    'explanation': {'type': 'object'},
}


def _schema(**own: Mapping[str, Any]) -> dict[str, Any]:
    """Everything must be given that does not have a default."""
    properties = {**_COMMON, **own}
    return {
        'type': 'object',
        'properties': properties,
        'required': sorted(
            set(properties)
            - {
                'budgets', 'explanation', 'fit_node', 'unfit_nodes',
                'origin_vcpus', 'origin_memory_mib', 'origin_specs',
                'server_flavor',
            }  # fmt: skip
        ),
        'additionalProperties': False,
    }


RESIZE_SCHEMA = _schema(
    kind={'type': 'string', 'enum': [LEASE, RELEASE, CONFIRM]},
    flavor={'type': 'string'},  # '' where a flavor to confirm is gone
    flavor_name=_TEXT,
    source_flavor=_TEXT,
    origin_flavor=_TEXT,
    expires_at=_TIME,
    fit_node={'type': 'string'},
    unfit_nodes={'type': 'array', 'items': _TEXT},
    origin_vcpus=_AMOUNT,
    origin_memory_mib=_AMOUNT,
    origin_specs={
        'type': ['object', 'null'],
        'additionalProperties': {'type': 'string'},
    },
)
MIGRATE_SCHEMA = _schema(
    source_node=_TEXT, destination_node=_TEXT, server_flavor={'type': 'string'}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """What both actions are told.

    ``audit`` is the uuid of the audit that decided.  ``valid_until`` is when
    the forecast stops being one: Watcher keeps a plan for a day, a forecast
    looks 15 minutes ahead.  ``budgets`` are those of an hour and a day, by
    name.  ``explanation`` holds the numbers behind the
    decision.
    """

    resource_id: str
    resource_name: str
    project_id: str
    audit: str
    reason: str
    decided_at: int
    valid_until: int
    weight: float
    budgets: Mapping[str, int] = field(default_factory=dict)
    explanation: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """What the solution's ``add_action`` takes beside ``resource_id``."""
        values = asdict(self)
        del values['resource_id']
        if 'unfit_nodes' in values:  # a tuple is no JSON array
            values['unfit_nodes'] = list(values['unfit_nodes'])
        # Watcher keeps no None in parameters
        return {k: v for k, v in values.items() if v is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeInput(_Input):
    """A resize that begins a lease or ends one, or that only waits for its
    confirmation.

    ``flavor`` is the id to resize to, ``source_flavor`` the name of what the
    server had before this resize, ``origin_flavor`` the name of the one it
    has when no lease holds; ``expires_at`` is when the lease ends.  Of the
    host Nova has the choice: from one of ``unfit_nodes`` the server goes on to
    ``fit_node``.  ``origin_vcpus`` and ``origin_memory_mib`` are what the
    origin offers, 0 where nobody knows any more; ``origin_specs`` are its
    extra specs, None where nobody does.
    """

    kind: str
    flavor: str
    flavor_name: str
    source_flavor: str
    origin_flavor: str
    expires_at: int
    fit_node: str = ''
    unfit_nodes: Sequence[str] = ()
    origin_vcpus: int = 0
    origin_memory_mib: int = 0
    origin_specs: Mapping[str, str] | None = None

    @property
    def does(self) -> leases.Kind:
        """What the action is in the ledger."""
        return _KINDS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateInput(_Input):
    """A live migration between two named hosts.

    ``server_flavor`` is what the server had when there was room for it, ''
    where an older release decided.
    """

    source_node: str
    destination_node: str
    server_flavor: str = ''

    @property
    def does(self) -> leases.Kind:
        """What the action is in the ledger."""
        return leases.Kind.MIGRATE
