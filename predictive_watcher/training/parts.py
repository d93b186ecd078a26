"""What batches are drawn from: the traces, and load that is made."""

from collections.abc import Callable

import numpy as np

from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module
from predictive_watcher.training import dataset
from predictive_watcher.training import generated
from predictive_watcher.training import split as split_module
from predictive_watcher.training import telling


_MADE_SHARE = 0.2  # of the batches
_MADE = 64  # instances made, and so many recorded ones that are altered
_MADE_STEPS = 4032
MADE = (
    f'{_MADE_SHARE:.0%} of the batches: {_MADE} made instances whose load '
    f'climbs, holds and falls, and {_MADE} recorded ones with such climbs '
    'laid over them (training/generated.py)'
)


def of(
    splits: list[split_module.Split],
    rng: np.random.Generator,
    length: int,
    most_cells: int,
    tell: telling.Tell,
) -> list[dataset.Part]:
    """What is learned from of each split, and what is made.

    :param length: steps that are drawn at once.
    :param most_cells: instances x steps at most, all splits together.
    """
    until = split_module.TRAIN_UNTIL
    teaching = [(s, who) for s in splits if len(who := s.teaching())]
    cells = sum(s.at(until) * len(who) for s, who in teaching)
    keep = min(1.0, most_cells / cells)
    longest = max((s for s, _ in teaching), key=lambda split: split.length)
    least = min(length + replay.AHEAD, longest.at(until))
    parts = []
    for split, who in teaching:
        if keep < 1.0:
            most = max(1, int(keep * len(who)))
            who = np.sort(rng.choice(who, most, replace=False))
        window, limits = split.part(who, split.at(until))
        share = float(np.isfinite(window.usage).any(axis=2).sum())
        window = _at_least(window, least)
        told = telling.teller(tell, 'reading traces')
        series = followed(window, limits, rng, told)
        end = int(window.usage.shape[1])
        parts.append(dataset.Part(series=series, end=end, share=share))
    return [*parts, *_made(longest, parts, rng, tell)]


def followed(
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    rng: np.random.Generator,
    told: Callable[[float], None],
) -> dataset.Series:
    """The series of a window that has samples; they have some as well."""
    series = dataset.follow(window, limits, rng, told)
    if series.drawn.any():
        return series
    # all of the little that there is was taken away by chance
    return dataset.follow(window, limits, tell=told)


def _at_least(
    window: usage_module.UsageWindow, steps: int
) -> usage_module.UsageWindow:
    """The window, with unknown steps before it where it is shorter.

    All parts are drawn from in stretches of one length: a short trace would
    shorten what is learned of the others.
    """
    lacking = steps - int(window.usage.shape[1])
    if lacking <= 0:
        return window
    return usage_module.UsageWindow(
        instances=window.instances,
        start=window.start - lacking * window.step_s,
        step_s=window.step_s,
        usage=np.pad(
            window.usage,
            ((0, 0), (lacking, 0), (0, 0)),
            constant_values=np.nan,
        ),
    )


def _made(
    longest: split_module.Split,
    parts: list[dataset.Part],
    rng: np.random.Generator,
    tell: telling.Tell,
) -> list[dataset.Part]:
    """Load that climbs, made and laid over recorded one; in equal parts."""
    end = longest.at(split_module.TRAIN_UNTIL)
    length = min(_MADE_STEPS, end)
    recorded = longest.part(longest.teaching(), end)
    made = (
        generated.window(rng, _MADE, length, 0),
        generated.overlay(rng, *recorded, _MADE, length),
    )
    share = sum(p.share for p in parts) * _MADE_SHARE / (1 - _MADE_SHARE)
    found = []
    for window, limits in made:
        if not np.isfinite(window.usage).any():
            continue  # the stretch that was drawn is a gap
        told = telling.teller(tell, 'making load that climbs')
        series = followed(window, limits, rng, told)
        part = dataset.Part(series=series, end=length, share=share / len(made))
        found.append(part)
    return found
