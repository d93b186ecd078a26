"""The strategy `predictive_adjustment`: Watcher's door to the pipeline."""

from typing import Any

from oslo_config import cfg
from oslo_log import log
from watcher.common import nova_helper
from watcher.decision_engine.strategy.strategies import base

from predictive_watcher import wiring
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.plugin import audit as audit_module
from predictive_watcher.plugin import efficacy
from predictive_watcher.plugin import emit
from predictive_watcher.plugin import failures
from predictive_watcher.plugin import measured
from predictive_watcher.plugin import parameters as parameters_module
from predictive_watcher.plugin import report
from predictive_watcher.plugin import scope as scope_module


LOG = log.getLogger(__name__)


class PredictiveAdjustment(base.BaseStrategy):
    """Resizes or live-migrates instances before they violate a limit.

    *Description*

        Reads what each instance used of CPU, memory, disk and network,
        forecasts the next 15 minutes, and proposes an action for each
        instance or node whose risk of passing its limit is too high.
    """

    DATASOURCE_METRICS = ['instance_cpu_usage']

    def __init__(self, config: Any, osc: Any = None) -> None:
        super().__init__(config, osc)
        self._planner = 'predictive'
        self._outcome = efficacy.Outcome()

    @classmethod
    def get_name(cls) -> str:
        return 'predictive_adjustment'

    @classmethod
    def get_display_name(cls) -> str:
        return 'Predictive adjustment'

    @classmethod
    def get_translatable_display_name(cls) -> str:
        return 'Predictive adjustment'

    @classmethod
    def get_goal_name(cls) -> str:
        return 'violation_prevention'

    @classmethod
    def get_schema(cls) -> dict[str, Any]:
        return parameters_module.schema()

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Gnocchi by default, so that the strategy's state shows it."""
        opts = super().get_config_opts()
        for opt in opts:
            if opt.name == 'datasources':
                opt.default = ['gnocchi']
        return list(opts)

    def pre_execute(self) -> None:
        """Nothing: an exception here would end a continuous audit."""

    def do_execute(self, audit: Any = None) -> None:
        """Fill the solution; whatever goes wrong, the audit lives on."""
        uuid = getattr(audit, 'uuid', '-')
        try:
            self._execute(
                uuid,
                getattr(audit, 'interval', None),
                bool(getattr(audit, 'auto_trigger', False)),
            )
        except Exception as error:  # noqa: BLE001
            # Watcher never runs a continuous audit again that raised once:
            # an empty plan and a reason are better than silence for ever.
            self._give_up(uuid, error)

    def post_execute(self) -> None:
        """Report the efficacy, also of an empty plan."""
        self.solution.set_efficacy_indicators(**self._outcome.indicators())

    def _execute(
        self, uuid: str, interval: str | None, starts: bool
    ) -> None:
        conf = cfg.CONF
        parameters = parameters_module.Parameters.from_input(
            self.input_parameters,
            stale_after_s=wiring.options(conf).stale_after,
            family_pattern=wiring.options(conf).flavor_family_pattern,
        )
        scope = scope_module.scope_of(self.compute_model)
        connection, session = (
            nova_helper.NovaHelper().connection,
            self.osc.session,
        )
        try:
            run = audit_module.run(
                conf,
                audit=uuid,
                scope=scope,
                parameters=parameters,
                connection=connection,
                source=wiring.telemetry(conf, session),
                interval=interval,
                starts=starts,
            )
            measured.write(wiring.measuring(conf, session), run)
        finally:
            # Left to the garbage collector, the sockets of audit after audit
            # stay open until Placement takes no more.
            connection.session.session.close()
            session.session.close()
        verdicts = run.proposal.verdicts
        report.log_verdicts(uuid, verdicts)
        self._outcome = report.outcome(run.proposal)
        if parameters.observe_only:
            self._outcome = report.without_actions(self._outcome)
        else:
            # all or nothing: a plan that broke off half-way is none
            for action in list(emit.actions_of(run)):
                self.solution.add_action(**action)
        report.tell(
            wiring.publisher(conf, conf.host),
            run,
            observe_only=parameters.observe_only,
        )

    def _give_up(self, uuid: str, error: Exception) -> None:
        """Hold everything and say why."""
        reason = failures.reason_of(error)
        if reason is Reason.INTERNAL_ERROR:
            LOG.error('audit %s: an error of our own', uuid, exc_info=error)
        text = f'{type(error).__name__}: {error}'
        held = self._count_scope()
        LOG.warning(
            'audit %s: the plan is empty, %d instances are held (%s): %s',
            uuid,
            held,
            reason,
            text,
        )
        self._outcome = efficacy.Outcome(instances_held=held)
        wiring.publisher(cfg.CONF, cfg.CONF.host).held(
            uuid, reason=reason.value, text=text
        )

    def _count_scope(self) -> int:
        try:
            return len(scope_module.scope_of(self.compute_model).instances)
        except Exception:  # noqa: BLE001
            # the model may be what is missing, in whatever way
            return 0
