"""What Watcher's cluster data model says: which servers an audit may touch.

Only names are taken from the model.  It is filled once an hour and misses
what happened since, so everything else is read from Nova itself.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Ids of the instances that may be touched, and the names of all hosts
    that the audit may use.
    """

    instances: frozenset[str]
    nodes: frozenset[str]


def scope_of(model: Any) -> Scope:
    """The scope of an audit from its (already scoped) compute model.

    Instances that Watcher marks ``watcher_exclude`` are none of its business.
    """
    return Scope(
        instances=frozenset(
            uuid
            for uuid, instance in model.get_all_instances().items()
            if not instance.watcher_exclude
        ),
        nodes=frozenset(
            node.hostname for node in model.get_all_compute_nodes().values()
        ),
    )
