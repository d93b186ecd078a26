"""Quantiles mixed with those of two simple experts, as each of them does.

A network may know a kind of load badly that it never learned from; of load
that wavers about a level, a running mean knows more.  So each instance has
two experts beside the network, a fast and a slow running mean (`means`).

The quantiles that are told are a convex combination of all three, for each
target and level.  A weight is the softmax of what tells how well a forecaster
does: its regret against the mixture so far, over the root of the sum of its
squares (Wintenberger, "Optimal learning with Bernstein online aggregation",
Machine Learning 106, 2017; the quantile loss is made linear at the mixture,
as in Cesa-Bianchi and Lugosi, "Prediction, Learning, and Games", 2006, 2.5),
and, which counts while little has come, how narrow it is on the average:
among the calibrated the sharper one is the better (Gneiting, Balabdaoui and
Raftery, JRSS B 69, 2007).

Only cpu is mixed.  Memory seldom wavers, and on disk and network a few bursts
decide what is learned: there the network alone is as good or better.
"""

import copy

import numpy as np

from predictive_watcher.core import calibration
from predictive_watcher.core import forecast
from predictive_watcher.core import means as means_module
from predictive_watcher.core.means import RESOURCES


_LEVELS = np.array(forecast.LEVELS, np.float32)[:, None, None]
_LOW, _HIGH = forecast.LEVELS.index(0.05), forecast.LEVELS.index(0.95)
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
# Targets whose weights are learned, and whose weights each target has.
_LEARNED = (0, _MAX)
_GROUP = means_module.KIND

_PRIOR = np.log(np.array([0.5, 0.25, 0.25], np.float32))
_SHARPNESS = 2.0  # exponent of the mean width in the weight
_WIDTH_RATE = 1 / 288  # of the running mean of widths
_KEEP = 1 - 1 / 2000  # of what was learned, for each that is settled
_ROOT = 0.1  # of the sum of squared regrets, at the beginning
_MOST = 100.0  # mean steps: of a regret
_WIDEST = 12.0  # as `forecast.in_units` has it, in asinh units
# Of each array, which axis has the instances.
_AXES = {'width': 2, 'worth': 3, 'root': 3}


