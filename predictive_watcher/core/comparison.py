"""Two forecasters on the same cells: how much better is one?

Ratios come with an interval of 95 % from a bootstrap that draws whole
instances with replacement (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 8): forecasts of one instance err together, and a few
instances have most of the violations.  A draw is the same for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import accuracy
from predictive_watcher.core import fleet
from predictive_watcher.core import ranking


DRAWS = 400
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Ours as a share of theirs, with the interval of 95 %."""

    value: float
    low: float
    high: float


def ratio(ours: np.ndarray, theirs: np.ndarray, drawn: np.ndarray) -> Ratio:
    """The ratio of two sums over instances.

    :param ours: like ``theirs``, (instances,), at least 0.
    :param drawn: (draws, instances), how often each was drawn.

    >>> one = np.ones((1, 2))
    >>> ratio(np.array([1.0, 2.0]), np.array([2.0, 4.0]), one).value
    0.5
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        found = (drawn @ ours) / (drawn @ theirs)
        value = float(np.float64(ours.sum()) / theirs.sum())
    return _interval(value, found)


def draw(rng: np.random.Generator, instances: int, draws: int) -> np.ndarray:
    """How often each instance is drawn, float64 (draws, instances)."""
    equal = np.full(instances, 1 / instances)
    return rng.multinomial(instances, equal, draws).astype(np.float64)


def compare(
    ours: accuracy.Outcome,
    theirs: accuracy.Outcome,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> dict[str, Ratio]:
    """Ratios of quantile losses, average precisions and Brier scores.

    Both have the same instances and origins; what one of them does not
    forecast counts for neither.  Keys are like those of `accuracy.scores`;
    ``wql`` and ``brier`` are better below 1, ``ap`` above.
    """
    drawn = draw(rng, len(ours.limits), draws)
    found: dict[str, Ratio] = {}
    for r, resource in enumerate(fleet.RESOURCES):
        for name, target in accuracy.JUDGED.items():
            both = accuracy.cells(ours, r, target)
            both &= accuracy.cells(theirs, r, target)
            mine = _loss(ours, r, target, both)
            other = _loss(theirs, r, target, both)
            if other.sum() > 0:
                found[f'{resource}.wql_{name}'] = ratio(mine, other, drawn)
    for name, onset in accuracy.EVENTS.items():
        found |= _event(ours, theirs, name, onset, drawn)
    return found


def _loss(
    outcome: accuracy.Outcome, resource: int, target: int, cells: np.ndarray
) -> np.ndarray:
    """The quantile loss of each instance, summed over ``cells``."""
    losses = np.zeros(cells.shape)
    losses[cells] = accuracy.pinball(
        outcome.came[:, :, resource, target][cells],
        outcome.quantiles[:, :, resource, target][cells],
    )
    return np.asarray(losses.sum(axis=1))


def _event(
    ours: accuracy.Outcome,
    theirs: accuracy.Outcome,
    name: str,
    onset: bool,
    drawn: np.ndarray,
) -> dict[str, Ratio]:
    both, came = accuracy.event(ours, onset)
    both &= accuracy.event(theirs, onset)[0]
    label = came[both].astype(np.float64)
    if not label.any():
        return {}
    owner = np.nonzero(both)[0]
    chances = [accuracy.chance(o)[both].astype(float) for o in (ours, theirs)]
    mine, other = (
        np.bincount(owner, ranking.brier(label, c), len(both)) for c in chances
    )
    ranks = [ranking.Ranking(label, c) for c in chances]
    once = np.ones(len(label))
    value = _share([r.precision(once) for r in ranks])
    found = [
        _share([r.precision(weights[owner]) for r in ranks])
        for weights in drawn
    ]
    return {
        f'cpu.{name}_ap': _interval(value, np.array(found)),
        f'cpu.{name}_brier': ratio(mine, other, drawn),
    }


def _share(pair: list[float]) -> float:
    return pair[0] / pair[1] if pair[1] > 0 else float('nan')


def _interval(value: float, found: np.ndarray) -> Ratio:
    found = found[np.isfinite(found)]
    if not len(found):
        return Ratio(value=value, low=float('nan'), high=float('nan'))
    low, high = np.quantile(found, _INTERVAL)
    return Ratio(value=value, low=float(low), high=float(high))


def table(found: Mapping[str, Mapping[str, Ratio]], ours: str) -> str:
    """Ratios by rival, one line for each and resource."""
    losses = [f'wql_{name}' for name in accuracy.JUDGED]
    lines = _lines(
        found, [str(r) for r in fleet.RESOURCES], losses, f'{ours} / rival'
    )
    events = [f'{e}_{c}' for e in accuracy.EVENTS for c in ('ap', 'brier')]
    more = _lines(found, ['cpu'], events, f'{ours} / rival')
    return '\n'.join([*lines, '', *more])


def _lines(
    found: Mapping[str, Mapping[str, Ratio]],
    resources: list[str],
    columns: list[str],
    head: str,
) -> list[str]:
    lines = [f'{head:24} ' + ' '.join(f'{c:>22}' for c in columns)]
    for resource in resources:
        for rival, ratios in found.items():
            row = [ratios.get(f'{resource}.{c}') for c in columns]
            if any(row):
                shown = ' '.join(f'{_shown(cell):>22}' for cell in row)
                lines.append(f'{resource:9} {rival:14} {shown}')
    return lines


def _shown(cell: Ratio | None) -> str:
    if cell is None:
        return '-'
    return f'{cell.value:.3f} [{cell.low:.3f}, {cell.high:.3f}]'
