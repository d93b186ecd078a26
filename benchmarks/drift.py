"""``python -m benchmarks.drift``: instances that change their behaviour.

In mid-trace each instance goes on as another one, measured in shares of the
limit: real load, that its past says nothing of.  The same model follows them
twice: as audits do, drift watched and answered, and with calibration only.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
import pathlib
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import output
from predictive_watcher import exceptions
from predictive_watcher.cli import kinds
from predictive_watcher.core import accuracy
from predictive_watcher.core import drift
from predictive_watcher.core import fleet
from predictive_watcher.core import following
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import standing_in
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import registry
from predictive_watcher.models import runtime
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split as split_module


_DAY = 288  # steps
_SEEN = 300  # steps that simple forecasters look at
_HISTORY = 12 * _DAY  # before the change: seen, and the last of it asked for
_ASKED = 5 * _DAY
_AHEAD = 3
_MOST = 60  # instances
_THRESHOLD = 0.5  # a risk at which something is done
_MAX = forecast_module.Target.MAX900
_BAND = (0.93, 0.97)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Usage that changes at step ``change``; drift is watched from ``begin``
    on.
    """

    window: usage_module.UsageWindow
    limits: np.ndarray
    begin: int
    change: int


class Following:
    """A follower as a forecaster that can be told to hasten."""

    def __init__(
        self, model: runtime.OnnxForecaster, limits: np.ndarray, hastens: bool
    ) -> None:
        self.follower = following.Follower(model, limits, 300)
        self.name = model.name
        self.history_s = model.history_s
        self._row_of: dict[str, int] = {}
        self._hastens = hastens

    def hasten(self, cells: Mapping[str, np.ndarray]) -> None:
        """Let the calibration learn as fast as at first."""
        settled = self.follower.parts()['settled']
        for name, resources in cells.items():
            if self._hastens:
                settled[self._row_of[name]][:, resources] = 0

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """Take the newest sample, and look ahead."""
        self._row_of = {name: i for i, name in enumerate(window.instances)}
        self.follower.advance(window.usage[:, -1], window.end)
        return self.follower.forecast(window.instances)


def scene(
    trace: traces.Trace, rng: np.random.Generator, part: str, days: int
) -> Scene:
    """Held-out instances; each goes on as another one after the change.

    :param part: ``choose`` or ``report``, see `training.split`.
    """
    parted = fields.split(trace)
    share = {
        'choose': split_module.TRAIN_UNTIL,
        'report': split_module.CHOOSE_UNTIL,
    }[part]
    change = parted.at(share) + 2 * _DAY
    end = change + days * _DAY
    who = parted.learn if part == 'choose' else parted.held
    window, limits = parted.part(who[:_MOST], min(end, parted.length))
    start = max(0, change - _HISTORY)
    usage = window.usage[:, start:].copy()
    change -= start
    limited = np.where(np.isfinite(limits), limits, 1.0)
    share_of = usage / limited[:, None]
    # a cycle: nobody stays who he was
    order = rng.permutation(len(who[:_MOST]))
    other = np.empty_like(order)
    other[order] = np.roll(order, 1)
    usage[:, change:] = (share_of[other] * limited[:, None])[:, change:]
    return Scene(
        window=usage_module.UsageWindow(
            instances=window.instances,
            start=window.start + start * window.step_s,
            step_s=window.step_s,
            usage=usage,
        ),
        limits=limits,
        begin=change - _DAY,
        change=change,
    )


def follow(
    model: runtime.OnnxForecaster, given: Scene, answered: bool
) -> accuracy.Outcome:
    """What was said at each step from ``begin`` on, beside what came."""
    inner = Following(model, given.limits, answered)
    usage, step_s = given.window.usage, given.window.step_s
    watched = standing_in.Watched(inner)
    end = usage.shape[1] - _AHEAD
    quantiles, risk, origins = [], [], np.arange(given.begin, end)
    for t in range(end):
        window = _last(given.window, t)
        if t < given.begin:
            asked = t >= given.change - _ASKED
            take = inner.follower.advance if asked else inner.follower.watch
            take(usage[:, t], given.window.start + t * step_s)
            continue
        ask = watched if answered else inner
        found = ask.forecast(window, given.limits)
        quantiles.append(found.quantiles)
        risk.append(found.probability(accuracy.CEILING * given.limits))
    came = np.stack([usage[:, origins + k + 1] for k in range(_AHEAD)], -1)
    most = came.max(axis=-1, keepdims=True)
    return accuracy.Outcome(
        quantiles=np.stack(quantiles, 1),
        came=np.concatenate([came, most], -1),
        now=usage[:, origins],
        risk=np.stack(risk, 1),
        limits=given.limits,
    )


