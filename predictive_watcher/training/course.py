"""From traces to a model: split, learn, export, report."""

from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass
import hashlib
import importlib.metadata
import pathlib
import platform
from typing import Any

import numpy as np

from predictive_watcher.core import accuracy
from predictive_watcher.core import fleet
from predictive_watcher.core import following
from predictive_watcher.core import inputs
from predictive_watcher.training import checkpoint
from predictive_watcher.training import export
from predictive_watcher.training import held_out
from predictive_watcher.training import making
from predictive_watcher.training import network as network_module
from predictive_watcher.training import parts as parts_module
from predictive_watcher.training import replay as replay_module
from predictive_watcher.training import split as split_module
from predictive_watcher.training import telling
from predictive_watcher.training import train
from predictive_watcher.training import tuning


HISTORY_S = 86400 + held_out.CONTEXT * split_module.STEP_S
# instances x steps kept as features: 3 GB, and to be quick
_MOST_CELLS, _MOST_CELLS_TUNING = 8_000_000, 2_000_000
_REPORT = held_out.Budget(instances=100_000, asked=60_000)
_REPORT_TUNING = held_out.Budget(instances=80, asked=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model file, what its card says of it, and a table for people."""

    onnx: bytes
    facts: dict[str, Any]
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where a training is kept, whether it goes on from there, and how it
    learns that somebody wants it to stop.
    """

    path: pathlib.Path
    resume: bool = False
    stopped: Callable[[], bool] = lambda: False


def run(
    sources: list[split_module.Source],
    options: train.Options,
    name: str,
    version: str,
    created: str,
    tell: telling.Tell,
    begun: tuning.Begun | None = None,
    keeping: Keeping | None = None,
) -> Trained:
    """Train on ``sources`` and report on what was held out.

    :param begun: the model to begin from; None: from nothing.
    :raises InvalidTrace: where a source cannot be learned from.
    :raises InvalidInput: where a checkpoint cannot be gone on from.
    :raises Interrupted: where it was told to stop.
    """
    splits = split_module.of_all(sources)
    keeper = _keeper(keeping, sources, options, begun) if keeping else None
    rng = np.random.default_rng(options.seed)
    most = _MOST_CELLS_TUNING if begun else _MOST_CELLS
    parts = parts_module.of(splits, rng, options.length, most, tell)

    def learning(progress: train.Progress) -> None:
        note = (
            f'step {progress.step}, loss {progress.loss:.4f}, '
            f'{progress.seconds_left:.0f} s left'
        )
        tell(
            telling.Told(stage=telling.LEARNING, done=progress.done, note=note)
        )

    weights = begun.weights if begun else None
    net, steps = train.learn(parts, options, learning, weights, keeper)
    data = export.onnx_bytes(net, len(inputs.NAMES))
    results = _results(splits, net, begun, tell)
    facts = {
        'name': name,
        'version': version,
        'created': created,
        'step_s': split_module.STEP_S,
        'context': held_out.CONTEXT,
        'history_s': HISTORY_S,
        'hidden': options.hidden,
        'training': _training(splits, options, steps, begun),
        'scores': results,
        'software': _software(),
    }
    return Trained(onnx=data, facts=facts, table=_table(results, begun))


def _keeper(
    keeping: Keeping,
    sources: list[split_module.Source],
    options: train.Options,
    begun: tuning.Begun | None,
) -> checkpoint.Keeper:
    made_with: dict[str, Any] = {
        f'trace {i}': _identity(source) for i, source in enumerate(sources, 1)
    }
    made_with |= asdict(options)
    made_with['begun from'] = begun and f'{begun.name} ({begun.sha256})'
    made_with |= _software()
    found = None
    if keeping.resume:
        found = checkpoint.read(keeping.path, made_with)
    return checkpoint.Keeper(keeping.path, made_with, found, keeping.stopped)


def _identity(source: split_module.Source) -> str:
    window = source.window
    head = repr((window.instances, window.start, window.step_s))
    digest = hashlib.sha256(head.encode())
    digest.update(np.ascontiguousarray(window.usage).data)
    digest.update(np.ascontiguousarray(source.limits).data)
    shape = ' x '.join(str(n) for n in window.usage.shape)
    return f'{source.name} ({shape}, sha256 {digest.hexdigest()[:16]})'


def _results(
    splits: list[split_module.Split],
    net: network_module.Network,
    begun: tuning.Begun | None,
    tell: telling.Tell,
) -> dict[str, dict[str, float | None]]:
    live = replay_module.Live(net)
    models: dict[str, tuple[following.Recurrent, bool]] = {
        'lstm': (live, False),
        'calibrated': (live, True),
    }
    if begun is not None:
        models[begun.name] = (replay_module.Live(begun.network), False)
    budget = _REPORT_TUNING if begun else _REPORT
    return held_out.results(splits, models, budget, tell)


def _table(
    results: dict[str, dict[str, float | None]], begun: tuning.Begun | None
) -> str:
    table = accuracy.table(results)
    if begun is None:
        return table
    ratio = accuracy.loss_ratio(results['lstm'], results[begun.name])
    return (
        f'{table}\n\n{ratio:.4f} times the quantile loss of {begun.name}, '
        'the model it began from'
    )


def _training(
    splits: list[split_module.Split],
    options: train.Options,
    steps: int,
    begun: tuning.Begun | None,
) -> dict[str, Any]:
    """What was learned from, for the card."""
    facts: dict[str, Any] = {
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
        'generated': making.DESCRIPTION,
        'options': asdict(options),
        'steps': steps,
    }
    if begun is not None:
        facts['begun_from'] = {'name': begun.name, 'sha256': begun.sha256}
    return facts


def _software() -> dict[str, str]:
    names = ('torch', 'onnx', 'numpy')
    found = {name: importlib.metadata.version(name) for name in names}
    return {'python': platform.python_version(), **found}
