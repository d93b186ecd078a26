"""Risk, forecast and surprise of the instances, as metrics."""

import numpy as np
from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core.forecast import Target
from predictive_watcher.plugin import audit as audit_module
from predictive_watcher.telemetry import measuring


LOG = log.getLogger(__name__)
RISK, CPU, ANOMALY = (
    'predictive.risk',
    'predictive.cpu.q95',
    'predictive.anomaly',
)
_LEVEL = 0.95
_CPU = fleet.RESOURCES.index(fleet.Resource.CPU)


def values(run: audit_module.Run) -> dict[str, dict[str, float]]:
    """By instance in scope, then by metric; what is not known is left out."""
    proposal = run.proposal
    forecast = proposal.seen.forecast
    odd = proposal.anomalies
    cpu = forecast.level(Target.MAX900, _LEVEL)[:, _CPU]
    score = np.full(len(cpu), np.nan) if odd is None else odd.score
    row_of = {name: row for row, name in enumerate(forecast.instances)}
    found = {}
    for verdict in proposal.verdicts:
        row = row_of[verdict.instance.id]
        measures = {
            RISK: verdict.highest_risk,
            CPU: float(cpu[row]),
            ANOMALY: float(score[row]),
        }
        found[verdict.instance.id] = {
            name: value for name, value in measures.items()
            if np.isfinite(value)
        }  # fmt: skip
    return found


def write(where: measuring.Measuring | None, run: audit_module.Run) -> None:
    """Write them, at the time of the step that was looked ahead from."""
    if where is None:
        return
    try:
        written, unknown = where.write(
            run.proposal.seen.forecast.origin, values(run)
        )
    except exceptions.TelemetryError as error:
        LOG.warning('audit %s: %s', run.audit, error)
        return
    LOG.info(
        'audit %s: metrics of %d instances were written; Gnocchi does not '
        'know %d', run.audit, written, unknown,
    )  # fmt: skip
