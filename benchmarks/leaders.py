"""``python -m benchmarks.leaders``: do leading instances help, and never harm?

A model follows a trace, once with followers' forecasts raised by the surges
of those that are ahead, as audits do it.  Surges that lead are planted into
the trace, or into made load; and nothing is planted, where nothing is to be
gained and nothing may be lost.  The ratio of quantile losses with and without
counts only after the time in which pairs were learned and proven.
"""

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import pathlib
import time
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import output
from benchmarks import surges
from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison
from predictive_watcher.core import correlation
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import relating
from predictive_watcher.core import remembering
from predictive_watcher.core import replay
from predictive_watcher.core import together
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import registry
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split as split_module


_DAY = 288
_LEARN = 14 * _DAY  # steps until a pair has to be of use
_WINDOW = _DAY + 16  # steps that an audit looks back
_CPU = fleet_module.RESOURCES.index(fleet_module.Resource.CPU)
_TARGETS = {'300': 0, '600': 1, '900': 2, 'max900': 3}


class _Raising:
    """Keeps each forecast as it is, and as it is told."""

    def __init__(
        self, window: usage_module.UsageWindow, limits: np.ndarray, begin: int
    ) -> None:
        self._window, self._limits = window, limits
        self._begin = begin
        self._fleet = _fleet(window.instances)
        self.relating = relating.Correlating()
        self.alone: list[np.ndarray] = []
        self.raised: list[np.ndarray] = []

    def improve(
        self, step: int, found: forecast_module.Forecast
    ) -> forecast_module.Forecast:
        past = between(self._window, step - _WINDOW + 1, step + 1)
        self.relating.learn(self._fleet, past, self._limits)
        raised = self.relating.raised(found, past, self._limits)
        if step >= self._begin:
            self.alone.append(found.quantiles[:, _CPU].copy())
            self.raised.append(raised.quantiles[:, _CPU].copy())
        return raised


def between(
    window: usage_module.UsageWindow, begin: int, end: int
) -> usage_module.UsageWindow:
    """Some steps of a window."""
    begin = max(0, begin)
    return usage_module.UsageWindow(
        instances=window.instances,
        start=window.start + begin * window.step_s,
        step_s=window.step_s,
        usage=window.usage[:, begin:end].copy(),
    )


def _fleet(instances: tuple[str, ...]) -> fleet_module.Fleet:
    """Nobody is kin of anybody."""
    flavor = fleet_module.Flavor(
        id='f', name='f', vcpus=1, memory_mib=1, disk_gib=1
    )
    return fleet_module.Fleet(
        instances=tuple(
            fleet_module.Instance(
                id=name, name=name, project_id='', flavor=flavor, node=''
            )
            for name in instances
        ),
        nodes=(),
        flavors=(),
        groups=(),
        scope=frozenset(instances),
    )


