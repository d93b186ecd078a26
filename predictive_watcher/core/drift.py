"""Forecasts that are no longer as good as they were, and what is done then.

The rolling loss of the model's own quantiles, and how often its 95 %
quantile is passed, are kept for each instance and resource beside those of
two simple forecasters.  What goes wrong is answered in three steps:

1. `Step.WIDENED`: the 95 % quantile is passed too often, or too seldom: the
   calibration learns as fast as for a new instance.
2. `Step.FALLEN_BACK`: the model goes on being worse than a simple
   forecaster: that one speaks for it.
3. `Step.RETRAIN`: for a day already: the model has to learn anew.

Passing is watched with two cumulative sums of log likelihood ratios (Page,
"Continuous inspection schemes", Biometrika 41, 1954): one against a share of
`_OFTEN`, one against `_SELDOM`.  The way back needs more than the way there
took away.  A forecast is watched once the one before it is settled, so that
the errors do not overlap.
"""

import dataclasses
from dataclasses import dataclass
import enum

import numpy as np

from predictive_watcher.core import baselines
from predictive_watcher.core import feedback
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage as usage_module


class Step(enum.IntEnum):
    """How far it has come."""

    NONE = 0
    WIDENED = 1
    FALLEN_BACK = 2
    RETRAIN = 3


