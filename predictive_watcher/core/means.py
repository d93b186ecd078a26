"""Two running means of usage, and how far what comes lies from them.

What comes is compared with a mean, and the quantiles of the difference are
tracked as in `calibration`, in the units of usage.  A mean sleeps while usage
is where it does not expect it: it knows nothing of a climb (Freund, Schapire,
Singer and Warmuth, "Using and combining predictors that specialize", STOC
1997).
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
# Steps are alike to a running mean, however far they lie ahead: it tracks
# the next one and the maximum.
TRACKED = (0, forecast.TARGETS.index(forecast.Target.MAX900))
KIND = (0, 0, 0, 1)  # of each target: what is tracked for it
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
_FARTHEST = 1e4  # mean steps: from the newest value
# Of each array, which axis has the instances.
_AXES = {'offset': 3, 'settled': 1, 'anchor': 2, 'astray': 1}


class RunningMeans:
    """What two running means know of what comes.

    Arrays have the instances before the resources: ``offset`` (mean, kind,
    levels, ...) in the units of usage, ``settled`` (kind, ...; uint16),
    ``anchor`` (3, mean, ...), what they were at the newest steps, ``astray``
    (mean, ...), the share of the newest samples outside of its 5 % to 95 %.
    """

    def __init__(self, instances: int) -> None:
        """Begin with nothing settled."""
        count, levels = len(SPANS), len(forecast.LEVELS)

        def zeros(*lead: int) -> np.ndarray:
            return np.zeros((*lead, instances, RESOURCES), np.float32)

        self.offset = zeros(count, len(TRACKED), levels)
        self.settled = zeros(len(TRACKED)).astype(np.uint16)
        self.anchor = zeros(_ORIGINS, count)
        self.astray = zeros(count)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        return {
            f'expert_{name}': np.moveaxis(getattr(self, name), axis, 0)
            for name, axis in _AXES.items()
        }

    def among(self, rows: slice) -> 'RunningMeans':
        """Those of some instances: what they learn, these know."""
        some = copy.copy(self)
        for name, axis in _AXES.items():
            index = (*(slice(None),) * axis, rows)
            setattr(some, name, getattr(self, name)[index])
        return some

    def track(
        self,
        kind: int,
        target: int,
        issued: calibration.Calibration,
        came: np.ndarray,
    ) -> None:
        """Learn from what came of a tracked target, in the units of usage.

        :param kind: its index in `TRACKED`.
        :param issued: of the same instances: the forecasts that waited.
        :param came: (instances, RESOURCES); NaN where it is unknown.
        """
        _, last, scale = issued.settling(target, RESOURCES)
        anchor = self.anchor[origin(target, issued) % _ORIGINS]
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

    def observe(
        self, means: np.ndarray, known: np.ndarray, size: np.ndarray, step: int
    ) -> None:
        """Note the means at the newest step.

        :param means: in the order of `inputs.MEANS`, (means, instances,
            RESOURCES).
        :param known: where there is a forecast, bool (instances, RESOURCES).
        :param size: the mean step, (instances, RESOURCES): what is believed
            of the young is that much times as wide.
        """
        self.anchor[step % _ORIGINS] = means[_MEANS]
        young = (self.settled <= _YOUNG) & known
        if young.any():
            belief = size * _BELIEF
            np.copyto(self.offset, belief, where=young[:, None])

    def spread(self) -> np.ndarray:
        """From 5 % to 95 %, in the units of usage, (mean, kind, ...)."""
        return np.asarray(self.offset[:, :, _HIGH] - self.offset[:, :, _LOW])

    def expected(
        self,
        kind: int,
        step: int,
        last: np.ndarray,
        scale: np.ndarray,
    ) -> np.ndarray:
        """How many mean steps from ``last`` the quantiles are that each
        mean tells that was noted at ``step``, (mean, levels, instances,
        RESOURCES).
        """
        anchor = self.anchor[step % _ORIGINS]
        said = self.offset[:, kind] + (anchor - last)[:, None]
        said /= scale
        np.clip(said, -_FARTHEST, _FARTHEST, out=said)
        return np.asarray(said)

    def trust(self, kind: int) -> np.ndarray:
        """How far each counts, 0 to 1, (expert, instances, RESOURCES): little
        while it has seen little, or what it did not expect.
        """
        seen = np.minimum(self.settled[kind] / np.float32(_TRUSTED), 1)
        awake = np.maximum(1 - self.astray / _ASLEEP, 0)
        return np.asarray(seen * awake, np.float32)

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


def origin(target: int, issued: calibration.Calibration) -> int:
    """The step at which the forecasts were made that are settled now."""
    return issued.count - calibration.LEADS[target]
