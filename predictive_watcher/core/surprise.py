"""How surprising a sample is, given what its own series did before.

A series is looked at in several views: how far the sample is from the slow
and the fast level, from the sample before, from the median of the newest
three, from the same time of the day, and from what a forecast expected.  Each
view has, above and below, a streaming tail: the threshold that 5 % of its
values pass, and the mean log excess over it, as in the method of peaks over a
threshold with Hill's estimator of a heavy tail (Hill, Annals of Statistics 3,
1975; Siffer et al., "Anomaly detection in streams with extreme value theory",
KDD 2017).  What comes out is -ln P(a value so far out): no unit, whatever the
series measures, and comparable between views, resources and instances.

All is learned after it was judged, sample by sample, with a few hundred bytes
for each series.
"""

import copy
import enum

import numpy as np


class View(enum.IntEnum):
    """In what a sample can be surprising; indices of the last axis."""

    LEVEL = 0  # from the level of the last two days
    NEAR = 1  # from the level of the last steps
    CHANGE = 2  # from the sample before
    SHIFT = 3  # of the level of the last steps from the slow one
    DAILY = 4  # from the same time of the day
    DAILY_LOG = 5  # the same on a scale where factors count
    LONE = 6  # from the median of the newest three
    FORECAST = 7  # from the median of what was forecast, in its spreads


VIEWS = len(View)
BINS = 72  # of a day: 20 minutes each
_DAY_S = 86400
_FAST, _SLOW, _DAILY = 1 / 4, 1 / 600, 0.15  # rates of learning, by sample
_BEND = 0.3  # share of the mean use where a scale of factors begins
_LEVEL = 0.95  # of the threshold of a tail
_BASE = -np.log(1 - _LEVEL)
_RATE = 1 / 1000  # of what a view's size is
_FIRST = 20  # samples that only set the threshold
YOUNG = 50  # samples from which on a view is judged
_TAIL, _LEAST_TAIL, _TAIL_RATE = 0.2, 0.1, 1 / 60  # mean log excess
_BELIEF = 10  # excesses that the first guess of it is worth
_MANY = 60_000  # a counter's end
_FAR = 8.0  # e^8 times the threshold is as far as it gets


