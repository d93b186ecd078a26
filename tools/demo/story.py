"""Time runs: measures are written, audits look at them, plans are applied."""

from collections.abc import Iterator
from collections.abc import Sequence
import datetime
import itertools
import sys
import time
from typing import Any

from minicloud.errors import MiniCloudError
from minicloud.progress import say
from minicloud.progress import wait_for
import numpy as np

from demo.fleet import CPU
from demo.fleet import FLAVORS
from demo.fleet import NODE_VCPUS
from demo.fleet import RESOURCES
from demo.fleet import Server
from demo.gnocchi import Described
from demo.gnocchi import Gnocchi
from demo.journal import Action
from demo.journal import Journal
from demo.journal import Plan
from demo.journal import Step
from demo.openstack import Clients
from demo.openstack import Operator
from demo.openstack import Seen
from demo.physics import members
from demo.physics import usage
from demo.physics import violated
from demo.samples import Measures
from demo.samples import Meter
from demo.stage import Stage
from demo.workload import STEP_S


GOAL = 'violation_prevention'
STRATEGY = 'predictive_adjustment'
_AUDIT_S = 60.0
_PLAN_S = 180.0
_ENDED = ('SUCCEEDED', 'FAILED', 'CANCELLED', 'SUPERSEDED', 'DELETED')
_HIDDEN = ('CANCELLED', 'SUPERSEDED', 'DELETED')


