import json

import numpy as np
import pytest

from predictive_watcher.cli import main
from tests.unit.backtest import made


ROOMY = ('--room', 0.6)


@pytest.fixture
def trace(tmp_path):
    return write(tmp_path / 'made.npz')


def write(path, **other):
    window = made.demand()
    arrays = {
        'usage': window.usage[..., :2],
        'limits': made.limits(4)[:, :2],
        'instances': np.array(window.instances),
        'resources': np.array(['cpu', 'memory']),
        'start': window.start,
        'step': window.step_s,
        **other,
    }
    arrays = {key: a for key, a in arrays.items() if a is not None}
    np.savez(path, **arrays)
    return path


def run(capsys, *arguments):
    code = main.main(['backtest', *(str(a) for a in arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_table_the_figures_and_a_timeline_are_made(tmp_path, trace, capsys):
    figures, times = tmp_path / 'out.json', tmp_path / 'out.npz'
    code, out, err = run(
        capsys,
        *('--traces', trace, '--nodes', 3, '--from', 10, *ROOMY),
        *('--json', figures, '--timeline', times),
    )
    assert code == 0
    told = json.loads(figures.read_text())
    names = [
        *('predictive', 'none', 'reactive', 'reactive_early'),
        *('reactive_profiled', 'percentile', 'workload_balance'),
        *('no_profile', 'no_feedback', 'oracle'),
    ]
    assert list(told['contenders']) == names
    for name in names:
        assert name in out and name in err
    assert told['contenders']['oracle']['averted_share_of_oracle'] == 1
    assert told['contenders']['none']['actions'] == 0
    assert str(figures) in out and str(times) in out


def test_the_timeline_recounts_to_the_figures(tmp_path, trace, capsys):
    figures, times = tmp_path / 'out.json', tmp_path / 'out.npz'
    run(
        capsys,
        *('--traces', trace, '--nodes', 3, '--from', 10, *ROOMY),
        *('--json', figures, '--timeline', times),
    )
    told = json.loads(figures.read_text())['contenders']
    with np.load(times) as file:
        found = dict(file)
    minutes = found['step_s'] / 60
    own = found['own_limits'][:, None, 0]
    for name in found['contenders']:
        limits = found['limits' if name == 'predictive' else f'limits_{name}']
        broken = (found['demand'] > found['ceiling'] * limits).any(axis=2)
        weighted = found['weights'] @ broken.sum(axis=1) * minutes
        assert weighted == told[name]['weighted_violation_minutes']
        hours = (limits[:, :, 0] - own).sum() * minutes / 60
        assert hours == pytest.approx(told[name]['extra_vcpu_hours'])
    actions = found['actions_reactive']
    done = actions[~actions['failed']]
    assert len(done) == told['reactive']['actions']
    assert set(done['kind']) <= {'resize', 'release', 'migrate'}
    # what an action did is in the limits from its step on
    first = done[done['kind'] == 'resize'][0]
    row, step = first['instance'], first['step']
    changed = found['limits_reactive'][row, step - 1 : step + 1, 0]
    assert changed[1] > changed[0]
    assert (found['node'] < len(found['nodes'])).all()


def test_several_processes_find_the_same(tmp_path, trace, capsys):
    told = []
    for jobs in (1, 3):
        path = tmp_path / f'{jobs}.json'
        code, _, _ = run(
            capsys,
            *('--traces', trace, '--nodes', 3, '--from', 10, *ROOMY),
            *('--rivals', 'none,reactive,oracle', '--curve'),
            *('--jobs', jobs, '--json', path),
        )
        assert code == 0
        told.append(path.read_text())
    assert told[0] == told[1]
    curve = json.loads(told[0])['curve']
    assert [p['begin_threshold'] for p in curve] == [0.15, 0.3, 0.5, 0.7, 0.9]


def test_the_page_needs_nothing_else(tmp_path, trace, capsys):
    path = tmp_path / 'out.html'
    code, out, _ = run(
        capsys,
        *('--traces', trace, '--nodes', 3, '--from', 10, *ROOMY),
        *('--rivals', 'none,reactive', '--report', path),
    )
    assert code == 0 and str(path) in out
    page = path.read_text()
    assert page.count('<svg') == 4
    assert 'Backtest of made' in page and 'reactive' in page
    for word in ('<script', 'http', 'src='):
        assert word not in page


def test_a_policy_file_gives_an_instance_its_own_policy(
    tmp_path, trace, capsys
):
    policies = tmp_path / 'policies.yaml'
    policies.write_text(
        'rules:\n'
        '  - name: leave-it\n'
        '    match: {instance: i0}\n'
        '    set: {observe_only: true}\n'
    )
    times = tmp_path / 'out.npz'
    code, _, _ = run(
        capsys,
        *('--traces', trace, '--nodes', 3, '--from', 10, *ROOMY),
        *('--rivals', 'reactive', '--policies', policies),
        *('--timeline', times),
    )
    assert code == 0
    with np.load(times) as file:
        rows = file['actions_reactive']['instance']
    assert 1 in rows and 0 not in rows


def test_broken_policies_are_refused_with_their_line(tmp_path, trace, capsys):
    policies = tmp_path / 'policies.yaml'
    policies.write_text('rules:\n  - nam: x\n')
    code, _, err = run(capsys, '--traces', trace, '--policies', policies)
    assert code == 1
    assert f'{policies}:2' in err and 'nam' in err
    code, _, err = run(
        capsys, '--traces', trace, '--policies', tmp_path / 'none.yaml'
    )
    assert code == 1
    assert 'none.yaml: cannot be read' in err


def test_cpu_alone_is_enough(tmp_path, capsys):
    window = made.demand()
    path = write(
        tmp_path / 'cpu.npz',
        usage=window.usage[..., :1],
        limits=made.limits(4)[:, :1],
        resources=np.array(['cpu']),
    )
    code, out, _ = run(
        capsys, '--traces', path, '--nodes', 3, '--rivals', 'none,oracle'
    )
    assert code == 0
    assert 'oracle' in out and 'reactive' not in out


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('--rivals', 'none,magic'), ("'magic'", 'workload_balance')),
        (('--from', 70), ('--from 70', '60 steps')),
        (('--to', 61), ('--to 61', '60 steps')),
        (('--from', 'soon'), ('--from soon', 'step')),
        (('--set', 'bravery=1'), ("'bravery'", 'risk_threshold')),
        (('--set', 'risk_threshold=high'), ("'high'", 'number')),
        (('--set', 'allow_resize=maybe'), ("'maybe'", 'true')),
        (('--set', 'risk_threshold=0.05'), ('release_threshold',)),
        (('--set', 'ceiling=7'), ('ceiling=7', '0.1 to 1')),
        (('--set', 'ceiling=nan'), ('nan', '0.1 to 1')),
        (('--set', 'weight_factor=0'), ('more than 0 to 1000',)),
        (('--set', 'cooldown_s=-5'), ('-5 is out of range', '0 to')),
        (('--set', 'max_actions_per_hour=2.5'), ("'2.5'", 'whole')),
        (('--set', 'closed=1'), ("'closed'", 'can be set')),
        (('--json', '/nowhere/out.json'), ('--json /nowhere/out.json',)),
        (('--model', '/nowhere'), ('/nowhere',)),
    ],
)
def test_wrong_input_is_refused_with_its_value(
    trace, capsys, arguments, words
):
    code, _, err = run(capsys, '--traces', trace, *arguments)
    assert code == 1
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    'arguments',
    [
        ('--nodes', 0),
        ('--failures', 2),
        ('--weights', '1,-2'),
        ('--weights', 'a,b'),
        ('--stride', 0),
        ('--gnocchi',),
    ],
)
def test_impossible_numbers_are_refused_by_the_parser(
    trace, capsys, arguments
):
    with pytest.raises(SystemExit):
        run(capsys, '--traces', trace, *arguments)


def test_a_trace_without_limits_is_refused(tmp_path, capsys):
    path = write(tmp_path / 'free.npz', limits=None)
    code, _, err = run(capsys, '--traces', path, '--nodes', 3)
    assert code == 1
    assert 'limits[instance, resource]' in err


def test_instances_without_a_limit_are_left_out_and_counted(tmp_path, capsys):
    limits = made.limits(4)[:, :2]
    limits[3] = np.nan
    path = write(tmp_path / 'some.npz', limits=limits)
    code, out, _ = run(
        capsys, '--traces', path, '--nodes', 3, '--rivals', 'none'
    )
    assert code == 0
    assert '1 of 4 instances are left out: 1 have no cpu limit' in out