def follow(
    model: remembering.Model,
    made: surges.Led,
    begin: int,
    seed: int,
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """What raising brought from step ``begin`` on, and who was found."""
    window, limits = made.window, made.limits
    end = window.usage.shape[1] - replay.AHEAD
    raising = _Raising(window, limits, begin)
    replay.recurrent(
        model, window, limits, np.arange(begin, end), accuracy.CEILING,
        begin, calibrated=True, improve=raising.improve,
    )  # fmt: skip
    known = raising.relating.known
    assert known is not None
    cpu = window.usage[:, :, _CPU]
    came = np.stack(
        [cpu[:, begin + k : end + k] for k in range(1, replay.AHEAD + 1)],
        axis=-1,
    )
    came = np.concatenate([came, came.max(axis=-1, keepdims=True)], axis=-1)
    losses = [
        _losses(np.stack(said, axis=1), came)
        for said in (raising.raised, raising.alone)
    ]
    followers = np.unique(made.follower)
    coming = _coming(made, begin, end)
    rows = followers if len(followers) else np.arange(len(window.instances))
    rng = np.random.default_rng(seed)
    found = {
        'followers' if len(followers) else 'instances': len(rows),
        'origins': end - begin,
        'ratio': _ratios(losses, rows, None, rng),
        'found': _found(known, made),
    }
    if len(followers):
        found['ratio_at_surges'] = _ratios(losses, rows, coming, rng)
        found['surges_share'] = round(float(coming[rows].mean()), 4)
    tell(str(found))
    return found


def _losses(said: np.ndarray, came: np.ndarray) -> np.ndarray:
    """(instances, origins, targets); NaN where it is not known."""
    loss = accuracy.pinball(came, said)
    return np.where(np.isfinite(came), loss, np.nan)


def _coming(made: surges.Led, begin: int, end: int) -> np.ndarray:
    """Where a surge that was planted is to rise within 15 minutes, bool
    (instances, origins).
    """
    found = np.zeros((len(made.window.instances), end - begin), bool)
    for row, added in zip(made.follower, made.surges, strict=True):
        ahead = np.stack([added[begin + k : end + k] for k in range(1, 4)])
        found[row] |= ahead.max(axis=0) > added[begin:end] + 1e-6
    return found


def _ratios(
    losses: list[np.ndarray],
    rows: np.ndarray,
    where: np.ndarray | None,
    rng: np.random.Generator,
) -> dict[str, list[float]]:
    """With and without, by target: the ratio and its interval."""
    drawn = comparison.draw(rng, len(rows), comparison.DRAWS)
    told = {}
    for name, target in _TARGETS.items():
        mine, other = (part[rows, :, target] for part in losses)
        known = np.isfinite(mine) & np.isfinite(other)
        if where is not None:
            known &= where[rows]
        ratio = comparison.ratio(
            np.where(known, mine, 0).sum(axis=1),
            np.where(known, other, 0).sum(axis=1),
            drawn,
        )
        values = (ratio.value, ratio.low, ratio.high)
        told[name] = [round(float(v), 4) for v in values]
    return told


def _found(
    known: correlation.Correlation, made: surges.Led
) -> dict[str, int]:
    """How many groups and pairs there are at the end, and of those that
    were planted.
    """
    row_of = {name: k for k, name in enumerate(made.window.instances)}
    rows = np.array([row_of[name] for name in known.instances])
    leads = known.leads
    true = set(zip(made.leader.tolist(), made.follower.tolist(), strict=True))
    mine = [
        (int(rows[a]), int(rows[b]))
        for a, b in zip(
            leads.leader[leads.proven], leads.follower[leads.proven],
            strict=True,
        )
    ]  # fmt: skip
    grouped = known.group[known.group != together.NOBODY]
    return {
        'groups': len(np.unique(grouped)),
        'grouped': len(grouped),
        'pairs': int(known.pairs.active.sum()),
        'leads': len(leads.leader),
        'proven': int(leads.proven.sum()),
        'proven_followers': len({b for _, b in mine}),
        'proven_planted': len(true.intersection(mine)),
        'planted': len(true),
    }


def speed(
    sizes: list[int], rounds: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """How long an audit takes to go on, and what it keeps, by size."""
    told = []
    for count in sizes:
        window, limits = surges.independent(count, 5, rng)
        made = surges.plant(
            window, limits, rng, leaders=count // 20, followers=4
        )
        own = relating.Correlating()
        taken = []
        steps = made.window.usage.shape[1]
        fleet = _fleet(made.window.instances)
        hours = range(_WINDOW, steps - rounds, 12)
        for end in (*hours, *range(steps - rounds, steps)):
            past = between(made.window, end - _WINDOW, end)
            began = time.perf_counter(), time.process_time()
            own.learn(fleet, past, made.limits)
            ended = time.perf_counter(), time.process_time()
            taken.append(np.subtract(ended, began))
        wall, processor = np.median(taken[-rounds:], axis=0)
        assert own.known is not None
        kept = sum(a.nbytes for a in own.known.memory({}).parts.values())
        told.append(
            {
                'instances': count,
                'step_ms': round(1e3 * float(wall), 1),
                'processor_ms': round(1e3 * float(processor), 1),
                'pairs_per_instance': round(
                    len(own.known.pairs.first) / count, 2
                ),
                'bytes_per_instance': round(kept / count),
            }
        )
        print('  '.join(f'{k} {v}' for k, v in told[-1].items()))
    return told


def _scenes(
    arguments: argparse.Namespace, rng: np.random.Generator
) -> tuple[usage_module.UsageWindow, np.ndarray, int]:
    """Usage, limits, and the step from which on it counts."""
    if arguments.traces is None:
        days = arguments.days + _LEARN // _DAY
        window, limits = surges.independent(arguments.instances, days, rng)
        return window, limits, _LEARN
    parted = fields.split(traces.read(arguments.traces))
    if arguments.part == 'choose':
        who, first = parted.learn, parted.at(split_module.TRAIN_UNTIL)
        last = parted.at(split_module.CHOOSE_UNTIL)
    else:
        who, first = parted.held, parted.at(split_module.CHOOSE_UNTIL)
        last = parted.at(split_module.REPORT_UNTIL)
    who = who[: arguments.instances]
    end = min(last, first + arguments.days * _DAY)
    window, limits = parted.part(who, end)
    offset = max(0, first - _LEARN)
    return between(window, offset, end), limits, first - offset


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    rng = np.random.default_rng(arguments.seed)
    results: dict[str, Any] = {}
    if arguments.scenes:
        model = registry.load(arguments.model, threads=1)
        window, limits, begin = _scenes(arguments, rng)
        leaders = max(1, len(window.instances) // 12)
        for name, count in (('planted', leaders), ('without', 0)):
            if name not in arguments.scenes:
                continue
            made = surges.plant(
                window, limits, rng, leaders=count, followers=3
            )
            results[name] = follow(model, made, begin, arguments.seed, _quiet)
            print('\n'.join(_lines(name, results[name])))
    results['speed'] = speed(arguments.sizes, arguments.rounds, rng)
    return {'results': results, **output.facts()}


def _quiet(_: str) -> None:
    pass


def _lines(name: str, found: dict[str, Any]) -> list[str]:
    head = ', '.join(f'{v} {k}' for k, v in found['found'].items())
    lines = [f'{name}: {head}']
    for key in ('ratio', 'ratio_at_surges'):
        if key in found:
            shown = '  '.join(
                f'{target} {value:.4f} [{low:.4f}, {high:.4f}]'
                for target, (value, low, high) in found[key].items()
            )
            lines.append(f'  {key:16} {shown}')
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.leaders',
        description=__doc__.split('\n')[0],
    )
    parser.add_argument(
        '--traces', type=pathlib.Path, help='default: made load'
    )
    parser.add_argument(
        '--part',
        choices=['choose', 'held-out'],
        default='held-out',
        help='of the traces: the part to choose settings on, or to report',
    )
    parser.add_argument('--model', type=pathlib.Path)
    parser.add_argument('--instances', type=int, default=76)
    parser.add_argument('--days', type=int, default=14, help='that count')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument(
        '--sizes', type=int, nargs='*', default=[1000, 10000],
        help='instances, for speed',
    )  # fmt: skip
    parser.add_argument('--rounds', type=int, default=20, help='for speed')
    parser.add_argument(
        '--scenes', nargs='*', choices=['planted', 'without'],
        default=['planted', 'without'], help='none: speed alone',
    )  # fmt: skip
    parser.add_argument('--json', type=pathlib.Path)
    arguments = parser.parse_args(argv)
    return output.command(
        'benchmarks.leaders', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    raise SystemExit(main())
