"""Quantiles mixed with those of two simple experts, as each of them does.

A network may know a kind of load badly that it never learned from; of load
that wavers about a level, a running mean knows more.  So each instance has
two experts beside the network, a fast and a slow running mean.  What came is
compared with that mean, and the quantiles of the difference are tracked as in
`calibration`, in the units of usage.

The quantiles that are told are a convex combination of all three, for each
target and level.  A weight is the softmax of what tells how well a forecaster
does: its regret against the mixture so far, over the root of the sum of its
squares (Wintenberger, "Optimal learning with Bernstein online aggregation",
Machine Learning 106, 2017; the quantile loss is made linear at the mixture,
as in Cesa-Bianchi and Lugosi, "Prediction, Learning, and Games", 2006, 2.5),
and, which counts while little has come, how narrow it is on the average:
among the calibrated the sharper one is the better (Gneiting, Balabdaoui and
Raftery, JRSS B 69, 2007).  An expert sleeps while usage is where it does not
expect it: a running mean knows nothing of a climb (Freund, Schapire, Singer
and Warmuth, "Using and combining predictors that specialize", STOC 1997).

Only cpu is mixed.  Memory seldom wavers, and on disk and network a few bursts
decide what is learned: there the network alone is as good or better.
"""

import copy

import numpy as np

from predictive_watcher.core import calibration
from predictive_watcher.core import forecast
from predictive_watcher.core import inputs


RESOURCES = 1  # the first one: cpu
SPANS = (12, 288)  # steps: time constants of the two running means
_MEANS = [inputs.MEANS.index(span) for span in SPANS]
# Levels stand before the instances: numpy is fast along what is long.
_LEVELS = np.array(forecast.LEVELS, np.float32)[:, None, None]
_LOW, _HIGH = forecast.LEVELS.index(0.05), forecast.LEVELS.index(0.95)
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
# Steps are alike to a running mean, however far they lie ahead: it tracks
# the next one and the maximum.
_TRACKED = (0, _MAX)
_KIND = (0, 0, 0, 1)  # of each target: what is tracked for it
# Targets whose weights are learned, and whose weights each target has.
_LEARNED = (0, _MAX)
_GROUP = _KIND
_ORIGINS = max(calibration.LEADS)

# How a tracked quantile moves: by how many were settled, and more where few
# of them pass, so that high quantiles are found as soon as low ones.
_SETTLED = 500
_RATES = np.minimum(
    np.maximum(0.02, 1.5 / np.maximum(np.arange(_SETTLED + 1), 1) ** 0.7)
    / (2 * np.sqrt(_LEVELS[..., 0] * (1 - _LEVELS[..., 0]))),
    1.5,
).astype(np.float32)
# What is believed of differences while nothing is known, in mean steps:
# about those of white noise, whose maximum of three lies higher.
_NORMAL = np.array(
    [-1.64, -1.28, -0.67, 0.0, 0.67, 1.28, 1.64, 1.96, 2.33], np.float32
)
_BELIEF = np.sinh(
    np.arcsinh(_NORMAL) + np.array([0.0, 0.8], np.float32)[:, None]
)[..., None, None]
_YOUNG = 5  # settled ones until then
_TRUSTED = 24  # settled ones from which on an expert counts for all it is
_ASTRAY_RATE = np.float32(0.5)  # of the running share of unexpected samples
_ASLEEP = np.float32(0.75)  # the share at which an expert sleeps

_PRIOR = np.log(np.array([0.5, 0.25, 0.25], np.float32))
_SHARPNESS = 2.0  # exponent of the mean width in the weight
_WIDTH_RATE = 1 / 288  # of the running mean of widths
_KEEP = 1 - 1 / 2000  # of what was learned, for each that is settled
_ROOT = 0.1  # of the sum of squared regrets, at the beginning
_MOST = 100.0  # mean steps: of a regret
_FARTHEST = 1e4  # mean steps: of an expert from the newest value
_WIDEST = 12.0  # as `forecast.in_units` has it, in asinh units
# Of each array, which axis has the instances.
_AXES = {
    'offset': 3, 'settled': 1, 'anchor': 2, 'astray': 1, 'width': 2,
    'worth': 3, 'root': 3,
}  # fmt: skip


