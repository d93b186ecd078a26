import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from predictive_watcher.cli import interrupt
from predictive_watcher.cli import main
from predictive_watcher.cli import progress
from predictive_watcher.models import registry
from tests.unit.training import made


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / 'bitbrains-made.npz'
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


def run(capsys, *arguments):
    code = main.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_model_is_trained_written_and_reported(tmp_path, trace, capsys):
    pytest.importorskip('torch')
    output = tmp_path / 'new' / 'mine'
    code, out, err = run(
        capsys, 'train', '--traces', trace, '--output', output, '--steps', 3
    )
    assert code == 0
    assert 'lstm' in out and 'persistence' in out and str(output) in out
    assert 'loss' in err and 's left' in err
    model = registry.load(output)
    assert model.name == 'mine-1'
    assert 'CCGRID 2015' in json.dumps(model.describe()['training'])
    code, _, err = run(
        capsys, 'train', '--traces', trace, '--output', output, '--steps', 3
    )
    assert code == 1
    assert '--force' in err


def test_what_is_refused_leaves_no_folder(tmp_path, trace, capsys):
    pytest.importorskip('torch')
    broken = tmp_path / 'broken.npz'
    broken.write_text('?')
    output = tmp_path / 'new' / 'mine'
    code, _, err = run(
        capsys, 'train', '--traces', trace, broken, '--output', output
    )
    assert (code, output.parent.exists()) == (1, False)
    assert 'broken.npz' in err
    output.mkdir(parents=True)  # somebody else made it: it stays
    run(capsys, 'train', '--traces', broken, '--output', output)
    assert output.is_dir()


