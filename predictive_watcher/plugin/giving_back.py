"""Claims on budgets that nobody will make use of any more.

A plan that was cancelled or superseded is carried out by nobody, and what it
holds of an hour's budget would keep others from helping.  Only Watcher knows:
of a plan that it does not know yet the claims stay, until they run out.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from watcher import objects
from watcher.common import context as watcher_context

from predictive_watcher.core.claims import Claim
from predictive_watcher.plugin import action_inputs


_OURS = (action_inputs.RESIZE, action_inputs.MIGRATE)
# claims are young: no more plans of an audit can have any
_NEWEST = 20
_States = Mapping[tuple[str, str, int], tuple[str, str]]


def over(claims: Iterable[Claim], audit: str) -> frozenset[
    tuple[str, str, int]
]:
    """The keys of claims whose action will not be done, or has ended.

    :param audit: that is running: of its earlier plans none is about to be
        made, and Watcher cancels those that nobody has started.
    """
    claims = tuple(claims)
    states = {
        key: state
        for one in sorted({claim.audit for claim in claims})
        for key, state in _states(one).items()
    }
    return frozenset(
        one.key for one in claims if _is_over(one, states, audit)
    )


def _is_over(one: Claim, states: _States, audit: str) -> bool:
    own = one.audit == audit
    if one.key not in states:
        return own
    plan, action = states[one.key]
    state = objects.action_plan.State
    alive = [state.PENDING, state.ONGOING, state.CANCELLING]
    if not own:
        alive.append(state.RECOMMENDED)  # about to be started
    return plan not in alive or action in (
        objects.action.State.SUCCEEDED,
        objects.action.State.FAILED,
        objects.action.State.SKIPPED,
        objects.action.State.CANCELLED,
        objects.action.State.DELETED,
    )


def _states(audit: str) -> dict[tuple[str, str, int], tuple[str, str]]:
    """The states of plan and action, by the keys of their claims."""
    objects.register_all()  # which Watcher's own services have done
    everything = watcher_context.make_context(is_admin=True)
    plans = objects.ActionPlan.list(
        everything,
        limit=_NEWEST,
        filters={'audit_uuid': audit},
        sort_key='id',
        sort_dir='desc',
    )
    return {
        _key(action): (plan.state, action.state)
        for plan in plans
        for action in objects.Action.list(
            everything, filters={'action_plan_id': plan.id}
        )
        if action.action_type in _OURS
    }


def _key(action: Any) -> tuple[str, str, int]:
    told = action.input_parameters
    return told['audit'], told['resource_id'], told['decided_at']
