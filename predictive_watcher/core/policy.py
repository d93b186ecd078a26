"""What the operator allows, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import enum
import re

from predictive_watcher import exceptions
from predictive_watcher.core import forecast


class Reaction(enum.StrEnum):
    """What follows from an anomaly of an instance."""

    NOTIFY = 'notify'  # go on, and tell it in the verdict
    HOLD = 'hold'  # leave the instance alone
    ALLOW = 'allow'  # go on


# of an anomaly that most of the fleet or of a node shares
FLEET = 'fleet'
NODE = 'node'


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one audit, or of one instance in it.

    Times are seconds, shares lie in 0..1.  Of the numbers of actions None
    means any: ``max_actions`` and ``max_actions_per_node`` are those of one
    plan, ``max_unwatched_actions`` is for all instances together that no
    audit has looked at of late; the others count what was done within an
    hour or a day as well, by anyone in the cloud.

    ``family_pattern`` finds the family in the name of a flavor, see
    `flavors.Terms`.
    ``benefit_factor`` is what came of earlier actions as a share of what was
    expected of them.

    A lease begins at a risk of ``begin_threshold``, or ``risk_threshold``
    where that is lower, divided by weight ^ ``weight_urgency``: see `urgency`.

    ``lease_cost`` is what an hour of a core that is lent, with its share of
    memory, counts as, in weighted seconds of violation: see `staying`.

    ``largest_flavor`` names the flavor that nothing may grow beyond ('':
    none).  ``closed`` says why nothing may be done at this time ('': it may).
    ``anomalies`` maps kinds of anomalies to what follows from them.
    ``application`` is what is run, as a label ('': none): it decides nothing,
    profiles and models ask for it.
    """

    risk_threshold: float = 0.5
    begin_threshold: float = 1.0
    release_threshold: float = 0.1
    ceiling: float = 0.9
    quantile_level: float = 0.95
    horizon_s: int = 900
    weight_factor: float = 1.0
    weight_urgency: float = 0.0
    allow_resize: bool = True
    allow_migrate: bool = True
    observe_only: bool = False
    observation_s: int = 3600
    max_actions: int = 5
    max_actions_per_node: int = 2
    max_actions_per_hour: int | None = None
    max_actions_per_project_hour: int | None = None
    max_actions_per_instance_hour: int | None = None
    max_actions_per_instance_day: int | None = None
    max_unwatched_actions: int = 1
    lease_minimum_s: int = 900
    lease_duration_s: int = 3600
    lease_cost: float = 120.0
    max_growth: float = 4.0
    largest_flavor: str = ''
    family_pattern: str = ''
    application: str = ''
    cooldown_s: int = 1800
    closed: str = ''
    anomalies: Mapping[str, Reaction] = field(default_factory=dict)
    cost_factor: float = 1.0
    benefit_factor: float = 1.0
    resize_interruption_s: float = 60.0
    resize_duration_s: float = 120.0
    migration_interruption_s: float = 1.0
    migration_duration_s: float = 60.0
    stale_after_s: int = 900

    def __post_init__(self) -> None:
        if self.release_threshold >= self.risk_threshold:
            raise exceptions.InvalidInput(
                f'release_threshold {self.release_threshold} is not below '
                f'risk_threshold {self.risk_threshold}: a lease would end '
                'and begin again at the same risk; lower release_threshold'
            )
        if self.family_pattern and not _has_group(self.family_pattern):
            raise exceptions.InvalidInput(
                f'flavor_family_pattern {self.family_pattern!r} is no regular '
                'expression with a group for the family; mend it, such as '
                '^([^.]+)[.]'
            )
        if self.quantile_level not in forecast.LEVELS:
            raise exceptions.InvalidInput(
                f'quantile_level {self.quantile_level} is not forecast; '
                f'choose one of {", ".join(map(str, forecast.LEVELS))}'
            )
        if self.horizon_s not in forecast.HORIZONS_S:
            raise exceptions.InvalidInput(
                f'horizon_s {self.horizon_s} is not forecast; choose one of '
                f'{", ".join(map(str, forecast.HORIZONS_S))}'
            )

    def reaction(self, kind: str) -> Reaction:
        """What follows from an anomaly of this kind.

        What most of a fleet or of a node shares is no need of each of its
        instances: it is held unless told otherwise.
        """
        shared = kind in (FLEET, NODE)
        return self.anomalies.get(
            kind, Reaction.HOLD if shared else Reaction.NOTIFY
        )


def _has_group(pattern: str) -> bool:
    try:
        return re.compile(pattern).groups > 0
    except re.error:
        return False
