"""From scattered points of many devices to usage on a grid: pure numbers.

A *device* is what a metric belongs to: a disk, a network interface, or the
instance itself.  Its *directions* (read and write, in and out) are added.
"""

from dataclasses import dataclass
from dataclasses import field

import numpy as np


# A device that is silent for so many steps in which another device of the
# same instance reports has been detached, or was not attached yet.  Before
# that its silence is a gap, and the sum is unknown.
SILENT_STEPS = 3
# Steps to read before the first one that is wanted: one tells whether the
# first rate is valid, the others whether a silent device is gone.
LEAD_IN = SILENT_STEPS + 1


@dataclass(slots=True, kw_only=True)
class Points:
    """Samples of one resource as they come in; grows device by device."""

    directions: int
    owner: list[int] = field(default_factory=list)  # device → instance
    device: list[int] = field(default_factory=list)
    direction: list[int] = field(default_factory=list)
    steps: list[np.ndarray] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    counter: list[bool] = field(default_factory=list)  # of each device

    def add_device(self, owner: int, counter: bool = False) -> int:
        """A new device of the instance with the index ``owner``.

        :param counter: its samples are what a counter showed, and not yet
            what it grew by.
        """
        self.owner.append(owner)
        self.counter.append(counter)
        return len(self.owner) - 1

    def add_series(
        self,
        device: int,
        direction: int,
        steps: list[int],
        values: list[float],
    ) -> None:
        """Samples of one direction of one device, by step.

        :raises ValueError, TypeError: where a value is not a number.
        """
        self.device.append(device)
        self.direction.append(direction)
        self.steps.append(np.array(steps, np.int64))
        self.values.append(np.array(values, np.float64))

    def newest(self) -> int:
        """The last step that has a finite value; -1 where there is none."""
        last = -1
        for steps, values in zip(self.steps, self.values, strict=True):
            good = steps[np.isfinite(values)]
            last = max(last, int(good.max(initial=-1)))
        return last

    def dense(self, length: int) -> np.ndarray:
        """Shape (devices, length, directions); NaN where there is none."""
        out = np.full((len(self.owner), length, self.directions), np.nan)
        for device, direction, steps, values in zip(
            self.device, self.direction, self.steps, self.values, strict=True
        ):
            inside = (steps >= 0) & (steps < length) & np.isfinite(values)
            out[device, steps[inside], direction] = values[inside]
        return out


def rates(growth: np.ndarray, interval_s: float) -> np.ndarray:
    """Growth from sample to sample → per second, along axis 1 (time).

    NaN where the step before had no sample, because the growth then spans an
    unknown time, and where it is negative, because the counter began anew.
    """
    known = np.isfinite(growth)
    known[:, 1:] &= known[:, :-1].copy()
    known[:, 0] = False
    with np.errstate(invalid='ignore'):
        return np.where(known & (growth >= 0), growth / interval_s, np.nan)


def of_counters(values: np.ndarray, step_s: float) -> np.ndarray:
    """What counters showed, step by step → growth per second, along axis 1.

    NaN where a step or the one before is unknown, and where the counter
    began anew.

    >>> of_counters(np.array([[0.0, 30.0, np.nan, 9.0, 39.0, 0.0]]), 30)
    array([[nan,  1., nan, nan,  1., nan]])
    """
    growth = np.diff(values, axis=1, prepend=np.nan)
    with np.errstate(invalid='ignore'):
        return np.where(growth >= 0, growth / step_s, np.nan)


def averaged(
    steps: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the finite values of each step, and these steps."""
    good = np.isfinite(values)
    found, place = np.unique(steps[good], return_inverse=True)
    total = np.bincount(place, values[good], minlength=len(found))
    return found, total / np.bincount(place, minlength=len(found))


def _absent(seen: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Steps in which a device was not attached, (devices, time).

    ``seen``: it reported; ``others``: another device of its instance did.
    """
    before = np.cumsum(seen, axis=1) == 0
    after = np.cumsum(seen[:, ::-1], axis=1)[:, ::-1] == 0
    out = np.zeros_like(seen)
    for silence in (before, after):
        silent_long = (silence & others).sum(axis=1) >= SILENT_STEPS
        out |= silence & silent_long[:, None]
    return out


def by_instance(
    points: Points, seen: np.ndarray, amounts: np.ndarray, instances: int
) -> np.ndarray:
    """The sum over devices and directions, (instances, time).

    NaN where an attached device or one of its directions is unknown: a part
    of the sum would look like low usage.

    :param seen: (devices, time), whether the device reported anything.
    :param amounts: (devices, time, directions).
    """
    owner = np.array(points.owner, np.intp)
    length = seen.shape[1]
    reporting = np.zeros((instances, length), np.int64)
    np.add.at(reporting, owner, seen)
    absent = _absent(seen, reporting[owner] - seen > 0)
    attached = np.zeros((instances, length), np.int64)
    np.add.at(attached, owner, ~absent)
    total = np.zeros((instances, length))
    np.add.at(total, owner, np.where(absent, 0.0, amounts.sum(axis=2)))
    return np.where(attached > 0, total, np.nan)
