"""What is out of the ordinary, told once.

`surprise` judges every sample; here the surprises of an instance are put
together, and an event is told when it begins and when it grows, not at every
sample that it lasts.
"""

from collections.abc import Mapping
import copy
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import surprise as surprise_module


_FADE = 400  # samples in which a bar that was raised falls to 1/e
_GROWN = 1.0  # of -ln p: what is less above the bar is no news


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is to be said of a sample; -ln p but for ``away``.

    ``views`` (instances, resources, views) and ``away``, the signed distance
    behind each; ``by_resource`` (instances, resources); ``found``
    (instances,) of all resources together, and ``news``: whether it is more
    than what was told before.
    """

    views: np.ndarray
    away: np.ndarray
    by_resource: np.ndarray
    found: np.ndarray
    news: np.ndarray


class Detector:
    """Watches many instances, sample by sample.

    ``bar`` (instances,) is the surprise that was told last, and fades.
    """

    def __init__(self, instances: int, resources: int) -> None:
        """Begin with nothing seen."""
        self.surprise = surprise_module.Surprise(instances, resources)
        self.bar = np.zeros(instances, np.float32)

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        return {**self.surprise.parts(), 'anomaly_bar': self.bar}

    def resume(self, parts: Mapping[str, np.ndarray]) -> None:
        """Go on from what `parts` gave, of the same instances."""
        for name, view in self.parts().items():
            view[...] = parts[name]

    def among(self, rows: slice) -> 'Detector':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.surprise = self.surprise.among(rows)
        some.bar = self.bar[rows]
        return some

    def look(
        self,
        sample: np.ndarray,
        time: int | np.ndarray,
        expected: np.ndarray | None = None,
    ) -> Seen:
        """Take a sample, and say all that is to be said of it.

        :param sample: (instances, resources); NaN where there is none.
        :param time: Unix seconds of the sample, one or (instances,).
        :param expected: see `surprise.Surprise.advance`.
        """
        views, away = self.surprise.advance(sample, time, expected)
        by_resource = surprise_module.most(views)
        found = surprise_module.together(by_resource)
        seen = np.isfinite(sample).any(axis=-1)
        news = seen & (found > self.bar + np.float32(_GROWN))
        faded = self.bar * np.float32(np.exp(-1 / _FADE))
        bar = np.where(news, found, faded)
        self.bar[...] = np.where(seen, bar, self.bar)
        return Seen(
            views=views,
            away=away,
            by_resource=by_resource,
            found=found,
            news=news,
        )

    def advance(
        self,
        sample: np.ndarray,
        time: int | np.ndarray,
        expected: np.ndarray | None = None,
    ) -> np.ndarray:
        """-ln p of each instance where it is news, else 0; see `look`."""
        seen = self.look(sample, time, expected)
        return np.where(seen.news, seen.found, np.float32(0))