RIVALS = (baselines.Persistence(), baselines.HourMean())
TARGETS = (forecast_module.Target.S300, forecast_module.Target.MAX900)
_AHEAD_S = 900
_GIVEN_UP_S = 7200  # samples that are so late come no more
_RATE = 1 / 32  # of the rolling means: they reach back some 8 hours
_USUAL, _OFTEN, _SELDOM = 0.05, 0.2, 0.005  # shares that pass the quantile
_ALARM = 6.0  # of a cumulative sum
_SETTLED = 24  # forecasts, before a loss is judged: 6 hours
_WORSE, _AGAIN = 1.15, 1.0  # times the loss of the better rival
_GOOD = 0.1  # a share of passed quantiles that is in order again
_DAY_S = 86400
_TIE = 1e-3  # of the quantile: closer than that nothing was passed, or missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is known of how good forecasts are.

    ``origin`` (instances,) are Unix seconds of the forecast that waits, -1:
    none; ``waiting`` (instances, resources, forecasters, levels) its
    quantiles of the maximum over 900 s, the model's first, then those of
    `RIVALS`.  Of shape (instances, resources): ``settled`` forecasts since
    the step last changed, ``missed`` the rolling share that passed the 95 %
    quantile, ``often`` and ``seldom`` the cumulative sums, ``step`` and
    ``since`` (Unix seconds), ``size`` the rolling mean of that quantile;
    ``limits`` those of the newest forecast; ``loss`` (instances, resources,
    forecasters) is a rolling mean.
    """

    instances: tuple[str, ...]
    origin: np.ndarray
    waiting: np.ndarray
    settled: np.ndarray
    missed: np.ndarray
    often: np.ndarray
    seldom: np.ndarray
    loss: np.ndarray
    size: np.ndarray
    limits: np.ndarray
    step: np.ndarray
    since: np.ndarray

    def parts(self) -> dict[str, np.ndarray]:
        """All arrays, with the instances first."""
        names = (f.name for f in dataclasses.fields(self))
        return {n: getattr(self, n) for n in names if n != 'instances'}

    def ratio(self) -> np.ndarray:
        """The model's loss as a share of the better rival's; NaN: unknown.

        A thousandth of the use is added to both: of what hardly moves all
        are good enough.
        """
        slack = _TIE * self.size
        best = self.loss[..., 1:].min(axis=-1) + slack
        with np.errstate(invalid='ignore', divide='ignore'):
            ratio = (self.loss[..., 0] + slack) / best
        return np.where(best > 0, ratio, np.nan)

    def among(self, instances: tuple[str, ...]) -> 'Watch':
        """The same for these instances; of new ones nothing is known."""
        if instances == self.instances:
            return self
        row_of = {name: row for row, name in enumerate(self.instances)}
        place = np.array([row_of.get(name, -1) for name in instances], int)
        old = np.flatnonzero(place >= 0)
        found = nothing(instances).parts()
        for name, part in self.parts().items():
            found[name][old] = part[place[old]]
        return Watch(instances=instances, **found)


def renew(
    watch: Watch, limits: np.ndarray, told: frozenset[str]
) -> tuple[Watch, np.ndarray]:
    """Begin anew for whoever has other limits than before, or of whom a
    change of flavor or image was told.

    :param limits: (instances, resources), NaN where there is none.
    :returns: the watch, and who that is, bool (instances,).
    """
    limits = limits.astype(np.float32)
    both = np.isfinite(watch.limits) & np.isfinite(limits)
    other = (both & (watch.limits != limits)).any(axis=1)
    other |= np.array([name in told for name in watch.instances], bool)
    parts = watch.parts()
    for name, part in nothing(watch.instances).parts().items():
        mask = other.reshape(-1, *[1] * (part.ndim - 1))
        parts[name] = np.where(mask, part, parts[name])
    parts['limits'] = limits
    return Watch(instances=watch.instances, **parts), other


def nothing(instances: tuple[str, ...]) -> Watch:
    """Of nobody anything is known."""
    cells = (len(instances), len(fleet.RESOURCES))
    many = 1 + len(RIVALS)
    return Watch(
        instances=instances,
        origin=np.full(cells[0], -1, np.int64),
        waiting=np.full(
            (*cells, many, len(feedback.LEVELS)), np.nan, np.float32
        ),
        settled=np.zeros(cells, np.int32),
        missed=np.full(cells, _USUAL, np.float32),
        often=np.zeros(cells, np.float32),
        seldom=np.zeros(cells, np.float32),
        loss=np.full((*cells, many), np.nan),
        size=np.zeros(cells, np.float32),
        limits=np.full(cells, np.nan, np.float32),
        step=np.zeros(cells, np.int8),
        since=np.zeros(cells, np.int64),
    )


def settle(watch: Watch, window: usage_module.UsageWindow) -> Watch:
    """Compare with what came; who waits longer than that goes on.

    :param window: usage of exactly the watch's instances, in their order.
    """
    waits = watch.origin >= 0
    due = waits & (watch.origin + _AHEAD_S <= window.end)
    # far ahead of a clock, or of telemetry, that went back
    late = waits & (np.abs(window.end - watch.origin) > _GIVEN_UP_S)
    if not (due | late).any():
        return watch
    came = _came(watch.origin, due, window)
    known = np.isfinite(came) & np.isfinite(watch.waiting).all(axis=(2, 3))
    some = known.any(axis=1)
    gone = (due & some) | late
    loss = feedback.quantile_loss(came[..., None], watch.waiting)
    first = np.isnan(watch.loss[..., 0])
    rate = np.where(first, 1.0, _RATE)
    rolled = np.nan_to_num(watch.loss)
    rolled += rate[..., None] * (loss - rolled)
    upper = watch.waiting[:, :, 0, -1]
    size = watch.size + rate * (np.abs(upper) - watch.size)
    tie = _TIE * np.abs(upper)
    # a tie counts neither way: rounding decides it
    passed, below = known & (came > upper + tie), known & (came < upper - tie)
    clear = passed | below
    return dataclasses.replace(
        watch,
        origin=np.where(gone, -1, watch.origin),
        settled=watch.settled + known,
        loss=np.where(known[..., None], rolled, watch.loss),
        size=np.where(known, size, watch.size).astype(np.float32),
        missed=np.where(
            known, watch.missed + _RATE * (passed - watch.missed), watch.missed
        ).astype(np.float32),
        often=_summed(watch.often, passed, clear, _OFTEN),
        seldom=_summed(watch.seldom, passed, clear, _SELDOM),
    )


def _came(
    origin: np.ndarray, due: np.ndarray, window: usage_module.UsageWindow
) -> np.ndarray:
    """The largest usage within 900 s, (instances, resources)."""
    steps = max(1, _AHEAD_S // window.step_s)
    column, off_grid = np.divmod(origin - window.start, window.step_s)
    seen = due & (off_grid == 0) & (column >= -1)
    seen &= column + steps < window.usage.shape[1]
    rows = np.flatnonzero(seen)
    out = np.full((len(origin), window.usage.shape[2]), np.nan)
    if len(rows):
        at = column[rows, None] + np.arange(1, steps + 1)
        out[rows] = window.usage[rows[:, None], at].max(axis=1)
    return out


def _summed(
    before: np.ndarray, passed: np.ndarray, clear: np.ndarray, share: float
) -> np.ndarray:
    """A cumulative sum, one forecast on."""
    gain = np.where(
        passed,
        np.log(share / _USUAL),
        np.log((1 - share) / (1 - _USUAL)),
    )
    return np.where(clear, np.maximum(before + gain, 0), before).astype(
        np.float32
    )


def judge(watch: Watch, now: int) -> tuple[Watch, np.ndarray]:
    """Take the next step where it is time, or go back.

    :returns: the watch, and which cells the calibration has to hasten for,
        bool (instances, resources).
    """
    ratio = np.nan_to_num(watch.ratio(), nan=0.0)
    enough = watch.settled >= _SETTLED
    worse = enough & (ratio > _WORSE)
    alarm = (watch.often >= _ALARM) | (watch.seldom >= _ALARM)
    calm = enough & ~alarm & (watch.missed <= _GOOD)
    step = watch.step.copy()
    step[(watch.step == Step.NONE) & (alarm | worse)] = Step.WIDENED
    step[(watch.step == Step.WIDENED) & worse] = Step.FALLEN_BACK
    day = now - watch.since >= _DAY_S
    step[(watch.step == Step.FALLEN_BACK) & worse & day] = Step.RETRAIN
    back = (watch.step >= Step.FALLEN_BACK) & enough & (ratio < _AGAIN)
    step[back] = Step.WIDENED
    step[(watch.step == Step.WIDENED) & calm & (ratio < _WORSE)] = Step.NONE
    changed = step != watch.step
    hasten = alarm | (changed & (step == Step.WIDENED) & ~back)
    return (
        dataclasses.replace(
            watch,
            step=step,
            since=np.where(changed, now, watch.since),
            settled=np.where(changed, 0, watch.settled),
            often=np.where(alarm, 0, watch.often).astype(np.float32),
            seldom=np.where(alarm, 0, watch.seldom).astype(np.float32),
        ),
        hasten,
    )
