import numpy as np
import pytest

from predictive_watcher.cli import main
from predictive_watcher.core import forecast
from tests.unit.training import made


NAN = float('nan')


def write(path, **other):
    window = made.window(instances=3, steps=60)
    arrays = {
        'usage': window.usage,
        'limits': made.limits(3),
        'instances': np.array(window.instances),
        'resources': np.array(['cpu', 'memory', 'disk', 'network']),
        'start': 0,
        'step': 300,
    }
    np.savez(path, **{**arrays, **other})
    return path


@pytest.fixture
def trace(tmp_path):
    return write(tmp_path / 'made.npz')


def run(capsys, *arguments):
    code = main.main(['evaluate', *(str(a) for a in arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_table_and_a_file_are_made(tmp_path, trace, capsys):
    output = tmp_path / 'out.npz'
    code, out, err = run(
        capsys,
        *('--traces', trace, '--from', 20, '--to', 40, '--stride', 4),
        *('--ceiling', 0.8, '--output', output),
    )
    assert code == 0
    for word in ('default', 'persistence', 'seasonal', 'mean60', 'histogram'):
        assert word in out
    assert '> 0.8 x limit' in out and str(output) in out
    assert 'following' in err and 'asking' in err
    with np.load(output) as file:
        found = dict(file)
    assert found['origins'].tolist() == [20, 24, 28, 32, 36]
    assert found['quantiles'].shape == (3, 5, 4, 4, 9)
    assert found['quantiles'].dtype == found['risk'].dtype == np.float32
    assert found['risk'].shape == (3, 5, 4)
    assert np.allclose(found['levels'], forecast.LEVELS)
    assert found['targets'].tolist() == ['300', '600', '900', 'max900']
    assert found['ceiling'] == np.float32(0.8)
    assert found['instances'].tolist() == ['i0', 'i1', 'i2']
    # instance 0 has no samples from 20 to 29
    assert np.isnan(found['quantiles'][0, 1:3]).all()
    assert np.isfinite(found['quantiles'][1:]).all()
    assert np.isfinite(found['risk'][1:, :, :2]).all()
    assert list(tmp_path.glob('.pw-*')) == []


def test_a_file_of_one_resource_has_forecasts_of_that_resource(
    tmp_path, capsys
):
    usage = made.window(instances=3, steps=60).usage[:, :, 3:]
    trace = write(
        tmp_path / 'network.npz',
        usage=usage,
        limits=np.full((3, 1), np.nan, np.float32),
        resources=np.array(['network']),
    )
    output = tmp_path / 'out.npz'
    code, out, _ = run(
        capsys,
        *('--traces', trace, '--from', 50, '--no-rivals', '--output', output),
    )
    assert code == 0
    assert 'persistence' not in out
    with np.load(output) as file:
        # the truth of the last three steps would be beyond the file
        assert file['origins'].tolist() == [50, 51, 52, 53, 54, 55, 56]
        assert file['quantiles'].shape == (3, 7, 1, 4, 9)
        assert file['resources'].tolist() == ['network']


def test_of_many_origins_rivals_are_asked_at_some(tmp_path, capsys):
    trace = write(
        tmp_path / 'long.npz',
        usage=made.window(instances=1, steps=800).usage,
        limits=made.limits(1),
        instances=np.array(['only']),
    )
    code, out, _ = run(capsys, '--traces', trace)
    assert code == 0
    assert 'compared on 399 of the origins' in out


def refused(capsys, *arguments):
    code, out, err = run(capsys, *arguments)
    assert code == 1
    assert out == ''
    assert err.startswith('predictive-watcher: ')
    assert err.count('\n') == 1
    return err


@pytest.mark.parametrize('step', [120, 600])
def test_a_step_that_does_not_fit_the_models_is_refused(
    tmp_path, step, capsys
):
    trace = write(tmp_path / 'other.npz', step=step)
    said = refused(capsys, '--traces', trace)
    assert f'{step} s; steps of 300 s' in said


def minutes(path, usage=None, **other):
    """A file with a sample every minute, of which the first ends at 60 s."""
    if usage is None:
        usage = np.repeat(made.window(instances=3, steps=60).usage, 5, axis=1)
        noise = np.random.default_rng(0).uniform(0.9, 1.1, usage.shape)
        usage = (usage * noise).astype(np.float32)
    write(path, usage=usage, start=60, step=60, **other)
    return usage


def evaluated(tmp_path, capsys, trace, *arguments):
    output = tmp_path / 'out.npz'
    code, out, _ = run(
        capsys,
        *('--traces', trace, '--no-rivals', '--output', output, *arguments),
    )
    assert code == 0
    with np.load(output) as file:
        return dict(file), out


def test_samples_every_minute_are_averaged_and_steps_are_the_files(
    tmp_path, capsys
):
    trace = tmp_path / 'minutes.npz'
    usage = minutes(trace)
    found, out = evaluated(
        tmp_path, capsys, trace, *('--from', 104, '--to', 285, '--stride', 10)
    )
    assert 'steps of 60 s averaged to 300 s' in out
    # 14 steps is what a forecast of 900 s needs, and the file has 300
    assert found['origins'].tolist() == list(range(104, 285, 10))
    five = write(
        tmp_path / 'five.npz',
        usage=usage.reshape(3, 60, 5, 4).mean(axis=2).astype(np.float32),
        start=300,
    )
    same, _ = evaluated(
        tmp_path, capsys, five, *('--from', 20, '--to', 57, '--stride', 2)
    )
    assert same['origins'].tolist() == list(range(20, 57, 2))
    for name in ('quantiles', 'risk'):
        assert np.allclose(
            found[name], same[name], rtol=1e-3, atol=1e-5, equal_nan=True
        )


def test_every_minute_can_be_forecast_from_with_nothing_from_after_it(
    tmp_path, capsys
):
    trace = tmp_path / 'minutes.npz'
    usage = minutes(trace)
    arguments = ('--from', 200, '--to', 212)
    found, _ = evaluated(tmp_path, capsys, trace, *arguments)
    assert found['origins'].tolist() == list(range(200, 212))
    assert np.isfinite(found['quantiles'][1:]).all()
    usage[:, 206:] *= 3
    minutes(trace, usage)
    other, _ = evaluated(tmp_path, capsys, trace, *arguments)
    same = (found['quantiles'] == other['quantiles']).all(axis=(0, 2, 3, 4))
    assert same.tolist() == [True] * 6 + [False] * 6


def test_rivals_are_asked_at_the_same_minutes(tmp_path, capsys):
    trace = tmp_path / 'minutes.npz'
    minutes(trace)
    code, out, _ = run(
        capsys, *('--traces', trace, '--from', 250, '--to', 257)
    )
    assert code == 0
    assert '7 origins from step 250 to 256' in out
    assert 'persistence' in out


def test_steps_beyond_the_trace_are_refused(trace, capsys):
    assert '--to 61' in refused(capsys, '--traces', trace, '--to', 61)
    said = refused(capsys, '--traces', trace, '--from', 57)
    assert '--from 57' in said and '60 steps' in said
    said = refused(capsys, '--traces', trace, '--from', 30, '--to', 30)
    assert '--from 30' in said


@pytest.mark.parametrize('place', ['gone/out.npz', '.'])
def test_a_place_that_cannot_be_written_is_refused_at_once(
    tmp_path, trace, place, capsys
):
    said = refused(capsys, '--traces', trace, '--output', tmp_path / place)
    assert '--output' in said


@pytest.mark.parametrize(
    ('row', 'said'),
    [
        ('300,a,-1', "line 4: cpu is '-1'"),
        ('0,a,2', 'was there in line 2'),
        ('soon,a,2', "timestamp 'soon'"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, said, capsys):
    path = tmp_path / 'bad.csv'
    path.write_text(f'timestamp,instance,cpu\n0,a,1\n600,a,1\n{row}\n')
    assert said in refused(capsys, '--traces', path)


def test_rows_may_stand_in_any_order(tmp_path, capsys):
    rows = [f'{300 * t},a,{1 + t % 3}' for t in range(40)]
    tables = []
    for order in (rows, rows[::-1]):
        path = tmp_path / 'rows.csv'
        path.write_text('timestamp,instance,cpu\n' + '\n'.join(order) + '\n')
        code, out, _ = run(capsys, '--traces', path, '--no-rivals')
        assert code == 0
        tables.append(out.split('\n\n')[0])
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ('option', 'value'),
    [
        ('--from', '-1'),
        ('--to', '0'),
        ('--stride', '0'),
        ('--stride', 'x'),
        ('--ceiling', '0'),
        ('--ceiling', '1.5'),
        ('--ceiling', 'nan'),
    ],
)
def test_a_number_out_of_range_is_refused(trace, option, value, capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(['evaluate', '--traces', str(trace), option, value])
    assert caught.value.code == 2
    assert option in capsys.readouterr().err


def test_an_interrupted_run_leaves_no_file(
    tmp_path, trace, monkeypatch, capsys
):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, 'savez', interrupt)
    code, _, err = run(
        capsys, '--traces', trace, '--output', tmp_path / 'out.npz'
    )
    assert code == 130
    assert err.endswith('predictive-watcher: interrupted\n')
    assert [p.name for p in tmp_path.iterdir()] == ['made.npz']


def forecasts(capsys, trace, output, *arguments):
    code, _, err = run(
        capsys,
        *('--traces', trace, '--output', output, '--no-rivals', *arguments),
    )
    assert code == 0, err
    with np.load(output) as file:
        return dict(file)


@pytest.mark.parametrize('seed', [1, 2])
def test_what_comes_later_changes_no_forecast(tmp_path, trace, seed, capsys):
    rng = np.random.default_rng(seed)
    usage = made.window(instances=3, steps=60).usage.copy()
    later = rng.permuted(usage[:, 36:], axis=1) * rng.uniform(0.2, 3)
    usage[:, 36:] = np.where(rng.uniform(size=later.shape) < 0.1, NAN, later)
    other = write(tmp_path / 'other.npz', usage=usage)
    one, two = (
        forecasts(capsys, path, tmp_path / 'out.npz')
        for path in (trace, other)
    )
    before = one['origins'] <= 35
    for key in ('quantiles', 'risk'):
        assert np.array_equal(
            one[key][:, before], two[key][:, before], equal_nan=True
        )
    after = ~before & (one['origins'] > 36)
    known = np.isfinite(one['quantiles'][:, after])
    differ = one['quantiles'][:, after] != two['quantiles'][:, after]
    assert differ[known].mean() > 0.9


def test_quantiles_are_in_the_units_of_usage_and_risk_is_of_the_ceiling(
    tmp_path, trace, capsys
):
    low, high = (
        forecasts(capsys, trace, tmp_path / 'out.npz', '--ceiling', ceiling)
        for ceiling in (0.2, 0.9)
    )
    assert np.array_equal(low['quantiles'], high['quantiles'], equal_nan=True)
    both = np.isfinite(low['risk']) & np.isfinite(high['risk'])
    assert (low['risk'][both] >= high['risk'][both]).all()
    assert low['risk'][both].mean() > high['risk'][both].mean() + 0.1
    used = made.window(instances=3, steps=60).usage
    middle = np.nanmedian(low['quantiles'][..., 4], axis=(0, 1, 3))
    ratio = middle / np.nanmedian(used, axis=(0, 1))
    assert ((ratio > 0.5) & (ratio < 2)).all()
