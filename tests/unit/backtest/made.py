"""A small trace that has something to avert, and those who try."""

import numpy as np

from predictive_watcher.backtest import proposing
from predictive_watcher.backtest import run
from predictive_watcher.backtest import scene
from predictive_watcher.core import usage
from predictive_watcher.core.policy import Policy


STEP_S = 300
DAY = 288


def demand(steps=60, rush=(20, 50), instances=4):
    """Cpu that jumps from 0.4 to 0.95 of a limit of 2 in instances 0 and 1;
    memory at half of 1024 MiB; nothing is known of disk and network.
    """
    used = np.full((instances, steps, 4), np.nan, np.float32)
    used[:, :, 0] = 0.8
    used[:2, rush[0] : rush[1], 0] = 1.9
    used[:, :, 1] = 512
    return usage.UsageWindow(
        instances=tuple(f'i{n}' for n in range(instances)),
        start=STEP_S,
        step_s=STEP_S,
        usage=used,
    )


def limits(instances=4):
    return np.tile(
        np.array([2, 1024, np.nan, np.nan], np.float32), (instances, 1)
    )


def a_scene(window=None, *, begin=10, **site):
    """Three nodes without chance: nothing fails, durations are exact."""
    window = demand() if window is None else window
    given = {
        'nodes': 3,
        'overcommit': 1.0,
        'room': 0.5,
        'failures': 0.0,
        'spread': 0.0,
        **site,
    }
    return scene.build(
        window, limits(len(window.instances)), begin, scene.Site(**given)
    )


def live(forecaster, a, **policy):
    """Whatever `propose()` makes of a forecaster."""
    contender = proposing.Proposing(
        forecaster.name, forecaster, Policy(**policy)
    )
    return run.live(a, contender, lambda _: None)
