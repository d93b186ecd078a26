"""A cloud that lives through a trace: what Nova, hosts and telemetry would do.

Time goes by in the steps of the trace.  A step counts with the flavor and the
node that an instance has for most of it.  Orders take as long as the policy
says, more or less; Nova's scheduler chooses the host of a resize.
"""

from dataclasses import dataclass
import enum

import numpy as np

from predictive_watcher.backtest import contention
from predictive_watcher.backtest import scene as scene_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import usage as usage_module


class Did(enum.StrEnum):
    """What an order did to an instance."""

    RESIZE = 'resize'
    RELEASE = 'release'
    MIGRATE = 'migrate'


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something that an instance is told to do; ``flavor`` and ``node`` are
    indices.  A resize has no node: ``unfit`` are those that it leaves for
    ``node`` by a live migration where the scheduler chose one of them.
    """

    row: int
    kind: Did
    flavor: int
    node: int
    duration_s: float
    interruption_s: float
    unfit: tuple[int, ...] = ()
    onward_s: float = 0.0
    onward_interruption_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What became of an order: it was over at ``at`` (Unix seconds).

    ``step`` is the first step that counts with it; ``flavors`` and ``nodes``
    are (before, after); ``onward`` tells whether a live migration followed.
    """

    order: Order
    ordered_at: int
    at: float
    step: int
    failed: str
    flavors: tuple[int, int]
    nodes: tuple[int, int]
    onward: bool = False


