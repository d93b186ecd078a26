"""One run of an audit: read everything, decide, keep what was learned."""

from collections.abc import Callable
import dataclasses
from dataclasses import dataclass
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log

from predictive_watcher import applications
from predictive_watcher import wiring
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import usage
from predictive_watcher.core import weights
from predictive_watcher.plugin import history
from predictive_watcher.plugin import learning
from predictive_watcher.plugin import lease_news
from predictive_watcher.plugin import nodes
from predictive_watcher.plugin import parameters as parameters_module
from predictive_watcher.plugin import recall
from predictive_watcher.plugin import recent as recent_module
from predictive_watcher.plugin import recovery
from predictive_watcher.plugin import relations
from predictive_watcher.plugin import restraint
from predictive_watcher.plugin import scope as scope_module
from predictive_watcher.plugin import told
from predictive_watcher.policies import file as policy_file
from predictive_watcher.policies import times
from predictive_watcher.telemetry import base


LOG = log.getLogger(__name__)
# With clock = telemetry the load may have been recorded a while ago.
_REPLAY_LAG_S = 86400
_REMEMBERED_S = 30 * 86400  # of what was tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of an audit found.

    ``audit`` is its uuid; ``now`` is the audit's time (see the option
    ``clock``), ``wall`` the time of this machine; both are Unix seconds.
    ``telemetry`` tells how usage was read, ``policies`` the rules that held,
    ``drifts`` the changes of drift, ``leases`` those of leases.
    """

    audit: str
    proposal: pipeline.Proposal
    now: int
    wall: int
    policies: policy_file.Loaded
    drifts: tuple[learning.Change, ...] = ()
    leases: tuple[dict[str, Any], ...] = ()
    telemetry: told.Telemetry | None = None


def run(
    conf: cfg.ConfigOpts,
    *,
    audit: str,
    scope: scope_module.Scope,
    parameters: parameters_module.Parameters,
    connection: Any,
    source: base.TelemetrySource,
    interval: str | None = None,
    starts: bool = False,
) -> Run:
    """Read the fleet and its usage, and decide.

    :param connection: an openstacksdk connection with an administrator's
        rights on Nova and Placement.
    :param source: where usage is read from.
    :param interval: of the audit, as Watcher knows it; None: it runs once.
    :param starts: whether Watcher starts the plan by itself.  One that is
        only recommended claims no budget before somebody starts it.
    :raises PredictiveWatcherError: where the audit cannot look at all.
    """
    wall = int(time.time())
    ledger, cloud = wiring.ledger(conf), wiring.cloud(conf, connection)
    if not parameters.observe_only:
        recovery.recover(ledger, wall)
    away = lease_news.Away(observes=parameters.observe_only)
    fleet = away.fleet(audit, cloud, ledger, scope, wall)
    policies = wiring.policies(conf).load(wall)
    what_runs = applications.of(conf, fleet, policies.rules, cloud, wall)
    recalled = recall.recall(
        conf,
        audit,
        fleet.instances,
        ledger.active_leases(),
        wall,
        what_runs,
    )
    forecaster = learning.watched(
        conf, audit, recalled.forecaster, ledger
    )
    known = recent_module.source_of(conf, audit, source)
    remembered = recall.remembered_until(recalled)
    window = _read(conf, known, fleet, wall, forecaster.history_s)
    now = wall
    if wiring.options(conf).clock != 'system':
        now, fleet = window.end, restraint.ageless(fleet)
    attempts = ledger.attempts_since(now - _REMEMBERED_S)
    policy = dataclasses.replace(
        history.learned(parameters.policy, ledger, cloud, attempts, wall),
        benefit_factor=learning.benefit_factor(ledger, now),
    )
    # read after the fleet: what was ordered meanwhile is pending here
    leases = ledger.active_leases()
    restrained = restraint.known(
        audit, ledger, policies, window, policy, now,
        times.interval_s(interval, wall),
    )  # fmt: skip
    joints = nodes.recalled(conf, audit)
    correlating = relations.recalled(conf, audit, what_runs)
    proposal = pipeline.propose(
        fleet=fleet,
        window=window,
        forecaster=forecaster,
        leases=leases,
        policy=policy,
        now=now,
        recent=restrained.recent,
        failed_releases=leases_module.failed_releases(attempts),
        missing={i: why for i in window.instances if (why := _why(known, i))},
        rules=policies.rules,
        spent=restrained.spent,
        earlier=restrained.earlier,
        profiling=recalled.profiling,
        joints=joints,
        correlating=correlating,
        quotas=cloud.quotas(),
        growths=ledger.growths(),
        weighing=weights.Weighing(
            half_life_s=wiring.options(conf).weight_half_life,
            floor=wiring.options(conf).weight_floor,
            before=ledger.strains(),
        ),
        vigil=recalled.vigil,
    )
    proposal = restraint.noted(proposal, policies.problem)
    changed: tuple[dict[str, Any], ...] = ()
    if not parameters.observe_only:
        ledger.keep_outbreaks(proposal.outbreaks, now, audit)
        changed = lease_news.keep(cloud, ledger, proposal, leases, now)
        if starts:  # last: of what fails before, nothing is claimed
            proposal = restraint.reserve(
                ledger, audit, proposal, now, restrained.over
            )
    learned = learning.Learning(
        audit=audit,
        proposal=proposal,
        window=window,
        forecaster=forecaster,
        now=now,
        benefit_factor=policy.benefit_factor,
    )
    _whatever_comes(
        audit,
        lambda: learning.learn(conf, ledger, learned),
        lambda: nodes.keep(conf, audit, joints, window),
        lambda: relations.keep(conf, audit, correlating, fleet.instances),
        lambda: recent_module.keep(conf, audit, known, recalled),
        lambda: recall.keep(conf, audit, recalled, wall),
    )
    return Run(
        audit=audit,
        proposal=proposal,
        now=now,
        wall=wall,
        policies=policies,
        drifts=learning.changes(learned),
        leases=(*away.told, *changed),
        telemetry=told.of(known, window, remembered, now),
    )


def _whatever_comes(audit: str, *steps: Callable[[], None]) -> None:
    """Take steps that a plan, once it is made, does not hang on."""
    for step in steps:
        try:
            step()
        except Exception as error:
            LOG.error(
                'audit %s: not all that it learned is kept; please report '
                'this', audit, exc_info=error,
            )  # fmt: skip


def _read(
    conf: cfg.ConfigOpts,
    source: base.TelemetrySource,
    fleet: fleet_module.Fleet,
    wall: int,
    history_s: int,
) -> usage.UsageWindow:
    """The usage of all instances, as far back as the model likes to see."""
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
    for note in source.health.notes:
        LOG.warning('usage from %s: %s', source.name, note)
    return window


def _why(source: base.TelemetrySource, instance: str) -> str:
    """Why usage of this instance is missing; empty where it is not."""
    return '; '.join(source.health.why(instance))
