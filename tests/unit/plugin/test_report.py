"""What an audit tells, once its plan is made."""

import dataclasses
import logging

from predictive_watcher import notifications
from predictive_watcher.plugin import report
from tests.unit.plugin import test_measured as made


class Sent:
    """A publisher that takes everything, up to an event."""

    def __init__(self, up_to=None):
        self.up_to, self.events = up_to, []

    def verdicts(self, audit, verdicts, *, model, decided_at):
        self.events.append(notifications.Event.VERDICTS)

    def publish(self, event, payload):
        if event is self.up_to:
            raise ValueError('a key too many')
        self.events.append(event)


def a_run():
    return dataclasses.replace(made.a_run(), leases=({},))


def test_verdicts_come_before_what_has_changed():
    publisher = Sent()
    report.tell(publisher, a_run(), observe_only=False)
    assert publisher.events == [
        notifications.Event.VERDICTS,
        notifications.Event.LEASE,
    ]


def test_an_error_in_what_is_told_takes_no_plan_back(caplog):
    """The plan would run, and be told to be empty."""
    publisher = Sent(up_to=notifications.Event.LEASE)
    with caplog.at_level(logging.ERROR):
        report.tell(publisher, a_run(), observe_only=False)
    assert publisher.events == [notifications.Event.VERDICTS]
    assert 'please report' in caplog.text
