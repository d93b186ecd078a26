"""What a planned resize is to bring, written down to be settled later."""

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import outcomes
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.adjustment import Verdict
from predictive_watcher.core.assessment import Assessment


_SETTLED_S = 900


def of_plan(
    verdicts: tuple[Verdict, ...],
    seen: Assessment,
    *,
    audit: str,
    now: int,
    benefit_factor: float,
) -> list[outcomes.Expected]:
    """What the resizes of a plan are to bring.

    :param benefit_factor: by which their benefit was corrected.
    """
    return [
        _expected(
            verdict, verdict.adjustment, seen, audit, now, benefit_factor
        )
        for verdict in verdicts
        if isinstance(verdict.adjustment, Resize)
        and verdict.adjustment.reason is Reason.VIOLATION_EXPECTED
        and np.isfinite(verdict.risk).any()
    ]


def _expected(
    verdict: Verdict,
    chosen: Resize,
    seen: Assessment,
    audit: str,
    now: int,
    benefit_factor: float,
) -> outcomes.Expected:
    """Of the resource with the highest risk."""
    row = seen.forecast.instances.index(verdict.instance.id)
    r = int(np.nanargmax(verdict.risk))
    return outcomes.Expected(
        instance_id=verdict.instance.id,
        decided_at=now,
        audit=audit,
        kind='resize',
        resource=fleet.RESOURCES[r].value,
        ceiling=float(seen.ceiling[row]),
        limit_before=float(verdict.limits[r]),
        limit_after=float(chosen.flavor.limits()[r]),
        predicted=float(verdict.predicted[r]),
        risk=float(verdict.risk[r]),
        expected_s=chosen.benefit / max(verdict.weight * benefit_factor, 1e-9),
        until=now + _SETTLED_S + int(seen.excess_s[row, r]),
    )