class Surprise:
    """The views and tails of many series, (instances, resources).

    All arrays are float32 but for the counters; NaN is unknown.
    """

    def __init__(self, instances: int, resources: int) -> None:
        """Begin with nothing seen."""
        cells = (instances, resources)

        def zeros(*trail: int) -> np.ndarray:
            return np.zeros((*cells, *trail), np.float32)

        self.count = np.zeros(cells, np.uint16)
        self.near = zeros()
        self.slow = zeros()
        self.mean = zeros()  # of the absolute values
        self.recent = np.full((*cells, 3), np.nan, np.float32)
        self.daily = np.full((*cells, BINS), np.nan, np.float32)
        self.seen = np.zeros((*cells, VIEWS), np.uint16)
        self.size = zeros(VIEWS)
        self.threshold = zeros(VIEWS, 2)
        self.excess = zeros(VIEWS, 2) + np.float32(_TAIL)
        self.passed = np.full((*cells, VIEWS, 2), _BELIEF, np.uint16)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, views with the instances first."""
        return {f'surprise_{name}': a for name, a in vars(self).items()}

    def among(self, rows: slice) -> 'Surprise':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        for name, array in vars(self).items():
            setattr(some, name, array[rows])
        return some

    def advance(
        self,
        sample: np.ndarray,
        time: int | np.ndarray,
        expected: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Judge a sample, then learn from it.

        :param sample: (instances, resources); NaN where there is none: it is
            not judged, and nothing is learned.
        :param time: Unix seconds of the sample, one or (instances,).
        :param expected: the low, middle and high of what was forecast for
            it, (instances, resources, 3); NaN is unknown.
        :returns: -ln p and the signed distance behind it, both (instances,
            resources, views); 0 and NaN where nothing can be said.
        """
        x = np.asarray(sample, np.float32)
        known = np.isfinite(x)
        away = self._views(np.where(known, x, 0), known, time)
        away[..., View.FORECAST] = _of_forecast(x, expected)
        judged = np.isfinite(away) & known[..., None]
        away = np.where(judged, away, np.float32(0))
        sides = np.stack([np.maximum(away, 0), np.maximum(-away, 0)], axis=-1)
        beyond = _log_ratio(sides, self.threshold)
        found = self._minus_ln_p(sides, beyond)
        ripe = judged & (self.seen >= YOUNG)
        self._learn(away, sides, beyond, judged)
        return (
            np.where(ripe, found, np.float32(0)),
            np.where(judged, away, np.float32(np.nan)),
        )

    def _views(
        self, x: np.ndarray, known: np.ndarray, time: int | np.ndarray
    ) -> np.ndarray:
        """Distances, (instances, resources, views); the levels then learn."""
        first = known & (self.count == 0)
        for level in (self.near, self.slow):
            level[first] = x[first]
        self.count += known & (self.count < _MANY)
        young = 1 / np.maximum(self.count, 1).astype(np.float32)
        slow = np.maximum(np.float32(_SLOW), young) * known
        away = np.empty((*x.shape, VIEWS), np.float32)
        away[..., View.LEVEL] = x - self.slow
        away[..., View.NEAR] = x - self.near
        away[..., View.CHANGE] = x - self.recent[..., 0]
        away[..., View.LONE] = x - _median(self.recent)
        fast = np.maximum(np.float32(_FAST), young) * known
        self.near += fast * (x - self.near)
        away[..., View.SHIFT] = self.near - self.slow
        self.slow += slow * (x - self.slow)
        self.mean += slow * (np.abs(x) - self.mean)
        self._of_day(x, known, time, away)
        self.recent[known, 1:] = self.recent[known, :2]
        self.recent[known, 0] = x[known]
        return away

    def _of_day(
        self,
        x: np.ndarray,
        known: np.ndarray,
        time: int | np.ndarray,
        away: np.ndarray,
    ) -> None:
        of_day = np.broadcast_to(np.asarray(time) % _DAY_S, len(x))
        at = np.arange(len(x)), slice(None), of_day * BINS // _DAY_S
        usual = self.daily[at]
        away[..., View.DAILY] = x - usual
        bend = np.float32(_BEND) * self.mean
        with np.errstate(invalid='ignore', divide='ignore'):
            log = np.arcsinh(x / bend) - np.arcsinh(usual / bend)
        away[..., View.DAILY_LOG] = log
        new = np.where(
            np.isfinite(usual), usual + np.float32(_DAILY) * (x - usual), x
        )
        self.daily[at] = np.where(known, new, usual)

    def _minus_ln_p(self, sides: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        """Of the side that is passed; 0 where none is."""
        tail = np.minimum(beyond, np.float32(_FAR)) / self.excess
        found = np.where(beyond > 0, np.float32(_BASE) + tail, np.float32(0))
        # what never moved moves: as rare as it was seen not to
        never = (sides > 0) & (self.threshold.max(axis=-1) == 0)[..., None]
        rare = np.log(self.seen + np.float32(1))[..., None]
        return np.asarray(np.where(never, rare, found).max(axis=-1))

    def _learn(
        self,
        away: np.ndarray,
        sides: np.ndarray,
        beyond: np.ndarray,
        judged: np.ndarray,
    ) -> None:
        self.seen += judged & (self.seen < _MANY)
        young = 1 / np.maximum(self.seen, 1).astype(np.float32)
        rate = np.maximum(np.float32(_RATE), young) * judged
        self.size += rate * (np.abs(away) - self.size)
        first = (self.seen <= _FIRST)[..., None]
        passed = (beyond > 0) & judged[..., None] & ~first
        self.passed += passed & (self.passed < _MANY)
        rate = np.maximum(np.float32(_TAIL_RATE), 1 / self.passed)
        excess = self.excess + rate * passed * (
            np.minimum(beyond, np.float32(4)) - self.excess
        )
        self.excess[...] = np.maximum(excess, np.float32(_LEAST_TAIL))
        size = self.size[..., None]
        pace = np.maximum(np.float32(5 * _RATE), young)[..., None] * size
        moved = self.threshold + pace * (
            (sides > self.threshold) - np.float32(1 - _LEVEL)
        )
        begun = np.maximum(self.threshold, np.float32(0.8) * sides)
        moved = np.maximum(moved, np.float32(0.02) * size)
        moved = np.where(first, begun, moved)
        self.threshold[...] = np.where(
            judged[..., None], moved, self.threshold
        )


def _median(recent: np.ndarray) -> np.ndarray:
    """Of three; NaN where one is."""
    a, b, c = (recent[..., k] for k in range(3))
    between = np.minimum(np.maximum(a, b), c)
    return np.asarray(np.maximum(np.minimum(a, b), between))


def _of_forecast(x: np.ndarray, expected: np.ndarray | None) -> np.ndarray:
    """Distance from the middle, in spreads of that side."""
    if expected is None:
        return np.full(x.shape, np.nan, np.float32)
    low, middle, high = (expected[..., k] for k in range(3))
    away = x - middle
    spread = np.where(away > 0, high - middle, middle - low)
    with np.errstate(invalid='ignore', divide='ignore'):
        found = away / spread
    return np.where(np.isfinite(found), found, np.float32(np.nan))


def _log_ratio(sides: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """ln(side / threshold), at least -1: "below"; so where that is none."""
    there = (sides > 0) & (threshold > 0)
    ratio = np.divide(sides, threshold, out=np.ones_like(sides), where=there)
    log = np.log(np.maximum(ratio, np.float32(0.3)))  # may underflow to 0
    return np.where(there, np.maximum(log, np.float32(-1)), np.float32(-1))


def most(views: np.ndarray) -> np.ndarray:
    """-ln P(one of so many views is as surprising), over the last axis.

    Bonferroni's bound: who looks in more ways sees more by chance.

    >>> most(np.array([[0.0, 7.0]])).round(3).tolist()
    [6.307]
    """
    bound = views.max(axis=-1) - np.log(np.float32(views.shape[-1]))
    return np.asarray(np.maximum(bound, 0))


def joint(surprise: np.ndarray) -> np.ndarray:
    """-ln P(all that was seen at once, or more), over the last axis.

    The sum of n values of -ln p is a gamma variable of shape n where they
    are independent (Fisher, "Statistical methods for research workers",
    1932).

    >>> joint(np.array([[7.0]])).round(6).tolist()
    [7.0]
    >>> bool(joint(np.array([[5.0, 5.0]])) > joint(np.array([[5.0, 0.0]])))
    True
    """
    total = surprise.sum(axis=-1)
    term = np.ones_like(total)
    series = np.ones_like(total)
    for k in range(1, surprise.shape[-1]):
        term = term * total / k
        series = series + term
    return np.asarray(np.maximum(total - np.log(series), 0))


def together(surprise: np.ndarray) -> np.ndarray:
    """-ln P of an instance: the most surprising of its resources, or all of
    them at once, whichever says more.

    >>> one, four = together(np.array([[9.0, 0, 0, 0], [9.0, 6, 6, 6]]))
    >>> bool(four > one > 6)
    True
    """
    if surprise.shape[-1] == 1:
        return np.asarray(surprise[..., 0])
    alone, at_once = most(surprise), joint(surprise)
    return most(np.stack([alone, at_once], axis=-1))
