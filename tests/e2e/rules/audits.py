"""Audits that run once, and what came of them."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.audit import GOAL
from demo.audit import STRATEGY
from minicloud.progress import wait_for

from predictive_watcher.state import ledger as ledger_module


_WITHIN_S = 600.0
_OVER = ('SUCCEEDED', 'FAILED', 'CANCELLED')
#: No budget of the audit is in the way of what a test wants to see.
PLENTY = {'max_actions': 100, 'max_actions_per_node': 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an audit found: verdicts by name, and its plan."""

    uuid: str
    verdicts: Mapping[str, Mapping[str, Any]]
    plan: str
    actions: tuple[Mapping[str, Any], ...]

    def reason(self, name: str) -> str:
        """The code of the verdict on a server."""
        return str(self.verdicts[name]['reason'])

    def text(self, name: str) -> str:
        """The words of the verdict on a server."""
        return str(self.verdicts[name]['text'])

    def wanted(self, name: str) -> Any:
        """What is to be done with a server; {} for nothing."""
        return self.verdicts[name]['plan']

    def acted(self) -> set[str]:
        """The servers that the plan is about."""
        return {a['input_parameters']['resource_name'] for a in self.actions}


class Audits:
    """Watcher's API, and the ledger that its services write.

    :param session: of an administrator.
    :param ledger: where that ledger is now, as SQLAlchemy's URL.
    """

    def __init__(self, session: Any, ledger: Callable[[], str]) -> None:
        self._session = session
        self._ledger = ledger

    def _call(self, method: str, path: str, **more: Any) -> Any:
        answer = self._session.request(
            '/v1/' + path,
            method,
            endpoint_filter={
                'service_type': 'infra-optim',
                'interface': 'public',
            },
            headers={'OpenStack-API-Version': 'infra-optim 1.5'},
            **more,
        )
        return answer.json() if answer.content else None

    def ledger(self) -> ledger_module.Ledger:
        """What the services remember."""
        return ledger_module.Ledger(self._ledger())

    def _create(
        self, kind: str, zones: Collection[str], parameters: Mapping[str, Any]
    ) -> str:
        """A new audit of ours; of the whole cloud where no zone is named."""
        about = {'goal': GOAL, 'strategy': STRATEGY}
        if zones:
            about = {'audit_template_uuid': self._template(zones)}
        made = self._call(
            'POST',
            'audits',
            json={
                'audit_type': kind,
                'parameters': {**PLENTY, **parameters},
                **about,
            },
        )
        return str(made['uuid'])

    def _template(self, zones: Collection[str]) -> str:
        """Scopes come from templates: no other way leads into an audit."""
        names = [{'name': zone} for zone in zones]
        made = self._call(
            'POST',
            'audit_templates',
            json={
                'name': 'of ' + ', '.join(zones),
                'goal': GOAL,
                'strategy': STRATEGY,
                'scope': [{'compute': [{'availability_zones': names}]}],
            },
        )
        return str(made['uuid'])

    def run(
        self,
        names: Mapping[str, str],
        zones: Collection[str] = (),
        **parameters: Any,
    ) -> Found:
        """Let a new audit run to its end.

        :param names: ids by name of the servers whose verdicts are read.
        :param zones: that it looks at; none: the whole cloud.
        """
        uuid = self._create('ONESHOT', zones, parameters)
        state = self._wait(f'audits/{uuid}', 'the audit to end')
        assert state == 'SUCCEEDED', f'audit {uuid} is {state}'
        plans = self._call('GET', f'action_plans/?audit_uuid={uuid}')
        (plan,) = plans['action_plans']
        ledger = self.ledger()
        return Found(
            uuid=uuid,
            verdicts={
                name: one
                for name, identity in names.items()
                for one in ledger.verdicts_on(identity)
                if one['audit'] == uuid
            },
            plan=plan['uuid'],
            actions=tuple(self.actions(plan['uuid'])),
        )

    def on_event(self, zone: str) -> str:
        """A new audit of one zone that looks when it is told to."""
        return self._create('EVENT', [zone], {'observe_only': True})

    def tell(self, audit: str) -> None:
        """Let an audit that waits for an event run once, and wait for its
        plan: it goes on waiting for the next event.
        """
        before = self._plans(audit)
        self._call('POST', f'webhooks/{audit}', json={})
        wait_for(
            lambda: self._plans(audit) > before,
            f'audit {audit} to run',
            within_s=_WITHIN_S,
        )

    def _plans(self, audit: str) -> int:
        path = f'action_plans/?audit_uuid={audit}&limit=100'
        return len(self._call('GET', path)['action_plans'])

    def engine_works(self) -> bool:
        """Does an audit that decides nothing end as it should?

        A decision engine takes audits while it still starts, and then cancels
        those that are under way: they are from before, for all it knows.
        """
        made = self._call(
            'POST',
            'audits',
            json={
                'audit_type': 'ONESHOT', 'goal': 'dummy', 'strategy': 'dummy'
            },
        )  # fmt: skip
        state = self._wait(f'audits/{made["uuid"]}', 'an audit to end')
        return state == 'SUCCEEDED'

    def _wait(self, path: str, what: str) -> str:
        state = ['']

        def over() -> bool:
            state[0] = self._call('GET', path)['state']
            return state[0] in _OVER

        wait_for(over, what, within_s=_WITHIN_S, hint=lambda: state[0])
        return state[0]

    def actions(self, plan: str) -> list[dict[str, Any]]:
        """All actions of a plan."""
        path = f'actions/detail?action_plan_uuid={plan}&limit=500'
        found: list[dict[str, Any]] = self._call('GET', path)['actions']
        return found

    def apply(self, plan: str) -> dict[str, Mapping[str, Any]]:
        """Start a plan; what became of its actions, by server."""
        self._call('POST', f'action_plans/{plan}/start', json={})
        self._wait(f'action_plans/{plan}', 'the plan to end')
        return {
            action['input_parameters']['resource_name']: action
            for action in self.actions(plan)
        }

    def cancel(self, audit: str) -> None:
        """End an audit that goes on for ever."""
        change = {'op': 'replace', 'path': '/state', 'value': 'CANCELLED'}
        self._call('PATCH', f'audits/{audit}', json=[change])
