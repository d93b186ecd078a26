"""Contenders that decide as audits do: by `propose()`, with its books."""

from collections.abc import Sequence
import dataclasses

from predictive_watcher.backtest import book as book_module
from predictive_watcher.backtest import cloud as cloud_module
from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import budgets
from predictive_watcher.core import expecting
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import profiling as profiling_module
from predictive_watcher.core import relating
from predictive_watcher.core import weights
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Rule


class Proposing:
    """Whatever `propose()` says, with one forecaster.

    :param feedback: what actions brought corrects the benefit of the next
        ones, as in audits.
    """

    def __init__(
        self,
        name: str,
        forecaster: forecast_module.Forecaster,
        policy: Policy,
        rules: Sequence[Rule] = (),
        correlating: relating.Correlating | None = None,
        profiling: profiling_module.Profiling | None = None,
        *,
        feedback: bool = True,
    ) -> None:
        self.name = name
        self._forecaster = forecaster
        self._policy = policy
        self._rules = tuple(rules)
        self._correlating = correlating
        self._profiling = profiling
        self._feedback = feedback

    def decide(
        self,
        cloud: cloud_module.Cloud,
        book: book_module.Book,
        step: int,
        now: int,
    ) -> Sequence[cloud_module.Order]:
        """The same call as an audit makes, and the same book-keeping."""
        scene, factor = cloud.scene, book.benefit_factor(now)
        policy = dataclasses.replace(self._policy, benefit_factor=factor)
        step_s = scene.demand.step_s
        history = max(self._forecaster.history_s, 86400) // step_s + 1
        window = cloud.window(step, history)
        proposal = pipeline.propose(
            fleet=cloud.fleet(),
            window=window,
            forecaster=self._forecaster,
            leases=tuple(book.leases.values()),
            policy=policy,
            now=now,
            recent=book.recent(now - budgets.DAY_S),
            rules=self._rules,
            spent=budgets.Spent.of(book.tried, now),
            failed_releases=leases_module.failed_releases(book.tried),
            growths=tuple(book.growths.values()),
            correlating=self._correlating,
            profiling=self._profiling,
            weighing=weights.Weighing(before=book.strains),
        )
        book.renew(proposal.renewals)
        book.learn(proposal.growths, proposal.strains)
        if self._feedback:
            book.settle(window, now)
            book.expect(
                expecting.of_plan(
                    proposal.verdicts,
                    proposal.seen,
                    audit='backtest',
                    now=now,
                    benefit_factor=factor,
                )
            )
        found = []
        for verdict in proposal.verdicts:
            row = cloud.row_of[verdict.instance.id]
            order = _order(cloud, policy, row, verdict.adjustment)
            if order is None:
                continue
            _lease(cloud, book, verdict, order, now)
            found.append(order)
        return found


def _order(
    cloud: cloud_module.Cloud,
    policy: Policy,
    row: int,
    action: adj.Adjustment,
) -> cloud_module.Order | None:
    node_of, flavor_of = cloud.node_index, cloud.flavor_index
    match action:
        case adj.Resize() | adj.Release():
            kind = cloud_module.Did.RESIZE
            if isinstance(action, adj.Release):
                kind = cloud_module.Did.RELEASE
            return cloud_module.Order(
                row=row,
                kind=kind,
                flavor=flavor_of[action.flavor.name],
                node=node_of.get(action.node, int(cloud.node_of[row])),
                duration_s=policy.resize_duration_s,
                interruption_s=policy.resize_interruption_s,
                unfit=tuple(node_of[name] for name in action.unfit),
                onward_s=policy.migration_duration_s,
                onward_interruption_s=policy.migration_interruption_s,
            )
        case adj.Migrate():
            return cloud_module.Order(
                row=row,
                kind=cloud_module.Did.MIGRATE,
                flavor=int(cloud.flavor_of[row]),
                node=node_of[action.node],
                duration_s=policy.migration_duration_s,
                interruption_s=policy.migration_interruption_s,
            )
        case adj.Hold() | adj.Confirm():
            return None


def _lease(
    cloud: cloud_module.Cloud,
    book: book_module.Book,
    verdict: adj.Verdict,
    order: cloud_module.Order,
    now: int,
) -> None:
    """Write down what is about to be ordered."""
    instance = verdict.instance
    action = verdict.adjustment
    if isinstance(action, adj.Release):
        book.release(instance.id)
    elif isinstance(action, adj.Resize):
        book.begin(
            leases_module.Lease(
                instance_id=instance.id,
                instance_name=instance.name,
                project_id=instance.project_id,
                audit='backtest',
                origin_flavor_name=instance.flavor.name,
                flavor_name=instance.flavor.name,
                pending_flavor_name=action.flavor.name,
                reason=f'{action.reason.value}: {action.text}',
                since=now,
                expires_at=action.expires_at,
            )
        )