@pytest.fixture
def keyboard():
    """Tests that are run in the background would not hear of Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_at(monkeypatch, stage, number):
    """Press Ctrl-C when a stage is told for the so-manieth time."""
    tell, seen = progress.Bar.tell, []

    def told(bar, name, *rest):
        seen.append(name)
        if name == stage and seen.count(stage) == number:
            signal.raise_signal(signal.SIGINT)
        tell(bar, name, *rest)

    monkeypatch.setattr(progress.Bar, 'tell', told)


def test_interrupted_and_resumed_it_writes_the_same_model(
    tmp_path, trace, keyboard, monkeypatch, capsys
):
    pytest.importorskip('torch')
    steps = ('--steps', 4)
    whole, parted = tmp_path / 'whole', tmp_path / 'parted'
    run(capsys, 'train', '--traces', trace, '--output', whole, *steps)
    to_do = ('train', '--traces', trace, '--output', parted)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 'learning', 2)
        code, out, err = run(capsys, *to_do, *steps)
    kept = parted / 'checkpoint.npz'
    assert (code, out) == (130, '')
    assert err.splitlines()[-1] == (
        f'predictive-watcher: interrupted; kept after step 2 in {kept}; '
        'go on with the same command and --resume'
    )
    assert 'Traceback' not in err
    assert [p.name for p in parted.iterdir()] == ['checkpoint.npz']
    code, _, err = run(capsys, *to_do, *steps)
    assert code == 1
    assert 'go on with --resume' in err
    code, _, err = run(capsys, *to_do, '--steps', 5, '--resume')
    assert code == 1
    assert 'with steps = 4, this one has steps = 5' in err
    code, out, err = run(capsys, *to_do, *steps, '--resume')
    assert code == 0
    assert 'step 3' in err or 'step 4' in err
    model = 'model.onnx'
    assert (parted / model).read_bytes() == (whole / model).read_bytes()
    assert sorted(p.name for p in parted.iterdir()) == ['card.json', model]


def test_interrupted_while_it_is_measured_nothing_learned_is_lost(
    tmp_path, trace, keyboard, monkeypatch, capsys
):
    pytest.importorskip('torch')
    to_do = ('train', '--traces', trace, '--output', tmp_path / 'm')
    with monkeypatch.context() as patch:
        interrupt_at(patch, 'scoring lstm', 1)
        code, _, err = run(capsys, *to_do, '--steps', 2)
    assert code == 130
    assert err.splitlines()[-1].endswith('--resume')
    code, _, err = run(capsys, *to_do, '--steps', 2, '--resume')
    assert code == 0
    assert 'learning' not in err


def test_interrupted_before_it_learned_there_is_nothing_to_resume(
    tmp_path, trace, keyboard, monkeypatch, capsys
):
    pytest.importorskip('torch')
    to_do = ('train', '--traces', trace, '--output', tmp_path / 'm')
    with monkeypatch.context() as patch:
        interrupt_at(patch, 'reading traces', 1)
        code, _, err = run(capsys, *to_do, '--steps', 2)
    assert code == 130
    assert err.endswith('interrupted; nothing was learned yet\n')
    code, _, err = run(capsys, *to_do, '--resume')
    assert code == 1
    assert 'nothing to resume' in err


def test_a_second_ctrl_c_does_not_wait(keyboard):
    with interrupt.requests() as request:
        request.wait(True)
        signal.raise_signal(signal.SIGINT)
        assert request.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):  # as before
        signal.raise_signal(signal.SIGINT)


def test_a_request_that_came_too_late_is_no_lost_one(keyboard):
    with interrupt.requests() as request:
        request.wait(True)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            request.wait(False)


def test_in_the_background_ctrl_c_is_not_for_us(keyboard):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupt.requests() as request:
        request.wait(True)
        signal.raise_signal(signal.SIGINT)
    assert not request.asked


def test_the_shipped_model_is_tuned_with_a_word(tmp_path, trace, capsys):
    pytest.importorskip('torch')
    output = tmp_path / 'tuned'
    code, out, _ = run(
        capsys,
        *('train', '--traces', trace, '--output', output),
        *('--fine-tune', 'shipped', '--steps', 1),
    )
    assert code == 0
    shipped = registry.load()
    assert f'times the quantile loss of {shipped.name}' in out
    training = registry.load(output).describe()['training']
    assert training['begun_from']['sha256'] == shipped.identity
    assert training['options']['rate'] < 0.001


def test_a_model_that_is_not_there_cannot_be_tuned(tmp_path, trace, capsys):
    pytest.importorskip('torch')
    code, _, err = run(
        capsys,
        *('train', '--traces', trace, '--output', tmp_path / 'out'),
        *('--fine-tune', tmp_path / 'gone'),
    )
    assert code == 1
    assert str(tmp_path / 'gone') in err


def test_a_bad_trace_ends_in_one_line_without_a_traceback(tmp_path, capsys):
    path = tmp_path / 'bad.csv'
    path.write_text('timestamp,instance,cpu\n0,a,-3\n')
    code, out, err = run(
        capsys, 'train', '--traces', path, '--output', tmp_path / 'out'
    )
    assert code == 1
    assert out == ''
    assert err.startswith('predictive-watcher: ')
    assert "line 2: cpu is '-3'" in err
    assert err.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_without_torch_it_says_what_to_install(tmp_path, trace):
    # a process of its own: what was imported once cannot be taken back
    code = (
        'import sys; sys.modules["torch"] = None; '
        'from predictive_watcher.cli import main; '
        'sys.exit(main.main(sys.argv[1:]))'
    )
    out = str(tmp_path / 'out')
    done = subprocess.run(
        [
            *(sys.executable, '-c', code, 'train'),
            *('--traces', str(trace), '--output', out),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert 'pip install predictive-watcher[train]' in done.stderr
    assert done.stderr.count('\n') == 1


def test_a_folder_that_holds_something_is_left_alone(tmp_path, trace, capsys):
    (tmp_path / 'notes.txt').write_text('mine')
    code, _, err = run(
        capsys, 'train', '--traces', trace, '--output', tmp_path
    )
    assert code == 1
    assert 'not empty' in err


def test_an_output_that_cannot_be_a_folder_is_refused(tmp_path, trace, capsys):
    code, _, err = run(capsys, 'train', '--traces', trace, '--output', trace)
    assert code == 1
    assert str(trace) in err


@pytest.mark.parametrize('value', ['0', '-1', 'many', 'nan'])
@pytest.mark.parametrize('option', ['--steps', '--minutes', '--threads'])
def test_a_length_that_is_no_positive_number_is_refused(
    tmp_path, trace, option, value, capsys
):
    with pytest.raises(SystemExit) as caught:
        main.main(
            ['train', '--traces', str(trace), '--output', 'x', option, value]
        )
    assert caught.value.code == 2
    assert option in capsys.readouterr().err


def test_an_interrupt_ends_with_130_and_no_traceback(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    def declare(parsers):
        parsers.add_parser('wait').set_defaults(run=interrupted)

    monkeypatch.setattr(main, 'COMMANDS', (declare,))
    code, _, err = run(capsys, 'wait')
    assert code == 130
    assert err == 'predictive-watcher: interrupted\n'


def test_the_command_answers_for_help():
    done = subprocess.run(
        [sys.executable, '-m', 'predictive_watcher.cli.main', 'train', '-h'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '--traces' in done.stdout
