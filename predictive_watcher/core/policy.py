"""What the operator allows, as data."""

from dataclasses import dataclass

from predictive_watcher import exceptions
from predictive_watcher.core import forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one audit; times are seconds, shares lie in 0..1."""

    risk_threshold: float = 0.5
    release_threshold: float = 0.1
    ceiling: float = 0.9
    quantile_level: float = 0.95
    allow_resize: bool = True
    allow_migrate: bool = True
    max_actions: int = 5
    max_actions_per_node: int = 2
    lease_minimum_s: int = 900
    lease_duration_s: int = 3600
    max_growth: float = 4.0
    cooldown_s: int = 1800
    cost_factor: float = 1.0
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
        if self.quantile_level not in forecast.LEVELS:
            raise exceptions.InvalidInput(
                f'quantile_level {self.quantile_level} is not forecast; '
                f'choose one of {", ".join(map(str, forecast.LEVELS))}'
            )
