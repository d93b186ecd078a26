"""What we publish, as notifications.

Publisher ``predictive_watcher.<host>``, topic ``predictive_watcher`` (an own
one, so that nobody who listens to Watcher's or Nova's gets events that he
does not know).  `PAYLOADS` has the keys of each event's payload.  Whatever is
new goes through `Publisher.publish`, and into doc/source/user/notifications.

They go where ``[oslo_messaging_notifications] driver`` says; it is unset by
default, and then nothing is sent: without a listener a queue only grows.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import enum
import logging
import math
import os
from typing import Any

from oslo_config import cfg
import oslo_messaging

from predictive_watcher.core import adjustment
from predictive_watcher.core import explaining
from predictive_watcher.core import leases


LOG = logging.getLogger(__name__)
TOPIC = 'predictive_watcher'
# a verdict is about 1 kB of JSON; brokers take megabytes, but consumers and
# their logs do not like to
CHUNK = 200


class Event(enum.StrEnum):
    """What happened; the names are stable."""

    VERDICTS = 'predictive_watcher.audit.verdicts'
    HELD = 'predictive_watcher.audit.held'
    TELEMETRY = 'predictive_watcher.audit.telemetry'
    DRIFT = 'predictive_watcher.drift'
    ANOMALY = 'predictive_watcher.anomaly'
    ADJUSTMENT = 'predictive_watcher.adjustment'
    LEASE = 'predictive_watcher.lease'
    MODEL = 'predictive_watcher.model.promotion'
    POLICIES = 'predictive_watcher.policies.loaded'
    BAD_POLICIES = 'predictive_watcher.policies.broken'


# They have the priority WARN, others INFO.
WARNINGS = frozenset({Event.HELD, Event.BAD_POLICIES})
PAYLOADS: Mapping[Event, tuple[str, ...]] = {
    Event.VERDICTS: (
        'audit', 'model', 'decided_at', 'part', 'parts', 'verdicts',
    ),
    Event.HELD: ('audit', 'reason', 'text'),
    Event.TELEMETRY: (
        'audit', 'at', 'source', 'instances', 'resumed', 'requests',
        'seconds', 'age_s', 'oldest_s', 'silent', 'late', 'late_most_s',
        'late_ignored', 'skew_s', 'problems', 'notes',
    ),
    Event.DRIFT: (
        'audit', 'at', 'instance', 'resource', 'step', 'before', 'missed',
        'ratio', 'text',
    ),
    Event.ANOMALY: (
        'audit', 'at', 'subject', 'kind', 'resources', 'score', 'began',
        'compared',
    ),
    Event.ADJUSTMENT: (
        'audit', 'at', 'instance', 'kind', 'reason', 'text', 'resource',
        'risk', 'limit', 'predicted', 'benefit', 'cost',
    ),
    Event.LEASE: (
        'audit', 'at', 'instance', 'change', 'origin_flavor', 'flavor',
        'expires_at', 'reason',
    ),
    Event.MODEL: (
        'at', 'promoted', 'champion', 'challenger', 'ratio', 'low', 'high',
        'instances', 'days', 'why',
    ),
    Event.POLICIES: ('audit', 'file', 'rules'),
    Event.BAD_POLICIES: ('audit', 'file', 'rules', 'text'),
}  # fmt: skip


def lease(
    held: leases.Lease, change: str, *, flavor: str | None = None, **other: Any
) -> dict[str, Any]:
    """What is published of a lease.

    :param flavor: what the instance has, where the lease does not tell.
    :param other: the keys that a lease does not have, or other values.
    """
    return {
        'instance': held.instance_id,
        'change': change,
        'origin_flavor': held.origin_flavor_name,
        'flavor': flavor or held.flavor_name,
        'expires_at': held.expires_at,
        'reason': held.reason,
        **other,
    }


class Publisher:
    """Sends notifications; a failure to do so harms nobody.

    Watcher makes its service in one process and runs it in another: the
    transport is made at the first use in each process.
    """

    def __init__(self, conf: cfg.ConfigOpts, host: str) -> None:
        self._conf = conf
        self._publisher_id = f'predictive_watcher.{host}'
        self._made: tuple[int, oslo_messaging.Notifier] | None = None

    def verdicts(
        self,
        audit: str,
        verdicts: Sequence[adjustment.Verdict],
        *,
        model: str,
        decided_at: int,
    ) -> None:
        """Publish all verdicts of one audit, `CHUNK` in each message."""
        parts = max(1, math.ceil(len(verdicts) / CHUNK))
        for part, chunk in enumerate(_chunks(verdicts), start=1):
            self.publish(
                Event.VERDICTS,
                {
                    'audit': audit,
                    'model': model,
                    'decided_at': decided_at,
                    'part': part,
                    'parts': parts,
                    'verdicts': [explaining.plain(one) for one in chunk],
                },
            )

    def held(self, audit: str, *, reason: str, text: str) -> None:
        """Publish that an audit could not look, and why."""
        self.publish(
            Event.HELD, {'audit': audit, 'reason': reason, 'text': text}
        )

    def publish(self, event: Event, payload: Mapping[str, Any]) -> None:
        """Publish what happened.

        :param payload: with exactly the keys in `PAYLOADS`, of what JSON can
            hold: None instead of NaN.
        :raises ValueError: where the keys are others.
        """
        if set(payload) != set(PAYLOADS[event]):
            raise ValueError(
                f'{event}: a payload has {", ".join(PAYLOADS[event])}, this '
                f'one {", ".join(payload)}'
            )
        try:
            notifier = self._notifier()
            send = notifier.warn if event in WARNINGS else notifier.info
            send({}, event.value, dict(payload))
        except Exception as error:  # noqa: BLE001
            # a driver may raise anything; the audit has done its work and
            # the log holds the same verdicts
            LOG.warning(
                'notification %s was not sent: %s: %s; check '
                '[oslo_messaging_notifications] transport_url',
                event.value,
                type(error).__name__,
                error,
            )

    def _notifier(self) -> oslo_messaging.Notifier:
        if self._made is None or self._made[0] != os.getpid():
            notifier = oslo_messaging.Notifier(
                oslo_messaging.get_notification_transport(self._conf),
                publisher_id=self._publisher_id,
                topics=[TOPIC],
                # the default is to try for ever, and the audit would wait
                retry=1,
            )
            self._made = (os.getpid(), notifier)
        return self._made[1]


def _chunks(
    verdicts: Sequence[adjustment.Verdict],
) -> Iterator[Sequence[adjustment.Verdict]]:
    """At least one chunk: that an audit saw nobody is news as well."""
    for start in range(0, max(len(verdicts), 1), CHUNK):
        yield verdicts[start : start + CHUNK]
