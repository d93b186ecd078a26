"""Time runs: measures are written, audits look at them, plans are applied."""

from collections.abc import Sequence
import datetime
import time

from minicloud.progress import say
import numpy as np

from demo.audit import Audit
from demo.fleet import CPU
from demo.fleet import FLAVORS
from demo.fleet import NODE_VCPUS
from demo.fleet import RESOURCES
from demo.fleet import Server
from demo.gnocchi import Described
from demo.gnocchi import Gnocchi
from demo.journal import Journal
from demo.journal import Step
from demo.openstack import Clients
from demo.openstack import Seen
from demo.physics import members
from demo.physics import usage
from demo.physics import violated
from demo.samples import Measures
from demo.samples import Meter
from demo.stage import Stage
from demo.workload import STEP_S


class Story:
    """The servers' load, from a day ago until every lease has ended."""

    def __init__(
        self,
        *,
        clients: Clients,
        stage: Stage,
        servers: Sequence[Server],
        demand: np.ndarray,
        history: int,
        ends_at: int,
    ) -> None:
        self.journal = Journal()
        self._clients = clients
        self._gnocchi = Gnocchi(clients.connection)
        self._stage = stage
        self._servers = servers
        self._demand = demand
        self._history = history
        self._begins_at: int = ends_at - (demand.shape[1] - 1) * STEP_S
        self._meters = [Meter() for _ in servers]
        self._described: dict[str, Described] = {}

    def write_history(self) -> None:
        """The day before, during which nobody did anything."""
        self._gnocchi.create_policies()
        own = np.array([server.flavor.limits for server in self._servers])
        nodes = [server.node for server in self._servers]
        past = range(self._history)
        used = np.array(
            [usage(self._demand[:, step], own, nodes) for step in past]
        )
        ends = [self._end(step) for step in past]
        measures: dict[str, Measures] = {}
        for row, server in enumerate(self._servers):
            seen = self._stage.servers[server.name]
            self._gnocchi.create(self._describe(seen))
            measures[seen.id] = self._meters[row].read(
                used[:, row], ends, server.flavor
            )
        count = self._gnocchi.write(measures)
        say(f'{count} measures of a day written, Gnocchi aggregates them')
        self._gnocchi.wait()

    def _end(self, step: int) -> int:
        return self._begins_at + step * STEP_S

    def _describe(self, seen: Seen) -> Described:
        described = Described(
            id=seen.id,
            name=seen.name,
            flavor_id=self._stage.flavors[seen.flavor],
            flavor_name=seen.flavor,
            host=seen.host,
        )
        self._described[seen.name] = described
        return described

    def run(self, audit: Audit, *, whole: bool) -> None:
        """Step by step, until the trouble is over and no lease is left.

        :param whole: go on until the load ends.
        """
        last_trouble = self._last_trouble()
        for number in range(self._demand.shape[1] - self._history):
            self._advance(self._history + number, audit)
            over = number > last_trouble and not self._leased()
            if over and not whole:
                return

    def _last_trouble(self) -> int:
        """The last step in which somebody would have been in violation."""
        future = np.moveaxis(self._demand[:, self._history :], 1, 0)
        own = np.array([server.flavor.limits for server in self._servers])
        bad = np.flatnonzero(violated(future, own).any(axis=(1, 2)))
        return int(bad[-1]) if bad.size else 0

    def _leased(self) -> list[str]:
        servers = self._clients.servers()
        return [
            server.name
            for server in self._servers
            if servers[server.name].flavor != server.flavor.name
        ]

    def _advance(self, step: int, audit: Audit) -> None:
        seen = self._clients.servers()
        now = [seen[server.name] for server in self._servers]
        limits = np.array([FLAVORS[server.flavor].limits for server in now])
        nodes = tuple(server.host for server in now)
        demand = self._demand[:, step]
        used = usage(demand, limits, nodes)
        self._write(step, now, used)
        written_at = time.time()  # noqa: TID251
        self._tell(step, used, limits, nodes)
        plan = audit.watch()
        self.journal.steps.append(
            Step(
                end=self._end(step),
                written_at=written_at,
                demand=demand,
                usage=used,
                limits=limits,
                nodes=nodes,
                plan=plan,
            )
        )

    def _write(self, step: int, now: Sequence[Seen], used: np.ndarray) -> None:
        measures = {}
        for row, seen in enumerate(now):
            before = self._described[seen.name]
            if (before.flavor_name, before.host) != (seen.flavor, seen.host):
                self._gnocchi.describe(self._describe(seen))
                self._meters[row].restart()
            measures[seen.id] = self._meters[row].read(
                used[row : row + 1], [self._end(step)], FLAVORS[seen.flavor]
            )
        self._gnocchi.write(measures)
        self._gnocchi.wait()

    def _tell(
        self,
        step: int,
        used: np.ndarray,
        limits: np.ndarray,
        nodes: Sequence[str],
    ) -> None:
        """One line: who is nearest to a limit, and which node."""
        share = np.nan_to_num(used / limits)
        row, resource = divmod(int(share.argmax()), len(RESOURCES))
        loads = {
            node: np.nansum(used[rows, CPU]) / NODE_VCPUS
            for node, rows in members(nodes).items()
        }
        fullest = max(loads, key=lambda node: loads[node])
        say(
            f'{clock(self._end(step))}  '
            f'{self._servers[row].name} uses {share.max():.0%} of its '
            f'{RESOURCES[resource]}, {fullest} {loads[fullest]:.0%} of its '
            'vCPUs'
        )


def clock(at: int) -> str:
    """Simulated time, for people."""
    moment = datetime.datetime.fromtimestamp(at, tz=datetime.UTC)
    return moment.strftime('%H:%M')
