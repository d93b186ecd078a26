"""``predictive-watcher-listener``: hears what Nova and Watcher tell.

A service of its own, with a pool of its own, so that it takes no message away
from Watcher.  It writes into the ledger and decides nothing.
"""

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import pathlib
import signal
import socket
import sys
import threading
from typing import Any

from oslo_config import cfg
from oslo_log import log
import oslo_messaging

from predictive_watcher import exceptions
from predictive_watcher import notifications
from predictive_watcher import wiring
from predictive_watcher.core import events
from predictive_watcher.core import leases
from predictive_watcher.state import event_book


LOG = log.getLogger(__name__)
POOL = 'predictive-watcher'


class Endpoint:
    """Takes the notifications that mean something to us.

    Nothing is asked for again: a message that cannot be used now would come
    back at once, for ever; the next audit finds out by itself.
    """

    filter_rule = oslo_messaging.NotificationFilter(
        event_type='^(' + '|'.join(sorted(events.EFFECTS)) + ')$'
    )

    def __init__(
        self,
        ledger: event_book.Reacting,
        publisher: notifications.Publisher,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher

    def info(
        self,
        context: Any,
        publisher_id: str,
        event_type: str,
        payload: dict[str, Any],
        metadata: dict[str, Any],
    ) -> Any:
        """A notification of any priority."""
        try:
            told = events.occurrence(event_type, payload, metadata)
            lease = self._about_to_end(told)
            done = self._ledger.take(told) if told else ''
        except (ValueError, exceptions.StateError) as error:
            LOG.warning('%s is lost: %s', event_type, error)
            return oslo_messaging.NotificationResult.HANDLED
        if told and done:
            LOG.info(
                '%s: instance %s: %s', event_type, told.instance_id, done
            )
        if told and lease and done == event_book.LEASE_ENDED:
            self._publisher.publish(
                notifications.Event.LEASE,
                notifications.lease(
                    lease,
                    'lost',
                    audit=lease.audit,
                    at=told.at,
                    reason='the server was deleted',
                ),
            )
        return oslo_messaging.NotificationResult.HANDLED

    def _about_to_end(
        self, told: events.Occurrence | None
    ) -> leases.Lease | None:
        """The lease of a server that is deleted."""
        if told is None or told.effect is not events.Effect.GONE:
            return None
        return self._ledger.lease_of(str(told.instance_id))

    warn = error = info


def listener(
    conf: cfg.ConfigOpts,
    ledger: event_book.Reacting,
    publisher: notifications.Publisher,
) -> oslo_messaging.MessageHandlingServer:
    """One that hears Nova and Watcher, not started yet."""
    own = wiring.options(conf)
    targets = [
        oslo_messaging.Target(topic=topic, exchange=exchange)
        for exchange, topics in (
            (own.nova_exchange, own.nova_notification_topics),
            (own.watcher_exchange, own.watcher_notification_topics),
        )
        for topic in topics
    ]
    return oslo_messaging.get_notification_listener(
        oslo_messaging.get_notification_transport(conf),
        targets,
        [Endpoint(ledger, publisher)],
        executor='threading',
        pool=POOL,
    )


def serve(
    server: oslo_messaging.MessageHandlingServer,
    until: Callable[[], object],
) -> None:
    """Listen until that returns; what is being written is finished."""
    server.start()
    LOG.info('listening, pool %s', POOL)
    try:
        until()
    finally:
        server.stop()
        server.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service until SIGTERM or Ctrl-C.

    0: it was stopped; 1: an error, said in one line.
    """
    parser = argparse.ArgumentParser(
        prog='predictive-watcher-listener',
        description='Writes into the ledger what Nova and Watcher tell, so '
        'that the next audit knows of it at once.',
    )
    parser.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help='configuration of Watcher (default: where Watcher finds its own)',
    )
    arguments = parser.parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    from predictive_watcher.cli import site

    try:
        conf = site.configuration(arguments.config_file, logging=True)
        publisher = wiring.publisher(conf, socket.gethostname())
        serve(listener(conf, wiring.ledger(conf), publisher), stop.wait)
    except exceptions.PredictiveWatcherError as error:
        print(f'predictive-watcher-listener: {error}', file=sys.stderr)
        return 1
    except oslo_messaging.MessagingException as error:
        print(
            f'predictive-watcher-listener: no notification can be heard: '
            f'{error}; check [oslo_messaging_notifications] transport_url',
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
