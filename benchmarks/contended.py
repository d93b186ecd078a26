"""``python -m benchmarks.contended``: what steal brings to a forecast.

Recorded load is what instances wanted.  Made nodes give them less where they
are full, so that usage is held down; the network in use forecasts from what
is left, and from that and what was waited for, as audits read it where a
metric tells.  What a figure means stands in
doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Sequence
import dataclasses
from dataclasses import dataclass
import pathlib
import sys
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import output
from predictive_watcher.backtest import contention
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import registry
from predictive_watcher.telemetry import traces


_SEED = 11
_CPU = fleet.RESOURCES.index(fleet.Resource.CPU)
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
_HOUR = 12  # steps
_Q95 = forecast.LEVELS.index(0.95)


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.contended',
        description='Measure what it brings to know for how long instances '
        'waited for their host, on made nodes that are full at times.',
    )
    add = made.add_argument
    add('--traces', required=True, type=pathlib.Path, metavar='FILE')
    add('--members', type=kinds.positive, default=8, help='of a node')
    add(
        '--full',
        type=float,
        default=0.1,
        help='share of the time in which a node is full',
    )
    add('--days', type=kinds.positive, default=9, help='of history')
    add('--report-days', type=kinds.positive, default=2)
    add('--stride', type=kinds.positive, default=6)
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What instances ``wanted`` and ``used``, and where they were held down,
    ``full`` (instances, time): their node had not enough for all.
    """

    wanted: usage_module.UsageWindow
    used: usage_module.UsageWindow
    full: np.ndarray


def crowd(
    wanted: usage_module.UsageWindow,
    limits: np.ndarray,
    members: int,
    full: float,
    rng: np.random.Generator,
) -> Crowd:
    """Put instances on nodes that are full for a share of the time."""
    count, steps, _ = wanted.usage.shape
    node_of = np.empty(count, np.int64)
    node_of[rng.permutation(count)] = np.arange(count) // members
    nodes = int(node_of.max()) + 1
    asked = np.nan_to_num(wanted.usage[:, :, _CPU])
    total = np.zeros((nodes, steps))
    np.add.at(total, node_of, asked)
    capacity = np.full((nodes, 2), np.inf)
    capacity[:, 0] = np.quantile(total, 1 - full, axis=1)
    shares = np.nan_to_num(limits[:, _CPU], nan=1.0)
    used = wanted.usage.copy()
    for t in range(steps):
        used[:, t] = contention.delivered(
            wanted.usage[:, t], node_of, capacity, shares
        )
    short = total > capacity[:, :1] * (1 + 1e-9)
    return Crowd(
        wanted=wanted,
        used=dataclasses.replace(wanted, usage=used),
        full=short[node_of],
    )


def judged(
    found: replay.Replayed, crowd_: Crowd, where: np.ndarray
) -> tuple[np.ndarray, float]:
    """The quantile loss of each instance, and how much of what was wanted
    lay below the 95 % quantile.

    :param where: bool (instances, origins), what is judged.
    """
    asked = crowd_.wanted.usage[:, :, _CPU]
    ahead = [asked[:, found.origins + k] for k in range(1, replay.AHEAD + 1)]
    came = np.max(ahead, axis=0)  # NaN where a step is unknown
    said = found.quantiles[:, :, _CPU, _MAX].astype(np.float64)
    there = where & np.isfinite(came) & np.isfinite(said).all(axis=-1)
    levels = np.array(accuracy.SCORED)
    places = [forecast.LEVELS.index(level) for level in accuracy.SCORED]
    miss = came[..., None] - said[..., places]
    loss = np.maximum(levels * miss, (levels - 1) * miss).sum(axis=-1)
    covered = (came <= said[..., _Q95])[there]
    return np.where(there, loss, 0).sum(axis=1), float(covered.mean())


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Crowd, forecast, judge, print, and return the same figures."""
    if arguments.json is not None:
        output.check(arguments.json)
    bar = progress.Bar()
    trace = traces.read(arguments.traces)
    field = fields.held_out(
        fields.split(trace),
        trace,
        arguments.stride,
        fields.Share(
            history=arguments.days * 288, steps=arguments.report_days * 288
        ),
    )
    rng = np.random.default_rng(_SEED)
    bar.tell('crowding', 0.0)
    made = crowd(
        field.window, field.limits, arguments.members, arguments.full, rng
    )
    model = registry.load(threads=1)

    def followed(
        window: usage_module.UsageWindow, name: str
    ) -> replay.Replayed:
        return replay.recurrent(
            model,
            window,
            field.limits,
            field.origins,
            accuracy.CEILING,
            model.card.context,
            lambda done: bar.tell(name, done),
            calibrated=True,
        )

    told = followed(made.wanted, 'with steal')
    blind = followed(made.used, 'without steal')
    bar.end()
    found = compared(made, told, blind, field.origins)
    print(table(found))
    return {**output.facts(), 'trace': trace.name, **found}


def compared(
    made: Crowd,
    told: replay.Replayed,
    blind: replay.Replayed,
    origins: np.ndarray,
) -> dict[str, Any]:
    """Loss with / without, and coverage of both, wherever an instance was
    held down within the last hour, and everywhere.
    """
    recent = np.stack(
        [made.full[:, max(0, o - _HOUR + 1) : o + 1].any(axis=1)
         for o in origins], axis=1,
    )  # fmt: skip
    drawn = comparison.draw(
        np.random.default_rng(_SEED), len(recent), comparison.DRAWS
    )
    found: dict[str, Any] = {}
    for name, where in (
        ('held down within the hour', recent),
        ('everywhere', np.ones_like(recent)),
    ):
        with_, covered = judged(told, made, where)
        without, less = judged(blind, made, where)
        ratio = comparison.ratio(with_, without, drawn)
        found[name] = {
            'share': float(where.mean()),
            'loss with / without': [ratio.value, ratio.low, ratio.high],
            'q95 covers with steal': covered,
            'q95 covers without': less,
        }
    return found


def table(found: dict[str, Any]) -> str:
    """For people."""
    lines = ['cpu wanted within 15 minutes']
    for name, one in found.items():
        value, low, high = one['loss with / without']
        lines.append(
            f'{name:28}{one["share"]:5.0%} of the forecasts: loss with / '
            f'without steal {value:.3f} [{low:.3f}, {high:.3f}], the 95 % '
            f'quantile covers {one["q95 covers with steal"]:.3f} / '
            f'{one["q95 covers without"]:.3f}'
        )
    return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parser().parse_args(argv)
    return output.command(
        'benchmarks.contended', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
