"""``python -m benchmarks.profiles``: how fast profiles learn, and what.

Three things: the time of one new sample for whole clouds, and what an
instance takes; how well regimes are found in load whose regimes are known;
and what it helps to know the regime.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys
import time
from typing import Any

import numpy as np

from benchmarks import output
from benchmarks import regimes
from predictive_watcher.core import accuracy
from predictive_watcher.core import fleet
from predictive_watcher.core import profile
from predictive_watcher.core import replay


_STEPS = 30  # timed ones
_KINDS: dict[str, dict[str, Any]] = {
    'far apart': {},
    'half as far': {'apart': 0.5},
    'a third as far': {'apart': 0.35},
    'cpu alone': {'cpu_only': True},
    'cpu alone, half as far': {'apart': 0.5, 'cpu_only': True},
    'cpu alone, a third as far': {'apart': 0.35, 'cpu_only': True},
}


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.profiles',
        description='Measure behavioural profiles: time, size, regimes.',
    )
    add = made.add_argument
    add('--sizes', nargs='+', type=int, default=[1000, 10_000, 100_000])
    add('--instances', type=int, default=40, help='with known regimes')
    add('--days', type=int, default=21, help='of these, the first 7 to learn')
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure, print, and return the same figures."""
    if arguments.json is not None:
        output.check(arguments.json)
    print('instances   ms for one new sample of all, one thread')
    speed = {n: _speed(n) for n in arguments.sizes}
    head = 'ARI mean   lowest  >= .9     if told'
    print(f'\n{"regimes":31}{head}')
    found = {
        name: _recovery(arguments.instances, arguments.days, **kind)
        for name, kind in _KINDS.items()
    }
    print('\nquantile loss with segments / without, 15-minute maximum')
    print('(and / with the time of day instead of segments)')
    gain = _gain(arguments.instances, arguments.days)
    return {**output.facts(), 'speed': speed, 'regimes': found, 'gain': gain}


def _speed(instances: int) -> dict[str, float]:
    """Milliseconds of one new sample of all instances, 4 resources each."""
    rng = np.random.default_rng(1)
    known = profile.BehaviouralProfile(instances, regimes.STEP_S)
    made = regimes.make(200, 1, seed=1)
    who = rng.integers(0, 200, instances)
    size = rng.lognormal(0, 1, (instances, 1)).astype(np.float32)
    times, spent = [], []
    for k in range(2 * _STEPS):
        sample = made.window.usage[who, k + 60] * size
        began, cpu = time.perf_counter(), time.process_time()
        known.advance(sample, made.window.start + k * regimes.STEP_S)
        times.append(1000 * (time.perf_counter() - began))
        spent.append(1000 * (time.process_time() - cpu))
    took = times[_STEPS:]
    held = sum(part.nbytes for part in known.parts().values()) / instances
    found = {
        'median_ms': float(np.median(took)),
        'lowest_ms': float(np.min(took)),
        'highest_ms': float(np.max(took)),
        'cpu_ms': float(np.median(spent[_STEPS:])),
        'bytes': held,
    }
    print(
        f'{instances:9}   {found["median_ms"]:9.1f} (lowest '
        f'{found["lowest_ms"]:.1f}, highest {found["highest_ms"]:.1f}), '
        f'{found["cpu_ms"]:.1f} of the processor; {held:.0f} bytes each'
    )
    return found


def _labels(
    made: regimes.Made, most: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """The segment of each step as it came, and the half hour."""
    window = made.window
    known = profile.BehaviouralProfile(
        len(window.instances), window.step_s, most_segments=most
    )
    segment, slot = [], []
    for k, at in enumerate(window.times()):
        known.advance(window.usage[:, k], int(at))
        segment.append(known.segments.now)
        slot.append(known.calendar.at(int(at)).slot)
    return np.array(segment).T, np.array(slot).T


def _recovery(instances: int, days: int, **kind: Any) -> dict[str, float]:
    """The adjusted Rand index from the second week on."""
    made = regimes.make(instances, days, seed=1, **kind)
    label, _ = _labels(made)
    learned = 7 * regimes.DAY
    found, told = (
        np.array(
            [
                regimes.adjusted_rand(
                    made.truth[row, learned:], said[row, learned:]
                )
                for row in range(instances)
            ]
        )
        for said in (label, regimes.informed(made))
    )
    result = {
        'mean': float(found.mean()),
        'told all regimes': float(told.mean()),
        'lowest': float(found.min()),
        'share': float((found >= 0.9).mean()),
    }
    name = next(n for n, k in _KINDS.items() if k == kind)
    print(
        f'{name:30} {result["mean"]:.3f}     {result["lowest"]:.3f}    '
        f'{result["share"]:.2f}      {result["told all regimes"]:.3f}'
    )
    return result


def _gain(instances: int, days: int) -> dict[str, dict[str, float]]:
    """What it helps to know the regime, where there are any.

    Quantiles of the largest use within 15 minutes: those that were seen so
    far with the same label, at the levels of `accuracy.SCORED`.  Learned in
    the first part, judged in the last week.
    """
    made = regimes.make(instances, days, seed=2)
    segment, slot = _labels(made)
    nothing = np.zeros_like(segment)
    found = {}
    for r, resource in enumerate(fleet.RESOURCES):
        used = made.window.usage[:, :, r]
        ahead = np.lib.stride_tricks.sliding_window_view(
            used[:, 1:], replay.AHEAD, axis=1
        ).max(axis=-1)
        losses = [_loss(ahead, label) for label in (segment, nothing, slot)]
        found[str(resource)] = {
            'without': losses[0] / losses[1],
            'time of day': losses[0] / losses[2],
        }
        ratios = found[str(resource)]
        print(
            f'{resource:10} {ratios["without"]:.3f}  '
            f'({ratios["time of day"]:.3f})'
        )
    return found


def _loss(ahead: np.ndarray, label: np.ndarray) -> float:
    levels = np.array(accuracy.SCORED)
    begin = ahead.shape[1] - 7 * regimes.DAY
    total = 0.0
    for row in range(len(ahead)):
        known, mine = ahead[row, :begin], label[row, : ahead.shape[1]]
        for one in np.unique(mine[begin:]):
            seen = known[mine[:begin] == one]
            seen = seen if len(seen) else known
            said = np.quantile(seen, levels)
            came = ahead[row, begin:][mine[begin:] == one]
            miss = came[:, None] - said
            loss = np.maximum(levels * miss, (levels - 1) * miss)
            total += float(loss.sum()) / float(ahead[row].mean())
    return total


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parser().parse_args(argv)
    return output.command(
        'benchmarks.profiles', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
