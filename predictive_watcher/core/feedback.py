"""What really came: forecasts compared with usage, once it is known."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import usage as usage_module


# Targets that are settled, with the seconds after the origin that they need.
HORIZON_S = {forecast.Target.S300: 300, forecast.Target.MAX900: 900}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Forecasts that wait for what comes; all arrays have shape (n,).

    ``resource`` and ``target`` are indices into `fleet.RESOURCES` and
    `forecast.TARGETS`; ``q50`` and ``q95`` are in the units of usage.
    """

    instances: tuple[str, ...]
    origin: np.ndarray
    resource: np.ndarray
    target: np.ndarray
    q50: np.ndarray
    q95: np.ndarray


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
