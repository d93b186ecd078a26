"""From traces to a model: split, learn, export, report."""

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import asdict
from dataclasses import dataclass
import importlib.metadata
import platform
from typing import Any

import numpy as np

from predictive_watcher.core import accuracy
from predictive_watcher.core import baselines
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import inputs
from predictive_watcher.core import replay
from predictive_watcher.training import dataset
from predictive_watcher.training import export
from predictive_watcher.training import generated
from predictive_watcher.training import network as network_module
from predictive_watcher.training import replay as replay_module
from predictive_watcher.training import split as split_module
from predictive_watcher.training import train


STEP_S = split_module.STEP_S
CONTEXT = 48  # steps that are scored; more adds nothing
HISTORY_S = 86400 + CONTEXT * STEP_S
_MADE_SHARE = 0.2  # of the batches
_MADE = 64  # instances made, and so many recorded ones that are altered
_MADE_STEPS = 4032
_ORIGINS = 700  # of the report, evenly spread
_MOST_CELLS = 8_000_000  # instances x steps kept as features: 3 GB


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model file, what its card says of it, and a table for people."""

    onnx: bytes
    facts: dict[str, Any]
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happens now, the share of it that is done, and more."""

    stage: str
    done: float
    note: str = ''


Tell = Callable[[Told], None]


def _teller(tell: Tell, stage: str) -> Callable[[float], None]:
    return lambda done: tell(Told(stage=stage, done=done))


def run(
    sources: list[split_module.Source],
    options: train.Options,
    name: str,
    version: str,
    created: str,
    tell: Tell,
) -> Trained:
    """Train on ``sources`` and report on what was held out.

    :raises InvalidInput: where a source cannot be learned from.
    """
    splits = [split_module.of(source) for source in sources]
    rng = np.random.default_rng(options.seed)
    parts = _parts(splits, rng, tell)

    def learning(progress: train.Progress) -> None:
        note = (
            f'step {progress.step}, loss {progress.loss:.4f}, '
            f'{progress.seconds_left:.0f} s left'
        )
        tell(Told(stage='learning', done=progress.done, note=note))

    net, steps = train.learn(parts, options, learning)
    data = export.onnx_bytes(net, len(inputs.NAMES))
    results = _results(splits, net, tell)
    facts = {
        'name': name,
        'version': version,
        'created': created,
        'step_s': STEP_S,
        'context': CONTEXT,
        'history_s': HISTORY_S,
        'hidden': options.hidden,
        'training': _training(splits, options, steps),
        'scores': results,
        'software': _software(),
    }
    return Trained(onnx=data, facts=facts, table=accuracy.table(results))


def _parts(
    splits: list[split_module.Split], rng: np.random.Generator, tell: Tell
) -> list[dataset.Part]:
    cells = sum(s.at(split_module.TRAIN_UNTIL) * len(s.learn) for s in splits)
    keep = min(1.0, _MOST_CELLS / cells)
    parts = []
    for split in splits:
        end = split.at(split_module.TRAIN_UNTIL)
        who = split.learn
        if keep < 1.0:
            most = max(1, int(keep * len(who)))
            who = np.sort(rng.choice(who, most, replace=False))
        window, limits = split.part(who, end)
        series = dataset.follow(
            window, limits, rng, _teller(tell, 'reading traces')
        )
        share = float(np.isfinite(window.usage).any(axis=2).sum())
        parts.append(dataset.Part(series=series, end=end, share=share))
    return [*parts, *_made(splits, parts, rng, tell)]


def _made(
    splits: list[split_module.Split],
    parts: list[dataset.Part],
    rng: np.random.Generator,
    tell: Tell,
) -> list[dataset.Part]:
    """Load that climbs, made and laid over recorded one; in equal parts."""
    longest = max(splits, key=lambda split: split.length)
    end = longest.at(split_module.TRAIN_UNTIL)
    length = min(_MADE_STEPS, end)
    recorded = longest.part(longest.learn, end)
    made = (
        generated.window(rng, _MADE, length, 0),
        generated.overlay(rng, *recorded, _MADE, length),
    )
    share = sum(p.share for p in parts) * _MADE_SHARE / (1 - _MADE_SHARE)
    found = []
    for window, limits in made:
        told = _teller(tell, 'making load that climbs')
        series = dataset.follow(window, limits, rng, told)
        part = dataset.Part(series=series, end=length, share=share / len(made))
        found.append(part)
    return found


def _results(
    splits: list[split_module.Split], net: network_module.Network, tell: Tell
) -> dict[str, dict[str, float | None]]:
    """Scores of the network and the baselines on what was held out."""

    outcomes: dict[str, list[accuracy.Outcome]] = {}
    live = replay_module.Live(net)
    for split in splits:
        window, limits = split.part(
            split.held, split.at(split_module.REPORT_UNTIL)
        )
        at = replay.origins(
            split.at(split_module.CHOOSE_UNTIL),
            window.usage.shape[1],
            _ORIGINS,
        )
        told = _teller(tell, 'scoring lstm')
        found = replay.recurrent(
            live, window, limits, at, accuracy.CEILING, CONTEXT, told
        )
        outcomes.setdefault('lstm', []).append(found.outcome(window, limits))
        rivals: Iterable[forecast.Forecaster] = baselines.BASELINES
        for rival in rivals:
            told = _teller(tell, f'scoring {rival.name}')
            found = replay.forecaster(
                rival, window, limits, at, accuracy.CEILING, told
            )
            outcome = found.outcome(window, limits)
            outcomes.setdefault(rival.name, []).append(outcome)
    return {n: accuracy.scores(found) for n, found in outcomes.items()}


def _training(
    splits: list[split_module.Split], options: train.Options, steps: int
) -> dict[str, Any]:
    """What was learned from, for the card."""
    return {
        'data': [
            {
                'source': s.source.name,
                'instances': len(s.learn),
                'steps': s.at(split_module.TRAIN_UNTIL),
                'resources': [
                    str(r)
                    for i, r in enumerate(fleet.RESOURCES)
                    if np.isfinite(s.source.window.usage[:, :, i]).any()
                ],
                'held_out': [s.source.window.instances[i] for i in s.held],
                'reported_steps': [
                    s.at(split_module.CHOOSE_UNTIL),
                    s.at(split_module.REPORT_UNTIL),
                ],
            }
            for s in splits
        ],
        'generated': (
            f'{_MADE_SHARE:.0%} of the batches: {_MADE} made instances whose '
            f'load climbs, holds and falls, and {_MADE} recorded ones with '
            'such climbs laid over them (training/generated.py)'
        ),
        'options': asdict(options),
        'steps': steps,
    }


def _software() -> dict[str, str]:
    names = ('torch', 'onnx', 'numpy')
    found = {name: importlib.metadata.version(name) for name in names}
    return {'python': platform.python_version(), **found}
