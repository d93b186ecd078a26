"""Who speaks where a model drifts, and in which words that is told."""

from collections.abc import Mapping
import dataclasses
from typing import Protocol

import numpy as np

from predictive_watcher.core import drift
from predictive_watcher.core import feedback
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import usage as usage_module


_MAX = drift.TARGETS.index(forecast_module.Target.MAX900)


class Hastening(forecast_module.Forecaster, Protocol):
    """A forecaster whose calibration can be told to learn faster."""

    def hasten(self, cells: Mapping[str, np.ndarray]) -> None:
        """Learn as fast as for a new instance.

        :param cells: by instance id, which resources, bool (resources,).
        """


class Watched:
    """A `forecast.Forecaster` that is compared with simple ones.

    After `forecast`, ``watch`` is what to keep for the next audit, ``own``
    what the model itself said, ``rivals`` see `ask_rivals`, and ``before``
    the steps of drift, (instances, resources), that were reached earlier.

    :param renewed: ids of instances that got another flavor or image.
    """

    def __init__(
        self,
        inner: Hastening,
        watch: drift.Watch | None = None,
        renewed: frozenset[str] = frozenset(),
    ) -> None:
        self._inner = inner
        self._renewed = renewed
        self.watch = watch or drift.nothing(())
        self.own: forecast_module.Forecast | None = None
        self.rivals = np.empty(0)
        self.before = np.empty(0)

    @property
    def name(self) -> str:
        """The model's."""
        return self._inner.name

    @property
    def history_s(self) -> int:
        """How many seconds of usage it likes to see."""
        return max(
            self._inner.history_s, *(r.history_s for r in drift.RIVALS)
        )

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """Look ahead from the window's end.

        :raises ModelError: where the model cannot be used.
        """
        known = self.watch.among(window.instances)
        self.before = known.step
        known, renewed = drift.renew(known, limits, self._renewed)
        watch, hasten = drift.judge(drift.settle(known, window), window.end)
        hasten = hasten | renewed[:, None]
        if hasten.any():
            self._inner.hasten(
                {
                    window.instances[row]: hasten[row]
                    for row in np.flatnonzero(hasten.any(axis=1))
                }
            )
        self.own = self._inner.forecast(window, limits)
        free = np.flatnonzero(watch.origin < 0)
        self.rivals = ask_rivals(window, free)
        self.watch = issue(watch, self.own, self.rivals)
        return fall_back(self.watch, self.own, window, limits)


def ask_rivals(
    window: usage_module.UsageWindow, rows: np.ndarray
) -> np.ndarray:
    """Quantiles of `drift.RIVALS` for some rows: (all instances, resources,
    `drift.TARGETS`, rivals, `feedback.LEVELS`), NaN for the others.
    """
    shape = (len(window.instances), len(fleet.RESOURCES), len(drift.TARGETS))
    out = np.full((*shape, len(drift.RIVALS), len(feedback.LEVELS)), np.nan)
    if len(rows):
        part = _rows(window, rows)
        places = tuple(forecast_module.TARGETS.index(t) for t in drift.TARGETS)
        for k, rival in enumerate(drift.RIVALS):
            found = rival.quantiles(part, places, feedback.LEVELS)
            out[rows, :, :, k] = np.maximum(found, 0.0)
    return out


def issue(
    watch: drift.Watch, own: forecast_module.Forecast, rivals: np.ndarray
) -> drift.Watch:
    """Let the forecast wait, of those of whom none waits.

    :param own: the model's, before anybody stood in for it.
    :param rivals: of `ask_rivals`.
    """
    target = forecast_module.Target.MAX900
    mine = np.stack(
        [own.level(target, level) for level in feedback.LEVELS], axis=-1
    )
    all_ = np.concatenate([mine[:, :, None], rivals[:, :, _MAX]], axis=2)
    there = (watch.origin < 0) & np.isfinite(all_).any(axis=(1, 2, 3))
    return dataclasses.replace(
        watch,
        origin=np.where(there, own.origin, watch.origin),
        waiting=np.where(
            there[:, None, None, None], all_, watch.waiting
        ).astype(np.float32),
    )


def fall_back(
    watch: drift.Watch,
    own: forecast_module.Forecast,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
) -> forecast_module.Forecast:
    """The better rival speaks for the model where that has fallen back."""
    fallen = watch.step >= drift.Step.FALLEN_BACK
    best = np.argmin(np.nan_to_num(watch.loss[..., 1:], nan=np.inf), axis=-1)
    quantiles = own.quantiles.copy()
    stands_in = np.zeros(fallen.shape, bool)
    for k, rival in enumerate(drift.RIVALS):
        cells = fallen & (best == k)
        rows = np.flatnonzero(cells.any(axis=1))
        if not len(rows):
            continue
        found = rival.forecast(_rows(window, rows), limits[rows]).quantiles
        mine = cells[rows] & np.isfinite(found).all(axis=(2, 3))
        quantiles[rows] = np.where(
            mine[..., None, None], found, quantiles[rows]
        )
        stands_in[rows] |= mine
    return dataclasses.replace(
        own,
        quantiles=quantiles,
        plain=stands_in if stands_in.any() else None,
        notes=_noted(watch, own.notes),
    )


def _noted(watch: drift.Watch, notes: Mapping[str, str]) -> dict[str, str]:
    told = dict(notes)
    for row in np.flatnonzero(watch.step.any(axis=1)):
        name = watch.instances[row]
        words = '; '.join(said(watch, int(row)))
        told[name] = '; '.join(filter(None, [told.get(name), words]))
    return told


def said(watch: drift.Watch, row: int) -> list[str]:
    """What has drifted of one instance, in words."""
    return [
        f'{fleet.RESOURCES[r]} drifts: {described(watch, row, int(r))}'
        for r in np.flatnonzero(watch.step[row])
    ]


def described(watch: drift.Watch, row: int, resource: int) -> str:
    """What is done about it, and why."""
    loss = watch.loss[row, resource]
    ratio = float(watch.ratio()[row, resource])
    worse = f'{ratio:.2f} times the loss of {better(loss)}'
    missed = f'q95 was passed by {watch.missed[row, resource]:.0%}'
    match drift.Step(int(watch.step[row, resource])):
        case drift.Step.NONE:
            return 'no longer'
        case drift.Step.WIDENED:
            return f'the calibration hastens ({missed}, {worse})'
        case drift.Step.FALLEN_BACK:
            return f'{better(loss)} stands in for the model ({worse})'
        case drift.Step.RETRAIN:
            return (
                f'{better(loss)} stands in for the model ({worse}), which '
                'should be retrained'
            )


def better(loss: np.ndarray) -> str:
    """The name of the better rival; ``loss`` is of one cell."""
    best = int(np.argmin(np.nan_to_num(loss[1:], nan=np.inf)))
    return drift.RIVALS[best].name


def _rows(
    window: usage_module.UsageWindow, rows: np.ndarray
) -> usage_module.UsageWindow:
    return usage_module.UsageWindow(
        instances=tuple(window.instances[i] for i in rows),
        start=window.start,
        step_s=window.step_s,
        usage=window.usage[rows],
    )
