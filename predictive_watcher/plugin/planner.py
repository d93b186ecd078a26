"""Orders our actions; Watcher's own planner fails on types it lacks."""

from typing import Any

from oslo_config import cfg
from oslo_config import types
from watcher.decision_engine.planner import weight


class PredictivePlanner(weight.WeightPlanner):
    """Migrations first, because they make room; then resizes.

    Releases and larger flavors are both ``predictive_resize`` and keep the
    order in which the strategy named them.
    """

    action_weights = {'predictive_migrate': 20, 'predictive_resize': 10}
    parallelization = {'predictive_migrate': 2, 'predictive_resize': 2}

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        # an operator who sets one type's number means the others to stay;
        # a missing type would fail the audit with a KeyError
        for name, default in (
            ('weights', self.action_weights),
            ('parallelization', self.parallelization),
        ):
            config[name] = {**default, **(config.get(name) or {})}

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Options of [watcher_planners.predictive].

        Unlike those of Watcher's planner they hold numbers: read as text, a
        weight of 9 would come before one of 20.
        """
        return [
            cfg.Opt(
                'weights',
                type=types.Dict(types.Integer(min=1)),
                default=cls.action_weights,
                help='Order of the action types of a plan, the largest '
                'number first. No two types may have the same number.',
            ),
            cfg.Opt(
                'parallelization',
                type=types.Dict(types.Integer(min=1)),
                default=cls.parallelization,
                help='How many actions of one type run at the same time.',
            ),
        ]
