"""How good forecasts were, on instances and times that were held out."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import forecast


SCORED = (0.5, 0.9, 0.95, 0.99)  # levels in the quantile loss
CEILING = 0.9
_UPPER = forecast.LEVELS.index(0.95)
_BAND = (0.93, 0.97)
_TIE_SHARE = 5e-4  # of the limit, for cpu and memory
_TIE = {fleet.Resource.DISK: 512.0, fleet.Resource.NETWORK: 204.8}
_CPU = fleet.RESOURCES.index(fleet.Resource.CPU)
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
_NEXT = forecast.TARGETS.index(forecast.Target.S300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Forecasts beside what came, in the units of usage.

    ``quantiles`` (instances, origins, resources, targets, levels), ``came``
    (instances, origins, resources, targets), ``now`` (instances, origins,
    resources), ``risk`` (instances, origins, resources): the chance that the
    largest usage within 900 s passes ``ceiling`` x limit, ``limits``
    (instances, resources).
    """

    quantiles: np.ndarray
    came: np.ndarray
    now: np.ndarray
    risk: np.ndarray
    limits: np.ndarray
    ceiling: float = CEILING


def average_precision(label: np.ndarray, score: np.ndarray) -> float:
    """Precision averaged over the recalls; tied scores count as one.

    >>> average_precision(np.array([1, 0, 1]), np.array([0.9, 0.5, 0.5]))
    0.8333333333333333
    """
    if not label.any():
        return float('nan')
    order = np.argsort(-score, kind='stable')
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(label[order])[ends]
    gained = np.diff(hits, prepend=0)
    return float((gained * hits / (ends + 1)).sum() / hits[-1])


def quantile_loss(came: np.ndarray, quantiles: np.ndarray) -> float:
    """Twice the pinball loss over `SCORED`, as a share of sum |y|.

    ``came`` (cells,), ``quantiles`` (cells, levels).
    """
    loss = 0.0
    for level in SCORED:
        error = came - quantiles[:, forecast.LEVELS.index(level)]
        loss += 2 * float(np.maximum(level * error, (level - 1) * error).sum())
    return loss / len(SCORED) / max(float(np.abs(came).sum()), 1e-12)


def joined(outcomes: list[Outcome]) -> Outcome:
    """Outcomes of several traces as one: instances beside each other.

    Shorter ones are filled with NaN at their end.
    """
    if len(outcomes) == 1:
        return outcomes[0]  # it may be large
    most = max(o.now.shape[1] for o in outcomes)

    def fill(array: np.ndarray) -> np.ndarray:
        pad = [(0, 0)] * array.ndim
        pad[1] = (0, most - array.shape[1])
        return np.pad(array, pad, constant_values=np.nan)

    return Outcome(
        quantiles=np.concatenate([fill(o.quantiles) for o in outcomes]),
        came=np.concatenate([fill(o.came) for o in outcomes]),
        now=np.concatenate([fill(o.now) for o in outcomes]),
        risk=np.concatenate([fill(o.risk) for o in outcomes]),
        limits=np.concatenate([o.limits for o in outcomes]),
        ceiling=outcomes[0].ceiling,
    )


def scores(outcomes: list[Outcome]) -> dict[str, float | None]:
    """All figures of one forecaster; None where they cannot be computed."""
    outcome = joined(outcomes)
    found: dict[str, float] = {}
    for r, resource in enumerate(fleet.RESOURCES):
        for target, name in ((_NEXT, '300'), (_MAX, 'max900')):
            came = outcome.came[:, :, r, target].astype(np.float64)
            quantiles = outcome.quantiles[:, :, r, target]
            valid = np.isfinite(came) & np.isfinite(outcome.now[:, :, r])
            valid &= np.isfinite(quantiles).all(axis=-1)
            if not valid.any():
                continue
            found[f'{resource}.wql_{name}'] = quantile_loss(
                came[valid], quantiles[valid].astype(np.float64)
            )
            # compared as float32, as usage is: ties count as covered
            error = outcome.came[:, :, r, target] - quantiles[..., _UPPER]
            found[f'{resource}.cov95_{name}'] = float(
                (error[valid] <= 0).mean()
            )
            found[f'{resource}.band95_{name}'] = _in_band(
                error, valid, tolerance(resource, outcome.limits[:, r])
            )
    found |= _onset(outcome)
    return {
        key: round(value, 5) if np.isfinite(value) else None
        for key, value in found.items()
    }


