"""Usage → what the network sees, one sample at a time.

One path serves training, audits and replays: `FeatureState.advance` takes the
next sample of every instance, `FeatureState.features` describes what is known
then.  Nothing looks ahead, and nothing depends on how long the history is.
All amounts are differences to the newest sample in units of ``scale``, the
instance's own mean step over a day, squeezed by asinh: a network trained on
small instances works on large ones.
"""

from collections.abc import Callable
from collections.abc import Sequence
import copy
import functools

import numpy as np

from predictive_watcher.core import forecast
from predictive_watcher.core import inputs


_NEVER = np.float32(1e6)
_PROFILE_RATE = np.float32(0.25)  # weight of the newest day in the profile
_PEAK_KEEP = np.float32(0.85)  # what a day leaves of the profile's peak
_WEEK_RATE = np.float32(1 / 24)  # about two weeks, of 12 samples an hour
_PRIOR = np.float32(3.0)  # steps' worth of belief in the scale's floor
# The smallest step worth telling apart: a share of the limit where there is
# one, else the fallback (vCPUs, MiB, B/s, B/s).
_FLOOR_SHARE = np.array([1e-3, 1e-3, 0.0, 0.0], np.float32)
_FLOOR = np.array([1e-3, 1.0, 1024.0, 256.0], np.float32)
_LEVEL_SHARE = np.float32(0.02)
_PARTS = (
    *('last', 'age', 'seen', 'same', 'deltas', 'steps', 'means', 'extremes'),
    *('ring', 'day', 'profile', 'peak', 'week', 'day_now', 'profile_now'),
)


