"""One contender lives through the scene: audit by audit, order by order."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from predictive_watcher.backtest import book as book_module
from predictive_watcher.backtest import cloud as cloud_module
from predictive_watcher.backtest import scene as scene_module
from predictive_watcher.core import leases as leases_module


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