class Story:
    """The servers' load, from a day ago until every lease has ended."""

    def __init__(
        self,
        *,
        operator: Operator,
        clients: Clients,
        stage: Stage,
        servers: Sequence[Server],
        demand: np.ndarray,
        history: int,
        ends_at: int,
    ) -> None:
        self.journal = Journal()
        self.audit = ''
        self._operator = operator
        self._clients = clients
        self._gnocchi = Gnocchi(clients.connection)
        self._stage = stage
        self._servers = servers
        self._demand = demand
        self._history = history
        self._begins_at: int = ends_at - (demand.shape[1] - 1) * STEP_S
        self._meters = [Meter() for _ in servers]
        self._described: dict[str, Described] = {}
        self._seen_plans: set[str] = set()

    # ------------------------------------------------------------ the past
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

    # ---------------------------------------------------------- the audit
    def create_audit(self, interval_s: int, parameters: Sequence[str]) -> None:
        """A continuous audit, as an operator creates it."""
        self.audit = self._operator.type(
            *('optimize', 'audit', 'create', '--name', 'prevention'),
            *('-g', GOAL, '-s', STRATEGY),
            *('-t', 'CONTINUOUS', '-i', str(interval_s)),
            *(word for given in parameters for word in ('-p', given)),
            *('-f', 'value', '-c', 'UUID'),
        ).strip()

    # --------------------------------------------------------- the future
    def run(self) -> None:
        """Step by step, until the trouble is over and no lease is left."""
        last_trouble = self._last_trouble()
        for number in range(self._demand.shape[1] - self._history):
            self._advance(self._history + number)
            if number > last_trouble and not self._leased():
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

    def _advance(self, step: int) -> None:
        seen = self._clients.servers()
        now = [seen[server.name] for server in self._servers]
        limits = np.array([FLAVORS[server.flavor].limits for server in now])
        nodes = tuple(server.host for server in now)
        demand = self._demand[:, step]
        used = usage(demand, limits, nodes)
        self._write(step, now, used)
        written_at = time.time()  # noqa: TID251
        self._tell(step, used, limits, nodes)
        plan = self._watch()
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

    # ---------------------------------------------------------- the plans
    def _watch(self) -> Plan | None:
        """Apply what the audit recommends now that it has seen the measures.

        The first plan after the measures may come from a run that began
        before them: a plan without actions counts from the second on.
        """
        self._new_plans()
        while True:
            ready = self._wait_for_plan()
            if ready is None:
                return None
            plan = self._apply(ready)
            if plan.state not in _HIDDEN:
                return plan
            # Otherwise a newer run has replaced it meanwhile.

    def _wait_for_plan(self) -> str | None:
        """The next plan with actions; None if there is nothing to do."""
        for uuid in itertools.islice(self._each_new_plan(), 2):
            if self._is_ready(uuid):
                return uuid
        return None

    def _each_new_plan(self) -> Iterator[str]:
        while True:
            new: list[str] = []

            def appeared(found: list[str] = new) -> bool:
                found.extend(self._new_plans())
                return bool(found)

            wait_for(
                appeared,
                'a run of the audit',
                within_s=_AUDIT_S,
                every_s=0.4,
                hint=self._audit_state,
            )
            yield from new

    def _new_plans(self) -> list[str]:
        """Plans not seen before, the oldest first."""
        plans = [p['uuid'] for p in self._clients.plans(self.audit)]
        new = [uuid for uuid in plans if uuid not in self._seen_plans]
        self._seen_plans.update(new)
        return new[::-1]

    def _is_ready(self, uuid: str) -> bool:
        """Whether the plan can be started.

        Watcher stores a plan before its actions, and one without actions as
        one that has succeeded.
        """
        counts = [-1]

        def settled() -> bool:
            counts.append(len(self._clients.actions(uuid)))
            return (
                counts[-1] == counts[-2] > 0
                or self._plan_state(uuid) != 'RECOMMENDED'
            )

        wait_for(settled, 'the actions of the plan', within_s=_AUDIT_S)
        return self._plan_state(uuid) == 'RECOMMENDED'

    def _audit_state(self) -> str:
        state = self._clients.watcher(f'audits/{self.audit}')['state']
        return f'it is {state}, see watcher-decision-engine.out'

    def _apply(self, uuid: str) -> Plan:
        show_actions(self._clients.actions(uuid))
        try:
            self._operator.type(
                *('optimize', 'actionplan', 'start', uuid),
                *('-f', 'value', '-c', 'State'),
            )
        except MiniCloudError:
            if self._plan_state(uuid) not in _HIDDEN:
                raise
        wait_for(
            lambda: self._plan_state(uuid) in _ENDED,
            'the action plan to end',
            within_s=_PLAN_S,
            every_s=0.5,
            hint=lambda: f'it is {self._plan_state(uuid)}',
        )
        actions = [_action(a) for a in self._clients.actions(uuid)]
        plan = Plan(
            uuid=uuid, state=self._plan_state(uuid), actions=tuple(actions)
        )
        say(f'the plan has {plan.state}: {_states(plan)}')
        return plan

    def _plan_state(self, uuid: str) -> str:
        state: str = self._clients.watcher(f'action_plans/{uuid}')['state']
        return state


def clock(at: int) -> str:
    """Simulated time, for people."""
    moment = datetime.datetime.fromtimestamp(at, tz=datetime.UTC)
    return moment.strftime('%H:%M')


def _action(told: dict[str, Any]) -> Action:
    parameters = told['input_parameters']
    return Action(
        kind=told['action_type'],
        server=parameters.get('resource_name', ''),
        state=told['state'],
        message=told.get('status_message') or '',
        parameters=parameters,
    )


def _states(plan: Plan) -> str:
    return ', '.join(
        f'{action.server} {action.state}'
        + (f' ({action.message})' if action.message else '')
        for action in plan.actions
    )


def show_actions(actions: Sequence[dict[str, Any]]) -> None:
    """What a plan wants, and why."""
    for told in actions:
        given = told['input_parameters']
        change = (
            f'{given.get("source_node")} -> {given.get("destination_node")}'
            if 'destination_node' in given
            else f'{given.get("source_flavor")} -> {given.get("flavor_name")}'
        )
        name = given.get('resource_name', '')
        sys.stdout.write(
            f'    {told["action_type"]} {name}: {change}\n'
            f'        because {given.get("reason")}\n'
        )
