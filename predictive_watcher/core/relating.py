"""Who moves together, at work in an audit: learned, and used for forecasts."""

from collections.abc import Mapping
import dataclasses

import numpy as np

from predictive_watcher.core import correlation
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import moving
from predictive_watcher.core import usage as usage_module


class Correlating:
    """Instances that move together, for one audit, with a memory before and
    after: ``known`` is what to keep once `learn` was called.

    :param applications: by instance id, where it is known.
    """

    def __init__(
        self,
        known: correlation.Correlation | None = None,
        applications: Mapping[str, str] | None = None,
    ) -> None:
        self.known = known
        self._applications = applications or {}

    def learn(
        self,
        fleet: fleet_module.Fleet,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
    ) -> correlation.Correlation | None:
        """What is known at the window's end; None: nobody knows."""
        names = window.instances
        before = self.known or correlation.nothing(names, window.step_s)
        kin = kin_of(fleet, self._applications)
        self.known = correlation.learned(before, window, limits, kin)
        return self.known

    def raised(
        self,
        forecast: forecast_module.Forecast,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
    ) -> forecast_module.Forecast:
        """The forecast from the window's end, raised where somebody who is
        ahead has a surge and that is proven to help.
        """
        if self.known is None or not len(self.known.leads.leader):
            return forecast
        self.known, found = raised(self.known, forecast, window, limits)
        return found


def raised(
    known: correlation.Correlation,
    forecast: forecast_module.Forecast,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
) -> tuple[correlation.Correlation, forecast_module.Forecast]:
    """What is known now, and the forecast as `Correlating.raised` has it."""
    order = np.argsort(np.array(window.instances, object))
    used = window.usage[order, -moving.LAGS - 1 :, moving.RESOURCE]
    if used.shape[1] <= moving.LAGS or forecast.origin != window.end:
        return known, forecast
    most = limits[order, moving.RESOURCE]
    known = dataclasses.replace(
        known, leads=known.leads.moved(np.arange(len(order)))
    )
    leads = known.leads
    said = leads.told(leads.rises(used, most, known.moves.scale), most)
    own = forecast.quantiles[order][:, moving.RESOURCE]
    leads.issue(own, said, window.end)
    pair = leads.speakers(said)
    if not len(pair):
        return known, forecast
    return known, _raised(known, forecast, order, pair, said)


def _raised(
    known: correlation.Correlation,
    forecast: forecast_module.Forecast,
    order: np.ndarray,
    pair: np.ndarray,
    said: np.ndarray,
) -> forecast_module.Forecast:
    leads = known.leads
    rows = order[leads.follower[pair]]
    quantiles = forecast.quantiles.copy()
    mine = quantiles[rows, moving.RESOURCE]
    # where there is no forecast, there is none
    higher = np.where(np.isnan(mine), mine, np.fmax(mine, said[pair]))
    quantiles[rows, moving.RESOURCE] = higher
    marked = np.zeros(quantiles.shape[:2], bool)
    marked[rows, moving.RESOURCE] = True
    notes = dict(forecast.notes)
    for k, row in zip(pair.tolist(), rows.tolist(), strict=True):
        name = forecast.instances[row]
        leader = known.instances[leads.leader[k]]
        told = (
            f'the forecast of cpu is raised: {leader} surges, which it '
            f'follows by {int(leads.lag[k]) * known.step_s // 60} min (loss '
            f'so far {leads.ratio()[k]:.2f} of that without)'
        )
        notes[name] = '; '.join(filter(None, [notes.get(name), told]))
    return dataclasses.replace(
        forecast, quantiles=quantiles, raised=marked, notes=notes
    )


def kin_of(
    fleet: fleet_module.Fleet, applications: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Application, project and node of each instance.

    :param applications: by instance id, where it is known.
    """
    return {
        one.id: (applications.get(one.id, ''), one.project_id, one.node)
        for one in fleet.instances
    }
