"""A verdict with all the numbers behind it, as JSON can hold it."""

from typing import Any

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import fleet
from predictive_watcher.core import jsonable
from predictive_watcher.core import risk as risk_module
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.adjustment import Verdict


_HORIZONS = tuple(map(str, risk_module.HORIZONS_S))


def plain(verdict: Verdict) -> dict[str, Any]:
    """What is published of each verdict."""
    chosen = verdict.adjustment
    return {
        'instance': verdict.instance.id,
        'name': verdict.instance.name,
        'project': verdict.instance.project_id,
        'node': verdict.instance.node,
        'adjustment': type(chosen).__name__.lower(),
        'reason': chosen.reason.value,
        'text': chosen.text,
        'weight': verdict.weight,
        'base_weight': verdict.base_weight,
        'model': verdict.model,
        'note': verdict.note,
        'rules': list(verdict.rules),
        'rung': verdict.rung.code,
        'prior': verdict.prior,
        'resources': verdict.numbers(),
    }


def full(verdict: Verdict) -> dict[str, Any]:
    """The same with the risk at each horizon, what was looked at, and what is
    done: for whoever asks for one instance.
    """
    told = plain(verdict)
    at = jsonable.known(verdict.horizons)
    for i, resource in enumerate(fleet.RESOURCES):
        told['resources'][resource.value]['risk_at'] = {
            name: row[i] for name, row in zip(_HORIZONS, at, strict=False)
        }
    told.update(
        flavor=verdict.instance.flavor.name,
        ceiling=verdict.ceiling,
        quantile_level=verdict.quantile_level,
        rules=list(verdict.rules),
        looked_at=list(verdict.looked_at),
        plan=_plan(verdict.adjustment),
    )
    return told


def _plan(chosen: adj.Adjustment) -> dict[str, Any]:
    match chosen:
        case Hold():
            return {}
        case Resize():
            return {
                'flavor': chosen.flavor.name,
                'room_on': chosen.node,
                'unfit_nodes': list(chosen.unfit),
                'expires_at': chosen.expires_at,
                'benefit': round(chosen.benefit, 1),
                'cost': round(chosen.cost, 1),
            }
        case Migrate():
            return {
                'to': chosen.node,
                'node_risk': round(chosen.node_risk, 4),
                'benefit': round(chosen.benefit, 1),
                'cost': round(chosen.cost, 1),
            }
        case Release() | Confirm():
            return {'flavor': chosen.flavor.name}
