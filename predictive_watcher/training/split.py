"""Which part of a trace is learned from, and which part is held out."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import usage as usage_module


STEP_S = 300
# Shares of a trace's time: trained on, chosen on, reported on; the rest is
# left alone (16,128, 17,880 and 26,200 of the 26,784 steps of Bitbrains).
TRAIN_UNTIL = 16128 / 26784
CHOOSE_UNTIL = 17880 / 26784
REPORT_UNTIL = 26200 / 26784
HELD_OUT = 0.2  # share of the instances
_SEED = 0  # the same instances are held out whatever the seed of a training
_SHORTEST = 24  # steps of a trace, or nothing can be learned and held out


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One trace: how to cite it, its usage and its limits."""

    name: str
    window: usage_module.UsageWindow
    limits: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A trace and the indices of its instances to ``learn`` from, and of
    those ``held`` out.
    """

    source: Source
    learn: np.ndarray
    held: np.ndarray

    @property
    def length(self) -> int:
        """Steps of the trace."""
        return int(self.source.window.usage.shape[1])

    def at(self, share: float) -> int:
        """The step at a share of the trace's time."""
        return round(share * self.length)

    def part(
        self, who: np.ndarray, until: int
    ) -> tuple[usage_module.UsageWindow, np.ndarray]:
        """Usage of some instances before step ``until``, and their limits."""
        window = self.source.window
        return usage_module.UsageWindow(
            instances=tuple(window.instances[i] for i in who),
            start=window.start,
            step_s=window.step_s,
            usage=window.usage[who, :until].copy(),
        ), self.source.limits[who]

    def teaching(self) -> np.ndarray:
        """Those of ``learn`` that have a sample in the time to learn from."""
        usage = self.source.window.usage[self.learn, : self.at(TRAIN_UNTIL)]
        there = np.isfinite(usage).any(axis=(1, 2))
        return np.asarray(self.learn[there])


def of_all(sources: list[Source]) -> list[Split]:
    """The splits of several traces, each parted by itself.

    :raises InvalidTrace: where one of them cannot be learned from, or all
        of them together have no sample to learn from.
    """
    splits = [of(source) for source in sources]
    if not any(len(split.teaching()) for split in splits):
        names = ', '.join(source.name for source in sources)
        raise exceptions.InvalidTrace(
            f'{names}: there is no sample to learn from in the first '
            f'{TRAIN_UNTIL:.0%} of the time, and the rest is held out; give '
            'a longer trace'
        )
    return splits


def of(source: Source) -> Split:
    """The split of a trace: always the same one.

    :raises InvalidTrace: where the trace cannot be learned from.
    """
    _check(source)
    rng = np.random.default_rng(_SEED)
    learn, held = hold_out(rng, len(source.window.instances))
    return Split(source=source, learn=learn, held=held)


def hold_out(
    rng: np.random.Generator, instances: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the instances to learn from, and of those held out."""
    order = rng.permutation(instances)
    held = max(1, round(HELD_OUT * instances))
    return np.sort(order[held:]), np.sort(order[:held])


def _check(source: Source) -> None:
    instances, length, _ = source.window.usage.shape
    if source.window.step_s != STEP_S:
        raise exceptions.InvalidTrace(
            f'{source.name}: its step is {source.window.step_s} s; models '
            f'are trained on steps of {STEP_S} s: resample the trace'
        )
    if instances < 2 or length < _SHORTEST:
        raise exceptions.InvalidTrace(
            f'{source.name}: it has {instances} instances and {length} '
            f'steps; at least 2 and {_SHORTEST} are needed, because a fifth '
            'of the instances and the end of the time are held out'
        )
    if not np.isfinite(source.window.usage).any():
        raise exceptions.InvalidTrace(
            f'{source.name}: there is no sample in it, only NaN'
        )
