"""What is learned of forecasts by what came: all of it, in its order.

First quantiles are corrected, then mixed with those of running means; the
chance to pass a limit is corrected and mixed beside them.
"""

import copy

import numpy as np

from predictive_watcher.core import calibration
from predictive_watcher.core import experts
from predictive_watcher.core import features
from predictive_watcher.core import forecast
from predictive_watcher.core import odds


class Learned:
    """What came of forecasts, for all instances or for some."""

    def __init__(self, instances: int, resources: int) -> None:
        self.calibration = calibration.Calibration(instances, resources)
        self.experts = experts.Experts(instances)
        self.odds = odds.OddsCalibration(instances)

    def among(self, rows: slice) -> 'Learned':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.calibration = self.calibration.among(rows)
        some.experts = self.experts.among(rows)
        some.odds = self.odds.among(rows)
        return some

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, with the instances first."""
        return (
            self.calibration.parts() | self.experts.parts() | self.odds.parts()
        )

    def settle(
        self, sample: np.ndarray, limits: np.ndarray, step: int
    ) -> None:
        """Learn from what has come."""
        highest = self.calibration.advance(
            sample,
            step,
            lambda most: self.experts.settle(self.calibration, sample, most),
        )
        self.odds.settle(highest, limits, step)

    def correct(
        self, heads: list[np.ndarray], state: features.FeatureState
    ) -> np.ndarray:
        """The quantiles to tell, of what a model says of the newest step."""
        step = state.time // state.step_s
        quantiles, *mixture = heads
        last, scale = state.recent, state.scale
        quantiles = self.calibration.correct(quantiles, last, scale)
        self.experts.observe(quantiles, state.means, last, scale, step)
        if step % odds.LEAD == 0:
            chances = self.exceedance(mixture, state)
            self.odds.issue(chances, state.limits, step)
        return self.experts.mixed(quantiles, last, scale, step)

    def newest(self, state: features.FeatureState) -> np.ndarray:
        """What `correct` returned for the newest step."""
        step = state.time // state.step_s
        self.calibration.count = step
        return self.experts.mixed(
            self.calibration.newest(), state.recent, state.scale, step
        )

    def exceedance(
        self, mixture: list[np.ndarray], state: features.FeatureState
    ) -> forecast.Exceedance:
        """The chances to tell, of what a model says of the newest step.

        What is learned of odds is in it, but in those that are issued.
        """
        last, step = state.recent, state.time // state.step_s
        beside, trust = self.experts.means.maximum(last, step)
        return in_mixture(
            mixture,
            state,
            bias=self.odds.offsets(last.shape[1]),
            beside=beside,
            share=self.odds.share(trust, last.shape[1]),
        )


def in_mixture(
    mixture: list[np.ndarray],
    state: features.FeatureState,
    **learned: np.ndarray,
) -> forecast.Exceedance:
    """The chances that a mixture of z tells, with what was learned of it."""
    weight, mean, spread = mixture
    return forecast.Exceedance(
        weight=weight,
        mean=mean,
        spread=spread,
        last=state.recent.astype(np.float64),
        scale=state.scale.astype(np.float64),
        **learned,
    )
