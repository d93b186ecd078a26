"""What is known about the fleet now: limits, forecast, risk, node load."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np

from predictive_watcher.core import contention
from predictive_watcher.core import correlation
from predictive_watcher.core import excess
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import joint
from predictive_watcher.core import ladder
from predictive_watcher.core import limits as limits_module
from predictive_watcher.core import load as load_module
from predictive_watcher.core import profiling as profiling_module
from predictive_watcher.core import relating
from predictive_watcher.core import resolving
from predictive_watcher.core import risk as risk_module
from predictive_watcher.core import saturation
from predictive_watcher.core import usage
from predictive_watcher.core import weights as weights_module
from predictive_watcher.core.forecast import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Arrays over ``fleet.instances`` (rows) and `RESOURCES` (columns).

    ``saturated`` marks what is flat at its limit: ``predicted`` is then what
    is wanted beyond it (see `saturation`).  ``base_weights`` are those of
    flavors and policies, ``weights`` what ``strain`` leaves of them.
    ``needs_a_day`` and ``between_s`` tell how often usage passes what the own
    flavor is good for, and after what time again (see `excess`).
    ``newest`` is the Unix second of each instance's newest sample (-1: none),
    ``age_s`` how old that of each resource is (NaN: none);
    ``bad_specs`` says, by row, what is wrong with a flavor copy, see
    `limits.read`.  ``ceiling`` and ``horizon_s`` (instances,) are those of
    each instance's own policy.  ``known`` are the behavioural profiles, and
    ``related`` who moves together, where the caller keeps any.
    """

    fleet: fleet_module.Fleet
    forecast: forecast_module.Forecast
    limits: np.ndarray
    base_weights: np.ndarray
    weights: np.ndarray
    strain: np.ndarray
    newest: np.ndarray
    age_s: np.ndarray
    predicted: np.ndarray
    saturated: np.ndarray
    risk: risk_module.InstanceRisk
    excess_s: np.ndarray
    needs_a_day: np.ndarray
    between_s: np.ndarray
    load: load_module.NodeLoad
    bad_specs: Mapping[int, str]
    now: int
    ceiling: np.ndarray
    horizon_s: np.ndarray
    known: profiling_module.Known | None = None
    related: correlation.Correlation | None = None
    priors: Mapping[str, str] = field(default_factory=dict)

    def moving(self) -> np.ndarray | None:
        """The group that each instance moves together with, negative: none;
        None where nobody knows.
        """
        if self.related is None:
            return None
        return self.related.group_of([one.id for one in self.fleet.instances])

    def rung(self, row: int) -> ladder.Rung:
        """How much history the forecast of an instance stands on."""
        found = self.forecast.rungs
        if found is None:
            return ladder.Rung.NO_SAMPLES
        return ladder.Rung(int(found[row]))

    def node_weight(self, rows: int | Sequence[int]) -> np.ndarray:
        """What instances weigh where their node is short: of cpu or memory,
        the larger weight.
        """
        kinds = load_module.NODE_RESOURCES
        return np.asarray(self.weights[rows, :kinds].max(axis=-1))

    def risk_at(self, limits: np.ndarray) -> np.ndarray:
        """The risk that each instance would have with other limits.

        0 where nothing would limit it, NaN where nothing is known.

        :param limits: (instances, resources) in the units of usage.
        """
        return risk_module.with_limits(
            self.forecast,
            limits,
            ceiling=self.ceiling,
            horizon_s=self.horizon_s,
        )

    def risk_of(self, rows: np.ndarray, limits: np.ndarray) -> np.ndarray:
        """The same of some instances, which may be there more than once.

        :param limits: (len(rows), resources).
        """
        return risk_module.with_limits(
            self.forecast.of(rows),
            limits,
            ceiling=self.ceiling[rows],
            horizon_s=self.horizon_s[rows],
        )


