"""What the cloud tells of its actions is asked once, and kept."""

import logging

from predictive_watcher import exceptions
from predictive_watcher.core.durations import Done
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.policy import Policy
from predictive_watcher.plugin import history
from predictive_watcher.state import ledger as ledger_module


NOW = 1_700_000_100


class Cloud:
    """Nova as far as it tells of what was done."""

    def __init__(self, *done):
        self.done = done
        self.asked = []

    def history(self, since, known, most):
        self.asked.append((since, set(known), most))
        if self.done is None:
            raise exceptions.CloudError('Nova GET /os-migrations failed')
        return [one for one in self.done if one.id not in known][:most]


def resize(number, duration_s=30.0):
    return Done(
        id=f'm{number}', instance_id='a', kind=Kind.RESIZE, at=NOW - number,
        duration_s=duration_s, interruption_s=duration_s,
    )  # fmt: skip


def learned(ledger, cloud):
    return history.learned(Policy(), ledger, cloud, (), NOW)


def test_each_audit_asks_for_a_few_more_until_all_are_known():
    ledger = ledger_module.Ledger('sqlite://')
    cloud = Cloud(*(resize(number) for number in range(7)))
    assert learned(ledger, cloud).resize_duration_s == 30.0
    learned(ledger, cloud)
    learned(ledger, cloud)
    known = [len(ids) for _, ids, _ in cloud.asked]
    assert known == [0, history.AT_ONCE, 7]
    assert {since for since, *_ in cloud.asked} == {NOW - history.SINCE_S}


def test_where_nova_does_not_tell_what_is_known_counts(caplog):
    ledger = ledger_module.Ledger('sqlite://')
    learned(ledger, Cloud(*(resize(number) for number in range(5))))
    silent = Cloud()
    silent.done = None
    with caplog.at_level(logging.WARNING):
        assert learned(ledger, silent).resize_interruption_s == 30.0
    assert 'how long actions took lately is not known' in caplog.text
