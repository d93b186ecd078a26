"""How good forecasts were, on instances and times that were held out."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import ranking


SCORED = (0.5, 0.9, 0.95, 0.99)  # levels in the quantile loss
CEILING = 0.9
_SCORED = tuple(forecast.LEVELS.index(level) for level in SCORED)
_UPPER = forecast.LEVELS.index(0.95)
_BAND = (0.93, 0.97)
_TIE_SHARE = 5e-4  # of the limit, for cpu and memory
_TIE = {fleet.Resource.DISK: 512.0, fleet.Resource.NETWORK: 204.8}
_CPU = fleet.RESOURCES.index(fleet.Resource.CPU)
_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
JUDGED = {
    '300': forecast.TARGETS.index(forecast.Target.S300),
    'max900': _MAX,
}
# Of cpu: it passes the ceiling, and was not above it; or it passes it at all.
EVENTS = {'onset': True, 'event': False}


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


def cells(outcome: Outcome, resource: int, target: int) -> np.ndarray:
    """Where a forecast is judged, bool (instances, origins): the sample at
    the origin, what came, and all levels of `SCORED` are there.
    """
    quantiles = outcome.quantiles[:, :, resource, target]
    there = np.isfinite(outcome.came[:, :, resource, target])
    there &= np.isfinite(outcome.now[:, :, resource])
    for level in _SCORED:
        there &= np.isfinite(quantiles[..., level])
    return np.asarray(there)


def pinball(came: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Twice the pinball loss, a mean over `SCORED`, in the units of usage.

    ``came`` (cells,), ``quantiles`` (cells, levels); float64 (cells,).
    """
    loss = np.zeros(came.shape)
    for level, k in zip(SCORED, _SCORED, strict=True):
        error = came.astype(np.float64) - quantiles[..., k]
        loss += 2 * np.maximum(level * error, (level - 1) * error)
    return np.asarray(loss / len(SCORED))


def quantile_loss(came: np.ndarray, quantiles: np.ndarray) -> float:
    """`pinball` as a share of sum |y|."""
    size = float(np.abs(came).sum(dtype=np.float64))
    return float(pinball(came, quantiles).sum()) / max(size, 1e-12)


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
        for name, target in JUDGED.items():
            came = outcome.came[:, :, r, target]
            quantiles = outcome.quantiles[:, :, r, target]
            valid = cells(outcome, r, target)
            if not valid.any():
                continue
            found[f'{resource}.wql_{name}'] = quantile_loss(
                came[valid], quantiles[valid]
            )
            # compared as float32, as usage is: ties count as covered
            error = came - quantiles[..., _UPPER]
            found[f'{resource}.cov95_{name}'] = float(
                (error[valid] <= 0).mean()
            )
            found[f'{resource}.band95_{name}'] = _in_band(
                error, valid, tolerance(resource, outcome.limits[:, r])
            )
    for name, onset in EVENTS.items():
        found |= _event(outcome, name, onset)
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


def event(outcome: Outcome, onset: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where it can be judged, and where it came, that cpu passes the ceiling
    within 900 s: bool (instances, origins).

    An ``onset`` is judged where cpu is not above the ceiling now.
    """
    threshold = outcome.ceiling * outcome.limits[:, None, _CPU]
    came = outcome.came[:, :, _CPU, _MAX]
    now = outcome.now[:, :, _CPU]
    judged = np.isfinite(threshold) & np.isfinite(came) & np.isfinite(now)
    judged &= np.isfinite(outcome.risk[:, :, _CPU])
    with np.errstate(invalid='ignore'):
        if onset:
            judged &= now <= threshold
        return judged, came > threshold


def by_quantiles(outcome: Outcome) -> Outcome:
    """The same, with the risk of cpu read off the quantiles of `SCORED`."""
    quantiles = outcome.quantiles[:, :, _CPU, _MAX][..., list(_SCORED)]
    threshold = outcome.ceiling * outcome.limits[:, None, _CPU]
    risk = np.full(outcome.risk.shape, np.nan, np.float32)
    risk[:, :, _CPU] = forecast.exceeds(quantiles, threshold, SCORED)
    return dataclasses.replace(outcome, risk=risk)


def chance(outcome: Outcome) -> np.ndarray:
    """The chance of an `event`, (instances, origins)."""
    return outcome.risk[:, :, _CPU]


def _event(outcome: Outcome, name: str, onset: bool) -> dict[str, float]:
    judged, came = event(outcome, onset)
    label = came[judged].astype(np.float64)
    risk = chance(outcome)[judged].astype(np.float64)
    if not label.any():
        return {}
    return {
        f'cpu.{name}s': float(label.sum()),
        f'cpu.{name}_ap': ranking.average_precision(label, risk),
        f'cpu.{name}_brier_skill': ranking.brier_skill(label, risk),
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
    that is .93 to .97.  ``onset`` and ``event`` are of cpu.
    """
    lines = [
        f'{"resource":9} {"forecaster":14} '
        + ' '.join(f'{c:>12}' for c in _COLUMNS)
    ]
    for resource in fleet.RESOURCES:
        for name, found in results.items():
            row = [found.get(f'{resource}.{c}') for c in _COLUMNS]
            if any(cell is not None for cell in row):
                lines.append(
                    f'{resource:9} {name:14} '
                    + ' '.join(_cell(cell) for cell in row)
                )
    columns = [f'{e}_{c}' for e in EVENTS for c in ('ap', 'brier_skill')]
    lines.append('')
    lines.append(
        f'{f"cpu > {ceiling:g} x limit":24} '
        + ' '.join(f'{c:>17}' for c in columns)
    )
    for name, found in results.items():
        row = [found.get(f'cpu.{column}') for column in columns]
        if any(cell is not None for cell in row):
            lines.append(
                f'{"":9} {name:14} '
                + ' '.join(f'{_cell(cell):>17}' for cell in row)
            )
    return '\n'.join(lines)


def _cell(value: float | None) -> str:
    return f'{"-":>12}' if value is None else f'{value:12.4f}'