def assess(
    fleet: fleet_module.Fleet,
    window: usage.UsageWindow,
    forecaster: forecast_module.Forecaster,
    own: resolving.Own,
    now: int,
    profiling: profiling_module.Profiling | None = None,
    *,
    origins: Mapping[str, fleet_module.Flavor] | None = None,
    weighing: weights_module.Weighing | None = None,
    growths: Mapping[tuple[str, str], float] | None = None,
    nodes: joint.Joints | None = None,
    correlating: relating.Correlating | None = None,
) -> Assessment:
    """Look ahead for every instance of the fleet, as its own policy asks.

    :param window: usage of exactly ``fleet.instances``, in their order.
    :param profiling: learns their profiles; None: what is needed of them is
        read off the window.
    :param origins: by instance id, the own flavor of those with a lease.
    :param weighing: None: no weight falls.
    :param growths: the factors that `saturation.factors` learned.
    :param nodes: learn how their sums spread; None: nothing is learned.
    :param correlating: learns who moves together; None: nobody does.
    :raises ModelError: when the forecaster's model cannot be used.
    """
    limits, weights, bad_specs = limits_module.read(fleet.instances)
    window = window.until(common_origin(window))
    known = None if profiling is None else profiling.learn(window)
    forecast = forecaster.forecast(window, limits)
    related = None
    if correlating is not None:
        correlating.learn(fleet, window, limits)
        forecast = correlating.raised(forecast, window, limits)
        related = correlating.known
    forecast = replace(
        forecast,
        rungs=_rungs(known, window),
        notes=contention.with_notes(
            forecast.notes, contention.notes(fleet, window)
        ),
    )
    ceiling, horizon_s = own.values('ceiling'), own.values('horizon_s')
    ceilings = ceiling[:, None] * limits
    base = weights * own.values('weight_factor')[:, None]
    strain, effective = weights_module.weigh(
        fleet, window, base, limits, ceiling, origins or {}, weighing
    )
    saturated = saturation.saturated(window, limits)
    needs_a_day, between_s = profiling_module.returns(
        known, ceiling[:, None] * _own_limits(fleet, limits, origins or {})
    )
    wanted = saturation.demand(
        limits, saturated, _own_names(fleet, origins or {}), growths or {}
    )
    load = load_module.of_forecast(forecast, window, limits)
    newest = window.newest_of_each()
    risk = risk_module.of_instances(
        forecast,
        limits,
        ceiling=ceiling,
        age_s=float(now - forecast.origin),
        horizon_s=horizon_s,
    )
    if known is not None:
        at_risk = risk.risk >= own.values('risk_threshold')[:, None]
        forecast = replace(
            forecast,
            notes=contention.with_notes(
                forecast.notes, known.notes(window, at_risk)
            ),
        )
    return Assessment(
        fleet=fleet,
        forecast=forecast,
        limits=limits,
        base_weights=base,
        weights=effective,
        strain=strain,
        newest=newest.max(axis=1),
        age_s=np.where(newest >= 0, now - newest, np.nan),
        predicted=np.fmax(
            _predicted(forecast, own.values('quantile_level'), horizon_s),
            wanted,
        ),
        saturated=saturated,
        risk=risk,
        excess_s=(
            excess.of_window(window, ceilings)
            if known is None
            else known.excess_s(ceilings)
        ),
        needs_a_day=needs_a_day,
        between_s=between_s,
        load=load if nodes is None else nodes.judged(fleet, load, window),
        bad_specs=bad_specs,
        now=now,
        ceiling=ceiling,
        horizon_s=horizon_s,
        known=known,
        related=related,
        priors={} if known is None else known.priors(),
    )


def _own_names(
    fleet: fleet_module.Fleet, origins: Mapping[str, fleet_module.Flavor]
) -> list[str]:
    return [origins.get(one.id, one.flavor).name for one in fleet.instances]


def _own_limits(
    fleet: fleet_module.Fleet,
    limits: np.ndarray,
    origins: Mapping[str, fleet_module.Flavor],
) -> np.ndarray:
    """Limits without leases, (instances, resources)."""
    found = limits.copy()
    for row, instance in enumerate(fleet.instances):
        if instance.id in origins:
            found[row] = origins[instance.id].limits()
    return found


def _rungs(
    known: profiling_module.Known | None, window: usage.UsageWindow
) -> np.ndarray:
    if known is not None:
        return known.behaviour.rung
    return ladder.of_window(window)


def _predicted(
    forecast: forecast_module.Forecast,
    level: np.ndarray,
    horizon_s: np.ndarray,
) -> np.ndarray:
    """The use that an adjustment has to cover, (instances, resources).

    The quantile of the maximum; of a nearer horizon the largest of its steps,
    and never more than that.
    """
    rows = np.arange(len(level))
    levels = np.array([forecast_module.LEVELS.index(one) for one in level])
    if not rows.size:
        return np.zeros((0, len(fleet_module.RESOURCES)))
    chosen = forecast.quantiles[rows, :, :, levels].astype(np.float64)
    highest = chosen[:, :, forecast_module.TARGETS.index(Target.MAX900)]
    steps = [
        np.where(at_s <= horizon_s[:, None], chosen[:, :, i], -np.inf)
        for i, at_s in enumerate(forecast_module.HORIZONS_S[:-1])
    ]
    near = np.minimum(highest, np.max(steps, axis=0))
    last = horizon_s[:, None] == forecast_module.HORIZONS_S[-1]
    return np.where(last, highest, near)


def common_origin(window: usage.UsageWindow) -> int:
    """The newest step at which most of the reporting instances report.

    Metrics arrive one by one; a forecast from the very last step would find
    most instances without a sample there.  Those that report at all within
    the last hour before the newest sample are asked, and half is enough.
    Falls back to the window's end where there is no sample.
    """
    seen = window.reported()
    steps = np.flatnonzero(seen.any(axis=0))
    if steps.size == 0:
        return window.end
    last = int(steps[-1])
    hour = max(1, 3600 // window.step_s)
    recent = seen[:, max(0, last - hour + 1) : last + 1]
    reporting = recent.any(axis=1).sum()
    enough = np.flatnonzero(recent.sum(axis=0) * 2 >= reporting)
    behind = recent.shape[1] - 1 - int(enough[-1])
    return int(window.times()[last - behind])
