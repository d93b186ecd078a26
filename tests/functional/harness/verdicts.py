"""What the strategy published of an audit."""

from typing import Any

from predictive_watcher import notifications
from tests.functional.harness import control
from tests.functional.harness import operator


def verdicts(watcher: control.Watcher, audit: str) -> dict[str, Any]:
    """Name → verdict of the audit's newest run that could look."""
    told = [
        payload
        for payload in watcher.notifications(notifications.Event.VERDICTS)
        if payload['audit'] == audit
    ]
    newest = told[-1]['verdicts'] if told else []
    return {verdict['name']: verdict for verdict in newest}


def reasons(watcher: control.Watcher, audit: str) -> set[str]:
    """All reason codes of that run."""
    return {v['reason'] for v in verdicts(watcher, audit).values()}


def assert_held(
    watcher: control.Watcher, audit: str, reason: str, *words: str
) -> None:
    """The audit goes on, run by run, with an empty plan and this reason.

    It has to be one that runs every second.
    """

    def told() -> list[Any]:
        return [
            payload
            for payload in watcher.notifications(notifications.Event.HELD)
            if payload['audit'] == audit
        ]

    operator.eventually(lambda: len(told()) >= 2, what='a second held run')
    assert watcher.audit(audit)['state'] == 'ONGOING'
    plan = [p for p in watcher.plans(audit) if p['state'] == 'SUCCEEDED'][-1]
    assert watcher.actions(plan['uuid']) == []
    assert [e['value'] for e in plan['global_efficacy']] == [0.0]
    assert told()[-1]['reason'] == reason
    for word in words:
        assert word in told()[-1]['text']