class FeatureState:
    """What is remembered of each instance, and what follows from it.

    Arrays have shape (..., instances, resources), float32; about 17 KB an
    instance at 300 s.  ``last`` is the newest value, ``scale`` the mean
    absolute step of about 24 h, both in the units of usage.
    """

    def __init__(self, limits: np.ndarray, step_s: int) -> None:
        """Begin with nothing seen.

        :param limits: (instances, resources), NaN where there is none.
        """
        shape = limits.shape
        self.step_s = step_s
        self.limits = limits.astype(np.float32)
        self.slots = inputs.DAY_S // step_s
        share = _FLOOR_SHARE * np.nan_to_num(self.limits)
        self.floor = np.where(share > 0, share, _FLOOR).astype(np.float32)

        def empty(*lead: int, fill: float = np.nan) -> np.ndarray:
            return np.full((*lead, *shape), fill, np.float32)

        self.time = 0
        self.last = empty(fill=0.0)
        self.age = empty(fill=float(_NEVER))
        self.seen = empty(fill=0.0)
        self.same = empty(fill=0.0)
        self.deltas = empty(fill=0.0)  # how many steps were measured
        self.steps = empty(len(inputs.STEPS) + 1, fill=0.0)
        self.means = empty(len(inputs.MEANS), fill=0.0)
        self.extremes = empty(2 * len(inputs.EXTREMES), fill=0.0)
        self.ring = empty(inputs.RING)
        self.day = empty(self.slots)
        self.profile = empty(self.slots)
        self.peak = empty(self.slots)
        self.week = empty(7 * 24)
        self.day_now = empty()
        self.profile_now = empty()

    def among(self, rows: slice) -> 'FeatureState':
        """The state of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        for name in (*_PARTS, 'limits', 'floor'):
            setattr(some, name, getattr(self, name)[..., rows, :])
        return some

    def forget(self, which: np.ndarray) -> None:
        """Begin anew for the instances (or cells) of a mask.

        :param which: bool (instances,) or (instances, resources).
        """
        mask = which if which.ndim == 2 else which[:, None]
        mask = np.broadcast_to(mask, self.last.shape)
        rings = (self.ring, self.day, self.profile, self.peak, self.week)
        for array in (*rings, self.day_now, self.profile_now):
            array[..., mask] = np.nan
        for array in (self.last, self.seen, self.same, self.deltas):
            array[mask] = 0.0
        for array in (self.steps, self.means, self.extremes):
            array[:, mask] = 0.0
        self.age[mask] = _NEVER

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        return {
            name: np.moveaxis(getattr(self, name), -2, 0) for name in _PARTS
        }

    @property
    def known(self) -> np.ndarray:
        """Bool (instances, resources): is the newest value new enough?"""
        return np.asarray(self.age <= forecast.MAX_AGE)

    @property
    def recent(self) -> np.ndarray:
        """The newest value where it is new enough, else NaN."""
        return np.where(self.known, self.last, np.float32(np.nan))

    @property
    def scale(self) -> np.ndarray:
        """Mean absolute step, with a belief in the floor while it is new."""
        prior = self.floor + _LEVEL_SHARE * np.abs(self.means[-1])
        total = self.steps[-1] * self.deltas + _PRIOR * prior
        scale = total / (self.deltas + _PRIOR)
        return np.asarray(np.maximum(scale, self.floor))

    def advance(self, sample: np.ndarray, time: int) -> None:
        """Take the sample of the step that ends at ``time``, one step after
        the one before.

        :param sample: (instances, resources) in the units of usage; NaN
            where there is none.
        """
        present = np.isfinite(sample)
        value = np.where(present, sample, self.last).astype(np.float32)
        self.seen += present
        self._learn_steps(value, present)
        self._learn_levels(value, present)
        unchanged = present & (value == self.last)
        self.same[...] = np.where(
            unchanged, self.same + 1, np.where(present, 0, self.same)
        )
        self._learn_profile(value, present, time)
        self.age[...] = np.where(present, 0, self.age + 1)
        self.last[...] = value
        self.time = time
        self._lag(0)[...] = np.where(self.seen > 0, value, np.nan)

    def _learn_steps(self, value: np.ndarray, present: np.ndarray) -> None:
        # across a gap the step is not of one step_s: it is left out
        valid = present & (self.age == 0)
        np.minimum(self.deltas + valid, inputs.SCALE_STEPS, out=self.deltas)
        size = np.abs(value - self.last)
        for k, span in enumerate((*inputs.STEPS, inputs.SCALE_STEPS)):
            rate = 1 / np.clip(self.deltas, 1, np.float32(span))
            change = rate * (size - self.steps[k])
            self.steps[k] += np.where(valid, change, 0)

    def _learn_levels(self, value: np.ndarray, present: np.ndarray) -> None:
        seen = np.maximum(self.seen, 1)
        for k, span in enumerate(inputs.MEANS):
            rate = 1 / np.minimum(seen, np.float32(span))
            change = rate * (value - self.means[k])
            self.means[k] += np.where(present, change, 0)
        first = present & (self.seen == 1)
        for k, span in enumerate(inputs.EXTREMES):
            mean = self.means[inputs.MEANS.index(span)]
            rate = np.float32(1 / span)
            pairs: tuple[tuple[int, Callable[..., np.ndarray]], ...] = (
                (2 * k, np.maximum),
                (2 * k + 1, np.minimum),
            )
            for j, best in pairs:
                old = self.extremes[j]
                new = best(value, old - rate * (old - mean))
                new = np.where(first, value, new)
                self.extremes[j] = np.where(present, new, old)

    def _learn_profile(
        self, value: np.ndarray, present: np.ndarray, time: int
    ) -> None:
        slot = (time // self.step_s) % self.slots
        self.day_now[...] = self.day[slot]
        self.profile_now[...] = self.profile[slot]
        self.day[slot] = np.where(present, value, np.nan)
        old = self.profile_now
        near = old + _PROFILE_RATE * (value - old)
        new = np.where(np.isnan(old), value, near)
        self.profile[slot] = np.where(present, new, old)
        peak = np.fmax(value, new + _PEAK_KEEP * (self.peak[slot] - new))
        self.peak[slot] = np.where(present, peak, self.peak[slot])
        hour = (time // 3600) % len(self.week)
        old = self.week[hour]
        new = np.where(np.isnan(old), value, old + _WEEK_RATE * (value - old))
        self.week[hour] = np.where(present, new, old)

    def features(self) -> np.ndarray:
        """The network's inputs, float32 (instances, features), all finite.

        What is unknown is 0, and a mask beside it says so.
        """
        instances, resources = self.last.shape
        amounts, plain = len(inputs.SCALED), len(inputs.PLAIN)
        # one instance more than there are: rows whose distance is a power of
        # two share their place in the processor's cache, and turning them
        # takes eight times as long
        room = np.empty(
            (amounts + plain, instances + 1, resources), np.float32
        )
        room = room[:, :instances]
        scale = self.scale
        self._amounts(scale, room[:amounts])
        self._plain(scale, room[amounts:])
        room *= self.known.astype(np.float32)
        out = np.empty((instances, len(inputs.NAMES)), np.float32)
        own = resources * (amounts + plain)
        turned = out[:, :own].reshape(instances, resources, amounts + plain)
        turned[...] = np.moveaxis(room, 0, -1)
        out[:, own:] = inputs.calendar(self.time)
        return out

    def _lag(self, steps: int) -> np.ndarray:
        """Values of so many steps ago."""
        step = self.time // self.step_s - steps
        return np.asarray(self.ring[step % inputs.RING])

    def _amounts(self, scale: np.ndarray, out: np.ndarray) -> None:
        """In the order of `inputs.SCALED`."""
        slot = self.time // self.step_s
        day, profile, peak = (
            [part[(slot + k) % self.slots] for k in inputs.AHEAD]
            for part in (self.day, self.profile, self.peak)
        )
        day_most, profile_most = _most(day), _most(profile)
        after = self.day[(slot + inputs.AHEAD[-1] + 1) % self.slots]
        later = self.time + 2 * self.step_s
        rows = [
            *(self._lag(k) for k in inputs.LAGS),
            *self.means,
            *self.extremes,
            self.day_now,
            *day,
            day_most,
            self.profile_now,
            *profile,
            profile_most,
            _most([self.day_now, day_most, after]),
            _most(peak),
            self.week[(later // 3600) % len(self.week)],
            np.zeros_like(self.last),
            self.limits,
        ]
        np.subtract(np.stack(rows, out=out), self.last, out=out)
        out /= scale
        np.arcsinh(out, out=out)
        np.copyto(out, 0, where=~np.isfinite(out))

    def _straight(self) -> list[np.ndarray]:
        """Net change over all change of the last steps, -1 to 1.

        Kaufman's efficiency ratio (Smarter Trading, 1995): a steady climb
        has 1, a steady fall -1, noise something near 0.
        """
        values = [self._lag(k) for k in range(inputs.RING)]
        size = np.zeros_like(self.last)
        out = []
        for k in range(1, inputs.RING):
            size = size + np.abs(values[k - 1] - values[k])
            if k in inputs.STRAIGHT:
                change = values[0] - values[k]
                ratio = change / np.maximum(size, self.floor)
                out.append(np.where(np.isfinite(ratio), ratio, 0))
        return out

    def _plain(self, scale: np.ndarray, out: np.ndarray) -> None:
        """Numbers without unit, in the order of `inputs.PLAIN`."""
        ahead = (self.time // self.step_s + inputs.AHEAD[0]) % self.slots
        limited = np.isfinite(self.limits)
        limit = np.where(limited, self.limits, 1)
        ratios = [np.log((s + self.floor) / scale) for s in self.steps[:-1]]
        rows = [
            *ratios,
            *self._straight(),
            np.isfinite(self.day[ahead]),
            np.isfinite(self.profile[ahead]),
            limited,
            np.where(limited, np.minimum(self.last / limit, 4), 0),
            np.arcsinh(self.last / self.floor),
            np.log(scale / self.floor),
            np.log1p(self.same),
            np.minimum(self.age, forecast.MAX_AGE + 1),
            np.log1p(np.minimum(self.seen, 2 * inputs.SCALE_STEPS)),
            self.age == 0,
        ]
        np.stack(rows, out=out)


def _most(rows: Sequence[np.ndarray]) -> np.ndarray:
    """The largest in each place; NaN only where all are."""
    return np.asarray(functools.reduce(np.fmax, rows))
