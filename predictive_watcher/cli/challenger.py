"""A challenger for the model in use: learned, and compared on the last days.
"""

import argparse
import dataclasses
from dataclasses import dataclass
import datetime
import functools
import pathlib
import shutil
import tempfile
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.cli import interrupt
from predictive_watcher.cli import progress
from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import card
from predictive_watcher.models import registry
from predictive_watcher.models import runtime
from predictive_watcher.telemetry import traces
from predictive_watcher.training import citations
from predictive_watcher.training import split
from predictive_watcher.training import telling


_ROOM = '.retrain-'  # how folders begin in which one is made
_ORIGINS = 700  # at most, evenly spread over the last days


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it.  ``ratio`` is the challenger's quantile loss as a
    share of the champion's on the last days, with its interval of 95 %.
    """

    promoted: bool
    champion: str
    challenger: str
    ratio: float
    low: float
    high: float
    instances: int
    origins: int
    days: float
    why: str

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        found = dataclasses.asdict(self)
        for name in ('ratio', 'low', 'high'):
            known = np.isfinite(found[name])
            found[name] = round(found[name], 5) if known else None
        return found


def clear(folder: pathlib.Path) -> None:
    """Remove what a retraining left that was killed; the lock is ours."""
    for room in folder.glob(f'{_ROOM}*'):
        shutil.rmtree(room, ignore_errors=True)


def challenge(
    arguments: argparse.Namespace,
    folder: pathlib.Path,
    found: list[traces.Trace],
    now: datetime.datetime,
    bar: progress.Bar,
    request: interrupt.Request,
) -> Report:
    """Train a challenger, compare it, and promote it where it is better."""
    users = registry.champions(folder) or registry.NOBODY
    champion = registry.load_champion(folder, users.default)
    begin = [_begin(trace, arguments.compare_days) for trace in found]
    with tempfile.TemporaryDirectory(dir=folder, prefix=_ROOM) as room:
        place = pathlib.Path(room)
        _learn(arguments, champion, _before(found, begin), place, now, bar,
               request)  # fmt: skip
        challenger = registry.verify(place)
        outcomes = [
            _forecast(model, found, begin, bar)
            for model in (challenger, champion)
        ]
        report = _judged(arguments, challenger, champion, outcomes)
        # from here on nothing is left half done
        request.wait(True)
        if report.promoted:
            name = registry.add(folder, place)
            at = now.isoformat(timespec='seconds')
            registry.promote(folder, name, at, report.why)
    return report


def _begin(trace: traces.Trace, days: float) -> int:
    """The first step that is not learned from."""
    length = trace.window.usage.shape[1]
    begin = int(length) - round(days * 86400 / trace.window.step_s)
    if begin < length / 3:
        raise exceptions.InvalidTrace(
            f'{trace.name}: it has {length} steps; --compare-days {days:g} '
            'leaves less than a third of them to learn from'
        )
    return begin


def _before(
    found: list[traces.Trace], begin: list[int]
) -> list[split.Source]:
    return [
        split.Source(
            name=citations.of(trace.name),
            window=_until(trace.window, end),
            limits=trace.limits,
        )
        for trace, end in zip(found, begin, strict=True)
    ]


def _until(
    window: usage_module.UsageWindow, end: int
) -> usage_module.UsageWindow:
    return usage_module.UsageWindow(
        instances=window.instances,
        start=window.start,
        step_s=window.step_s,
        usage=window.usage[:, :end].copy(),
    )


def _learn(
    arguments: argparse.Namespace,
    champion: runtime.OnnxForecaster,
    sources: list[split.Source],
    place: pathlib.Path,
    now: datetime.datetime,
    bar: progress.Bar,
    request: interrupt.Request,
) -> None:
    """Write the challenger into a folder."""
    try:
        from predictive_watcher.training import course
        from predictive_watcher.training import train
        from predictive_watcher.training import tuning
    except ModuleNotFoundError as error:
        raise exceptions.ModelError(
            f'training needs {error.name}, which is not installed; '
            'pip install predictive-watcher[train]'
        ) from None
    champion.check_step(split.STEP_S)
    options = train.Options(
        seed=arguments.seed,
        steps=arguments.steps or tuning.STEPS,
        threads=arguments.threads,
    )
    options = tuning.options(options, champion.describe(), champion.name)
    begun = tuning.begun(
        champion.content(), champion.name, champion.identity, options
    )

    def tell(told: telling.Told) -> None:
        request.wait(False)
        bar.tell(told.stage, told.done, told.note)

    trained = course.run(
        sources,
        options,
        name=champion.card.name,
        version=f'{now:%Y%m%d%H%M%S}',
        created=now.isoformat(timespec='seconds'),
        tell=tell,
        begun=begun,
    )
    card.write(place, trained.onnx, trained.facts)


def _forecast(
    model: runtime.OnnxForecaster,
    found: list[traces.Trace],
    begin: list[int],
    bar: progress.Bar,
) -> accuracy.Outcome:
    """What a model says of the last days, as audits would have asked it."""
    outcomes = []
    for trace, first in zip(found, begin, strict=True):
        length = trace.window.usage.shape[1]
        replayed = replay.recurrent(
            model,
            trace.window,
            trace.limits,
            replay.origins(first, length, _ORIGINS),
            accuracy.CEILING,
            max(model.card.context, replay.WARM_S // model.card.step_s),
            functools.partial(bar.tell, f'following {model.name}'),
            calibrated=True,
        )
        outcomes.append(replayed.outcome(trace.window, trace.limits))
    return accuracy.joined(_even(outcomes))


def _even(outcomes: list[accuracy.Outcome]) -> list[accuracy.Outcome]:
    """As many origins of each, so that they can stand beside each other."""
    least = min(outcome.came.shape[1] for outcome in outcomes)
    return [
        dataclasses.replace(
            one,
            quantiles=one.quantiles[:, -least:],
            came=one.came[:, -least:],
            now=one.now[:, -least:],
            risk=one.risk[:, -least:],
        )
        for one in outcomes
    ]


def _judged(
    arguments: argparse.Namespace,
    challenger: runtime.OnnxForecaster,
    champion: runtime.OnnxForecaster,
    outcomes: list[accuracy.Outcome],
) -> Report:
    """Whether the challenger is better; the geometric mean of all ratios."""
    ours, theirs = outcomes
    rng = np.random.default_rng(arguments.seed)
    ratios = [
        ratio
        for name, ratio in comparison.compare(ours, theirs, rng).items()
        if '.wql_' in name
    ]
    mean, low, high = (
        _geometric([getattr(ratio, part) for ratio in ratios])
        for part in ('value', 'low', 'high')
    )
    promoted = bool(mean < 1 - arguments.least_gain)
    instances, origins = ours.came.shape[:2]
    verdict = (
        'promoted' if promoted else f'not promoted, {champion.name} stays'
    )
    return Report(
        promoted=promoted,
        champion=champion.name,
        challenger=challenger.name,
        ratio=mean,
        low=low,
        high=high,
        instances=instances,
        origins=origins,
        days=arguments.compare_days,
        why=f'{verdict}: {mean:.4f} [{low:.4f}, {high:.4f}] times the '
        f'quantile loss of {champion.name} on the last '
        f'{arguments.compare_days:g} days of {instances} instances',
    )


def _geometric(values: list[float]) -> float:
    """NaN where there is nothing to compare, which is not better."""
    if not values or not all(value > 0 for value in values):
        return float('nan')
    return float(np.exp(np.mean(np.log(values))))
