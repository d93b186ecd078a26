"""From usage to what the trainer draws its batches from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import features
from predictive_watcher.core import inputs
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module


_SHORTEST, _LONGEST = 36, 8640  # steps between two beginnings
_NO_RESOURCE = 0.06  # chance that a resource is taken away, per beginning
_ALONE = 0.12  # chance that all but one are taken away
_NO_LIMIT = 0.15
_WIDEST = 10.0  # of a target in asinh units: e^10 / 2 mean steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Features and usage of many instances, time first.

    ``x`` is float16 (time, instances, features); ``last``, ``scale`` and
    ``usage`` float32 and ``known`` bool (time, instances, resources);
    ``limits`` float32 (instances, resources), ``drawn`` the instances' share
    of the batches.
    """

    x: np.ndarray
    last: np.ndarray
    scale: np.ndarray
    known: np.ndarray
    usage: np.ndarray
    limits: np.ndarray
    drawn: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Series of which only steps before ``end`` may be learned from;
    ``share`` is its part of the batches, before it is normalised.
    """

    series: Series
    end: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """``x`` (time, batch, features); ``z`` (time, batch, resource, target).

    ``z`` is asinh((y - last) / scale), ``valid`` where it exists; ``scale``
    is in the units of usage, ``limit`` and ``last`` in units of scale, (time,
    batch, resource), the limit NaN where there is none.
    """

    x: np.ndarray
    z: np.ndarray
    valid: np.ndarray
    scale: np.ndarray
    limit: np.ndarray
    last: np.ndarray


def follow(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    rng: np.random.Generator | None = None,
    tell: Callable[[float], None] = lambda _: None,
) -> Series:
    """Walk through a window and keep what was seen at each step.

    With ``rng`` the instances are forgotten now and then, and lose resources
    and limits, so that a young or partly known instance is nothing new to
    the network.  ``tell`` hears the share that is done.
    """
    count, length, resources = window.usage.shape
    limits = np.array(limits, np.float32)
    usage = np.array(window.usage)
    begins: list[np.ndarray] = [np.array([], int)] * length
    if rng is not None:
        limits[rng.random(limits.shape) < _NO_LIMIT] = np.nan
        begins = _begins(rng, usage)
    state = features.FeatureState(limits, window.step_s)
    x = np.empty((length, count, len(inputs.NAMES)), np.float16)
    last, scale = np.empty((2, length, count, resources), np.float32)
    known = np.empty((length, count, resources), bool)
    for t, time in enumerate(window.times()):
        if len(begins[t]):
            state.forget(np.isin(np.arange(count), begins[t]))
        state.advance(usage[:, t], int(time))
        x[t] = state.features()
        last[t], scale[t], known[t] = state.last, state.scale, state.known
        if t % 256 == 0:
            tell(t / length)
    drawn = np.isfinite(usage).any(axis=2).mean(axis=1)
    return Series(
        x=x,
        last=last,
        scale=scale,
        known=known,
        usage=np.moveaxis(usage, 1, 0).copy(),
        limits=limits,
        drawn=drawn / max(float(drawn.sum()), 1e-9),
    )


def followed(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    rng: np.random.Generator,
    tell: Callable[[float], None],
) -> Series:
    """The series of a window that has samples; they have some as well."""
    series = follow(window, limits, rng, tell)
    if series.drawn.any():
        return series
    # all of the little that there is was taken away by chance
    return follow(window, limits, tell=tell)


def _begins(rng: np.random.Generator, usage: np.ndarray) -> list[np.ndarray]:
    """Who begins anew at which step; takes resources out of ``usage``."""
    count, length, resources = usage.shape
    at: list[list[int]] = [[] for _ in range(length)]
    for i in range(count):
        t = 0
        while t < length:
            span = np.exp(rng.uniform(np.log(_SHORTEST), np.log(_LONGEST)))
            gone = rng.random(resources) < _NO_RESOURCE
            if rng.random() < _ALONE:
                gone = np.arange(resources) != rng.integers(resources)
            usage[i, t : t + int(span), gone] = np.nan
            at[t].append(i)
            t += int(span)
    return [np.array(who, int) for who in at]


def batch(
    series: Series, start: np.ndarray, who: np.ndarray, length: int
) -> Batch:
    """Stretches of ``length`` steps from ``start``, of instances ``who``."""
    t = start + np.arange(length)[:, None]
    last, scale = series.last[t, who], series.scale[t, who]
    y = np.stack([series.usage[t + k, who] for k in (1, 2, 3)], axis=-1)
    y = np.concatenate([y, y.max(axis=-1, keepdims=True)], axis=-1)
    z = np.arcsinh((y - last[..., None]) / scale[..., None])
    valid = np.isfinite(z) & series.known[t, who][..., None]
    return Batch(
        x=series.x[t, who].astype(np.float32),
        z=np.clip(np.where(valid, z, 0), -_WIDEST, _WIDEST),
        valid=valid,
        scale=scale,
        limit=series.limits[who] / scale,
        last=last / scale,
    )


def draw(
    parts: list[Part], rng: np.random.Generator, size: int, length: int
) -> Batch:
    """A random batch from all parts, each by its share of the samples."""
    shares = np.array([part.share for part in parts])
    counts = rng.multinomial(size, shares / shares.sum())
    drawn = []
    for part, count in zip(parts, counts, strict=True):
        if count:
            latest = max(0, part.end - length - replay.AHEAD)
            start = rng.integers(0, latest + 1, count)
            who = rng.choice(
                len(part.series.drawn), count, p=part.series.drawn
            )
            drawn.append(batch(part.series, start, who, length))
    names = ('x', 'z', 'valid', 'scale', 'limit', 'last')
    return Batch(
        **{
            name: np.concatenate([getattr(b, name) for b in drawn], axis=1)
            for name in names
        }
    )