def tolerance(resource: fleet.Resource, limits: np.ndarray) -> np.ndarray:
    """How far from a quantile still counts as a tie, (instances,).

    A sample has a resolution: many are 0, or the same again and again, and
    whether such a one is "at or below" a quantile is decided by rounding.
    """
    if resource in _TIE:
        return np.full(limits.shape, _TIE[resource])
    return np.asarray(_TIE_SHARE * np.nan_to_num(limits))


def _in_band(error: np.ndarray, valid: np.ndarray, tie: np.ndarray) -> float:
    """Share of the instances whose own coverage is near .95.

    Ties may count either way: an instance is in the band where any way of
    counting them puts it there.
    """
    count = valid.sum(axis=1)
    enough = count >= max(1, min(200, valid.shape[1] // 2))
    if not enough.any():
        return float('nan')
    count = count[enough]
    least = (valid & (error < -tie[:, None])).sum(axis=1)[enough] / count
    most = (valid & (error <= tie[:, None])).sum(axis=1)[enough] / count
    return float(((least <= _BAND[1]) & (most >= _BAND[0])).mean())


def _onset(outcome: Outcome) -> dict[str, float]:
    """Cpu passes the ceiling within 900 s and is not above it now."""
    threshold = outcome.ceiling * outcome.limits[:, None, _CPU]
    came = outcome.came[:, :, _CPU, _MAX]
    now = outcome.now[:, :, _CPU]
    with np.errstate(invalid='ignore'):
        valid = np.isfinite(came) & (now <= threshold)
    chance = outcome.risk[:, :, _CPU]
    valid &= np.isfinite(chance)
    label = (came > threshold)[valid].astype(np.float64)
    risk = np.clip(chance[valid].astype(np.float64), 0, 1)
    if not label.any():
        return {}
    brier = float(((risk - label) ** 2).mean())
    base = float(label.mean())
    return {
        'cpu.onsets': float(label.sum()),
        'cpu.onset_ap': average_precision(label, risk),
        'cpu.onset_brier_skill': 1 - brier / max(base * (1 - base), 1e-12),
    }


def loss_ratio(
    ours: dict[str, float | None], theirs: dict[str, float | None]
) -> float:
    """Our quantile loss as a share of theirs: the geometric mean over all
    resources and targets that both have; NaN where there is none.

    >>> loss_ratio({'cpu.wql_300': 1.0}, {'cpu.wql_300': 2.0})
    0.5
    """
    logs = []
    for key, loss in ours.items():
        rival = theirs.get(key)
        if '.wql_' in key and loss and rival:
            logs.append(np.log(loss / rival))
    return float(np.exp(np.mean(logs))) if logs else float('nan')


_COLUMNS = tuple(
    f'{figure}_{target}'
    for figure in ('wql', 'cov95', 'band95')
    for target in ('300', 'max900')
)


def table(
    results: dict[str, dict[str, float | None]], ceiling: float = CEILING
) -> str:
    """Figures of several forecasters, one line for each and resource.

    ``wql`` is the quantile loss, ``cov95`` the share of the forecasts whose
    95 % quantile was not passed, ``band95`` the share of the instances where
    that is .93 to .97.
    """
    lines = [
        f'{"resource":9} {"forecaster":14} '
        + ' '.join(f'{c:>12}' for c in _COLUMNS)
    ]
    for resource in fleet.RESOURCES:
        for name, found in results.items():
            cells = [found.get(f'{resource}.{c}') for c in _COLUMNS]
            if any(cell is not None for cell in cells):
                lines.append(
                    f'{resource:9} {name:14} '
                    + ' '.join(_cell(cell) for cell in cells)
                )
    lines.append('')
    lines.append(
        f'cpu onset (> {ceiling:g} x limit)    average precision  Brier skill'
    )
    for name, found in results.items():
        cells = [found.get(f'cpu.onset_{c}') for c in ('ap', 'brier_skill')]
        lines.append(f'{"":9} {name:14} ' + ' '.join(map(_cell, cells)))
    return '\n'.join(lines)


def _cell(value: float | None) -> str:
    return f'{"-":>12}' if value is None else f'{value:12.4f}'
