"""A challenger is trained, compared, and promoted only where it is better."""

import json
import pathlib
import signal
import subprocess
import sys

import numpy as np
from oslo_config import cfg
import pytest

from predictive_watcher import wiring
from predictive_watcher.cli import main
from predictive_watcher.cli import progress
from predictive_watcher.cli import retrain
from predictive_watcher.models import registry
from tests.unit.training import made


pytest.importorskip('torch')


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / 'made.npz'
    window = made.window()
    np.savez(
        path,
        usage=window.usage,
        limits=made.limits(),
        instances=np.array(window.instances),
        resources=np.array(['cpu', 'memory', 'disk', 'network']),
        start=0,
        step=300,
    )
    return path


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / 'models'
    folder.mkdir()
    return folder


@pytest.fixture
def command(trace, models):
    return ['retrain', '--traces', str(trace), '--registry', str(models),
            '--compare-days', '0.3', '--steps', '3']  # fmt: skip


def left(models):
    """What is in the folder, but for the lock."""
    return {p.name for p in models.iterdir()} - {retrain.LOCK}


def test_a_better_challenger_is_promoted(command, models, capsys):
    assert main.main([*command, '--least-gain', '-9', '--json']) == 0
    found = json.loads(capsys.readouterr().out)
    assert found['promoted']
    assert found['champion'] == registry.load().name
    assert registry.load(models).name == found['challenger']
    [entry] = registry.champions(models).history
    told = float(entry['why'].removeprefix('promoted: ').split()[0])
    assert told == pytest.approx(found['ratio'], abs=1e-4)  # both rounded
    assert left(models) == {registry.CHAMPION, found['challenger']}


def test_one_that_is_not_better_leaves_all_as_it_was(command, models, capsys):
    assert main.main([*command, '--least-gain', '0.9']) == 0
    out = capsys.readouterr().out
    assert 'not promoted' in out and 'stays' in out
    assert left(models) == set()


def test_a_running_service_takes_the_new_model_up(command, models, capsys):
    conf = cfg.ConfigOpts()
    conf([], project='watcher')
    wiring.options(conf)
    conf.set_override(
        'model_directory', str(models), group='predictive_watcher'
    )
    name = registry.add(models, registry.SHIPPED)
    registry.promote(models, name, '2026-01-01', 'the first')
    before = wiring.forecaster(conf)
    assert wiring.forecaster(conf) is before
    assert main.main([*command, '--least-gain', '-9', '--json']) == 0
    after = wiring.forecaster(conf)
    challenger = json.loads(capsys.readouterr().out)['challenger']
    assert (before.name, after.name) == (registry.load().name, challenger)


def test_two_at_once_are_refused_and_named(command, models, capsys):
    holder = subprocess.Popen(
        [
            sys.executable,
            '-c',
            'import fcntl, os, sys\n'
            'file = open(sys.argv[1], "a+")\n'
            'fcntl.flock(file, fcntl.LOCK_EX)\n'
            'print(os.getpid(), file=file, flush=True)\n'
            'print("held", flush=True)\n'
            'sys.stdin.read()\n',
            str(models / retrain.LOCK),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == 'held\n'
    assert main.main(command) == 1
    said = capsys.readouterr().err
    assert f'another retraining runs (process {holder.pid})' in said
    holder.communicate('', timeout=20)
    with retrain.locked(models):
        pass


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('stage', ['learning', 'following'])
def test_interrupted_it_promotes_and_leaves_nothing(
    command, models, monkeypatch, capsys, stage, number
):
    # where nobody listens SIGTERM ends the process, as systemd wants it
    before = signal.signal(number, signal.default_int_handler)
    tell = progress.Bar.tell

    def told(bar, name, *rest):
        if name.startswith(stage):
            signal.raise_signal(number)
        tell(bar, name, *rest)

    monkeypatch.setattr(progress.Bar, 'tell', told)
    try:
        assert main.main([*command, '--least-gain', '-9']) == 130
    finally:
        signal.signal(number, before)
    assert 'interrupted' in capsys.readouterr().err
    assert left(models) == set()


def test_what_a_killed_one_left_is_cleared_away(command, models):
    (models / '.retrain-abc' / 'deep').mkdir(parents=True)
    assert main.main([*command, '--least-gain', '0.9']) == 0
    assert left(models) == set()


def test_a_folder_that_is_not_there_is_refused_and_not_made(
    command, models, capsys
):
    typo = models.with_name('modles')
    assert main.main([*command, '--registry', str(typo)]) == 1
    said = capsys.readouterr().err
    assert f'--registry {typo}: there is no such folder' in said
    assert not typo.exists()


@pytest.mark.parametrize('verb', ['retrain', 'train'])
def test_files_are_not_kept_a_second_time(verb, trace, models, capsys):
    place = {'retrain': '--registry', 'train': '--output'}[verb]
    words = [verb, '--traces', str(trace), place, str(models / 'new'),
             '--keep-traces', 'k.npz']  # fmt: skip
    assert main.main(words) == 1
    assert '--keep-traces k.npz: only usage' in capsys.readouterr().err
    assert left(models) == set()


def test_a_single_model_is_no_place_for_challengers(command, capsys):
    given = [*command, '--registry', str(registry.SHIPPED)]
    assert main.main(given) == 1
    assert 'a folder of models is needed' in capsys.readouterr().err


def test_too_little_history_is_refused(command, capsys):
    assert main.main([*command, '--compare-days', '100']) == 1
    assert '--compare-days 100 leaves less' in capsys.readouterr().err


def test_unless_drift_asks_nothing_is_done(command, tmp_path, capsys):
    path = tmp_path / 'watcher.conf'
    path.write_text(
        f'[predictive_watcher]\nledger_connection = sqlite:///{tmp_path}/l\n'
    )
    assert main.main([*command, '--if-asked', '--config-file', str(path)]) == 0
    assert capsys.readouterr().out == 'no drift asks for it\n'
    assert main.main([*command, '--if-asked']) == 1
    assert '--config-file' in capsys.readouterr().err


def test_the_units_name_commands_that_exist():
    units = pathlib.Path(__file__).parents[3] / 'etc' / 'systemd'
    words = (units / 'predictive-watcher-retrain.service').read_text()
    [line] = [s for s in words.splitlines() if s.startswith('ExecStart=')]
    given = line.split('predictive-watcher ', 1)[1].split()
    assert main.parser().parse_args(given).run is retrain.run
