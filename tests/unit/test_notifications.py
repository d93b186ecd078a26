"""What is published, seen through oslo.messaging's test driver."""

import json

import numpy as np
from oslo_config import cfg
from oslo_messaging.notify import _impl_test
import pytest

from predictive_watcher import notifications
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Verdict
from tests.fakes import cloud_data


def conf_with(url, driver='test'):
    conf = cfg.ConfigOpts()
    conf([], project='test')
    notifications.oslo_messaging.get_notification_transport(conf, 'fake:/')
    conf.set_override('transport_url', url)
    conf.set_override('driver', [driver], group='oslo_messaging_notifications')
    return conf


@pytest.fixture
def publisher():
    _impl_test.reset()
    return notifications.Publisher(conf_with('fake:/'), 'host-1')


def verdict(name, risk=0.2):
    return Verdict(
        instance=cloud_data.instance(name),
        adjustment=Hold(reason=Reason.LOW_RISK, text='no risk'),
        weight=1.0,
        risk=np.array([risk, 0.0, np.nan, np.nan]),
        lead_s=np.array([300.0, 300.0, np.nan, np.nan]),
        predicted=np.array([1.0, 512.0, np.nan, np.nan]),
        limits=np.array([2.0, 4096.0, np.nan, np.nan]),
        age_s=np.array([120.0, 420.0, np.nan, np.nan]),
    )


def published():
    return [
        (message['publisher_id'], message['event_type'], priority)
        for _, message, priority, _ in _impl_test.NOTIFICATIONS
    ]


def payloads():
    return [message['payload'] for _, message, *_ in _impl_test.NOTIFICATIONS]


def test_verdicts_are_published_with_reason_and_numbers(publisher):
    publisher.verdicts('a-1', [verdict('web')], model='m-1', decided_at=42)
    assert published() == [
        (
            'predictive_watcher.host-1',
            'predictive_watcher.audit.verdicts',
            'INFO',
        )
    ]
    (payload,) = payloads()
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert (payload['audit'], payload['model']) == ('a-1', 'm-1')
    (told,) = payload['verdicts']
    assert told['instance'] == 'web'
    assert (told['adjustment'], told['reason']) == ('hold', 'low_risk')
    assert told['resources']['cpu']['risk'] == 0.2
    assert told['resources']['disk']['risk'] is None


def test_many_verdicts_come_in_parts(publisher):
    many = [verdict(f'i{n}') for n in range(2 * notifications.CHUNK + 1)]
    publisher.verdicts('a-1', many, model='m', decided_at=42)
    assert [(p['part'], p['parts']) for p in payloads()] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    told = [v['instance'] for p in payloads() for v in p['verdicts']]
    assert told == [v.instance.id for v in many]


def test_an_audit_of_nobody_is_published_too(publisher):
    publisher.verdicts('a-1', [], model='m', decided_at=42)
    assert [p['verdicts'] for p in payloads()] == [[]]


def test_an_audit_that_could_not_look_says_why(publisher):
    publisher.held('a-1', reason='telemetry_failed', text='Gnocchi is down')
    assert published()[0][1:] == ('predictive_watcher.audit.held', 'WARN')
    assert payloads() == [
        {
            'audit': 'a-1',
            'reason': 'telemetry_failed',
            'text': 'Gnocchi is down',
        }
    ]


@pytest.mark.parametrize(
    ('url', 'driver'),
    [('nonsense://', 'messagingv2'), ('fake:/', 'no-such-driver')],
)
def test_a_broker_that_cannot_be_used_harms_nobody(caplog, url, driver):
    publisher = notifications.Publisher(conf_with(url, driver), 'host-1')
    publisher.held('a-1', reason='cloud_failed', text='Nova is down')


def test_a_transport_that_cannot_be_made_is_logged(caplog):
    publisher = notifications.Publisher(conf_with('nonsense://'), 'host-1')
    publisher.held('a-1', reason='cloud_failed', text='Nova is down')
    assert 'was not sent' in caplog.text


def test_a_payload_with_other_keys_is_refused(publisher):
    with pytest.raises(ValueError, match='audit, reason, text'):
        publisher.publish(notifications.Event.HELD, {'audit': 'a'})
