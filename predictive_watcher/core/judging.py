"""Verdicts: what is said of each instance once the plan is made."""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import assessment
from predictive_watcher.core import claims
from predictive_watcher.core.adjustment import Verdict
from predictive_watcher.core.plan import PlanMaker


def at_worst(seen: assessment.Assessment, values: np.ndarray) -> list[float]:
    """Of each instance the value of the resource at the highest risk, of cpu
    where nothing is known.
    """
    chosen = values[np.arange(len(values)), seen.risk.worst()]
    return [float(value) for value in chosen]


def verdicts(maker: PlanMaker, rows: Sequence[int]) -> tuple[Verdict, ...]:
    """What is said of these instances in the end."""
    seen = maker.seen
    weights_now = at_worst(seen, seen.weights)
    base = at_worst(seen, seen.base_weights)
    amounts = adj.amount(
        seen.predicted, seen.limits, seen.weights, seen.ceiling[:, None]
    )
    limits = [claims.limits_of(policy) for policy in maker.own.policies]
    return tuple(
        _verdict(
            maker, row, weights_now[row], base[row], amounts[row],
            limits[maker.own.index[row]],
        )
        for row in rows
    )  # fmt: skip


def _verdict(
    maker: PlanMaker,
    row: int,
    weight: float,
    base_weight: float,
    amount: np.ndarray,
    budgets: Mapping[str, int],
) -> Verdict:
    seen = maker.seen
    notes = (
        seen.forecast.notes.get(maker.instance(row).id),
        maker.brakes.note(row),
    )
    return Verdict(
        instance=maker.instance(row),
        adjustment=maker.verdict(row),
        weight=weight,
        base_weight=base_weight,
        risk=seen.risk.risk[row],
        lead_s=seen.risk.lead_s[row],
        predicted=seen.predicted[row],
        limits=seen.limits[row],
        age_s=seen.age_s[row],
        model=seen.forecast.model_of(row),
        note='; '.join(filter(None, notes)),
        amount=amount,
        horizons=seen.risk.horizons[:, row],
        ceiling=float(seen.ceiling[row]),
        quantile_level=maker.policy_of(row).quantile_level,
        looked_at=tuple(maker.looked_at.get(row, ())),
        rules=maker.own.rules_of(row),
        rung=seen.rung(row),
        prior=seen.priors.get(maker.instance(row).id, ''),
        budgets=budgets,
    )
