"""What a plan is expected to achieve, as the numbers that Watcher keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

from watcher.decision_engine.goal.efficacy import base
from watcher.decision_engine.goal.efficacy import indicators
from watcher.decision_engine.solution import efficacy as solution_efficacy


class _Share(indicators.IndicatorSpecification):
    """A number from 0 to 1."""

    schema: Mapping[str, Any] = {
        'type': 'number',
        'minimum': 0,
        'maximum': 1,
    }


class _Count(indicators.IndicatorSpecification):
    """A number of things."""

    schema: Mapping[str, Any] = {'type': 'integer', 'minimum': 0}


def _share(value: float) -> float:
    """``value`` within 0..1; an unknown one (NaN) is shown as 0.

    Watcher's columns hold numbers only.  That something is unknown is told
    by the indicator ``instances_held``.
    """
    return min(max(float(value), 0.0), 1.0) if math.isfinite(value) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one audit found and what its plan changes.

    Risks are those of the instance or node with the highest risk.
    """

    risk_before: float = 0.0
    risk_after: float = 0.0
    violations_predicted: int = 0
    instances_held: int = 0
    resizes: int = 0
    migrations: int = 0
    leases_ended: int = 0

    def indicators(self) -> dict[str, float | int]:
        """Arguments of the solution's ``set_efficacy_indicators``.

        All of them, finite and of Python's own types: a missing one fails
        the audit, and NumPy's types cannot be stored.

        >>> Outcome(risk_before=float('nan')).indicators()['risk_before']
        0.0
        """
        return {
            'risk_before': _share(self.risk_before),
            'risk_after': _share(self.risk_after),
            'violations_predicted': int(self.violations_predicted),
            'instances_held': int(self.instances_held),
            'resizes': int(self.resizes),
            'migrations': int(self.migrations),
            'leases_ended': int(self.leases_ended),
        }


class ViolationPreventionSpec(base.EfficacySpecification):
    """The indicators of the goal, and the one number that sums them up."""

    def get_indicators_specifications(
        self,
    ) -> list[indicators.IndicatorSpecification]:
        return [
            _Share(
                name='risk_before',
                description='Highest risk of an instance or node now: the '
                'chance (0 to 1) of a violation within 15 minutes.',
            ),
            _Share(
                name='risk_after',
                description='Highest risk of an instance or node once the '
                'plan is applied.',
            ),
            _Count(
                name='violations_predicted',
                description='Instances and nodes whose risk is at or above '
                'the threshold.',
            ),
            _Count(
                name='instances_held',
                description='Instances that no verdict was possible for; '
                'the verdicts tell why.',
            ),
            _Count(name='resizes', description='Resizes that start a lease.'),
            _Count(name='migrations', description='Live migrations.'),
            _Count(
                name='leases_ended',
                description='Resizes back to the own flavor.',
            ),
        ]

    def get_global_efficacy_indicator(
        self, indicators_map: Mapping[str, float] | None = None
    ) -> list[solution_efficacy.Indicator]:
        """The share of the predicted risk that the plan removes.

        Nothing predicted means nothing to remove: 0, as it does where the
        strategy set no indicator at all.
        """
        given = indicators_map or {}
        before = given.get('risk_before', 0.0)
        after = given.get('risk_after', 0.0)
        removed = (before - after) / before if before > 0 else 0.0
        return [
            solution_efficacy.Indicator(
                name='risk_removed',
                description='Share of the predicted risk that the plan '
                'removes.',
                unit='%',
                value=100.0 * min(max(removed, -1.0), 1.0),
            )
        ]