def _last(
    window: usage_module.UsageWindow, t: int
) -> usage_module.UsageWindow:
    begin = max(0, t + 1 - _SEEN)
    return usage_module.UsageWindow(
        instances=window.instances,
        start=window.start + begin * window.step_s,
        step_s=window.step_s,
        usage=window.usage[:, begin : t + 1].copy(),
    )


def figures(found: accuracy.Outcome, begin: int, end: int) -> dict[str, Any]:
    """Coverage and adjustments between two origins.

    An adjustment is *wasted* where one would be made and no violation came
    within 15 minutes, *missed* is a violation that begins without one.
    """
    told: dict[str, Any] = {}
    at = slice(begin, end)
    level = forecast_module.LEVELS.index(0.95)
    for r, resource in enumerate(fleet.RESOURCES):
        for name, target in accuracy.JUDGED.items():
            came = found.came[:, at, r, target]
            upper = found.quantiles[:, at, r, target, level]
            known = np.isfinite(came) & np.isfinite(upper)
            if known.any():
                told[f'{resource}.cov95_{name}'] = float(
                    (came <= upper)[known].mean()
                )
    wasted = missed = 0
    for r in range(2):  # cpu and memory
        ceiling = accuracy.CEILING * found.limits[:, None, r]
        came = found.came[:, at, r, -1]
        known = np.isfinite(came) & np.isfinite(found.risk[:, at, r])
        acts = found.risk[:, at, r] >= _THRESHOLD
        above = found.now[:, at, r] > ceiling
        wasted += int((known & acts & ~above & (came <= ceiling)).sum())
        missed += int((known & ~acts & ~above & (came > ceiling)).sum())
    return {**told, 'wasted': wasted, 'missed': missed}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Both ways, by day from the day before the change on."""
    model = registry.load(arguments.model, threads=arguments.threads)
    trace = traces.read(arguments.traces)
    rng = np.random.default_rng(arguments.seed)
    given = scene(trace, rng, arguments.part, arguments.days)
    results: dict[str, Any] = {}
    for name, answered in (('calibration', False), ('answered', True)):
        found = follow(model, given, answered)
        first = given.change - given.begin
        results[name] = {
            f'day {day}': figures(
                found, first + (day - 1) * _DAY, first + day * _DAY
            )
            for day in range(arguments.days + 1)
        }
    _print(results)
    return {'results': results, 'part': arguments.part, **output.facts()}


def _print(results: dict[str, Any]) -> None:
    """Day 0 is the last one before the change."""
    names = list(results['answered']['day 0'])
    for column in names:
        print(f'{column}')
        for who, days in results.items():
            cells = [
                f'{found.get(column, float("nan")):9.4g}'
                for found in days.values()
            ]
            print(f'  {who:12}' + ' '.join(cells))
    low, high = _BAND
    second = results['answered']['day 2']
    inside = [n for n, v in second.items()
              if 'cov95' in n and low <= v <= high]  # fmt: skip
    total = sum('cov95' in name for name in second)
    print(
        f'\ncolumns: the day before the change, then the days after it\n'
        f'coverage of q95 in {low} - {high} on day 2: {len(inside)} of '
        f'{total} (steps of drift: {", ".join(s.name for s in drift.Step)})'
    )


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.drift', description=__doc__.split('\n')[0]
    )
    parser.add_argument('--traces', type=pathlib.Path, required=True)
    parser.add_argument('--model', type=pathlib.Path)
    parser.add_argument(
        '--part', choices=('choose', 'report'), default='report'
    )
    parser.add_argument('--days', type=kinds.positive, default=3)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=kinds.positive, default=1)
    parser.add_argument('--json', type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        if arguments.json is not None:
            output.check(arguments.json)
        if arguments.days < 2:
            raise exceptions.InvalidInput('--days: at least 2 are needed')
    except exceptions.PredictiveWatcherError as error:
        parser.error(str(error))
    return output.command(
        'benchmarks.drift', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    raise SystemExit(main())
