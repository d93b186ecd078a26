"""How forecasts do on what was held out of traces."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import accuracy
from predictive_watcher.core import baselines
from predictive_watcher.core import following
from predictive_watcher.core import replay
from predictive_watcher.training import split as split_module
from predictive_watcher.training import telling


CONTEXT = 48  # steps that are scored; more adds nothing
_SEED = 0  # the same instances are reported on whatever the seed
_MOST_ORIGINS, _LEAST_ORIGINS = 700, 12  # evenly spread
_WARM = replay.WARM_S // split_module.STEP_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much of what is held out is reported on, over all sources.

    ``instances`` at most, and ``asked`` instances x origins.
    """

    instances: int
    asked: int


def results(
    splits: list[split_module.Split],
    models: dict[str, tuple[following.Recurrent, bool]],
    budget: Budget,
    tell: telling.Tell,
) -> dict[str, dict[str, float | None]]:
    """Scores of models and the baselines on what was held out.

    :param models: by their names in the table; and whether forecasts are
        corrected by what came of earlier ones.
    """
    outcomes: dict[str, list[accuracy.Outcome]] = {}
    for one in splits:
        who = _reported(one, budget.instances // len(splits))
        window, limits = one.part(who, one.at(split_module.REPORT_UNTIL))
        asked = budget.asked // len(splits) // len(who)
        at = replay.origins(
            one.at(split_module.CHOOSE_UNTIL),
            window.usage.shape[1],
            min(_MOST_ORIGINS, max(_LEAST_ORIGINS, asked)),
        )
        for name, (model, calibrated) in models.items():
            warm = _WARM if calibrated else CONTEXT
            told = telling.teller(tell, f'scoring {name}')
            found = replay.recurrent(
                *(model, window, limits, at, accuracy.CEILING),
                *(warm, told, calibrated),
            )
            outcome = found.outcome(window, limits)
            outcomes.setdefault(name, []).append(outcome)
        for rival in baselines.BASELINES:
            told = telling.teller(tell, f'scoring {rival.name}')
            found = replay.forecaster(
                rival, window, limits, at, accuracy.CEILING, told
            )
            outcome = found.outcome(window, limits)
            outcomes.setdefault(rival.name, []).append(outcome)
    return {n: accuracy.scores(found) for n, found in outcomes.items()}


def _reported(one: split_module.Split, most: int) -> np.ndarray:
    """The held-out instances, or so many of them."""
    rng = np.random.default_rng(_SEED)
    most = max(2, most)
    if len(one.held) <= most:
        return one.held
    return np.sort(rng.choice(one.held, most, replace=False))
