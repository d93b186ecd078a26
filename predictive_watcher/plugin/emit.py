"""Verdicts become the actions of Watcher's solution."""

from collections.abc import Iterator
from typing import Any

from predictive_watcher.core import claims
from predictive_watcher.core import fleet
from predictive_watcher.core.adjustment import Confirm
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
    """Arguments of the solution's ``add_action``, at most one an instance.

    What brings most comes first: a few actions run at a time, and each takes
    a minute or two.  What brings nothing by itself, as a release, can wait.
    """
    age_s = run.now - run.proposal.seen.forecast.origin
    common: dict[str, Any] = {
        'audit': run.audit,
        'decided_at': run.now,
        'valid_until': run.wall + max(0, _LOOKS_AHEAD_S - age_s),
    }
    for verdict in sorted(run.proposal.verdicts, key=claims.by_gain):
        lease = run.proposal.leases.valid.get(verdict.instance.id)
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
    verdict: Verdict, lease: Lease | None, common: dict[str, Any]
) -> action_inputs.ResizeInput | action_inputs.MigrateInput | None:
    instance, chosen = verdict.instance, verdict.adjustment
    told = {
        **common,
        'resource_id': instance.id,
        'resource_name': instance.name,
        'project_id': instance.project_id,
        'reason': f'{chosen.reason}: {chosen.text}',
        'weight': verdict.weight,
        'budgets': dict(verdict.budgets),
        'explanation': explanation(verdict),
    }
    match chosen:
        case Hold():
            return None
        case Migrate():
            return action_inputs.MigrateInput(
                **told,
                source_node=instance.node,
                destination_node=chosen.node,
                server_flavor=instance.flavor.name,
            )
        case Resize(flavor=flavor, expires_at=expires_at):
            kind, landing = action_inputs.LEASE, _landing(chosen)
        case Release(flavor=flavor):
            kind, landing = action_inputs.RELEASE, _landing(chosen)
            expires_at = common['decided_at']
        case Confirm(flavor=flavor):
            kind, landing = action_inputs.CONFIRM, {}
            expires_at = lease.expires_at if lease else common['decided_at']
    source = instance.flavor.name
    if lease and kind == action_inputs.CONFIRM:
        source = lease.flavor_name
    return action_inputs.ResizeInput(
        **told,
        kind=kind,
        flavor=flavor.id,
        flavor_name=flavor.name,
        source_flavor=source,
        # one that grows once more still returns to where its lease began
        origin_flavor=lease.origin_flavor_name if lease else source,
        expires_at=expires_at,
        **_origin(instance.flavor, lease),
        **landing,
    )


def _origin(flavor: fleet.Flavor, lease: Lease | None) -> dict[str, Any]:
    """What the origin offers: that of the lease, or what is there now."""
    if lease is None:
        return {
            'origin_vcpus': flavor.vcpus,
            'origin_memory_mib': flavor.memory_mib,
            'origin_specs': dict(flavor.extra_specs),
        }
    return {
        'origin_vcpus': lease.origin_vcpus or 0,
        'origin_memory_mib': lease.origin_memory_mib or 0,
        'origin_specs': lease.origin_specs,
    }


def _landing(chosen: Resize | Release) -> dict[str, Any]:
    return {'fit_node': chosen.node, 'unfit_nodes': chosen.unfit}


def explanation(verdict: Verdict) -> dict[str, Any]:
    """The numbers behind an action, for its input parameters."""
    numbers: dict[str, Any] = {
        'resources': verdict.numbers(),
        'model': verdict.model,
        **({'note': verdict.note} if verdict.note else {}),
        **({'rules': list(verdict.rules)} if verdict.rules else {}),
    }
    match verdict.adjustment:
        case Resize(benefit=benefit, cost=cost, node=node):
            numbers.update(benefit=benefit, cost=cost, room_on=node)
        case Migrate(benefit=benefit, cost=cost, node_risk=node_risk):
            numbers.update(benefit=benefit, cost=cost, node_risk=node_risk)
        case Hold() | Release() | Confirm():
            pass
    return numbers
