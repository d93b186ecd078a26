"""Whether an instance uses its resources for those who talk to it.

A metric of logins or requests tells what users do, where there is one; few
clouds have it, and what is sent and received over the network stands for it
in all others.  How closely a resource follows tells an instance that serves
people from one that computes by itself, and what is usual at the activity of
now tells a rush of users from a load that nobody asked for.
"""

from collections.abc import Mapping
import copy

import numpy as np

from predictive_watcher.core import decay
from predictive_watcher.core import fleet


_NETWORK = fleet.RESOURCES.index(fleet.Resource.NETWORK)
_ENOUGH = np.float32(48.0)  # samples before anything is said
_TINY = np.float32(1e-12)
_UNIT = np.float32(0.01)  # of a metric: nothing below is told apart
_FOLLOWS = np.float32(0.6)  # correlation from which activity tells anything
_BEYOND = np.float32(3.0)  # spreads


def squeezed(active: np.ndarray) -> np.ndarray:
    """What a metric of activity shows, on a scale like that of `scale`."""
    return np.asarray(np.arcsinh(np.asarray(active, np.float32) / _UNIT))


class Activity:
    """Moments of each resource and of the activity where both have a sample,
    arrays (instances, resources); ``together`` is the weighted sum of the
    products of their distances from the means.  ``measured`` (instances,) is
    1 where a metric tells the activity and 0 where the network stands for
    it; ``now`` is the newest one, -1 without a sample.
    """

    def __init__(self, instances: int, resources: int) -> None:
        shape = (instances, resources)
        self.resource = decay.Moments.empty(*shape)
        self.active = decay.Moments.empty(*shape)
        self.together = np.zeros(shape, np.float32)
        self.measured = np.zeros(instances, np.float32)
        self.now = np.full(instances, -1, np.float32)

    def parts(self) -> Mapping[str, np.ndarray]:
        """All that is remembered."""
        return {
            **self.resource.parts('activity.resource'),
            **self.active.parts('activity.active'),
            'activity.together': self.together,
            'activity.measured': self.measured,
            'activity.now': self.now,
        }

    def among(self, rows: slice) -> 'Activity':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.resource, some.active = self.resource[rows], self.active[rows]
        some.together = self.together[rows]
        some.measured, some.now = self.measured[rows], self.now[rows]
        return some

    def fade(self, factor: np.float32) -> None:
        """Let all that was seen weigh less."""
        self.resource.fade(factor)
        self.active.fade(factor)
        self.together *= factor

    def take(
        self,
        value: np.ndarray,
        gain: np.ndarray,
        active: np.ndarray | None = None,
    ) -> None:
        """Learn a sample.

        :param value: (instances, resources) on the scale of `scale`, finite.
        :param gain: what each weighs, 0 where there is none.
        :param active: (instances,) what a metric of activity shows, NaN
            where there is no sample; None: there is no such metric.
        """
        other, there = self._told(value, gain, active)
        self.now[...] = np.where(there, other, np.float32(-1))
        active_ = np.repeat(other[:, None], value.shape[1], axis=1)
        both = gain * there[:, None]
        before = active_ - self.active.mean
        self.active.take(active_, both)
        self.resource.take(value, both)
        self.together += both * before * (value - self.resource.mean)

    def _told(
        self, value: np.ndarray, gain: np.ndarray, active: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The activity (instances,), and where there is a sample of it.

        Once a metric has told it, the network does not stand for it again: a
        mixture of both would be neither.
        """
        network, there = value[:, _NETWORK], gain[:, _NETWORK] > 0
        if active is None:
            self._begin(self.measured > 0, 0)
            return network, there
        told = np.isfinite(active) & (active >= 0)
        self._begin(told & (self.measured == 0), 1)
        own = squeezed(np.where(told, active, 0))
        measured = self.measured > 0
        return np.where(measured, own, network), np.where(
            measured, told, there
        )

    def _begin(self, which: np.ndarray, measured: int) -> None:
        """Learn anew, from another kind of activity."""
        rows = np.flatnonzero(which)
        if not len(rows):
            return
        self.resource.clear(rows)
        self.active.clear(rows)
        self.together[rows] = 0
        self.measured[rows] = measured

    def follows(self) -> np.ndarray:
        """How closely each resource follows the activity, -1 to 1: Pearson's
        correlation; NaN where too little was seen or nothing varied, and of
        the network where that is the activity.
        """
        spread = np.sqrt(self.resource.scatter) * np.sqrt(self.active.scatter)
        known = (self.resource.weight >= _ENOUGH) & (spread > _TINY)
        found = self.together / np.maximum(spread, _TINY)
        found = np.where(known, np.clip(found, -1, 1), np.float32(np.nan))
        found[:, _NETWORK] = np.where(
            self.measured > 0, found[:, _NETWORK], np.float32(np.nan)
        )
        return np.asarray(found)

    def usual(self) -> tuple[np.ndarray, np.ndarray]:
        """What is usual at the activity of now, and one standard deviation,
        both on the scale of `scale`; NaN where it is not known now, or a
        resource does not follow it.
        """
        follows = self.follows()
        with np.errstate(invalid='ignore'):
            tells = np.abs(follows) >= _FOLLOWS
        slope = self.together / np.maximum(self.active.scatter, _TINY)
        level = self.resource.mean + slope * (
            self.now[:, None] - self.active.mean
        )
        left = np.sqrt(np.maximum(1 - np.nan_to_num(follows) ** 2, 0))
        spread = self.resource.spread() * left
        tells = tells & (self.now >= 0)[:, None]
        nan = np.float32(np.nan)
        return np.where(tells, level, nan), np.where(tells, spread, nan)

    def beyond(self, value: np.ndarray) -> np.ndarray:
        """Where use is far above what is usual at this activity, bool.

        :param value: (instances, resources) on the scale of `scale`, NaN
            where there is no sample.
        """
        level, spread = self.usual()
        with np.errstate(invalid='ignore'):
            return np.asarray(value > level + _BEYOND * spread)
