"""Usage of many instances on one regular grid of time."""

from collections.abc import Sequence
from dataclasses import dataclass
import enum

import numpy as np

from predictive_watcher.core import fleet


class Condition(enum.StrEnum):
    """What is measured of an instance beside its usage, where anybody does:
    vCPUs that it waited for on its node (steal), and what its users do
    (requests or logins, of any one unit).
    """

    WAITED = 'waited'
    ACTIVITY = 'activity'


CONDITIONS: tuple[Condition, ...] = tuple(Condition)
_ALL = slice(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageWindow:
    """What each instance used, step by step.

    ``usage[instance, time, resource]`` is float32 in the units of
    `fleet.UNITS`, the mean over the step that ends at ``times()[time]``; NaN
    means that there is no sample, never that nothing was used.

    ``conditions[instance, time, condition]`` is the same for `CONDITIONS`;
    None where the source measures none.  What was waited for is part of the
    usage of cpu already.
    """

    instances: tuple[str, ...]
    start: int  # Unix seconds, end of the first step
    step_s: int
    usage: np.ndarray
    conditions: np.ndarray | None = None

    def __post_init__(self) -> None:
        expected = (len(self.instances), len(fleet.RESOURCES))
        shape = self.usage.shape
        if len(shape) != 3 or (shape[0], shape[2]) != expected:
            raise ValueError(
                f'usage has shape {shape}; ({expected[0]} instances, time, '
                f'{expected[1]} resources) is needed'
            )
        if self.usage.dtype != np.float32:
            raise ValueError(f'usage is {self.usage.dtype}, not float32')
        self.usage.setflags(write=False)
        if self.conditions is not None:
            expected_ = (*shape[:2], len(CONDITIONS))
            if self.conditions.shape != expected_:
                raise ValueError(
                    f'conditions have shape {self.conditions.shape}; '
                    f'{expected_} is needed'
                )
            self.conditions.setflags(write=False)

    def condition(self, which: Condition) -> np.ndarray | None:
        """One of the conditions, (instances, time); None: nobody has it."""
        if self.conditions is None:
            return None
        return self.conditions[:, :, CONDITIONS.index(which)]

    def _part(
        self, rows: slice | list[int], steps: slice
    ) -> dict[str, np.ndarray]:
        return {
            name: layer[rows, steps].copy()
            for name, layer in layers(self).items()
        }

    def times(self) -> np.ndarray:
        """Unix seconds of each step's end, int64."""
        steps = np.arange(self.usage.shape[1], dtype=np.int64)
        return self.start + steps * self.step_s

    @property
    def end(self) -> int:
        """Unix seconds of the last step's end."""
        return self.start + (int(self.usage.shape[1]) - 1) * self.step_s

    def newest(self) -> np.ndarray:
        """Unix seconds of each instance's newest sample of any resource.

        int64 of shape (instances,); -1 where there is none.
        """
        return np.asarray(self.newest_of_each().max(axis=1))

    def newest_of_each(self) -> np.ndarray:
        """Unix seconds of the newest sample of each resource.

        int64 of shape (instances, resources); -1 where there is none.
        """
        rows, steps, resources = self.usage.shape
        found = np.full((rows, resources), np.int64(-1))
        # nearly all have a sample in the last steps
        for step in reversed(range(steps)):
            new = (found < 0) & np.isfinite(self.usage[:, step])
            found[new] = self.start + step * self.step_s
            if (found >= 0).all():
                break
        return found

    def reported(self) -> np.ndarray:
        """Where there is a sample of any resource, bool (instances, time)."""
        found = np.zeros(self.usage.shape[:2], bool)
        # in turn: reducing so short an axis at once takes much longer
        for resource in range(self.usage.shape[2]):
            found |= np.isfinite(self.usage[:, :, resource])
        return found

    def until(self, end: int) -> 'UsageWindow':
        """The same window without the steps after ``end``."""
        keep = int(np.searchsorted(self.times(), end, side='right'))
        return UsageWindow(
            instances=self.instances,
            start=self.start,
            step_s=self.step_s,
            **self._part(_ALL, slice(keep)),
        )

    def last(self, steps: int) -> 'UsageWindow':
        """The same window's last steps."""
        return UsageWindow(
            instances=self.instances,
            start=self.end - (steps - 1) * self.step_s,
            step_s=self.step_s,
            **self._part(_ALL, slice(-steps, None)),
        )

    def only(self, rows: Sequence[int]) -> 'UsageWindow':
        """The same window of some of its instances."""
        return UsageWindow(
            instances=tuple(self.instances[row] for row in rows),
            start=self.start,
            step_s=self.step_s,
            **self._part(list(rows), _ALL),
        )


def layers(window: UsageWindow) -> dict[str, np.ndarray]:
    """All that a window measures, by the names of its fields; each is
    (instances, time, ...).
    """
    found = {'usage': window.usage}
    if window.conditions is not None:
        found['conditions'] = window.conditions
    return found
