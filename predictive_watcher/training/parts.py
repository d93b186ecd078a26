"""What batches are drawn from: the traces, and load that is made."""

import numpy as np

from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module
from predictive_watcher.training import dataset
from predictive_watcher.training import making
from predictive_watcher.training import split as split_module
from predictive_watcher.training import telling


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
        series = dataset.followed(window, limits, rng, told)
        end = int(window.usage.shape[1])
        parts.append(dataset.Part(series=series, end=end, share=share))
    made = making.parts(
        rng,
        *longest.part(longest.teaching(), longest.at(until)),
        sum(part.share for part in parts),
        telling.teller(tell, 'making more'),
    )
    return [*parts, *made]


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
