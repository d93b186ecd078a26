"""What gets in the way: a lock, and telemetry that does not answer."""

import time

from minicloud.progress import wait_for
import pytest

from tests.e2e.load import Load


WITHIN_S = 90.0
#: Nothing was done to it in the demonstration: it need not rest.
SERVER = 'database'
#: vCPUs of four.
CLIMB = (2.0, 2.6, 3.2, 3.6, 3.9, 4.0, 4.0)


@pytest.fixture(scope='module')
def load(cloud, result):
    return Load(cloud.settings, result)


@pytest.fixture
def log(cloud):
    """What the decision engine says from now on."""
    path = cloud.processes.log_file('watcher-decision-engine')
    begin = path.stat().st_size

    def read():
        with path.open('rb') as file:
            file.seek(begin)
            return file.read().decode(errors='replace')

    return read


def _wait_for_runs(watcher, count):
    """The plans that ``count`` more runs of the audit made."""
    known = {plan['uuid'] for plan in watcher.plans()}
    new = {}

    def appeared():
        for plan in watcher.plans():
            if plan['uuid'] not in known:
                new[plan['uuid']] = plan
        return len(new) >= count

    wait_for(appeared, f'{count} runs of the audit', within_s=WITHIN_S)
    return list(new)


def _proposal(watcher, load):
    """A plan that resizes the server, and the action that does it."""
    for vcpus in CLIMB:
        load.step(**{SERVER: vcpus})
        found = _next_proposal(watcher, 3)
        if found:
            return found
    pytest.fail('no plan wants to resize the server')
    return None


def _next_proposal(watcher, runs):
    for uuid in _wait_for_runs(watcher, runs):
        if watcher.plan(uuid)['state'] != 'RECOMMENDED':
            continue
        for action in watcher.actions(uuid):
            if action['input_parameters']['resource_name'] == SERVER:
                return uuid, action['uuid']
    return None


def _start_locked(nova, watcher, load):
    """Lock the server between the proposal and its start.

    A newer run of the audit may replace the plan meanwhile: then again.
    """
    found = _proposal(watcher, load)
    for _ in range(10):
        server = next(s for s in nova.servers.list() if s.name == SERVER)
        if found:
            server.lock()
            if watcher.start(found[0]):
                return found
            server.unlock()
        found = _next_proposal(watcher, 1)
    pytest.fail('no plan could be started')
    return None


def test_a_server_locked_after_the_proposal_is_skipped(
    nova, watcher, load, log
):
    plan, action = _start_locked(nova, watcher, load)

    def ended():
        state = watcher.plan(plan)['state']
        return state not in ('PENDING', 'ONGOING')

    wait_for(ended, 'the plan to end', within_s=WITHIN_S)
    done = next(a for a in watcher.actions(plan) if a['uuid'] == action)
    assert done['state'] == 'SKIPPED'
    assert 'lock' in done['status_message']
    server = next(s for s in nova.servers.list() if s.name == SERVER)
    assert server.flavor['original_name'] == 'gold.large'


def test_a_locked_server_is_held_by_the_next_audits(nova, watcher, log):
    _wait_for_runs(watcher, 1)  # this one may have begun before the lock
    plans = _wait_for_runs(watcher, 2)
    for plan in plans:
        names = {
            action['input_parameters']['resource_name']
            for action in watcher.actions(plan)
        }
        assert SERVER not in names
    assert f'hold {SERVER} ' in log()
    assert 'locked: the server is locked' in log()
    next(s for s in nova.servers.list() if s.name == SERVER).unlock()


def test_without_gnocchi_the_plan_is_empty_and_the_audit_goes_on(
    cloud, watcher, log
):
    cloud.stop(['gnocchi-api'])
    try:
        _wait_for_runs(watcher, 1)  # this one may have begun before
        began = time.monotonic()
        plans = _wait_for_runs(watcher, 2)
        assert time.monotonic() - began < WITHIN_S
    finally:
        cloud.start(['gnocchi-api'])
        cloud.wait_for_apis(['metric'])
    for plan in plans:
        assert watcher.actions(plan) == []
    assert watcher.state() == 'ONGOING'
    assert 'telemetry_failed' in log()
    assert 'the plan is empty' in log()
