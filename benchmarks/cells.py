"""Rows for models without memory: the features at a step, and what came.

The features are those that the network sees, of `core.features`: what a rival
made of trees gets is what our model gets.
"""

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
import hashlib

import numpy as np

from predictive_watcher.core import features
from predictive_watcher.core import following
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module


Tell = Callable[[float], None]
Part = tuple[usage_module.UsageWindow, np.ndarray]  # with its limits
_BLOCK = 25_000  # rows at once, of those to forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One row for each instance and step, all float32.

    ``x`` (rows, features); ``last`` (NaN: too old), ``scale``, ``limits`` and
    ``now`` (rows, resources); ``came`` (rows, resources, targets).
    """

    x: np.ndarray
    last: np.ndarray
    scale: np.ndarray
    limits: np.ndarray
    now: np.ndarray
    came: np.ndarray

    def learnable(self, resource: int, target: int) -> np.ndarray:
        """Where there is something to learn, bool (rows,)."""
        known = np.isfinite(self.last[:, resource])
        known &= np.isfinite(self.now[:, resource])
        return np.asarray(known & np.isfinite(self.came[:, resource, target]))

    def z(self, resource: int, target: int) -> np.ndarray:
        """asinh((y - last) / scale), (rows,)."""
        change = self.came[:, resource, target] - self.last[:, resource]
        return np.asarray(np.arcsinh(change / self.scale[:, resource]))

    def digest(self) -> str:
        """A number for the content: any other features have another one."""
        found = hashlib.blake2b(digest_size=20)
        for name in self.__slots__:
            array = np.ascontiguousarray(getattr(self, name))
            found.update(f'{name}{array.shape}'.encode())
            found.update(array.data)
        return found.hexdigest()


def draw(
    parts: list[Part],
    rows: int,
    rng: np.random.Generator,
    tell: Tell = lambda _: None,
) -> Cells:
    """``rows`` random ones of all that can be learned from; fewer where there
    are not so many.
    """
    sizes = [np.flatnonzero(_there(window)) for window, _ in parts]
    total = sum(map(len, sizes))
    chosen = np.sort(rng.choice(total, min(rows, total), replace=False))
    found: list[Cells] = []
    begin = 0
    for k, ((window, limits), size) in enumerate(
        zip(parts, sizes, strict=True)
    ):
        mine = chosen[(chosen >= begin) & (chosen < begin + len(size))] - begin
        begin += len(size)
        who, step = np.divmod(size[mine], window.usage.shape[1])
        order = np.argsort(step, kind='stable')
        found += _walk(
            window,
            limits,
            who[order],
            step[order],
            _part_of(tell, k, len(parts)),
        )
    return _joined(found)


def blocks(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    origins: np.ndarray,
    tell: Tell = lambda _: None,
) -> Iterator[tuple[slice, Cells]]:
    """Rows of all instances at every origin, origin by origin, in blocks;
    each with the slice of ``origins`` that it is of.
    """
    count = len(window.instances)
    who = np.tile(np.arange(count), len(origins))
    step = np.repeat(origins, count)
    begin, waiting = 0, list[Cells]()
    for n, cells in enumerate(_walk(window, limits, who, step, tell)):
        waiting.append(cells)
        if len(waiting) * count >= _BLOCK or n == len(origins) - 1:
            yield slice(begin, n + 1), _joined(waiting)
            begin, waiting = n + 1, []


def _there(window: usage_module.UsageWindow) -> np.ndarray:
    """Where a sample and all that follows it are there, of any resource;
    bool (instances, time).
    """
    sample = np.isfinite(window.usage)
    there = sample.copy()
    for k in range(1, replay.AHEAD + 1):
        there[:, :-k] &= sample[:, k:]
        there[:, -k:] = False
    return np.asarray(there.any(axis=2))


def _walk(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    who: np.ndarray,
    step: np.ndarray,
    tell: Tell,
) -> Iterator[Cells]:
    """Cells of the instances ``who`` at ``step``, which ascends; one for each
    step that occurs.
    """
    usage = window.usage
    state = features.FeatureState(following.usable(limits), window.step_s)
    last_step = int(step[-1]) if len(step) else -1
    edges = np.searchsorted(step, np.arange(last_step + 2))
    for t in range(last_step + 1):
        state.advance(usage[:, t], window.start + t * window.step_s)
        rows = who[edges[t] : edges[t + 1]]
        if t % 64 == 0:
            tell(t / (last_step + 1))
        if not len(rows):
            continue
        came = np.stack(
            [usage[rows, t + k] for k in range(1, replay.AHEAD + 1)], axis=-1
        )
        most = came.max(axis=-1, keepdims=True)
        known = np.where(state.known, state.last, np.nan)
        yield Cells(
            x=state.features()[rows],
            last=known[rows].astype(np.float32),
            scale=state.scale[rows].astype(np.float32),
            limits=state.limits[rows],
            now=usage[rows, t],
            came=np.concatenate([came, most], axis=-1),
        )


def _part_of(tell: Tell, k: int, parts: int) -> Tell:
    return lambda done: tell((k + done) / parts)


def _joined(found: list[Cells]) -> Cells:
    return Cells(
        **{
            name: np.concatenate([getattr(cells, name) for cells in found])
            for name in Cells.__slots__
        }
    )
