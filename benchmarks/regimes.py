"""Load of instances whose regimes are known, and how well they are found."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import conditions
from predictive_watcher.core import fleet
from predictive_watcher.core import scale
from predictive_watcher.core import usage


STEP_S = 300
DAY = 86400 // STEP_S
_START = 1_767_571_200 + STEP_S  # Monday 2026-01-05, 00:05 UTC
# vCPUs, MiB, B/s, B/s of each regime, before the instance's own size
_LEVELS = np.array(
    [
        [0.4, 2000.0, 2e5, 4e5],  # people by day
        [3.2, 5000.0, 8e6, 1e5],  # a batch
        [0.05, 1800.0, 2e4, 5e3],  # nobody there
        [1.2, 2600.0, 3e7, 6e6],  # a backup
    ]
)
_NOISE = np.array([0.25, 0.04, 0.35, 0.35])  # of the log, one deviation
_STAYS = 0.95  # belief that a regime goes on
_MEMORY = 0.7  # how much of the noise of a step goes on in the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A window, and which regime held: int (instances, time)."""

    window: usage.UsageWindow
    truth: np.ndarray


def make(
    instances: int,
    days: int,
    seed: int,
    apart: float = 1.0,
    cpu_only: bool = False,
) -> Made:
    """Instances of four kinds: a nightly batch; the same and idle weekends;
    jobs at any time; and a backup besides.

    :param apart: by which share of the logs of `_LEVELS` regimes differ.
    :param cpu_only: whether they differ in cpu alone.
    """
    rng = np.random.default_rng(seed)
    steps = days * DAY
    truth = np.stack([_regimes(k % 4, steps, rng) for k in range(instances)])
    size = rng.lognormal(0.0, 0.7, (instances, 1, len(fleet.RESOURCES)))
    noise = rng.normal(0, 1, (instances, steps, len(fleet.RESOURCES)))
    for t in range(1, steps):
        fresh = np.sqrt(1 - _MEMORY**2) * noise[:, t]
        noise[:, t] = _MEMORY * noise[:, t - 1] + fresh
    levels = _LEVELS[0] * (_LEVELS / _LEVELS[0]) ** apart
    if cpu_only:
        levels[:, 1:] = levels[0, 1:]
    used = levels[truth] * size * np.exp(_NOISE * noise)
    return Made(
        window=usage.UsageWindow(
            instances=tuple(f'i{k}' for k in range(instances)),
            start=_START,
            step_s=STEP_S,
            usage=used.astype(np.float32),
        ),
        truth=truth,
    )


def replaced(window: usage.UsageWindow, used: np.ndarray) -> usage.UsageWindow:
    """The same window with other usage, of any length."""
    return dataclasses.replace(window, usage=used)


def _regimes(kind: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Which regime holds at each step."""
    at = np.arange(steps)
    hour = (at % DAY) * 24 / DAY
    weekend = (at // DAY) % 7 >= 5
    found = np.zeros(steps, np.int64)
    begin, length = rng.uniform(0, 5), rng.uniform(1, 4)
    night = (hour >= begin) & (hour < begin + length)
    if kind in (0, 1, 3):
        found[night] = 1
    if kind == 1:
        found[weekend & ~night] = 2
    if kind == 2:
        found[...] = 2
        for job in rng.integers(0, steps, steps // DAY):
            found[job : job + rng.integers(12, 60)] = 1
    if kind == 3:
        found[(hour >= 20) & (hour < 21.5)] = 3
    return found


def informed(made: Made) -> np.ndarray:
    """Which regime a filter believes in that was told all of them: level
    and spread of each resource on the scale of `scale`, and the times of the
    day; (instances, time).  What it cannot tell apart nobody can, as it comes.
    """
    value = scale.squeezed(made.window.usage)
    calendar = conditions.Calendar(1)
    slot = np.array(
        [int(calendar.at(int(at)).slot[0]) for at in made.window.times()]
    )
    found = np.empty(made.truth.shape, np.int64)
    for row, truth in enumerate(made.truth):
        likely, usual = [], []
        for regime in np.unique(truth):
            held = truth == regime
            mean = value[row, held].mean(axis=0)
            spread = value[row, held].std(axis=0) + 1e-3
            apart = 0.5 * ((value[row] - mean) / spread) ** 2
            likely.append(-(apart + np.log(spread)).sum(axis=1))
            times = np.bincount(slot[held], minlength=2 * conditions.SLOTS)
            usual.append(times[slot] + 0.01 * held.sum())
        found[row] = _filtered(np.array(likely).T, np.array(usual).T)
    return found


def _filtered(likely: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """The regime that most likely holds at each step, as `segments` goes on
    believing.
    """
    ahead = usual / usual.sum(axis=1, keepdims=True)
    belief = np.full(likely.shape[1], 1 / likely.shape[1])
    found = np.empty(len(likely), np.int64)
    for t, now in enumerate(likely):
        belief = (_STAYS * belief + (1 - _STAYS) * ahead[t]) * np.exp(
            now - now.max()
        )
        belief = np.maximum(belief / belief.sum(), 1e-12)
        found[t] = belief.argmax()
    return found


def adjusted_rand(one: np.ndarray, other: np.ndarray) -> float:
    """How far two labellings agree, less what chance would give.

    Of all pairs of samples the share that both put together or both apart,
    0 for chance and 1 for the same (Hubert, Arabie, J. Classif. 1985).

    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 2]))
    1.0
    >>> round(adjusted_rand(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])), 3)
    -0.5
    """
    _, a = np.unique(one, return_inverse=True)
    _, b = np.unique(other, return_inverse=True)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(count: np.ndarray) -> float:
        return float((count * (count - 1) / 2).sum())

    both = pairs(table)
    rows, columns = pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = rows * columns / pairs(np.array([len(one)]))
    most = (rows + columns) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)
