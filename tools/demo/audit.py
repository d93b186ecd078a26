"""A continuous audit, as an operator creates it and applies its plans."""

from collections.abc import Iterator
from collections.abc import Sequence
import sys
from typing import Any

from minicloud.errors import MiniCloudError
from minicloud.progress import say
from minicloud.progress import wait_for

from demo.journal import Action
from demo.journal import Plan
from demo.openstack import Clients
from demo.openstack import Operator


GOAL = 'violation_prevention'
STRATEGY = 'predictive_adjustment'
_AUDIT_S = 60.0
_PLAN_S = 180.0
_ENDED = ('SUCCEEDED', 'FAILED', 'CANCELLED', 'SUPERSEDED', 'DELETED')
_HIDDEN = ('CANCELLED', 'SUPERSEDED', 'DELETED')


class Audit:
    """The audit, from its creation on."""

    def __init__(
        self,
        operator: Operator,
        clients: Clients,
        *,
        interval_s: int,
        parameters: Sequence[str],
    ) -> None:
        self._operator = operator
        self._clients = clients
        self._seen_plans: set[str] = set()
        self.uuid = operator.type(
            *('optimize', 'audit', 'create', '--name', 'prevention'),
            *('-g', GOAL, '-s', STRATEGY),
            *('-t', 'CONTINUOUS', '-i', str(interval_s)),
            *(word for given in parameters for word in ('-p', given)),
            *('-f', 'value', '-c', 'UUID'),
        ).strip()

    def watch(self) -> Plan | None:
        """Apply what the audit recommends now that it has seen the measures.

        The first plan may come from a run that began before all measures
        were there: it is left alone, the next run replaces it.
        """
        self._new_plans()
        plans = self._each_new_plan()
        next(plans)
        while True:
            uuid = next(plans)
            state = self._settled_state(uuid)
            if state == 'RECOMMENDED':
                plan = self._apply(uuid)
                if plan.state not in _HIDDEN:
                    return plan
            elif state not in _HIDDEN:
                return None
            # Otherwise a newer run has replaced it meanwhile.

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
        plans = [p['uuid'] for p in self._clients.plans(self.uuid)]
        new = [uuid for uuid in plans if uuid not in self._seen_plans]
        self._seen_plans.update(new)
        return new[::-1]

    def _settled_state(self, uuid: str) -> str:
        """The state of the plan once all of its actions are stored.

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
        return self._plan_state(uuid)

    def _audit_state(self) -> str:
        state = self._clients.watcher(f'audits/{self.uuid}')['state']
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