class Experts:
    """What two running means know, ``means``, and what each is worth.

    Arrays have the instances before the resources: ``width`` (forecaster,
    target, ...), ``worth`` and ``root`` (forecaster, group, levels, ...).
    With the means 0.7 KB an instance.
    """

    def __init__(self, instances: int) -> None:
        """Begin with nothing settled: the network alone."""
        count, levels = len(means_module.SPANS), len(forecast.LEVELS)

        def zeros(*lead: int) -> np.ndarray:
            return np.zeros((*lead, instances, RESOURCES), np.float32)

        self.means = means_module.RunningMeans(instances)
        self.width = zeros(count + 1, len(forecast.TARGETS))
        self.worth = zeros(count + 1, len(_LEARNED), levels)
        self.root = np.full_like(self.worth, _ROOT)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        return self.means.parts() | {
            f'expert_{name}': np.moveaxis(getattr(self, name), axis, 0)
            for name, axis in _AXES.items()
        }

    def among(self, rows: slice) -> 'Experts':
        """Those of some instances: what they learn, these know."""
        some = copy.copy(self)
        some.means = self.means.among(rows)
        for name, axis in _AXES.items():
            index = (*(slice(None),) * axis, rows)
            setattr(some, name, getattr(self, name)[index])
        return some

    def settle(
        self,
        issued: calibration.Calibration,
        sample: np.ndarray,
        highest: np.ndarray,
    ) -> None:
        """Learn from what has come; after ``issued`` did, before it corrects.

        :param issued: of the same instances: the forecasts that waited.
        :param sample: usage of the newest step, (instances, resources).
        :param highest: that of the newest three; NaN where one is unknown.
        """
        came = [sample[:, :RESOURCES]] * _MAX + [highest[:, :RESOURCES]]
        for group, target in enumerate(_LEARNED):
            self._weigh(group, target, issued, came[target])
        for kind, target in enumerate(means_module.TRACKED):
            self.means.track(kind, target, issued, came[target])

    def _weigh(
        self,
        group: int,
        target: int,
        issued: calibration.Calibration,
        came: np.ndarray,
    ) -> None:
        whole, last, scale = issued.settling(target, RESOURCES)
        known = np.isfinite(came) & np.isfinite(last)
        origin = means_module.origin(target, issued)
        kind = means_module.KIND[target]
        expected = self.means.expected(kind, origin, last, scale)
        said = _said(calibration.in_z(whole), expected)
        mixed = (self.weights(target) * said).sum(axis=0)
        y = (came - last) / scale
        regret = mixed - said
        regret *= (y <= mixed) - _LEVELS
        np.clip(regret, -_MOST, _MOST, out=regret)
        np.copyto(regret, 0, where=~known)
        keep = np.where(known, np.float32(_KEEP), np.float32(1))
        root, worth = self.root[:, group], self.worth[:, group]
        worth *= root * keep
        worth += regret
        root[...] = np.sqrt(keep * root * root + regret * regret)
        np.maximum(root, np.float32(_ROOT), out=root)
        worth /= root

    def weights(self, target: int) -> np.ndarray:
        """Of the network and the experts, of sum 1, for the quantiles of a
        target: (forecaster, levels, instances, RESOURCES).
        """
        width = np.maximum(self.width[:, target], np.float32(1e-3))
        score = _PRIOR[:, None, None] - _SHARPNESS * np.log(width)
        score = self.worth[:, _GROUP[target]] + score[:, None]
        score -= score.max(axis=0)
        weight = np.exp(score, out=score)
        weight[1:] *= self.means.trust(means_module.KIND[target])[:, None]
        weight /= weight.sum(axis=0)
        return np.asarray(weight)

    def observe(
        self,
        z: np.ndarray,
        means: np.ndarray,
        last: np.ndarray,
        scale: np.ndarray,
        step: int,
    ) -> None:
        """Note what all forecasters say at the newest step.

        :param z: corrected quantiles of the network, (instances, resources,
            targets, levels).
        :param means: running means, in the order of `inputs.MEANS`.
        :param last: like ``scale`` (instances, resources) in the units of
            usage; NaN where there is no forecast.
        """
        size = scale[:, :RESOURCES]
        known = np.isfinite(last[:, :RESOURCES])
        self.means.observe(means[..., :RESOURCES], known, size, step)
        low, high = (
            np.sinh(np.clip(z[:, :RESOURCES, :, k], -_WIDEST, _WIDEST))
            for k in (_LOW, _HIGH)
        )
        width = np.empty(self.width.shape, np.float32)
        width[0] = np.moveaxis(high - low, 2, 0)
        spread = self.means.spread() / size
        width[1:] = spread[:, list(means_module.KIND)]
        settled = self.means.settled[0] + np.float32(1)
        rate = np.maximum(1 / settled, np.float32(_WIDTH_RATE))
        width -= self.width
        width *= rate
        np.copyto(width, 0, where=~known)
        self.width += width

    def mixed(
        self, z: np.ndarray, last: np.ndarray, scale: np.ndarray, step: int
    ) -> np.ndarray:
        """The quantiles to tell, ascending along the levels: ``z``, in which
        they are put.
        """
        last, scale = last[:, :RESOURCES], scale[:, :RESOURCES]
        expected = [
            self.means.expected(kind, step, last, scale)
            for kind in range(len(means_module.TRACKED))
        ]
        for target, kind in enumerate(means_module.KIND):
            mine = np.moveaxis(z[:, :RESOURCES, target], -1, 0)
            said = _said(mine, expected[kind])
            said *= self.weights(target)
            np.arcsinh(said.sum(axis=0), out=mine)
        forecast.ascending(z[:, :RESOURCES])
        return z

def _said(z: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """What each forecaster tells: the network, then the experts.

    :param z: of the network, (levels, instances, RESOURCES).
    """
    said = np.empty((len(expected) + 1, *expected.shape[1:]), np.float32)
    np.clip(z, -_WIDEST, _WIDEST, out=said[0])
    np.sinh(said[0], out=said[0])
    said[1:] = expected
    return said