class Cloud:
    """The state, and what was recorded of it.

    ``limits`` (instances, steps, resources), ``node`` (instances, steps) and
    ``usage`` (what telemetry shows: demand as far as limits and hosts allow)
    are filled step by step, from `Scene.begin` on; before it nobody acted.
    """

    def __init__(self, scene: scene_module.Scene) -> None:
        self.scene = scene
        self.row_of = {n: i for i, n in enumerate(scene.demand.instances)}
        self.node_index = {n.name: i for i, n in enumerate(scene.nodes)}
        self.flavor_index = {f.name: i for i, f in enumerate(scene.flavors)}
        self._rng = np.random.default_rng([scene.site.seed, 1])
        self.flavor_of = scene.flavor_of.copy()
        self.node_of = scene.node_of.copy()
        self._limit_of = np.array([f.limits() for f in scene.flavors])
        self._claims = np.array(
            [[f.vcpus, f.memory_mib] for f in scene.flavors], float
        )
        self._shares = np.array([f.vcpus for f in scene.flavors], float)
        self._most = np.array([n.allocatable()[:2] for n in scene.nodes])
        self._capacity = np.array([n.capacity()[:2] for n in scene.nodes])
        steps = scene.demand.usage.shape[1]
        count = len(scene.demand.instances)
        self._counted = (self.flavor_of.copy(), self.node_of.copy())
        self.usage = scene.demand.usage.copy()
        self.limits = np.repeat(
            scene.limits.astype(np.float32)[:, None], steps, axis=1
        )
        self.node = np.repeat(
            self.node_of.astype(np.int16)[:, None], steps, axis=1
        )
        self.interrupted_s = np.zeros(count)
        self.degraded = np.zeros(count)  # vCPU-seconds lost by moving
        self.pending: list[Event] = []
        self.events: list[Event] = []
        self._due: list[Event] = []
        self._instances = [self._instance(row, None) for row in range(count)]
        limited = self._limited(slice(0, scene.begin))
        self.usage[:, : scene.begin] = limited

    def _limited(self, steps: slice | int) -> np.ndarray:
        """Demand cut off at the limits in force."""
        return np.asarray(
            np.minimum(
                self.scene.demand.usage[:, steps],
                np.where(
                    np.isnan(self.limits[:, steps]),
                    np.inf,
                    self.limits[:, steps],
                ),
            )
        )

    def live(self, step: int) -> None:
        """A step goes by."""
        flavors, nodes = self._counted
        for event in [e for e in self._due if e.step <= step]:
            flavors[event.order.row] = event.flavors[1]
            nodes[event.order.row] = event.nodes[1]
            self._due.remove(event)
        self.limits[:, step] = self._limit_of[flavors]
        self.node[:, step] = nodes
        wanted = self._limited(step)
        self.usage[:, step] = contention.delivered(
            wanted, nodes, self._capacity, self._shares[flavors]
        )

    def settle(self, now: float) -> list[Event]:
        """The orders that are over by now, the first one first."""
        over = sorted(
            (e for e in self.pending if e.at <= now),
            key=lambda e: (e.at, e.order.row),
        )
        for event in over:
            self.pending.remove(event)
            row = event.order.row
            if not event.failed:
                self.flavor_of[row] = event.flavors[1]
                self.node_of[row] = event.nodes[1]
            self._instances[row] = self._instance(row, None)
        return over

    def fleet(self) -> fleet_module.Fleet:
        """What Nova shows."""
        scene = self.scene
        return fleet_module.Fleet(
            instances=tuple(self._instances),
            nodes=scene.nodes,
            flavors=scene.flavors,
            scope=frozenset(scene.demand.instances),
        )

    def window(self, step: int, history: int) -> usage_module.UsageWindow:
        """What telemetry shows once ``step`` is there."""
        demand = self.scene.demand
        begin = max(0, step + 1 - history)
        return usage_module.UsageWindow(
            instances=demand.instances,
            start=demand.start + begin * demand.step_s,
            step_s=demand.step_s,
            usage=self.usage[:, begin : step + 1].copy(),
        )

    def free(self) -> np.ndarray:
        """What each node can still promise: vCPUs, MiB; (nodes, 2).

        An instance that moves holds its place at both ends.
        """
        found = self._most.copy()
        np.subtract.at(found, self.node_of, self._claims[self.flavor_of])
        for event in self.pending:
            if not event.failed:
                found[event.nodes[1]] -= self._claims[event.flavors[1]]
        return found

    def busy(self, row: int) -> bool:
        """Whether an order is under way."""
        return any(event.order.row == row for event in self.pending)

    def order(self, order: Order, now: int) -> Event:
        """Ask Nova; how it ends is certain already, and told when it does."""
        site, row = self.scene.site, order.row
        factor = float(np.exp(site.spread * self._rng.standard_normal()))
        lot = self._rng.random()
        failed, node = self._landing(order)
        if not failed and lot < site.failures:
            failed = 'Nova gave up'
        onward = (
            not failed
            and node in order.unfit
            and self.fits(order.node, order.flavor)
        )
        lasts = order.duration_s * factor
        if onward:
            node = order.node
            lasts += order.onward_s * factor
        at = now + lasts
        event = Event(
            order=order,
            ordered_at=now,
            at=at,
            step=self._step_of(at),
            failed=failed,
            flavors=(int(self.flavor_of[row]), order.flavor),
            nodes=(int(self.node_of[row]), node),
            onward=onward,
        )
        self.pending.append(event)
        self.events.append(event)
        self._instances[row] = self._instance(row, 'resize_prep')
        if not failed:
            self._due.append(event)
            self._charge(event, lasts)
        return event

    def _landing(self, order: Order) -> tuple[str, int]:
        """The node that Nova chooses, or why there is none."""
        row = order.row
        if self.busy(row):
            return 'the server is busy', int(self.node_of[row])
        if order.kind is Did.MIGRATE:
            if self.fits(order.node, order.flavor):
                return '', order.node
            return 'No valid host was found', int(self.node_of[row])
        left = (self.free() - self._claims[order.flavor]) / self._most
        left[self.node_of[row]] = -1.0  # by default Nova resizes elsewhere
        fits = (left >= 0).all(axis=1)
        if not fits.any():
            return 'No valid host was found', int(self.node_of[row])
        room = np.where(fits, left.sum(axis=1), -np.inf)
        return '', int(np.argmax(room))  # RAM and CPU weigher

    def fits(self, node: int, flavor: int) -> bool:
        """Whether a node can still promise what a flavor claims."""
        return bool((self.free()[node] >= self._claims[flavor]).all())

    def _step_of(self, at: float) -> int:
        """The first step most of which comes after ``at``."""
        demand = self.scene.demand
        since = at - demand.start + demand.step_s / 2
        return int(np.ceil(since / demand.step_s))

    def _charge(self, event: Event, lasts: float) -> None:
        """The guest stands still for a while, and is slower while it moves.

        A live migration costs a tenth of the cpu in use, as Beloglazov and
        Buyya have it (CCPE 2012, section 4.4); a resize all of it while the
        guest is down.
        """
        order, row = event.order, event.order.row
        stopped = order.interruption_s
        if event.onward:
            stopped += order.onward_interruption_s
        self.interrupted_s[row] += stopped
        now = self._step_of(event.ordered_at)
        steps = self.usage.shape[1]
        used = float(np.nan_to_num(self.usage[row, min(now, steps) - 1, 0]))
        moving = lasts if order.kind is Did.MIGRATE else stopped
        share = 0.1 if order.kind is Did.MIGRATE else 1.0
        self.degraded[row] += used * moving * share

    def _instance(self, row: int, task: str | None) -> fleet_module.Instance:
        scene = self.scene
        name = scene.demand.instances[row]
        return fleet_module.Instance(
            id=name,
            name=name,
            project_id='trace',
            flavor=scene.flavors[self.flavor_of[row]],
            node=scene.nodes[self.node_of[row]].name,
            task_state=task,
        )
