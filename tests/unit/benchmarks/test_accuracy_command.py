import json

import numpy as np
import pytest

from benchmarks import accuracy as command
from benchmarks import contenders
from predictive_watcher.cli import main as product
from predictive_watcher.core import fleet
from tests.unit.training import made


SMALL = ('--rows', '200', '--rounds', '3', '--draws', '20')


def write(path, resources=tuple(fleet.RESOURCES), seed=0, instances=10):
    window = made.window(instances=instances, steps=220, seed=seed)
    columns = [fleet.RESOURCES.index(r) for r in resources]
    np.savez(
        path,
        usage=window.usage[:, :, columns],
        limits=made.limits(instances)[:, columns],
        instances=np.array(window.instances),
        resources=np.array([str(r) for r in resources]),
        start=0,
        step=300,
    )
    return path


@pytest.fixture
def trace(tmp_path):
    return write(tmp_path / 'cloud.npz')


def run(capsys, *arguments):
    code = command.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def simple(*more):
    return ('--rivals', 'persistence', 'mean60', *more)


def test_the_table_and_the_file_tell_the_same(tmp_path, trace, capsys):
    file = tmp_path / 'found.json'
    code, out, err = run(
        capsys,
        *('--traces', trace, *SMALL, '--json', file),
        *simple('lightgbm'),
    )
    assert code == 0
    found = json.loads(file.read_text())
    held = found['held out']
    assert held['instances'] == 2
    assert set(held['ratios']) == {'persistence', 'mean60', 'lightgbm'}
    value, low, high = held['ratios']['lightgbm']['cpu.wql_max900']
    assert low <= value <= high
    assert f'{value:.3f} [{low:.3f}, {high:.3f}]' in out
    ours = held['figures'][held['ours']]['network.wql_300']
    assert f'{ours:.4f}' in out
    assert found['learned']['lightgbm']['rows']['cpu-300-q0.5'] == 200
    assert 'growing network-max900-q0.99' in err
    assert set(held['risks'].values()) <= {'own', 'quantiles'}
    assert found['machine']['cores'] and found['versions']['lightgbm']


def test_what_was_held_out_is_what_the_trainer_holds_out(trace):
    task = contenders.Task(command.parse(['--traces', str(trace)]))
    (field,) = task.held
    ((window, _),) = task.learned
    assert not set(field.window.instances) & set(window.instances)
    assert window.usage.shape[1] == 132
    assert (field.origins[0], field.origins[-1]) == (147, 215 - 4)


def test_boosters_are_kept_for_the_next_run(tmp_path, trace, capsys):
    arguments = (
        *('--traces', trace, '--cache', tmp_path / 'kept'),
        *('--only', 'cpu', '--rivals', 'lightgbm', *SMALL),
    )
    first = run(capsys, *arguments)
    again = run(capsys, *arguments)
    assert first[0] == again[0] == 0
    assert first[1] == again[1]
    assert 'growing' in first[2] and 'growing' not in again[2]
    assert 'network' not in first[1]


def test_a_trace_to_transfer_to_is_compared_whole(tmp_path, trace, capsys):
    day = write(tmp_path / 'day.npz', [fleet.Resource.CPU], 1, 5)
    other = write(tmp_path / 'days.npz', [fleet.Resource.CPU], 2, 5)
    file = tmp_path / 'found.json'
    code, out, _ = run(
        capsys,
        *('--transfer', day, '--days', other, *SMALL, '--json', file),
        *('--transfer-stride', 20, *simple()),
    )
    assert code == 0
    found = json.loads(file.read_text())
    assert 'held out' not in found
    assert found['transfer']['instances'] == 5
    assert set(found['transfer']['ratios']) == {
        'persistence', 'mean60', 'lightgbm-days'
    }  # fmt: skip
    figures = found['transfer']['figures']['lightgbm-days']
    assert {key.split('.')[0] for key in figures} == {'cpu'}
    assert 'memory' not in out


def test_saved_forecasts_are_those_of_the_model(tmp_path, trace, capsys):
    saved = tmp_path / 'saved.npz'
    product.main([
        'evaluate', '--traces', str(trace), '--from', '147', '--output',
        str(saved), '--no-rivals',
    ])  # fmt: skip
    file = tmp_path / 'found.json'
    code, _, _ = run(
        capsys,
        *('--traces', trace, '--forecasts', f'before={saved}', '--rivals'),
        *('--json', file, '--draws', 5),
    )
    assert code == 0
    held = json.loads(file.read_text())['held out']
    assert held['figures']['before'] == held['figures'][held['ours']]
    assert held['ratios']['before']['disk.wql_300'] == [1.0, 1.0, 1.0]
    code, out, _ = run(
        capsys,
        *('--traces', trace, '--forecasts', f'before={saved}'),
        *('--ours', 'before', '--draws', 5, *simple()),
    )
    assert code == 0
    assert 'before / rival' in out and 'default' not in out


def test_autoets_is_asked_at_some_origins(tmp_path, trace, capsys):
    pytest.importorskip('statsforecast')
    file = tmp_path / 'found.json'
    code, _, _ = run(
        capsys,
        *('--traces', trace, '--rivals', 'autoets', '--ets', 4),
        *('--only', 'cpu', '--draws', 5, '--json', file),
    )
    assert code == 0
    held = json.loads(file.read_text())['held out']
    assert held['origins']['autoets'] == 4
    assert held['figures']['autoets']['cpu.wql_300'] > 0


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (('--ours', 'nobody'), '--ours nobody'),
        (('--forecasts', 'x={trace}'), 'not a file of'),
        (('--json', 'gone/found.json'), '--json'),
        (('--transfer', '{trace}', '--transfer-from', '217'), 'step 217'),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(trace, arguments, said, capsys):
    code, out, err = run(
        capsys,
        *('--traces', trace, '--rivals', 'persistence'),
        *(a.format(trace=trace) for a in arguments),
    )
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith('benchmarks.accuracy: ') and said in last


def test_an_interruption_ends_in_a_line(trace, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(contenders.Task, 'ours', interrupt)
    code, _, err = run(capsys, '--traces', trace, '--rivals', 'persistence')
    assert code == 130
    assert err.endswith('benchmarks.accuracy: interrupted\n')


def test_something_has_to_be_measured_on(capsys):
    with pytest.raises(SystemExit):
        command.main([])
    assert '--traces or --transfer' in capsys.readouterr().err


def test_quick_is_small_and_what_is_named_stays():
    found = command.parse(['--traces', 'a.npz', '--quick', '--rounds', '7'])
    assert (found.rounds, found.rows) == (7, 15_000)
    full = command.parse(['--traces', 'a.npz'])
    assert full.rows >= 700_000 and full.rounds >= 300
