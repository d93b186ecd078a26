"""What an action was to bring, and what it brought.

An action is worth what it averts: risk x the time that the excess lasts, less
what comes too late.  Whether that much came is known later, from the same
usage against the limit that the instance had; it corrects the next estimates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module


_PRIOR = 10.0  # actions of the usual kind that came as expected
_MOST = 4.0  # times, and its inverse: no estimate is moved further


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A resize that was decided, at ``decided_at`` (Unix seconds).

    ``expected_s`` are the seconds of violation that it was to avert, without
    weight and correction, until ``until``; limits are those of ``resource``,
    in the units of usage, before and after.
    """

    instance_id: str
    decided_at: int
    audit: str
    kind: str
    resource: str
    ceiling: float
    limit_before: float
    limit_after: float
    predicted: float
    risk: float
    expected_s: float
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of it: the largest usage, the seconds above the ceiling of
    the limit before, and those above the ceiling of the limit after.
    """

    peak: float
    came_s: float
    left_s: float

    @property
    def averted_s(self) -> float:
        """What the action was good for: less where a part of the need was
        covered.
        """
        return self.came_s - self.left_s


def settle(
    expected: Sequence[Expected], window: usage_module.UsageWindow
) -> list[Came | None]:
    """What the window shows of each; None: not all of it yet, or nothing.

    Steps without a sample count as nothing; half of them must be there.

    >>> used = np.full((1, 7, 4), 3.8, np.float32)
    >>> used[0, 4:] = 1.0
    >>> window = usage_module.UsageWindow(
    ...     instances=('a',), start=0, step_s=300, usage=used
    ... )
    >>> one = Expected(
    ...     instance_id='a',
    ...     decided_at=0,
    ...     audit='u',
    ...     kind='resize',
    ...     resource='cpu',
    ...     ceiling=0.9,
    ...     limit_before=4.0,
    ...     limit_after=8.0,
    ...     predicted=4.0,
    ...     risk=0.8,
    ...     expected_s=1000.0,
    ...     until=1800,
    ... )
    >>> [came] = settle([one], window)
    >>> came.came_s, came.left_s
    (900.0, 0.0)
    """
    row_of = {name: row for row, name in enumerate(window.instances)}
    return [
        _came(one, row_of.get(one.instance_id), window) for one in expected
    ]


def _came(
    one: Expected, row: int | None, window: usage_module.UsageWindow
) -> Came | None:
    if row is None or one.until > window.end:
        return None
    times = window.times()
    steps = (times > one.decided_at) & (times <= one.until)
    resource = fleet.RESOURCES.index(fleet.Resource(one.resource))
    used = window.usage[row, steps, resource]
    known = used[np.isfinite(used)]
    if not len(known) or 2 * len(known) < len(used):
        return None

    def above(limit: float) -> float:
        return float((known > one.ceiling * limit).sum() * window.step_s)

    return Came(
        peak=float(known.max()),
        came_s=above(one.limit_before),
        left_s=above(one.limit_after),
    )


def benefit_factor(expected_s: np.ndarray, averted_s: np.ndarray) -> float:
    """By how much the benefit of actions has to be corrected.

    The seconds that were averted as a share of those that were expected, as
    if `_PRIOR` more of the mean kind had come as expected; 1 without any.

    >>> ten = np.full(10, 600.0)
    >>> benefit_factor(ten, np.zeros(10)), benefit_factor(ten, ten)
    (0.5, 1.0)
    >>> benefit_factor(np.empty(0), np.empty(0))
    1.0
    """
    if not len(expected_s) or expected_s.sum() <= 0:
        return 1.0
    prior = _PRIOR * expected_s.mean()
    factor = (averted_s.sum() + prior) / (expected_s.sum() + prior)
    return float(np.clip(factor, 1 / _MOST, _MOST))
