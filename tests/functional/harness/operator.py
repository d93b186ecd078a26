"""What an operator does with Watcher: its API, over HTTP."""

from collections.abc import Callable
import time
from typing import Any
from typing import TypeVar

import requests


Seen = TypeVar('Seen')
PATIENCE_S = 30.0
_HEADERS = {
    'X-Auth-Token': 'a-token',
    'X-User-Id': 'an-admin',
    'X-Project-Id': 'a-project',
    'X-Roles': 'admin',
    'OpenStack-API-Version': 'infra-optim latest',
}


def eventually(
    look: Callable[[], Seen], *, what: str, patience_s: float = PATIENCE_S
) -> Seen:
    """Look again and again until it is true; what it was then."""
    give_up_at = time.monotonic() + patience_s
    while not (seen := look()):
        if time.monotonic() > give_up_at:
            raise AssertionError(f'{what}: not within {patience_s:g} s')
        time.sleep(0.02)
    return seen


class Operator:
    """An administrator, with an administrator's patience."""

    def __init__(self, url: str) -> None:
        self._url = url + '/v1'

    def call(self, method: str, path: str, **rest: Any) -> Any:
        """The JSON answer; an error of the API is an error here."""
        answer = self._ask(method, path, **rest)
        assert answer.ok, f'{method} {path}: {answer.text}'
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, **rest: Any) -> str:
        """What the API says against a request."""
        answer = self._ask(method, path, **rest)
        assert 400 <= answer.status_code < 500, answer.text
        return answer.text

    def _ask(self, method: str, path: str, **rest: Any) -> requests.Response:
        return requests.request(
            method, self._url + path, headers=_HEADERS, timeout=60, **rest
        )

    def get(self, path: str) -> Any:
        return self.call('GET', path)

    def names(self, collection: str) -> set[str]:
        listed = self.get(f'/{collection}')[collection]
        return {entry['name'] for entry in listed}

    # --------------------------------------------------------------- audits

    def create_audit(
        self,
        parameters: dict[str, Any],
        interval_s: int,
        auto_trigger: bool = False,
    ) -> dict[str, Any]:
        """A CONTINUOUS audit of our goal; its first run begins at once."""
        return self.call(
            'POST',
            '/audits',
            json={
                'audit_type': 'CONTINUOUS',
                'goal': 'violation_prevention',
                'strategy': 'predictive_adjustment',
                'interval': str(interval_s),
                'parameters': parameters,
                'auto_trigger': auto_trigger,
            },
        )

    def audit(self, uuid: str) -> dict[str, Any]:
        return self.get(f'/audits/{uuid}')

    def stop_audit(self, uuid: str) -> None:
        self.call(
            'PATCH',
            f'/audits/{uuid}',
            json=[{'op': 'replace', 'path': '/state', 'value': 'CANCELLED'}],
        )

    def plans(self, audit: str) -> list[dict[str, Any]]:
        """All plans of an audit, the oldest first."""
        plans = self.get(f'/action_plans/detail?audit_uuid={audit}&limit=500')
        return sorted(plans['action_plans'], key=lambda p: p['created_at'])

    def first_plan(self, audit: str) -> dict[str, Any]:
        """The plan of the audit's first run, as soon as it is complete."""
        return eventually(
            lambda: self._ran(audit) and self.plans(audit),
            what=f'audit {audit} makes a plan',
        )[0]

    def _ran(self, audit: str) -> bool:
        """Whether a run of the audit is over."""
        return self.audit(audit)['next_run_time'] is not None

    # ---------------------------------------------------------------- plans

    def actions(self, plan: str) -> list[dict[str, Any]]:
        found = self.get(f'/actions/detail?action_plan_uuid={plan}&limit=500')
        return found['actions']

    def apply(self, plan: str) -> dict[str, Any]:
        """Start a plan and wait until it is over."""
        self.call('POST', f'/action_plans/{plan}/start')
        return eventually(
            lambda: self._ended(plan), what=f'plan {plan} comes to an end'
        )

    def _ended(self, plan: str) -> dict[str, Any] | None:
        seen = self.get(f'/action_plans/{plan}')
        over = seen['state'] in ('SUCCEEDED', 'FAILED', 'CANCELLED')
        return seen if over else None
