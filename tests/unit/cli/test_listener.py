"""What Nova and Watcher tell, through real transports and a real listener."""

import signal
import subprocess
import sys
import threading
import uuid

from oslo_config import cfg
import oslo_messaging
import pytest

from predictive_watcher import exceptions
from predictive_watcher import notifications
from predictive_watcher.cli import listener
from predictive_watcher.core import leases
from predictive_watcher.state import ledger as ledger_module
from tests.fakes import cloud_data


PATIENCE_S = 20


class Heard(ledger_module.Ledger):
    """A ledger that lets a test wait for what is taken."""

    def __init__(self, url):
        super().__init__(url)
        self.taken = []
        self.full_for = 'nobody'
        self.came = threading.Condition()

    def take(self, told):
        if told.instance_id == self.full_for:
            raise exceptions.StateError('the disk is full')
        done = super().take(told)
        with self.came:
            self.taken.append((told, done))
            self.came.notify_all()
        return done

    def wait_for(self, count):
        with self.came:
            assert self.came.wait_for(
                lambda: len(self.taken) >= count, PATIENCE_S
            ), self.taken


@pytest.fixture(params=['fake:/', 'kombu+memory:/'])
def conf(request):
    made = cfg.ConfigOpts()
    made([], project='watcher')
    oslo_messaging.get_notification_transport(made, 'fake:/')
    made.set_override('transport_url', request.param)
    made.set_override(
        'driver', ['messagingv2'], group='oslo_messaging_notifications'
    )
    return made


@pytest.fixture
def ledger(tmp_path):
    return Heard(f'sqlite:///{tmp_path}/ledger.sqlite')


@pytest.fixture
def tell(conf):
    """Publishes as Nova or as Watcher does."""

    def send(event, payload, exchange='nova', topic='versioned_notifications'):
        conf.set_override('control_exchange', exchange)
        notifier = oslo_messaging.Notifier(
            oslo_messaging.get_notification_transport(conf),
            publisher_id=f'{exchange}:host',
            topics=[topic],
        )
        notifier.info({}, event, payload)

    return send


class Publisher:
    """Remembers what it is to send, and lets a test wait for it."""

    def __init__(self):
        self.sent = []
        self.came = threading.Condition()

    def publish(self, event, payload):
        assert set(payload) == set(notifications.PAYLOADS[event])
        with self.came:
            self.sent.append(payload)
            self.came.notify_all()

    def wait_for(self, count):
        with self.came:
            assert self.came.wait_for(
                lambda: len(self.sent) >= count, PATIENCE_S
            ), self.sent
            return list(self.sent)


@pytest.fixture
def publisher():
    return Publisher()


@pytest.fixture
def listening(conf, ledger, publisher):
    server = listener.listener(conf, ledger, publisher)
    stop = threading.Event()
    started = threading.Event()

    def until():
        started.set()
        stop.wait(PATIENCE_S)

    thread = threading.Thread(target=listener.serve, args=(server, until))
    thread.start()
    assert started.wait(PATIENCE_S)
    yield server
    stop.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def nova(instance, **more):
    data = {'uuid': instance, 'state': 'active', 'host': 'n1', **more}
    return {'nova_object.name': 'InstanceActionPayload',
            'nova_object.data': data}  # fmt: skip


def action(state, **inputs):
    data = {
        'uuid': str(uuid.uuid4()),
        'action_type': 'predictive_resize',
        'state': state,
        'status_message': 'no host',
        'input_parameters': inputs,
    }
    return {'watcher_object.name': 'ActionExecutionPayload',
            'watcher_object.data': data}  # fmt: skip


def test_a_deleted_instance_loses_its_lease_at_once(
    ledger, publisher, listening, tell
):
    ledger.begin(cloud_data.lease('a'))
    ledger.begin(cloud_data.lease('b'))
    tell('instance.delete.end', nova('a', state='deleted'))
    ledger.wait_for(1)
    assert [lease.instance_id for lease in ledger.active_leases()] == ['b']
    [lost] = publisher.wait_for(1)
    assert (lost['instance'], lost['change']) == ('a', 'lost')
    assert lost['reason'] == 'the server was deleted'
    # of what has no lease nothing is told
    tell('instance.delete.end', nova('c', state='deleted'))
    ledger.wait_for(2)
    assert publisher.wait_for(1) == [lost]


