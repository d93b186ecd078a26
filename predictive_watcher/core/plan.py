"""A plan in the making: who is served, with what, within which budgets."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import placement as placement_module
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.assessment import Assessment
from predictive_watcher.core.fleet import RESOURCES
from predictive_watcher.core.policy import Policy


@dataclass(slots=True, kw_only=True)
class PlanMaker:
    """Decides row by row; holds what the plan has used up so far."""

    seen: Assessment
    policy: Policy
    flavors: Sequence[fleet_module.Flavor]
    place: placement_module.Placement
    missing: Mapping[str, str] = field(default_factory=dict)
    decided: dict[int, adj.Adjustment] = field(default_factory=dict)
    renewals: dict[str, int] = field(default_factory=dict)
    spent: Counter[str] = field(default_factory=Counter)

    def exclude(self, rows: Sequence[int]) -> None:
        """Hold what must not be touched and what nothing is known of."""
        for row in rows:
            hold = adj.untouchable(self.instance(row)) or self._unknown(row)
            if hold:
                self.decided[row] = hold

    def _unknown(self, row: int) -> Hold | None:
        seen = self.seen
        if row in seen.bad_specs:
            return Hold(reason=Reason.BAD_EXTRA_SPEC, text=seen.bad_specs[row])
        newest = int(seen.newest[row])
        if newest < 0:
            return Hold(
                reason=Reason.NO_SAMPLES,
                text='telemetry has no sample of this instance: '
                + self.missing.get(
                    self.instance(row).id, 'check that Ceilometer polls it'
                ),
            )
        if seen.now - newest > self.policy.stale_after_s:
            return Hold(
                reason=Reason.STALE_SAMPLES,
                text=f'the newest sample is {seen.now - newest} s old, more '
                f'than stale_after = {self.policy.stale_after_s} s',
            )
        if not np.isfinite(seen.risk.risk[row]).any():
            return Hold(
                reason=Reason.NO_FORECAST,
                text='too few samples yet for a forecast',
            )
        return None

    def calm(self, row: int) -> Hold:
        """What is said of an instance that nothing was decided for.

        A limited resource without a forecast may be at risk, for all that
        is known.
        """
        seen = self.seen
        blind = np.isfinite(seen.limits[row]) & np.isnan(seen.risk.risk[row])
        if not blind.any():
            return Hold(
                reason=Reason.LOW_RISK,
                text=f'no risk reaches {self.policy.risk_threshold:g}',
            )
        names = ', '.join(
            resource
            for resource, unknown in zip(RESOURCES, blind, strict=True)
            if unknown
        )
        why = self.missing.get(self.instance(row).id)
        return Hold(
            reason=Reason.INCOMPLETE,
            text=f'there is no forecast of {names}'
            + (f': {why}' if why else ''),
        )

    def serve(self, row: int) -> None:
        """Find the flavor that averts the violation, or say why none does."""
        seen, policy = self.seen, self.policy
        if not policy.allow_resize:
            self.decided[row] = Hold(
                reason=Reason.NOT_ALLOWED,
                text=f'{self._danger(row)}, but the audit does not allow '
                'resize',
            )
            return
        need = adj.needed(
            seen.predicted[row],
            seen.limits[row],
            float(seen.weights[row]),
            policy.ceiling,
        )
        fitting = adj.candidates(self.instance(row), self.flavors, need)
        if not fitting:
            self.decided[row] = Hold(
                reason=Reason.NO_FLAVOR,
                text=f'{self._danger(row)}, but no permitted flavor offers '
                f'{_amounts(need)}',
            )
            return
        refusals: list[str] = []
        for flavor in fitting:
            node, why_not = self.place.find(
                row, flavor, below=policy.risk_threshold
            )
            if node is not None:
                self._lease(row, flavor, node.name)
                return
            refusals.append(why_not)
        self.decided[row] = Hold(
            reason=Reason.NO_NODE,
            text=f'{self._danger(row)}, but no node can take '
            f'{fitting[0].name}: {refusals[0]}',
        )

    def _lease(self, row: int, flavor: fleet_module.Flavor, node: str) -> None:
        seen, policy = self.seen, self.policy
        r = self._worst(row)
        benefit, cost = adj.worth(
            weight=float(seen.weights[row]),
            risk=float(seen.risk.risk[row, r]),
            excess_s=float(seen.excess_s[row, r]),
            lead_s=float(seen.risk.lead_s[row, r]),
            duration_s=policy.resize_duration_s,
            interruption_s=policy.resize_interruption_s,
            policy=policy,
        )
        terms = f'benefit {benefit:.0f}, cost {cost:.0f} weighted s'
        if benefit <= cost:
            self.decided[row] = Hold(
                reason=Reason.NOT_WORTH_IT,
                text=f'{self._danger(row)}, but {terms}',
            )
            return
        extra = adj.amount(
            seen.predicted[row],
            seen.limits[row],
            float(seen.weights[row]),
            policy.ceiling,
        )
        text = (
            f'{self._danger(row)}; weight {seen.weights[row]:g} x need = '
            f'+{extra[r]:.4g} {fleet_module.UNITS[RESOURCES[r]]}; {terms}'
        )
        action = Resize(
            reason=Reason.VIOLATION_EXPECTED,
            text=text,
            flavor=flavor,
            node=node,
            expires_at=seen.now + policy.lease_duration_s,
            benefit=benefit,
            cost=cost,
        )
        self.spend(row, action, node, flavor)

    def spend(
        self,
        row: int,
        action: Resize | Migrate | Release,
        target: str,
        flavor: fleet_module.Flavor,
    ) -> None:
        """Take the action into the plan if the budgets allow it."""
        node = self.instance(row).node
        policy = self.policy
        full = ''
        if self.spent.total() >= policy.max_actions:
            full = f'max_actions = {policy.max_actions}'
        elif self.spent[node] >= policy.max_actions_per_node:
            full = f'max_actions_per_node = {policy.max_actions_per_node}'
            full += f' on {node}'
        if full:
            self.decided[row] = Hold(
                reason=Reason.BUDGET,
                text=f'{action.text}; but {full} is used up',
            )
            return
        self.spent[node] += 1
        self.place.move(row, target, flavor)
        self.decided[row] = action

    def instance(self, row: int) -> fleet_module.Instance:
        """The instance of a row of the assessment."""
        return self.seen.fleet.instances[row]

    def _worst(self, row: int) -> int:
        return int(np.nanargmax(self.seen.risk.risk[row]))

    def _danger(self, row: int) -> str:
        seen, r = self.seen, self._worst(row)
        unit = fleet_module.UNITS[RESOURCES[r]]
        return (
            f'P({RESOURCES[r]} > {self.policy.ceiling:g} of '
            f'{seen.limits[row, r]:.4g} {unit} within 15 min) = '
            f'{seen.risk.risk[row, r]:.2f}, q'
            f'{100 * self.policy.quantile_level:g} = '
            f'{seen.predicted[row, r]:.4g} {unit}'
        )


def _amounts(need: np.ndarray) -> str:
    return ', '.join(
        f'{value:.4g} {fleet_module.UNITS[resource]} {resource}'
        for resource, value in zip(RESOURCES, need, strict=True)
        if np.isfinite(value)
    )
