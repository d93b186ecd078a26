"""``python -m benchmarks.newcomers``: what kin tell of a new instance.

Held-out instances begin at random times with nothing known.  After a few
samples the network in use forecasts, alone and mixed with what others with as
many vCPUs do at that time of the day.  What a figure means stands in
doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
import pathlib
import statistics
import sys
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import output
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import fleet
from predictive_watcher.core import following
from predictive_watcher.core import forecast
from predictive_watcher.core import ladder
from predictive_watcher.core import profile
from predictive_watcher.core import replay
from predictive_watcher.core import scale
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import registry
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split


_SEED = 3
_DAY = 288  # steps
_LEARNED = 14 * _DAY
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
SAMPLES = (1, 3, 12)  # after which it is asked
BELIEF = (0.1, 0.25, 1.0)  # samples' worth of belief in kin
_LEVELS = np.array(forecast.LEVELS)
_Z = np.array(
    [statistics.NormalDist().inv_cdf(level) for level in forecast.LEVELS]
)


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.newcomers',
        description='Measure what the level and the day of kin bring to the '
        'forecast of an instance that is new.',
    )
    add = made.add_argument
    add('--traces', required=True, type=pathlib.Path, metavar='FILE')
    add('--begins', type=kinds.positive, default=10, help='of each instance')
    add('--days', type=kinds.positive, default=28, help='within which')
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """``used`` (newcomers, time, resources) from their first step on, which
    is ``begins`` of the trace; ``rows`` of the trace.
    """

    rows: np.ndarray
    begins: np.ndarray
    used: np.ndarray


def newcomers(
    trace: traces.Trace, begin: int, days: int, count: int
) -> Newcomers:
    """Held-out instances, each of which begins ``count`` times."""
    rng = np.random.default_rng(_SEED)
    whole = trace.window.usage
    held = np.repeat(fields.split(trace).held, count)
    most = max(SAMPLES) + replay.AHEAD
    end = min(begin + days * _DAY, whole.shape[1]) - most
    at = rng.integers(begin, end, len(held))
    used = whole[held[:, None], at[:, None] + np.arange(most)]
    there = np.isfinite(used).any(axis=(1, 2))
    return Newcomers(rows=held[there], begins=at[there], used=used[there])


def theirs(
    trace: traces.Trace, begin: int, new: Newcomers, after: int
) -> np.ndarray:
    """Quantiles (newcomers, resources, levels) of what others with as many
    vCPUs do at that time, in the units of usage; NaN without any.
    """
    window = trace.window
    first = max(0, begin - _LEARNED)
    known = profile.BehaviouralProfile(len(window.instances), window.step_s)
    known.learn(
        usage_module.UsageWindow(
            instances=window.instances,
            start=window.start + first * window.step_s,
            step_s=window.step_s,
            usage=window.usage[:, first:begin].copy(),
        )
    )
    kin = ladder.Groups([(f'{one:g}',) for one in trace.limits[:, 0]])
    # as if nothing were known of the newcomers themselves
    alone = known.season.day.known()
    told = np.stack([kin.others(part)[0] for part in (alone, alone**2)])
    within = kin.others(known.season.day.spread() ** 2)[0]
    spread = np.sqrt(np.maximum(told[1] - told[0] ** 2, 0) + within)
    slot = np.array(
        [
            known.calendar.at(window.start + int(at + after) * window.step_s)
            .slot[0]
            for at in new.begins
        ]
    )  # fmt: skip
    level = told[0][new.rows, slot][..., None]
    found = level + spread[new.rows, slot][..., None] * _Z
    amounts = np.moveaxis(scale.amount(np.moveaxis(found, -1, 1)), 1, -1)
    return np.asarray(np.fmin(amounts, trace.limits[new.rows][..., None]))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure, print, and return the same figures."""
    if arguments.json is not None:
        output.check(arguments.json)
    bar = progress.Bar()
    trace = traces.read(arguments.traces)
    begin = fields.split(trace).at(split.CHOOSE_UNTIL)
    new = newcomers(trace, begin, arguments.days, arguments.begins)
    model = registry.load(threads=1)
    limits = trace.limits[new.rows].astype(np.float32)
    follower = following.Follower(model, limits, trace.window.step_s)
    names = tuple(str(k) for k in range(len(new.rows)))
    found: dict[str, Any] = {'newcomers': len(names)}
    for step in range(max(SAMPLES)):
        bar.tell('following', step / max(SAMPLES))
        follower.advance(
            new.used[:, step].astype(np.float32),
            trace.window.start + step * trace.window.step_s,
        )
        if step + 1 in SAMPLES:
            said = follower.forecast(names).quantiles[:, :, _MAX]
            found[str(step + 1)] = mixed(
                new.used[:, step + 1 : step + 1 + replay.AHEAD].max(axis=1),
                said.astype(np.float64),
                theirs(trace, begin, new, step + 1),
                step + 1,
            )
    bar.end()
    print(table(found))
    return {**output.facts(), 'trace': trace.name, **found}


def mixed(
    came: np.ndarray, said: np.ndarray, kin: np.ndarray, samples: int
) -> dict[str, list[float]]:
    """By resource, the loss with kin as a share of that without, for each
    `BELIEF`.

    :param came: (newcomers, resources), NaN where a step is unknown.
    """

    def loss(quantiles: np.ndarray) -> np.ndarray:
        miss = came[..., None] - quantiles
        each = np.maximum(_LEVELS * miss, (_LEVELS - 1) * miss).mean(axis=-1)
        return np.asarray(np.nansum(each, axis=0))

    alone = loss(said)
    ratios = []
    for belief in BELIEF:
        share = belief / (belief + samples)
        both = (1 - share) * said + share * kin
        ratios.append(loss(np.where(np.isfinite(kin), both, said)) / alone)
    return {
        str(resource): [float(one[r]) for one in ratios]
        for r, resource in enumerate(fleet.RESOURCES)
    }


def table(found: dict[str, Any]) -> str:
    """For people."""
    beliefs = ' '.join(f'{belief:>7g}' for belief in BELIEF)
    lines = [
        f'{found["newcomers"]} newcomers: loss of the 15-minute maximum with '
        'kin / without, for',
        f'{"samples":9}{"resource":10}{beliefs} samples of belief in kin',
    ]
    for samples in SAMPLES:
        for resource, ratios in found[str(samples)].items():
            shown = ' '.join(f'{one:7.3f}' for one in ratios)
            lines.append(f'{samples:<9}{resource:10}{shown}')
    return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parser().parse_args(argv)
    return output.command(
        'benchmarks.newcomers', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
