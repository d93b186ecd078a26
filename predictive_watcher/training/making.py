"""Made and altered load beside the recorded one: so much of each."""

from collections.abc import Callable

import numpy as np

from predictive_watcher.core import usage as usage_module
from predictive_watcher.training import dataset
from predictive_watcher.training import generated
from predictive_watcher.training import mixing
from predictive_watcher.training import restless


_LENGTH = 4032  # steps at most
_RESTLESS_LENGTH = 2016  # it has no week
# Instances of each kind, and the share of the batches they have.
_CLIMBING, _CLIMBING_SHARE = 64, 0.08
_RAISED, _RAISED_SHARE = 64, 0.08
_RESTLESS, _RESTLESS_SHARE = 128, 0.12
_MIXED, _MIXED_SHARE = 96, 0.08
_ALSO_CLIMBING = 0.5  # share of the restless and the mixed instances
SHARE = _CLIMBING_SHARE + _RAISED_SHARE + _RESTLESS_SHARE + _MIXED_SHARE

DESCRIPTION = (
    f'{SHARE:.0%} of the batches: {_CLIMBING} made instances whose load '
    f'climbs, holds and falls, {_RAISED} recorded ones with such climbs laid '
    f'over them (training/generated.py), {_RESTLESS} made ones whose load '
    f'wavers about a level (training/restless.py), {_MIXED} recorded ones '
    'that are mixed, shaken and stretched (training/mixing.py); half of the '
    'last two kinds climb as well'
)


def parts(
    rng: np.random.Generator,
    recorded: usage_module.UsageWindow,
    limits: np.ndarray,
    share: float,
    tell: Callable[[float], None],
) -> list[dataset.Part]:
    """Parts to learn from beside recorded ones.

    :param recorded: what may be altered: the part that is learned from.
    :param share: of the recorded parts; ours come on top.
    """
    length = min(_LENGTH, int(recorded.usage.shape[1]))
    calm = min(_RESTLESS_LENGTH, length)
    made = (
        (_CLIMBING_SHARE, generated.window(rng, _CLIMBING, length, 0)),
        (
            _RAISED_SHARE,
            generated.overlay(rng, recorded, limits, _RAISED, length),
        ),
        (_RESTLESS_SHARE, _also(rng, restless.window(rng, _RESTLESS, calm))),
        (
            _MIXED_SHARE,
            _also(rng, mixing.window(rng, recorded, limits, _MIXED, length)),
        ),
    )
    found = []
    for k, (part, (window, known)) in enumerate(made):

        def told(done: float, k: int = k) -> None:
            tell((k + done) / len(made))

        if not np.isfinite(window.usage).any():
            continue  # the stretch that was drawn is a gap
        series = dataset.followed(window, known, rng, told)
        end = int(window.usage.shape[1])
        own = share * part / (1 - SHARE)
        found.append(dataset.Part(series=series, end=end, share=own))
    return found


def _also(
    rng: np.random.Generator,
    made: tuple[usage_module.UsageWindow, np.ndarray],
) -> tuple[usage_module.UsageWindow, np.ndarray]:
    """Some of the instances climb now and then as well."""
    window, limits = made
    return (
        generated.with_climbs(rng, window, limits, _ALSO_CLIMBING),
        limits,
    )
