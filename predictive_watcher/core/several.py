"""Several models at work beside each other: each instance has its own.

One forecast comes of it, in the order of the window's instances.  Where a
model cannot be used, the default one stands in for it, and who is concerned
is told why; where the default one cannot be used there is no forecast.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import remembering
from predictive_watcher.core import usage as usage_module


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A model, and the ids of the instances that have it.

    ``followed`` are further ones that have it at other times: it goes on
    with them, and says nothing.
    """

    forecaster: forecast_module.Forecaster
    instances: frozenset[str]
    followed: frozenset[str] = frozenset()


class Several:
    """A `forecast.Forecaster` made of a default one and those of some.

    :param refused: by instance id, why its own model cannot be used.
    :param followed: instances with an own model now that have the default
        one at other times.
    """

    def __init__(
        self,
        default: forecast_module.Forecaster,
        own: Sequence[Own] = (),
        refused: Mapping[str, str] | None = None,
        followed: frozenset[str] = frozenset(),
    ) -> None:
        self.default = default
        self.own = tuple(own)
        self.followed = followed
        self.refused = dict(refused or {})

    @property
    def name(self) -> str:
        """Those of all models, the default one first."""
        names = [self.default.name, *(o.forecaster.name for o in self.own)]
        return ', '.join(dict.fromkeys(names))

    @property
    def history_s(self) -> int:
        """How many seconds of usage the one with the longest view likes."""
        own = (o.forecaster.history_s for o in self.own)
        return max(self.default.history_s, *own, 0)

    def hasten(self, cells: Mapping[str, np.ndarray]) -> None:
        """Tell all models; each knows its own instances."""
        for forecaster in (self.default, *(o.forecaster for o in self.own)):
            if isinstance(forecaster, remembering.Remembering):
                forecaster.hasten(cells)

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """Look ahead from the window's end.

        What was refused is in ``refused`` afterwards, and in the notes of
        the forecast.

        :raises ModelError: where the default model cannot be used.
        """
        parts: list[tuple[np.ndarray, forecast_module.Forecast]] = []
        rest = np.ones(len(window.instances), bool)
        for own in self.own:
            mine = _among(window, own.instances)
            if not (mine | _among(window, own.followed)).any():
                continue
            try:
                found = _told(
                    own.forecaster, window, limits, mine, own.followed
                )
            except exceptions.ModelError as error:
                self.refused |= dict.fromkeys(own.instances, str(error))
                continue
            if mine.any():
                parts.append((np.flatnonzero(mine), found))
            rest &= ~mine
        if rest.any() or not parts or _among(window, self.followed).any():
            found = _told(self.default, window, limits, rest, self.followed)
            if rest.any() or not parts:
                parts.insert(0, (np.flatnonzero(rest), found))
        notes = {
            i: f'its own model is refused, {self.default.name} stands in: '
            + self.refused[i]
            for i in window.instances
            if i in self.refused
        }
        return replace(_joined(parts, window.instances), notes=notes)


def _among(
    window: usage_module.UsageWindow, instances: frozenset[str]
) -> np.ndarray:
    return np.array([i in instances for i in window.instances], bool)


def _told(
    forecaster: forecast_module.Forecaster,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    mine: np.ndarray,
    followed: frozenset[str],
) -> forecast_module.Forecast:
    """What is told of those of a mask, while it goes on with others."""
    asked = mine | _among(window, followed)
    found = _of_rows(forecaster, window, limits, np.flatnonzero(asked))
    return found.of(np.flatnonzero(mine[asked]))


def _of_rows(
    forecaster: forecast_module.Forecaster,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    rows: np.ndarray,
) -> forecast_module.Forecast:
    if len(rows) == len(window.instances):
        return forecaster.forecast(window, limits)
    part = usage_module.UsageWindow(
        instances=tuple(window.instances[i] for i in rows),
        start=window.start,
        step_s=window.step_s,
        usage=window.usage[rows],
    )
    return forecaster.forecast(part, limits[rows])


def _joined(
    parts: Sequence[tuple[np.ndarray, forecast_module.Forecast]],
    instances: tuple[str, ...],
) -> forecast_module.Forecast:
    """One forecast of all rows, from at least one part."""
    _, first = parts[0]
    if len(parts) == 1:
        return first
    rows = np.concatenate([rows for rows, _ in parts])
    found = [forecast for _, forecast in parts]
    names = np.empty(len(instances), object)
    for here, part in parts:
        names[here] = part.model
    return forecast_module.Forecast(
        instances=instances,
        origin=first.origin,
        model=', '.join(dict.fromkeys(part.model for part in found)),
        quantiles=_placed([part.quantiles for part in found], rows),
        exceedance=_mixtures([part.exceedance for part in found], rows),
        models=tuple(names),
    )


def _placed(parts: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
    joined = np.concatenate(parts)
    out = np.empty_like(joined)
    out[rows] = joined
    return out


def _mixtures(
    parts: Sequence[forecast_module.Exceedance | None], rows: np.ndarray
) -> forecast_module.Exceedance | None:
    """None where one model has no such head: read off the quantiles, the
    chance means the same for all.
    """
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    most = max(part.weight.shape[-1] for part in known)

    def filled(arrays: Sequence[np.ndarray], value: float) -> np.ndarray:
        """As many components for all; those that are added weigh nothing."""
        wide = [
            np.pad(
                array,
                [(0, 0), (0, 0), (0, most - array.shape[-1])],
                constant_values=value,
            )
            for array in arrays
        ]
        return _placed(wide, rows)

    return forecast_module.Exceedance(
        weight=filled([part.weight for part in known], 0.0),
        mean=filled([part.mean for part in known], 0.0),
        spread=filled([part.spread for part in known], 1.0),
        last=_placed([part.last for part in known], rows),
        scale=_placed([part.scale for part in known], rows),
        bias=_placed([_or(p.bias, p.last.shape, 0.0) for p in known], rows),
        beside=_placed([_beside(part) for part in known], rows),
        share=_placed([_or(p.share, p.last.shape, 0.0) for p in known], rows),
    )


def _or(
    array: np.ndarray | None, shape: tuple[int, ...], value: float
) -> np.ndarray:
    return np.full(shape, value) if array is None else array


def _beside(part: forecast_module.Exceedance) -> np.ndarray:
    shape = (*part.last.shape, len(forecast_module.LEVELS))
    return _or(part.beside, shape, np.nan)
