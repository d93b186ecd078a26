"""The chance to pass a limit, corrected, online, by what came.

A network learns how often limits are passed on the average over all
instances; those that really come near their limits pass them more often than
it says.  So the log odds of each instance and resource have an offset b: the
chance p becomes 1 / (1 + exp(-(b + log(p / (1 - p))))), which rises with p, so
a higher limit is still never passed more often than a lower one.

Every third step a forecast is kept until its 15 minutes are over, and then b
is moved by rate x (came - p), at two ceilings and only where the usage was
below: a step of online gradient descent on the log loss, which is that of
Platt's scaling with a fixed slope (Platt, "Probabilistic outputs for support
vector machines", 1999).  It comes to rest where chances are as frequent as
they say.

Beside it stands the chance that an expert tells, the slow running mean of
`experts` with the maxima that came: of load that bursts at random it knows
more.  What is told is (1 - v) x p + v x the expert's, a convex combination,
which falls with the limit as both do.  The log odds of v rise and fall with
the log likelihood of what came: the posterior of who is right (Vovk,
"Aggregating strategies", COLT 1990), forgotten slowly.

Only cpu and memory, which every flavor limits, are corrected.
"""

import copy

import numpy as np

from predictive_watcher.core import forecast


CEILINGS = np.array([0.8, 0.9], np.float32)  # shares of the limit
RESOURCES = 2  # the first ones: cpu and memory
LEAD = 3  # steps until the maximum over 900 s is known
_RATE = 0.15
_PRIOR = float(np.log(0.6 / 0.4))  # log odds of the expert's share
_KEEP = 1 - 1 / 500  # of what was learned of it, for each that is settled
_MOST = 6.0  # of it, either way
_PARTS = ('bias', 'chance', 'proof', 'beside')
_LEAST_CHANCE = 0.01  # so much of a surprise counts at most


class OddsCalibration:
    """Offsets of log odds, and the chances that wait for what comes.

    ``bias`` is float32 (instances, RESOURCES); ``chance`` float16 (instances,
    RESOURCES, ceilings), before it was corrected, NaN where nothing is to be
    learned from it, and ``beside`` the expert's; ``proof`` float32 like
    ``bias``, what speaks for the expert.  32 bytes an instance.
    """

    def __init__(self, instances: int) -> None:
        """Begin with nothing settled: offsets of 0."""
        cells = (instances, RESOURCES)
        self.bias = np.zeros(cells, np.float32)
        self.chance = np.full((*cells, len(CEILINGS)), np.nan, np.float16)
        self.proof = np.zeros(cells, np.float32)
        self.beside = self.chance.copy()

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        return {f'odds_{name}': getattr(self, name) for name in _PARTS}

    def among(self, rows: slice) -> 'OddsCalibration':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        for name in _PARTS:
            setattr(some, name, getattr(self, name)[rows])
        return some

    def settle(
        self, highest: np.ndarray, limits: np.ndarray, step: int
    ) -> None:
        """Learn from what has come, if a forecast waits for this step.

        :param highest: usage of the newest three steps, (instances,
            resources); NaN where one of them is unknown.
        :param limits: like ``highest``; NaN where there is none.
        :param step: its number, one more than that of the step before.
        """
        if step % LEAD:
            return
        most = highest[:, :RESOURCES, None]
        ceilings = CEILINGS * limits[:, :RESOURCES, None]
        expected = forecast.with_bias(
            self.chance.astype(np.float64), self.bias[..., None]
        )
        known = np.isfinite(expected) & np.isfinite(most)
        passed = most > ceilings
        miss = np.where(known, passed - expected, 0).mean(axis=-1)
        self.bias += (_RATE * miss).astype(np.float32)
        beside = self.beside.astype(np.float64)
        ratio = _log_chance(beside, passed) - _log_chance(expected, passed)
        ratio = np.where(known & np.isfinite(beside), ratio, 0).mean(axis=-1)
        keep = np.where(known.any(axis=-1), _KEEP, 1.0)
        self.proof[...] = np.clip(keep * self.proof + ratio, -_MOST, _MOST)
        self.chance[...] = np.nan  # nothing waits, until it is issued

    def issue(
        self, expected: forecast.Exceedance, limits: np.ndarray, step: int
    ) -> None:
        """Keep what is expected from the newest step on, every third step.

        :param expected: of which what the model alone says is kept, and
            what stands beside it.
        :param limits: (instances, resources) in the units of usage; NaN
            where there is none.
        :param step: the number of the newest step.
        """
        if step % LEAD:
            return
        first = slice(None), slice(RESOURCES)
        some = expected.only(first)
        for k, ceiling in enumerate(CEILINGS):
            threshold = ceiling * limits[first]
            chance = some.alone().probability(threshold)
            below = some.last <= threshold
            self.chance[..., k] = np.where(below, chance, np.nan)
            if some.beside is not None:
                chance = forecast.exceeds(some.beside, threshold)
                self.beside[..., k] = np.where(below, chance, np.nan)

    def share(self, trust: np.ndarray, resources: int) -> np.ndarray:
        """Of the expert's chance in what is told, (instances, resources).

        :param trust: of the first resources, 0 to 1: how far it counts.
        """
        known = trust.shape[1]
        found = np.zeros((len(self.bias), resources), np.float32)
        against = np.exp(-_PRIOR - self.proof[:, :known])
        found[:, :known] = trust / (1 + against)
        return found

    def offsets(self, resources: int) -> np.ndarray:
        """Of all resources, (instances, resources): 0 for the others."""
        found = np.zeros((len(self.bias), resources), np.float32)
        found[:, :RESOURCES] = self.bias
        return found


def _log_chance(chance: np.ndarray, came: np.ndarray) -> np.ndarray:
    """The log of what was said of that which came, not below a floor."""
    said = np.where(came, chance, 1 - chance)
    return np.asarray(np.log(np.maximum(said, _LEAST_CHANCE)))
