"""What an audit found, for people: its efficacy and its log lines."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from oslo_log import log

from predictive_watcher import notifications
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.adjustment import UNKNOWN
from predictive_watcher.core.adjustment import Verdict
from predictive_watcher.plugin import audit as audit_module
from predictive_watcher.plugin import efficacy


LOG = log.getLogger(__name__)


def outcome(proposal: pipeline.Proposal) -> efficacy.Outcome:
    """The numbers of the efficacy specification."""
    kinds = Counter(type(v.adjustment) for v in proposal.verdicts)
    held = sum(v.adjustment.reason in UNKNOWN for v in proposal.verdicts)
    return efficacy.Outcome(
        risk_before=proposal.risk_before,
        risk_after=proposal.risk_after,
        violations_predicted=proposal.violations_predicted,
        instances_held=held,
        resizes=kinds[Resize],
        migrations=kinds[Migrate],
        leases_ended=kinds[Release],
    )


def without_actions(outcome: efficacy.Outcome) -> efficacy.Outcome:
    """The same findings for a plan that may only be watched."""
    return efficacy.Outcome(
        risk_before=outcome.risk_before,
        risk_after=outcome.risk_before,
        violations_predicted=outcome.violations_predicted,
        instances_held=outcome.instances_held,
    )


def log_verdicts(audit: str, verdicts: Iterable[Verdict]) -> None:
    """One line for each verdict, and one that counts them.

    Instances at low risk are most of a cloud and make DEBUG lines; whatever
    is out of the ordinary is INFO.
    """
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        reason = verdict.adjustment.reason
        counts[reason] += 1
        LOG.log(
            log.DEBUG if reason is Reason.LOW_RISK else log.INFO,
            'audit %s: %s %s (%s): %s: %s [%s]%s',
            audit,
            word_for(verdict),
            verdict.instance.name,
            verdict.instance.id,
            reason,
            verdict.adjustment.text,
            f'{verdict.rung.code}: {verdict.prior}'
            if verdict.prior
            else verdict.rung.code,
            f' ({verdict.note})' if verdict.note else '',
        )
    LOG.info(
        'audit %s: %d verdicts: %s',
        audit,
        counts.total(),
        ', '.join(f'{n} {reason}' for reason, n in sorted(counts.items()))
        or 'no instance is in scope',
    )


def tell(
    publisher: notifications.Publisher,
    run: audit_module.Run,
    *,
    observe_only: bool,
) -> None:
    """Publish the verdicts, and what changed.

    The plan is made by then: an error of our own is told, and costs no more
    than the notifications.
    """
    try:
        publisher.verdicts(
            run.audit,
            run.proposal.verdicts,
            model=run.proposal.seen.forecast.model,
            decided_at=run.now,
        )
        publish(publisher, run, observe_only=observe_only)
    except Exception:
        LOG.exception(
            'audit %s: not all of it is published; please report this',
            run.audit,
        )


def publish(
    publisher: notifications.Publisher,
    run: audit_module.Run,
    *,
    observe_only: bool,
) -> None:
    """What changed in this run, beside the verdicts."""
    _publish_policies(publisher, run)
    if run.telemetry is not None:
        run.telemetry.log(run.audit)
        publisher.publish(
            notifications.Event.TELEMETRY,
            {'audit': run.audit, 'at': run.now, **run.telemetry.payload()},
        )
    for change in run.drifts:
        LOG.info(
            'audit %s: instance %s: %s %s: %s',
            run.audit, change.instance, change.resource, change.step,
            change.text,
        )  # fmt: skip
        publisher.publish(
            notifications.Event.DRIFT, change.payload(run.audit, run.now)
        )
    odd = run.proposal.anomalies
    for event in odd.new() if odd else ():
        LOG.warning(
            'audit %s: %s %s: %s',
            run.audit, event.subject or 'the fleet', event.kind,
            event.compared,
        )  # fmt: skip
        publisher.publish(
            notifications.Event.ANOMALY,
            {'audit': run.audit, 'at': run.now, **event.plain()},
        )


    for payload in () if observe_only else _adjustments(run):
        publisher.publish(notifications.Event.ADJUSTMENT, payload)
    for payload in run.leases:
        publisher.publish(
            notifications.Event.LEASE,
            {**payload, 'audit': run.audit, 'at': run.now},
        )


def _adjustments(run: audit_module.Run) -> Iterator[dict[str, Any]]:
    """Payloads of what is done."""
    for verdict in run.proposal.verdicts:
        chosen = verdict.adjustment
        if isinstance(chosen, Hold):
            continue
        numbers = verdict.numbers()
        worst = max(
            (name for name, one in numbers.items() if one['risk'] is not None),
            key=lambda name: numbers[name]['risk'] or 0.0,
            default=None,
        )
        told = numbers[worst] if worst else {}
        yield {
            'audit': run.audit,
            'at': run.now,
            'instance': verdict.instance.id,
            'kind': word_for(verdict),
            'reason': chosen.reason.value,
            'text': chosen.text,
            'resource': worst,
            **{key: told.get(key) for key in ('risk', 'limit', 'predicted')},
            'benefit': getattr(chosen, 'benefit', None),
            'cost': getattr(chosen, 'cost', None),
        }


def _publish_policies(
    publisher: notifications.Publisher, run: audit_module.Run
) -> None:
    """That there are other rules now, or a file that cannot be used."""
    found = run.policies
    told = {
        'audit': run.audit,
        'file': found.file,
        'rules': [rule.name for rule in found.rules],
    }
    if found.problem:
        LOG.warning('audit %s: policies: %s', run.audit, found.problem)
    if found.changed and found.problem:
        publisher.publish(
            notifications.Event.BAD_POLICIES, {**told, 'text': found.problem}
        )
    elif found.changed:
        publisher.publish(notifications.Event.POLICIES, told)


def word_for(verdict: Verdict) -> str:
    """The word for what is done: hold, resize, migrate or release."""
    match verdict.adjustment:
        case Hold():
            return 'hold'
        case Resize():
            return 'resize'
        case Migrate():
            return 'migrate'
        case Release():
            return 'release'
        case Confirm():
            return 'confirm'
