"""One contender lives through the scene: audit by audit, order by order."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from predictive_watcher.backtest import book as book_module
from predictive_watcher.backtest import cloud as cloud_module
from predictive_watcher.backtest import scene as scene_module
from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import budgets
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import relating
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Rule


Tell = Callable[[float], None]
_KINDS = {
    cloud_module.Did.RESIZE: leases_module.Kind.RESIZE,
    cloud_module.Did.RELEASE: leases_module.Kind.RELEASE,
    cloud_module.Did.MIGRATE: leases_module.Kind.MIGRATE,
}


class Contender(Protocol):
    """Whoever decides what is done at an audit."""

    @property
    def name(self) -> str:
        """How it is called in tables."""

    def decide(
        self,
        cloud: cloud_module.Cloud,
        book: book_module.Book,
        step: int,
        now: int,
    ) -> Sequence[cloud_module.Order]:
        """Orders at an audit whose newest sample is that of ``step``."""


class Proposing:
    """Whatever `propose()` says, with one forecaster."""

    def __init__(
        self,
        name: str,
        forecaster: forecast_module.Forecaster,
        policy: Policy,
        rules: Sequence[Rule] = (),
        correlating: relating.Correlating | None = None,
    ) -> None:
        self.name = name
        self._correlating = correlating
        self._forecaster = forecaster
        self._policy = policy
        self._rules = tuple(rules)

    def decide(
        self,
        cloud: cloud_module.Cloud,
        book: book_module.Book,
        step: int,
        now: int,
    ) -> Sequence[cloud_module.Order]:
        """The same call as an audit makes, and the same book-keeping."""
        scene, policy = cloud.scene, self._policy
        step_s = scene.demand.step_s
        history = max(self._forecaster.history_s, 86400) // step_s + 1
        proposal = pipeline.propose(
            fleet=cloud.fleet(),
            window=cloud.window(step, history),
            forecaster=self._forecaster,
            leases=tuple(book.leases.values()),
            policy=policy,
            now=now,
            recent=book.recent(now - policy.cooldown_s),
            rules=self._rules,
            spent=budgets.Spent.of(book.tried, now),
            failed_releases=leases_module.failed_releases(book.tried),
            growths=tuple(book.growths.values()),
            correlating=self._correlating,
        )
        book.renew(proposal.renewals)
        book.learn(proposal.growths)
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


class Nothing:
    """Nobody does anything."""

    name = 'none'

    def decide(
        self,
        cloud: cloud_module.Cloud,
        book: book_module.Book,
        step: int,
        now: int,
    ) -> Sequence[cloud_module.Order]:
        """Never an order."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What came of a contender's decisions."""

    name: str
    cloud: cloud_module.Cloud
    book: book_module.Book


def live(
    scene: scene_module.Scene,
    contender: Contender,
    tell: Tell,
    stride: int = 1,
) -> Lived:
    """Let a contender have the cloud from the scene's beginning to its end.

    :param stride: there is an audit at every so many steps.
    """
    cloud = cloud_module.Cloud(scene)
    book = book_module.Book()
    demand = scene.demand
    steps = int(demand.usage.shape[1])
    for step in range(scene.begin, steps):
        cloud.live(step)
        now = demand.start + step * demand.step_s + scene.site.age_s
        for event in cloud.settle(now):
            _note(cloud, book, event)
        if (step - scene.begin) % stride == 0:
            for order in contender.decide(cloud, book, step, now):
                cloud.order(order, now)
        tell((step - scene.begin) / (steps - scene.begin))
    book.close(demand.start + steps * demand.step_s)
    return Lived(name=contender.name, cloud=cloud, book=book)


def _note(
    cloud: cloud_module.Cloud,
    book: book_module.Book,
    event: cloud_module.Event,
) -> None:
    """What the action would write into the ledger when it ends."""
    order = event.order
    instance = cloud.scene.demand.instances[order.row]
    book.attempt(
        leases_module.Attempt(
            instance_id=instance,
            kind=_KINDS[order.kind],
            at=event.ordered_at,
            failed=bool(event.failed),
            text=event.failed,
            project_id='trace',
        )
    )
    if order.kind is cloud_module.Did.MIGRATE:
        return
    if event.failed:
        book.fail(instance, event.ordered_at)
    else:
        book.arrive(instance, event.ordered_at)


def quiet(_: float) -> None:
    """Tell nobody."""
