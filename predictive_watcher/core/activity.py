"""Whether an instance uses its resources for those who talk to it.

User activity is seen in the network: what is sent and received stands for
logins and requests, which few clouds measure.  How closely a resource follows
it tells an instance that serves people from one that computes by itself.
"""

from collections.abc import Mapping
import copy

import numpy as np

from predictive_watcher.core import decay
from predictive_watcher.core import fleet


_NETWORK = fleet.RESOURCES.index(fleet.Resource.NETWORK)
_ENOUGH = np.float32(48.0)  # samples before anything is said
_TINY = np.float32(1e-12)


class Activity:
    """Moments of each resource and of the network where both have a sample,
    arrays (instances, resources); ``together`` is the weighted sum of the
    products of their distances from the means.
    """

    def __init__(self, instances: int, resources: int) -> None:
        shape = (instances, resources)
        self.resource = decay.Moments.empty(*shape)
        self.network = decay.Moments.empty(*shape)
        self.together = np.zeros(shape, np.float32)

    def parts(self) -> Mapping[str, np.ndarray]:
        """All that is remembered."""
        return {
            **self.resource.parts('activity.resource'),
            **self.network.parts('activity.network'),
            'activity.together': self.together,
        }

    def among(self, rows: slice) -> 'Activity':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.resource, some.network = self.resource[rows], self.network[rows]
        some.together = self.together[rows]
        return some

    def fade(self, factor: np.float32) -> None:
        """Let all that was seen weigh less."""
        self.resource.fade(factor)
        self.network.fade(factor)
        self.together *= factor

    def take(self, value: np.ndarray, gain: np.ndarray) -> None:
        """Learn a sample.

        :param value: (instances, resources) on the scale of `scale`, finite.
        :param gain: what each weighs, 0 where there is none.
        """
        active = np.repeat(value[:, _NETWORK, None], value.shape[1], axis=1)
        both = gain * (gain[:, _NETWORK, None] > 0)
        before = active - self.network.mean
        self.network.take(active, both)
        self.resource.take(value, both)
        self.together += both * before * (value - self.resource.mean)

    def follows(self) -> np.ndarray:
        """How closely each resource follows the network, -1 to 1: Pearson's
        correlation; NaN where too little was seen or nothing varied.
        """
        spread = np.sqrt(self.resource.scatter) * np.sqrt(self.network.scatter)
        known = (self.resource.weight >= _ENOUGH) & (spread > _TINY)
        found = self.together / np.maximum(spread, _TINY)
        found = np.where(known, np.clip(found, -1, 1), np.float32(np.nan))
        found[:, _NETWORK] = np.nan
        return np.asarray(found)
