"""What is out of the ordinary, told once.

`surprise` judges every sample; here the surprises of an instance are put
together, and an event is told when it begins and when it grows, not at every
sample that it lasts.
"""

from collections.abc import Mapping
import copy

import numpy as np

from predictive_watcher.core import surprise as surprise_module


_FADE = 400  # samples in which a bar that was raised falls to 1/e
_GROWN = 1.0  # of -ln p: what is less above the bar is no news


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

    def advance(
        self,
        sample: np.ndarray,
        time: int | np.ndarray,
        expected: np.ndarray | None = None,
    ) -> np.ndarray:
        """Take a sample, and tell what is news.

        :param sample: (instances, resources); NaN where there is none.
        :param time: Unix seconds of the sample, one or (instances,).
        :param expected: see `surprise.Surprise.advance`.
        :returns: -ln p of each instance, its resources taken together,
            (instances,); 0 where nothing new is out of the ordinary.
        """
        views, _ = self.surprise.advance(sample, time, expected)
        found = surprise_module.together(surprise_module.most(views))
        news = found > self.bar + np.float32(_GROWN)
        seen = np.isfinite(sample).any(axis=-1)
        faded = self.bar * np.float32(np.exp(-1 / _FADE))
        bar = np.where(news, found, faded)
        self.bar[...] = np.where(seen, bar, self.bar)
        return np.where(news & seen, found, np.float32(0))
