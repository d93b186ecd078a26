"""A lost ledger, made again of the actions in Watcher's database.

The input parameters of each resize hold its lease: origin, flavor, expiry.
A ledger that nobody has made again yet, because it is new, is filled with the
leases that should be in force; the audit then compares them with the live
servers, as always, and gives up what its owner has changed meanwhile.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from oslo_log import log
from watcher import objects
from watcher.common import context as watcher_context

from predictive_watcher.core import leases
from predictive_watcher.plugin import action_inputs
from predictive_watcher.state import ledger as ledger_module


LOG = log.getLogger(__name__)
MARK = 'leases-of-watcher'
# Older ones are left to people: a lease lasts for hours, and what happened
# to a server since then is not known.
OLDEST_S = 7 * 86400
_PAGE = 500
_DONE = ('SUCCEEDED',)
# nobody knows whether these came: the live server tells
_DOUBTFUL = ('ONGOING', 'FAILED')


def recover(ledger: ledger_module.Ledger, now: int) -> int:
    """Fill a new ledger with the leases in force; how many there are.

    Only once for a ledger.
    """
    if ledger.is_marked(MARK):
        return 0
    found = unknown_to(ledger, leases_of(_actions(), now))
    for lease in found:
        ledger.begin(lease)
        LOG.warning(
            'the ledger is new: the lease of %s (%s) on %s, origin %s, is '
            'taken from the actions of Watcher',
            lease.instance_name,
            lease.instance_id,
            lease.pending_flavor_name or lease.flavor_name,
            lease.origin_flavor_name,
        )
    ledger.mark(MARK, now)
    return len(found)


def unknown_to(
    ledger: ledger_module.Ledger, found: Iterable[leases.Lease]
) -> list[leases.Lease]:
    """The leases of actions of which the ledger knows nothing.

    One that only is of an older release knows what came of them: what it
    has given up since then is its owner's now, and stays.
    """
    held = {lease.instance_id for lease in ledger.active_leases()}
    return [
        lease
        for lease in found
        if lease.instance_id not in held
        and not ledger.attempted(lease.instance_id, lease.since)
    ]


def leases_of(actions: Iterable[Any], now: int) -> list[leases.Lease]:
    """The leases that the newest resize of each instance left.

    :param actions: with ``state`` and ``input_parameters``, in any order.
    """
    newest: dict[str, tuple[int, Any, action_inputs.ResizeInput]] = {}
    for action in actions:
        given = _given(action)
        if given is None or given.decided_at < now - OLDEST_S:
            continue
        known = newest.get(given.resource_id)
        if known is None or known[0] < given.decided_at:
            newest[given.resource_id] = (given.decided_at, action, given)
    return [
        _lease(action.state, given)
        for _, action, given in newest.values()
        if given.kind != action_inputs.RELEASE or action.state in _DOUBTFUL
    ]


def _given(action: Any) -> action_inputs.ResizeInput | None:
    """What a resize of ours was told; None for what left no lease."""
    if action.action_type != action_inputs.RESIZE:
        return None
    if action.state not in (*_DONE, *_DOUBTFUL):
        return None
    told = dict(action.input_parameters)
    try:
        return action_inputs.ResizeInput(**told)
    except TypeError as error:
        LOG.warning(
            'action %s of Watcher is not understood and its lease, if any, '
            'is not taken over: %s',
            action.uuid,
            error,
        )
        return None


def _lease(state: str, given: action_inputs.ResizeInput) -> leases.Lease:
    """As the ledger had it: with what is pending where nobody knows.

    The flavor is pending in any case: what the live server shows counts.
    """
    return leases.Lease(
        instance_id=given.resource_id,
        instance_name=given.resource_name,
        project_id=given.project_id,
        audit=given.audit,
        origin_flavor_name=given.origin_flavor,
        flavor_name=given.source_flavor,
        pending_flavor_name=given.flavor_name,
        reason=given.reason,
        since=given.decided_at,
        expires_at=given.expires_at,
        origin_vcpus=given.origin_vcpus or None,
        origin_memory_mib=given.origin_memory_mib or None,
        origin_specs=given.origin_specs,
    )


def _actions() -> Iterator[Any]:
    """The actions in Watcher's database that may have left a lease."""
    objects.register_all()  # which Watcher's own services have done
    everything = watcher_context.make_context(is_admin=True)
    for state in (*_DONE, *_DOUBTFUL):
        marker = None
        while True:
            page = objects.Action.list(
                everything,
                limit=_PAGE,
                marker=marker,
                filters={'state': state},
            )
            yield from page
            if len(page) < _PAGE:
                break
            marker = page[-1]
