"""Only processes of ours are ended, and all of them."""

import json
import os
import signal
import subprocess
import sys
import time

from minicloud import processes
import pytest


SLEEP = (sys.executable, '-c', 'import time; time.sleep(60)')


@pytest.fixture
def ours(tmp_path):
    made = processes.Processes(
        tmp_path / 'pids', tmp_path / 'log', tmp_path / 'cwd'
    )
    yield made
    made.stop([record.name for record in made.records()])


@pytest.fixture
def stranger():
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def _wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_process_is_recorded_while_it_runs_and_forgotten_after(ours):
    process = ours.start('sleep', SLEEP, os.environ)
    assert ours.alive('sleep')
    assert ours.record('sleep').pid == process.pid
    ours.stop(['sleep'])
    assert process.poll() is not None
    assert ours.records() == []


def test_a_pid_that_is_somebody_elses_by_now_is_not_signalled(
    ours, stranger, tmp_path
):
    (tmp_path / 'pids').mkdir()
    record = {'pid': stranger.pid, 'started': 1}
    (tmp_path / 'pids' / 'old').write_text(json.dumps(record))
    assert not ours.alive('old')
    ours.stop(['old'])
    assert stranger.poll() is None
    assert ours.records() == []


def test_a_process_that_ignores_the_request_is_killed(ours, monkeypatch):
    monkeypatch.setattr(processes, 'PATIENCE_S', 0.3)
    code = (
        'import signal, time\n'
        'signal.signal(signal.SIGTERM, signal.SIG_IGN)\n'
        'print("ready", flush=True)\n'
        'time.sleep(60)\n'
    )
    process = ours.start('deaf', (sys.executable, '-c', code), os.environ)
    _wait_until(lambda: 'ready' in ours.log_file('deaf').read_text())
    ours.stop(['deaf'])
    assert process.poll() == -signal.SIGKILL


def test_the_children_of_a_dead_leader_are_ended(ours):
    code = (
        'import subprocess, sys\n'
        'p = subprocess.Popen([sys.executable, "-c", '
        '"import time; time.sleep(60)"])\n'
        'print(p.pid, flush=True)\n'
    )
    leader = ours.start('leader', (sys.executable, '-c', code), os.environ)
    _wait_until(lambda: leader.poll() is not None)
    child = int(ours.log_file('leader').read_text())
    assert processes.read_stat(child) is not None
    ours.stop(['leader'])
    stat = processes.read_stat(child)
    assert stat is None or stat.state == 'Z'


def test_a_damaged_record_is_no_process(ours, tmp_path):
    (tmp_path / 'pids').mkdir()
    (tmp_path / 'pids' / 'bad').write_text('{')
    assert ours.records() == []
    assert not ours.alive('bad')
