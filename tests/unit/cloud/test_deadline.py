"""What an audit reads from the cloud has one deadline."""

import json
import threading

from keystoneauth1 import noauth
from keystoneauth1 import session as ks_session
import pytest
import requests

from predictive_watcher import exceptions
from predictive_watcher.cloud import deadline as deadline_module


class Network:
    """Time goes by where requests wait, and nowhere else.

    A request takes ``takes_s``, or its whole time-out if it gets no answer.
    """

    def __init__(self, monkeypatch, takes_s=0.0, *, hangs=False):
        self.now = 100.0
        self.takes_s = takes_s
        self.hangs = hangs
        self.timeouts = []
        monkeypatch.setattr(
            requests.adapters.HTTPAdapter,
            'send',
            lambda _, request, *args, **more: self._send(request, **more),
        )

    def clock(self):
        return self.now

    def _send(self, request, *, timeout, **more):
        self.timeouts.append(timeout)
        if self.hangs or self.takes_s > timeout:
            self.now += timeout
            raise requests.exceptions.ReadTimeout
        self.now += self.takes_s
        answer = requests.Response()
        answer.status_code = 200
        answer._content = json.dumps({}).encode()
        answer.request = request
        return answer


def session(network, timeout_s):
    made = ks_session.Session(auth=noauth.NoAuth(endpoint='http://nova'))
    deadline_module.put_on(
        made, deadline_module.Deadline(timeout_s, network.clock)
    )
    return made


def assert_late(call):
    with pytest.raises(exceptions.CloudError) as late:
        call()
    assert 'within 60 s' in str(late.value)
    assert 'GET http://nova/servers' in str(late.value)
    assert 'cloud_timeout' in str(late.value)


def test_a_service_that_does_not_answer_costs_no_more_than_the_deadline(
    monkeypatch,
):
    network = Network(monkeypatch, hangs=True)
    made = session(network, 60)
    assert_late(lambda: made.get('http://nova/servers'))
    assert network.now == 160.0


def test_requests_that_are_slow_together_pass_the_deadline(monkeypatch):
    network = Network(monkeypatch, takes_s=25)
    made = session(network, 60)
    for _ in range(2):
        made.get('http://nova/servers', timeout=60)
    assert_late(lambda: made.get('http://nova/servers', timeout=60))
    assert network.timeouts == [60, 35, 10]
    assert network.now == 160.0


def test_nothing_is_sent_when_the_deadline_has_passed(monkeypatch):
    network = Network(monkeypatch, hangs=True)
    made = session(network, 60)
    for _ in range(3):
        assert_late(lambda: made.get('http://nova/servers'))
    assert len(network.timeouts) == 1


def test_a_retry_does_not_begin_a_new_deadline(monkeypatch):
    network = Network(monkeypatch, hangs=True)
    made = session(network, 60)
    assert_late(lambda: made.get('http://nova/servers', connect_retries=5))
    assert network.now == 160.0


def test_a_shorter_time_out_of_a_request_stays(monkeypatch):
    network = Network(monkeypatch, takes_s=1)
    session(network, 60).get('http://nova/servers', timeout=5)
    assert network.timeouts == [5]


def test_what_is_done_between_two_requests_does_not_count(monkeypatch):
    network = Network(monkeypatch, takes_s=1)
    made = session(network, 60)
    made.get('http://nova/servers')
    network.now += 1000
    made.get('http://nova/servers')
    assert network.timeouts == [60, 59]


def test_requests_at_the_same_time_count_once():
    now = [0.0]
    deadline = deadline_module.Deadline(60, lambda: now[0])
    both = threading.Barrier(2, timeout=30)

    def ask():
        with deadline.counting():
            both.wait()  # both are under way
            now[0] = 10.0
            both.wait()  # for ten seconds

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert deadline.left_s() == 50.0
