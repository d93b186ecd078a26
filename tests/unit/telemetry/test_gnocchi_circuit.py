"""The circuit breaker."""

import threading

import pytest

from predictive_watcher import exceptions
from predictive_watcher.telemetry import circuit
from tests.fakes import gnocchi as fake_gnocchi


@pytest.fixture
def clock() -> fake_gnocchi.FakeClock:
    return fake_gnocchi.FakeClock()


@pytest.fixture
def breaker(clock) -> circuit.Circuit:
    return circuit.Circuit('gnocchi', failures=3, reset_s=300.0, clock=clock)


def test_it_says_since_when_until_when_and_why(breaker, clock):
    for _ in range(3):
        breaker.failed('answered 503')
    clock.sleep(40.0)
    with pytest.raises(exceptions.CircuitOpen) as caught:
        breaker.check()
    for part in ('3 times', '40 s ago', 'in 260 s', 'answered 503'):
        assert part in str(caught.value)


def test_a_success_in_between_forgets_the_failures(breaker):
    for _ in range(5):
        breaker.failed('x')
        breaker.failed('x')
        breaker.succeeded()
    breaker.check()


def test_after_the_reset_the_first_failure_opens_it_anew(breaker, clock):
    for _ in range(3):
        breaker.failed('x')
    clock.sleep(300.0)
    breaker.check()
    breaker.failed('y')
    with pytest.raises(exceptions.CircuitOpen, match='0 s ago'):
        breaker.check()


def test_a_process_shares_one_breaker_by_name():
    one = circuit.shared('a test', 3, 300.0)
    assert circuit.shared('a test', 3, 300.0) is one
    assert circuit.shared('another test', 3, 300.0) is not one


def test_failures_of_many_threads_are_all_counted(clock):
    breaker = circuit.Circuit('x', failures=800, reset_s=9.0, clock=clock)

    def fail() -> None:
        for _ in range(100):
            breaker.failed('x')

    threads = [threading.Thread(target=fail) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(exceptions.CircuitOpen, match='800 times'):
        breaker.check()
