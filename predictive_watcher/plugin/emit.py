"""Verdicts become the actions of Watcher's solution."""

from collections.abc import Iterator
from typing import Any

from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.adjustment import Verdict
from predictive_watcher.core.leases import Lease
from predictive_watcher.plugin import action_inputs
from predictive_watcher.plugin import audit


_LOOKS_AHEAD_S = 900  # how far the forecast behind each action reaches


def actions_of(run: audit.Run) -> Iterator[dict[str, Any]]:
    """Arguments of the solution's ``add_action``, at most one an instance."""
    age_s = run.now - run.proposal.seen.forecast.origin
    common = {
        'decided_at': run.now,
        'valid_until': run.wall + max(0, _LOOKS_AHEAD_S - age_s),
    }
    for verdict in run.proposal.verdicts:
        lease = run.leases.get(verdict.instance.id)
        given = _input(verdict, lease, common)
        if given is not None:
            kind = (
                action_inputs.MIGRATE
                if isinstance(given, action_inputs.MigrateInput)
                else action_inputs.RESIZE
            )
            yield {
                'action_type': kind,
                'resource_id': verdict.instance.id,
                'input_parameters': given.parameters(),
            }


def _input(
    verdict: Verdict, lease: Lease | None, common: dict[str, int]
) -> action_inputs.ResizeInput | action_inputs.MigrateInput | None:
    instance, chosen = verdict.instance, verdict.adjustment
    told: dict[str, Any] = {
        **common,
        'resource_id': instance.id,
        'resource_name': instance.name,
        'project_id': instance.project_id,
        'reason': f'{chosen.reason}: {chosen.text}',
        'weight': verdict.weight,
        'explanation': explanation(verdict),
    }
    match chosen:
        case Hold():
            return None
        case Resize():
            # an instance that grows once more still returns to where the
            # first lease began
            origin = lease.origin_flavor_name if lease else None
            return action_inputs.ResizeInput(
                **told,
                kind=action_inputs.LEASE,
                flavor=chosen.flavor.id,
                flavor_name=chosen.flavor.name,
                source_flavor=instance.flavor.name,
                origin_flavor=origin or instance.flavor.name,
                expires_at=chosen.expires_at,
            )
        case Release():
            return action_inputs.ResizeInput(
                **told,
                kind=action_inputs.RELEASE,
                flavor=chosen.flavor.id,
                flavor_name=chosen.flavor.name,
                source_flavor=instance.flavor.name,
                origin_flavor=chosen.flavor.name,
                expires_at=common['decided_at'],
            )
        case Migrate():
            return action_inputs.MigrateInput(
                **told,
                source_node=instance.node,
                destination_node=chosen.node,
            )


def explanation(verdict: Verdict) -> dict[str, Any]:
    """The numbers behind an action, for its input parameters."""
    numbers: dict[str, Any] = {'resources': verdict.numbers()}
    match verdict.adjustment:
        case Resize(benefit=benefit, cost=cost, node=node):
            numbers.update(benefit=benefit, cost=cost, room_on=node)
        case Migrate(benefit=benefit, cost=cost):
            numbers.update(benefit=benefit, cost=cost)
        case Hold() | Release():
            pass
    return numbers
