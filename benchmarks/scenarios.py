"""``python -m benchmarks.scenarios``: anomalies made in recorded load.

What a figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import mishaps
from benchmarks import output
from predictive_watcher import exceptions
from predictive_watcher.core import anomaly
from predictive_watcher.core import watching
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split as split_module


MONTH_S = 30 * 86400


def _watched(
    usage: np.ndarray, limits: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Who is told of at each step, and which kind it then is.

    :param usage: (instances, steps, resources).
    :param times: Unix seconds, (instances, steps).
    :returns: bool and uint8, both (steps, instances).
    """
    watch = watching.Watch(usage.shape[0], usage.shape[2])
    told = np.zeros(usage.shape[1::-1], bool)
    kind = np.zeros(usage.shape[1::-1], np.uint8)
    for t in range(usage.shape[1]):
        told[t] = watch.advance(usage[:, t], times[:, t], limits)
        kind[t, :] = watch.events['kind']
    return told, kind


def false_alarms(
    usage: np.ndarray, limits: np.ndarray, start: int, step_s: int, warm: int
) -> dict[str, Any]:
    """Events that begin after ``warm`` steps, where nothing was done."""
    times = start + step_s * np.arange(usage.shape[1])
    told, kind = _watched(
        usage, limits, np.broadcast_to(times, usage.shape[:2])
    )
    before = np.concatenate([np.zeros_like(kind[:1]), kind[:-1]])
    begun = told & (before == 0)
    wide = mishaps.fleet_wide(begun, step_s)
    at_once = int(wide[warm:].any(axis=1).sum())
    begun = (begun & ~wide)[warm:]
    months = len(begun) * step_s / MONTH_S
    each = begun.sum(axis=0) / months
    kinds = {
        name.value: round(float((begun & (kind[warm:] == code)).sum())
                          / months / usage.shape[0], 3)
        for code, name in enumerate(anomaly.KINDS, 1)
    }  # fmt: skip
    return {
        'instances': usage.shape[0],
        'days': round(30 * months, 1),
        'each_in_30_days': round(float(each.mean()), 3),
        'median': round(float(np.median(each)), 2),
        'most': round(float(each.max()), 2),
        'share_with_none': round(float((each == 0).mean()), 3),
        'by_kind': kinds,
        'of_the_fleet': at_once,
    }


def detections(
    mishap: mishaps.Mishap,
    usage: np.ndarray,
    limits: np.ndarray,
    start: int,
    step_s: int,
    begin: int,
    warm: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Lay one mishap over each instance, at a random time after ``begin``."""
    made = mishaps.lay(mishap, usage, limits, begin, warm, rng)
    times = start + step_s * (made.first[:, None] + np.arange(made.length))
    told, kind = _watched(made.usage, made.limits, times)
    after = told[warm : warm + mishap.within]
    found = np.asarray(after.any(axis=0))
    delay = (after.argmax(axis=0) + 1)[found] * step_s / 60
    last = kind[warm : warm + mishap.within][-1]
    right = [
        anomaly.KINDS[k - 1] in mishap.kinds if k else False for k in last
    ]
    shown = {
        'made': len(found),
        'found': round(float(found.mean()), 3) if len(found) else None,
        'within_min': mishap.within * step_s / 60,
        'median_delay_min': float(np.median(delay)) if len(delay) else None,
        'right_kind': round(float(np.mean(right)), 3) if len(right) else None,
    }
    if mishap.grouped:
        shown |= mishaps.by_group(made, after)
    return shown


def _part(
    arguments: argparse.Namespace, parted: split_module.Split
) -> tuple[np.ndarray, int, int]:
    """Who is watched, and from which step until which is reported."""
    end = parted.at(split_module.REPORT_UNTIL)
    if not arguments.choose:
        return parted.held, parted.at(split_module.CHOOSE_UNTIL), end
    length = end - parted.at(split_module.CHOOSE_UNTIL)
    end = parted.at(split_module.CHOOSE_UNTIL)
    return parted.learn[:: arguments.every], end - length, end


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Watch, print a table, and return the same figures."""
    trace = traces.read(arguments.traces)
    window = trace.window
    start, step_s = window.start, window.step_s
    warm = round(arguments.warm * 86400 / step_s)
    who, begin, end = _part(arguments, fields.split(trace))
    if begin < warm:
        raise exceptions.InvalidInput(
            f'--traces {trace.name}: {warm} steps are needed before the part '
            f'that is reported, there are {begin}; give a longer trace or '
            'a smaller --warm'
        )
    usage, limits = window.usage[who, :end], trace.limits[who]
    first = begin - warm
    found: dict[str, Any] = {
        'trace': trace.name,
        'false_alarms': false_alarms(
            usage[:, first:], limits, start + first * step_s, step_s, warm
        ),
    }
    print(f'false alarms: {found["false_alarms"]}\n', flush=True)
    rng = np.random.default_rng(arguments.seed)
    for mishap in mishaps.ALL:
        found[mishap.name] = detections(
            mishap, usage, limits, start, step_s, begin, warm, rng
        )
        print(f'{mishap.name}: {found[mishap.name]}', flush=True)
    return {**output.facts(), **found}


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.scenarios',
        description='Lay made anomalies over recorded load, on instances and '
        'time that were held out; count what is found, and false alarms.',
    )
    add = made.add_argument
    add('--traces', type=pathlib.Path, required=True, metavar='FILE')
    add('--seed', type=int, default=0, help='of times and made load')
    add(
        '--choose',
        action='store_true',
        help='on the instances to learn from instead, to choose settings',
    )
    add('--every', type=int, default=4, help='K-th of these instances')
    add('--warm', type=float, default=21.0, help='days seen before')
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parser().parse_args(argv)

    def work() -> dict[str, Any]:
        if arguments.json is not None:
            output.check(arguments.json)
        return run(arguments)

    return output.command('benchmarks.scenarios', work, arguments.json)


if __name__ == '__main__':
    sys.exit(main())
