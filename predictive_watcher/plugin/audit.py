"""One run of an audit: read everything, decide, keep what was learned."""

from dataclasses import dataclass
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log

from predictive_watcher import wiring
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import usage
from predictive_watcher.plugin import parameters as parameters_module
from predictive_watcher.plugin import scope as scope_module
from predictive_watcher.telemetry import base


LOG = log.getLogger(__name__)
# With clock = telemetry the load may have been recorded a while ago.
_REPLAY_LAG_S = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of an audit found.

    ``now`` is the audit's time (see the option ``clock``), ``wall`` the time
    of this machine; both are Unix seconds.  ``leases`` maps instance ids.
    """

    proposal: pipeline.Proposal
    leases: dict[str, leases_module.Lease]
    now: int
    wall: int


def run(
    conf: cfg.ConfigOpts,
    *,
    scope: scope_module.Scope,
    parameters: parameters_module.Parameters,
    connection: Any,
    source: base.TelemetrySource,
) -> Run:
    """Read the fleet and its usage, and decide.

    :param connection: an openstacksdk connection with an administrator's
        rights on Nova and Placement.
    :param source: where usage is read from.
    :raises PredictiveWatcherError: where the audit cannot look at all.
    """
    wall = int(time.time())
    ledger = wiring.ledger(conf)
    leases = {lease.instance_id: lease for lease in ledger.active_leases()}
    fleet = wiring.cloud(conf, connection).load_fleet(
        scope.nodes, scope.instances
    )
    window = _read(conf, source, fleet, wall)
    now = wall if wiring.options(conf).clock == 'system' else window.end
    proposal = pipeline.propose(
        fleet=fleet,
        window=window,
        forecaster=wiring.forecaster(conf),
        leases=leases.values(),
        policy=parameters.policy,
        now=now,
        missing={i: why for i in window.instances if (why := _why(source, i))},
    )
    _learn(conf, window, proposal, now)
    return Run(proposal=proposal, leases=leases, now=now, wall=wall)


def _read(
    conf: cfg.ConfigOpts,
    source: base.TelemetrySource,
    fleet: fleet_module.Fleet,
    wall: int,
) -> usage.UsageWindow:
    """The usage of all instances, as far back as the model likes to see."""
    history_s = wiring.forecaster(conf).history_s
    live = wiring.options(conf).clock == 'system'
    window = source.read(
        [instance.id for instance in fleet.instances],
        wall - history_s - (0 if live else _REPLAY_LAG_S),
        wall if live else None,
    )
    for problem in source.health.problems:
        LOG.warning(
            'usage of %s is missing for %d instances: %s',
            problem.resource,
            len(problem.instances),
            problem.text,
        )
    return window


def _why(source: base.TelemetrySource, instance: str) -> str:
    """Why usage of this instance is missing; empty where it is not."""
    return '; '.join(source.health.why(instance))


def _learn(
    conf: cfg.ConfigOpts,
    window: usage.UsageWindow,
    proposal: pipeline.Proposal,
    now: int,
) -> None:
    """Settle the forecasts whose time has come, and keep the new ones."""
    ledger = wiring.ledger(conf)
    settled = ledger.settle(window, now)
    if settled.n:
        LOG.info('settled forecasts: %s', settled)
    seen = proposal.seen
    ledger.record_forecast(
        seen.forecast, seen.risk.risk, seen.limits, step_s=window.step_s
    )
    for instance, expires_at in proposal.renewals.items():
        ledger.renew(instance, expires_at)
    for instance, why in proposal.lost.items():
        LOG.warning('the lease of instance %s is given up: %s', instance, why)
        ledger.close_lease(instance, now, 'lost')
    retention_s = 3600 * wiring.options(conf).settled_retention_hours
    ledger.purge(now - retention_s)
