"""What really came: forecasts compared with usage, once it is known."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import usage as usage_module


RIVALS = ('persistence', 'mean60')
LEVELS = (0.5, 0.95)  # those that are kept
_FULL = 0.95  # of a limit: who uses so much of it might have used more
# Targets that are settled, with the seconds after the origin that they need.
HORIZON_S = {forecast.Target.S300: 300, forecast.Target.MAX900: 900}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Forecasts that wait for what comes; all arrays have shape (n,).

    ``resource`` and ``target`` are indices into `fleet.RESOURCES` and
    `forecast.TARGETS`; ``q50`` and ``q95`` are in the units of usage, and so
    is ``limit``, that of the origin: a resize meanwhile does not change what
    was foretold.  ``risk`` is the chance to pass ``ceiling`` x limit; NaN
    where there was none.  ``rivals`` (n, `RIVALS`, 2) are the same two
    quantiles of simple forecasters, NaN where they were not asked.
    """

    instances: tuple[str, ...]
    origin: np.ndarray
    resource: np.ndarray
    target: np.ndarray
    q50: np.ndarray
    q95: np.ndarray
    risk: np.ndarray
    limit: np.ndarray
    ceiling: np.ndarray
    rivals: np.ndarray
    segment: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How good each forecast was; all arrays have shape (n,) unless said.

    NaN where it cannot be said.  ``loss`` is the mean quantile loss at .5
    and .95, in the units of usage; ``rival_loss`` (n, `RIVALS`) that of the
    rivals; ``passed`` whether ceiling x limit was passed, 0 or 1, and
    ``brier`` the squared error of the risk.
    """

    covered: np.ndarray
    abs_error: np.ndarray
    loss: np.ndarray
    rival_loss: np.ndarray
    passed: np.ndarray
    brier: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How forecasts compare with what came.

    ``n`` forecasts were settled.  ``coverage`` is the share that stayed at or
    below its 95 % quantile, ``mean_abs_error`` by resource that of the
    median, in the units of usage; NaN where nothing was settled.
    """

    n: int
    coverage: float
    mean_abs_error: tuple[float, ...]


def actual(pending: Pending, window: usage_module.UsageWindow) -> np.ndarray:
    """What came of each forecast, float64 of shape (n,).

    NaN where the window does not show it: it is not over, before the
    window, or has a gap.  The largest usage is known only if every step of
    it is.
    """
    row_of = {name: row for row, name in enumerate(window.instances)}
    rows = np.array([row_of.get(name, -1) for name in pending.instances], int)
    out = np.full(rows.shape, np.nan)
    for target, horizon_s in HORIZON_S.items():
        if horizon_s % window.step_s:
            continue
        last = horizon_s // window.step_s
        first = 1 if target is forecast.Target.MAX900 else last
        mine = pending.target == forecast.TARGETS.index(target)
        out[mine] = _largest(
            window, rows[mine], pending.origin[mine], pending.resource[mine],
            range(first, last + 1),
        )  # fmt: skip
    return out


def _largest(
    window: usage_module.UsageWindow,
    rows: np.ndarray,
    origin: np.ndarray,
    resource: np.ndarray,
    steps: range,
) -> np.ndarray:
    """The largest usage in ``steps`` after the origin; NaN unless all are
    known.
    """
    column, off_grid = np.divmod(origin - window.start, window.step_s)
    largest = np.full(rows.shape, -np.inf)
    length = window.usage.shape[1]
    for step in steps:
        at = column + step
        known = (rows >= 0) & (off_grid == 0) & (at >= 0) & (at < length)
        value = np.full(rows.shape, np.nan)
        value[known] = window.usage[rows[known], at[known], resource[known]]
        largest = np.maximum(largest, value)  # NaN stays NaN
    return largest


def summary(pending: Pending, came: np.ndarray) -> Settled:
    """Compare; ``came`` of shape (n,) is NaN where nothing is known.

    >>> two = Pending(
    ...     instances=('a', 'a'),
    ...     origin=np.zeros(2, int),
    ...     resource=np.zeros(2, int),
    ...     target=np.zeros(2, int),
    ...     q50=np.array([1.0, 1.0]),
    ...     q95=np.array([2.0, 2.0]),
    ...     risk=np.zeros(2),
    ...     limit=np.ones(2),
    ...     ceiling=np.ones(2),
    ...     rivals=np.ones((2, 2, 2)),
    ...     segment=('', ''),
    ... )
    >>> summary(two, np.array([1.5, 3.0])).coverage
    0.5
    """
    known = np.isfinite(came)
    n = int(known.sum())
    error = np.abs(came - pending.q50)
    by_resource = tuple(
        float(error[mine].mean()) if mine.any() else float('nan')
        for mine in (
            known & (pending.resource == index)
            for index in range(len(fleet.RESOURCES))
        )
    )
    covered = came[known] <= pending.q95[known]
    return Settled(
        n=n,
        coverage=float(covered.mean()) if n else float('nan'),
        mean_abs_error=by_resource,
    )


def judged(pending: Pending, came: np.ndarray) -> Judged:
    """Compare each forecast, and its rivals', with what came of it.

    >>> level = quantile_loss(np.array([3.0]), np.array([[1.0, 2.0]]))
    >>> round(float(level[0]), 3)  # half of .5 x 2 and .95 x 1
    0.975
    """
    own = np.stack([pending.q50, pending.q95], axis=-1)
    known = np.isfinite(came)
    told = known & np.isfinite(pending.risk * pending.limit * pending.ceiling)
    told &= pending.target == forecast.TARGETS.index(forecast.Target.MAX900)
    nan = np.full(came.shape, np.nan)
    passed = np.where(told, came > pending.ceiling * pending.limit, nan)
    return Judged(
        covered=np.where(known, came <= pending.q95, nan),
        abs_error=np.abs(came - pending.q50),
        loss=quantile_loss(came, own),
        rival_loss=quantile_loss(came[:, None], pending.rivals),
        passed=passed,
        brier=(pending.risk - passed) ** 2,
    )


def quantile_loss(came: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """The mean quantile loss over `LEVELS`, the last axis of ``quantiles``."""
    error = came[..., None] - quantiles
    levels = np.array(LEVELS)
    return np.asarray(
        np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
    )


def censored(
    came: np.ndarray, at_origin: np.ndarray, limit_now: np.ndarray
) -> np.ndarray:
    """Where a limit that was lowered meanwhile hides what would have come.

    A limit that was raised hides nothing: what then came is judged against
    the limit of the origin.

    >>> used, before = np.array([2.0, 1.0, 2.0]), np.full(3, 4.0)
    >>> censored(used, before, np.array([2.0, 2.0, 8.0])).tolist()
    [True, False, False]
    """
    lowered = limit_now < at_origin * (1 - 1e-6)
    return np.asarray(lowered & (came >= _FULL * limit_now))