class Experts:
    """What two running means know, and how far they are to be trusted.

    Arrays have the instances before the resources: ``offset`` (expert, kind,
    levels, ...) in the units of usage, ``settled`` (kind, ...; uint16),
    ``anchor`` (3, expert, ...), the running means at the newest steps,
    ``astray`` (expert, ...), the share of the newest samples outside of its
    5 % to 95 %, ``width`` (forecaster, target, ...), ``worth`` and ``root``
    (forecaster, group, levels, ...).  0.9 KB an instance.
    """

    def __init__(self, instances: int) -> None:
        """Begin with nothing settled: the network alone."""
        count, levels = len(SPANS), len(forecast.LEVELS)

        def zeros(*lead: int) -> np.ndarray:
            return np.zeros((*lead, instances, RESOURCES), np.float32)

        self.offset = zeros(count, len(_TRACKED), levels)
        self.settled = zeros(len(_TRACKED)).astype(np.uint16)
        self.anchor = zeros(_ORIGINS, count)
        self.astray = zeros(count)
        self.width = zeros(count + 1, len(forecast.TARGETS))
        self.worth = zeros(count + 1, len(_LEARNED), levels)
        self.root = np.full_like(self.worth, _ROOT)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        return {
            f'expert_{name}': np.moveaxis(getattr(self, name), axis, 0)
            for name, axis in _AXES.items()
        }

    def among(self, rows: slice) -> 'Experts':
        """Those of some instances: what they learn, these know."""
        some = copy.copy(self)
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
        for kind, target in enumerate(_TRACKED):
            self._track(kind, target, issued, came[target])

    def _weigh(
        self,
        group: int,
        target: int,
        issued: calibration.Calibration,
        came: np.ndarray,
    ) -> None:
        whole, last, scale = issued.settling(target, RESOURCES)
        known = np.isfinite(came) & np.isfinite(last)
        anchor = self.anchor[_origin(target, issued)]
        expected = self._expected(_KIND[target], anchor, last, scale)
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

    def _track(
        self,
        kind: int,
        target: int,
        issued: calibration.Calibration,
        came: np.ndarray,
    ) -> None:
        _, last, scale = issued.settling(target, RESOURCES)
        anchor = self.anchor[_origin(target, issued)]
        known = np.isfinite(came) & np.isfinite(last)
        settled = np.minimum(self.settled[kind] + known, _SETTLED)
        self.settled[kind] = settled
        offset = self.offset[:, kind]
        if not kind:
            self._surprise(came - anchor, offset, known)
        passed = came - anchor[:, None] > offset
        # a step as long as it were if the difference had been squeezed by
        # asinh, in which small and large ones are alike
        step = np.sqrt(scale * scale + offset * offset)
        step *= _RATES[:, settled]
        step *= _LEVELS - 1 + passed
        np.copyto(step, 0, where=~known)
        offset += step

    def _surprise(
        self, miss: np.ndarray, offset: np.ndarray, known: np.ndarray
    ) -> None:
        outside = (miss > offset[:, _HIGH]) | (miss < offset[:, _LOW])
        rate = _ASTRAY_RATE * known
        self.astray += rate * (outside - self.astray)

    def _expected(
        self,
        kind: int,
        anchor: np.ndarray,
        last: np.ndarray,
        scale: np.ndarray,
    ) -> np.ndarray:
        """How many mean steps from ``last`` the quantiles are that each
        expert tells, (expert, levels, instances, RESOURCES).
        """
        said = self.offset[:, kind] + (anchor - last)[:, None]
        said /= scale
        np.clip(said, -_FARTHEST, _FARTHEST, out=said)
        return np.asarray(said)

    def weights(self, target: int) -> np.ndarray:
        """Of the network and the experts, of sum 1, for the quantiles of a
        target: (forecaster, levels, instances, RESOURCES).
        """
        width = np.maximum(self.width[:, target], np.float32(1e-3))
        score = _PRIOR[:, None, None] - _SHARPNESS * np.log(width)
        score = self.worth[:, _GROUP[target]] + score[:, None]
        score -= score.max(axis=0)
        weight = np.exp(score, out=score)
        weight[1:] *= self.trust(_KIND[target])[:, None]
        weight /= weight.sum(axis=0)
        return np.asarray(weight)

    def trust(self, kind: int) -> np.ndarray:
        """How far each counts, 0 to 1, (expert, instances, RESOURCES): little
        while it has seen little, or what it did not expect.
        """
        seen = np.minimum(self.settled[kind] / np.float32(_TRUSTED), 1)
        awake = np.maximum(1 - self.astray / _ASLEEP, 0)
        return np.asarray(seen * awake, np.float32)

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
        now = step % _ORIGINS
        size = scale[:, :RESOURCES]
        known = np.isfinite(last[:, :RESOURCES])
        self.anchor[now] = means[_MEANS, :, :RESOURCES]
        young = (self.settled <= _YOUNG) & known
        if young.any():
            belief = size * _BELIEF
            np.copyto(self.offset, belief, where=young[:, None])
        low, high = (
            np.sinh(np.clip(z[:, :RESOURCES, :, k], -_WIDEST, _WIDEST))
            for k in (_LOW, _HIGH)
        )
        width = np.empty(self.width.shape, np.float32)
        width[0] = np.moveaxis(high - low, 2, 0)
        spread = self.offset[:, :, _HIGH] - self.offset[:, :, _LOW]
        width[1:] = (spread / size)[:, list(_KIND)]
        rate = np.maximum(
            1 / (self.settled[0] + np.float32(1)), np.float32(_WIDTH_RATE)
        )
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
        anchor = self.anchor[step % _ORIGINS]
        last, scale = last[:, :RESOURCES], scale[:, :RESOURCES]
        expected = [
            self._expected(kind, anchor, last, scale)
            for kind in range(len(_TRACKED))
        ]
        for target, kind in enumerate(_KIND):
            mine = np.moveaxis(z[:, :RESOURCES, target], -1, 0)
            said = _said(mine, expected[kind])
            said *= self.weights(target)
            np.arcsinh(said.sum(axis=0), out=mine)
        forecast.ascending(z[:, :RESOURCES])
        return z

    def maximum(
        self, last: np.ndarray, step: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Quantiles of the maximum over 900 s that the slow expert tells, in
        the units of usage, (instances, resources, levels), and how far it is
        to be trusted, (instances, RESOURCES).

        :param last: (instances, resources); NaN where there is no forecast.
        """
        found = np.full((*last.shape, len(_LEVELS)), np.nan, np.float32)
        anchor = self.anchor[step % _ORIGINS, -1]
        anchor = anchor + 0 * last[:, :RESOURCES]  # unknown where that is
        tracked = np.moveaxis(self.offset[-1, 1] + anchor, 0, -1)
        found[:, :RESOURCES] = np.sort(tracked, axis=-1)
        return found, self.trust(1)[-1]


def _said(z: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """What each forecaster tells: the network, then the experts.

    :param z: of the network, (levels, instances, RESOURCES).
    """
    said = np.empty((len(expected) + 1, *expected.shape[1:]), np.float32)
    np.clip(z, -_WIDEST, _WIDEST, out=said[0])
    np.sinh(said[0], out=said[0])
    said[1:] = expected
    return said


def _origin(target: int, issued: calibration.Calibration) -> int:
    """Where the anchors are of the forecasts that are settled now."""
    return (issued.count - calibration.LEADS[target]) % _ORIGINS