def test_a_resize_is_known_to_the_next_audit(ledger, listening, tell):
    for event in ('resize_finish', 'resize_revert', 'rebuild'):
        tell(f'instance.{event}.end', nova(event))
    tell('instance.resize_confirm.end', nova('confirmed'))
    ledger.wait_for(4)
    assert ledger.renewed(0) == {'resize_finish', 'resize_revert', 'rebuild'}
    newest = max(told.at for told, _ in ledger.taken)
    assert ledger.renewed(newest + 1) == set()


def test_a_failure_that_nobody_noted_is_noted(ledger, listening, tell):
    topic = {'exchange': 'watcher', 'topic': 'notifications'}
    noted = leases.Attempt(
        instance_id='b', kind=leases.Kind.RESIZE, at=7, failed=False, text=''
    )
    ledger.note_attempt(noted)
    for given in (
        action('FAILED', resource_id='a', decided_at=7, kind='release'),
        action('FAILED', resource_id='b', decided_at=7, kind='lease'),
        action('SUCCEEDED', resource_id='c', decided_at=7, kind='lease'),
        action('FAILED', message='a nop of others'),
    ):
        tell('action.execution.end', given, **topic)
    ledger.wait_for(4)
    found = ledger.recent_attempts(0)
    assert set(found) == {'a', 'b'}
    assert found['a'].failed and found['a'].kind is leases.Kind.RELEASE
    assert 'no host' in found['a'].text
    assert found['b'] == noted


def test_others_events_and_broken_payloads_harm_nobody(
    ledger, listening, tell, caplog
):
    tell('instance.create.end', nova('a'))
    tell('instance.delete.end', {'uuid': 'unversioned'})
    tell('instance.delete.end', {'nova_object.data': 'not an object'})
    tell('instance.delete.end', nova('a'))
    ledger.wait_for(1)
    assert [told.instance_id for told, _ in ledger.taken] == ['a']
    assert caplog.text.count('versioned notifications are needed') == 2


def test_a_ledger_that_fails_does_not_end_the_listener(
    ledger, listening, tell, caplog
):
    ledger.full_for = 'a'
    tell('instance.delete.end', nova('a'))
    tell('instance.delete.end', nova('b'))
    ledger.wait_for(1)
    assert [told.instance_id for told, _ in ledger.taken] == ['b']
    assert 'instance.delete.end is lost: the disk is full' in caplog.text


def test_the_same_message_counts_once(ledger, listening, tell):
    tell('instance.rebuild.end', nova('a'))
    ledger.wait_for(1)
    told, done = ledger.taken[0]
    assert done
    assert ledger.take(told) == ''


def test_no_broker_is_one_line(tmp_path):
    path = tmp_path / 'watcher.conf'
    path.write_text('[DEFAULT]\ntransport_url = nonsense://\n')
    code = 'import sys; from predictive_watcher.cli import listener; '
    code += 'sys.exit(listener.main(sys.argv[1:]))'
    done = main_in_a_process(code, '--config-file', str(path))
    assert done.returncode == 1
    assert 'transport_url' in done.stderr.splitlines()[-1]


def main_in_a_process(code, *arguments):
    return subprocess.run(
        [sys.executable, '-c', code, *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_service_ends_with_sigterm(tmp_path):
    path = tmp_path / 'watcher.conf'
    path.write_text(
        '[DEFAULT]\ntransport_url = fake:/\nuse_stderr = true\n'
        f'[predictive_watcher]\nledger_connection = sqlite:///{tmp_path}/l\n'
    )
    code = 'import sys; from predictive_watcher.cli import listener; '
    code += 'sys.exit(listener.main(sys.argv[1:]))'
    service = subprocess.Popen(
        [sys.executable, '-c', code, '--config-file', str(path)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in service.stderr:
        if 'listening' in line:
            break
    service.send_signal(signal.SIGTERM)
    service.communicate(timeout=PATIENCE_S)
    assert service.returncode == 0
