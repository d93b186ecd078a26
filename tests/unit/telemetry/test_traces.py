import pathlib

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.telemetry import traces


HEAD = 'timestamp,instance,cpu,memory,disk,network\n'


def arrays(**other):
    found = {
        'usage': np.ones((2, 3, 2), np.float32),
        'limits': np.array([[4.0, np.nan], [0.0, 5.0]], np.float32),
        'instances': np.array(['a', 'b']),
        'resources': np.array(['cpu', 'network']),
        'start': 600,
        'step': 300,
        **other,
    }
    return {key: value for key, value in found.items() if value is not None}


@pytest.fixture
def npz(tmp_path):
    def write(**other):
        path = tmp_path / 'made.npz'
        np.savez(path, **arrays(**other))
        return path

    return write


@pytest.fixture
def csv(tmp_path):
    def write(text, head=HEAD):
        path = tmp_path / 'made.csv'
        path.write_text(head + text)
        return path

    return write


def refusal(path):
    with pytest.raises(exceptions.InvalidTrace) as caught:
        traces.read(path)
    text = str(caught.value)
    assert str(path) in text
    assert '\n' not in text
    return text


def test_a_file_of_arrays_becomes_a_window(npz):
    trace = traces.read(npz())
    assert trace.name == 'made'
    assert trace.window.instances == ('a', 'b')
    assert trace.window.start == 600
    assert trace.window.step_s == 300
    assert trace.resources == ('cpu', 'network')


def test_resources_that_a_file_lacks_are_unknown(npz):
    usage = traces.read(npz()).window.usage
    assert (usage[:, :, [0, 3]] == 1).all()
    assert np.isnan(usage[:, :, [1, 2]]).all()


def test_a_limit_of_zero_is_no_limit(npz):
    limits = traces.read(npz()).limits
    expected = [[4, np.nan, np.nan, np.nan], [np.nan, np.nan, np.nan, 5]]
    assert np.array_equal(limits, expected, equal_nan=True)


def test_a_file_without_limits_can_be_read(npz):
    assert np.isnan(traces.read(npz(limits=None)).limits).all()


@pytest.mark.parametrize(
    ('other', 'said'),
    [
        ({'usage': None}, "no array 'usage'"),
        ({'usage': np.ones((2, 3))}, '(2, 3)'),
        ({'usage': np.ones((3, 3, 2))}, '(3, 3, 2)'),
        ({'usage': np.full((2, 3, 2), 'x')}, '<U1'),
        ({'usage': np.ones((2, 0, 2))}, 'no sample'),
        ({'resources': np.array(['cpu', 'gpu'])}, "'gpu'"),
        ({'resources': np.array(['cpu', 'cpu'])}, 'twice'),
        ({'instances': np.array(['a', 'a'])}, "'a'"),
        ({'step': 0}, 'step is 0'),
        ({'step': 2.5}, 'step is 2.5'),
        ({'start': np.array([1, 2])}, 'start is array([1, 2])'),
        ({'limits': np.ones(2)}, 'limits'),
        ({'limits': np.full((2, 2), -1.0)}, 'limits[0, 0] is -1.0'),
        ({'limits': np.full((2, 2), 1e300)}, 'limits[0, 0] is 1e+300'),
        ({'usage': np.ones((2, 3, 2), bool)}, 'bool'),
        ({'usage': np.ones((2, 3, 2), complex)}, 'complex128'),
        (
            {'usage': np.ones((2, 3, 0)), 'resources': np.array([], str)},
            'no re',
        ),
        ({'resources': np.array([['cpu', 'network']])}, 'shape (1, 2)'),
        ({'instances': np.array([1.0, np.nan])}, 'instances is float64'),
        ({'instances': np.array(['a', ''])}, 'instances[1] is empty'),
        ({'start': 1_700_000_100_000}, 'not milliseconds'),
        ({'start': 1e300}, 'start is 1e+300'),
        ({'start': np.nan}, 'start is nan'),
        ({'step': 300_000}, 'step is 300000.0'),
    ],
)
def test_an_array_that_cannot_be_used_is_named(npz, other, said):
    assert said in refusal(npz(**other))


@pytest.mark.parametrize('value', [-2.0, np.inf, 1e16, 1e300])
def test_a_value_that_cannot_be_is_named_with_its_place(npz, value):
    usage = np.ones((2, 3, 2))
    usage[1, 2, 1] = value
    text = refusal(npz(usage=usage))
    assert 'usage[1, 2, 1] (network of b)' in text
    assert str(value) in text


def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path):
    path = tmp_path / 'bad.npz'
    path.write_bytes(b'no zip')
    assert 'not a readable npz file (it is no archive' in refusal(path)


def test_a_folder_is_refused_as_such(tmp_path):
    assert f'{tmp_path}: it is a folder' in refusal(tmp_path)


def test_python_objects_are_never_loaded(npz):
    said = refusal(npz(instances=np.array(['a', object()])))
    assert 'not a readable npz' in said
    assert 'Python objects' in said and 'pickle' not in said


def test_a_single_array_is_refused(tmp_path):
    with (tmp_path / 'one.npz').open('wb') as file:
        np.save(file, np.ones(3))
    assert 'a single array' in refusal(tmp_path / 'one.npz')


def test_names_may_be_bytes_or_numbers(npz):
    trace = traces.read(
        npz(instances=np.array([7, 8]), resources=np.array([b'cpu', b'disk']))
    )
    assert trace.window.instances == ('7', '8')
    assert trace.resources == ('cpu', 'disk')


def test_a_limit_without_bound_is_none(npz):
    limits = traces.read(npz(limits=np.full((2, 2), np.inf))).limits
    assert np.isnan(limits).all()


def test_another_ending_is_refused(tmp_path):
    assert '.txt' in refusal(tmp_path / 'trace.txt')


def test_a_missing_file_is_refused():
    assert 'no such file' in refusal(pathlib.Path('/nowhere/trace.npz'))


def test_rows_in_any_order_become_a_grid(csv):
    trace = traces.read(
        csv('900,b,4,40,,\n300,a,1,10,5,6\n600,a,2,nan,7,8\n300,b,3,30,0,0\n')
    )
    assert trace.window.instances == ('b', 'a')
    assert trace.window.start == 300
    assert trace.window.step_s == 300
    cpu = trace.window.usage[:, :, 0]
    expected = [[3, np.nan, 4], [1, 2, np.nan]]
    assert np.array_equal(cpu, expected, equal_nan=True)
    assert np.isnan(trace.window.usage[1, 1, 1])
    assert trace.window.usage[1, 1, 2] == 7


def test_a_row_that_says_the_same_twice_counts_once(csv):
    once = traces.read(csv('0,a,1,,3,\n300,a,2,,3,\n'))
    twice = traces.read(csv('0,a,1,,3,\n300,a,2,,3,\n0,a,1.0,,3,\n'))
    assert np.array_equal(
        once.window.usage, twice.window.usage, equal_nan=True
    )


@pytest.mark.parametrize(
    ('before', 'end'), [('\ufeff', '\n'), ('', '\r\n'), ('', '\r')]
)
def test_marks_and_ends_of_lines_of_other_systems_are_read(
    tmp_path, before, end
):
    path = tmp_path / 'made.csv'
    lines = ['network,instance,timestamp', '5,a,600', '6,a,900', '', '7,b,600']
    path.write_text(before + end.join(lines), encoding='utf-8', newline='')
    trace = traces.read(path)
    expected = [[5, 6], [7, np.nan]]  # of b there is one row
    assert np.array_equal(
        trace.window.usage[:, :, 3], expected, equal_nan=True
    )


def test_samples_at_irregular_times_are_told_what_to_do_about(csv):
    late = (0, 303, 598, 901, 1204, 1499)
    text = ''.join(f'{time},{name},1,,,\n' for time in late for name in 'ab')
    with pytest.raises(exceptions.InvalidTrace, match='about every 30. s'):
        traces.read(csv(text))


def test_forms_of_time_may_be_mixed(csv):
    trace = traces.read(csv('0,a,1,,,\n1970-01-01T00:05:00Z,a,2,,,\n'))
    assert trace.window.usage[0, :, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    'text', ['1970-01-01T00:05:00', '1970-01-01T01:05:00+01:00', '300.0']
)
def test_times_may_be_written_as_iso_8601(csv, text):
    assert traces.read(csv(f'{text},a,1,,,\n')).window.start == 300


def test_limits_may_stand_beside_the_usage(csv):
    trace = traces.read(
        csv('0,a,1,4\n300,a,1,\n', head='timestamp,instance,cpu,cpu_limit\n')
    )
    assert trace.limits[0, 0] == 4


def test_a_limit_that_changes_is_refused_in_whatever_order(csv):
    head = 'timestamp,instance,cpu,cpu_limit\n'
    for rows in ('0,a,1,4\n300,a,1,\n600,a,1,8\n', '600,a,1,8\n0,a,1,4\n'):
        assert 'cpu_limit of a is ' in refusal(csv(rows, head=head))


def test_a_step_of_a_minute_is_seen(csv):
    rows = ''.join(f'{60 * k},a,1,,,\n' for k in range(5))
    assert traces.read(csv(rows)).window.step_s == 60


@pytest.mark.parametrize(
    ('rows', 'said'),
    [
        ('0,a,1,,,\n300,a,-1,,,\n', "line 3: cpu is '-1'"),
        ('0,a,1,,,\n300,a,1,x,,\n', "line 3: memory is 'x'"),
        ('0,a,1,,,\n300,a,inf,,,\n', "line 3: cpu is 'inf'"),
        (
            '0,a,1,,,\n0,a,2,,,\n',
            'line 3: a at 0 was there in line 2 with cpu 1, not 2',
        ),
        (
            '0,a,1,,,\n0,a,1,7,,\n',
            'line 3: a at 0 was there in line 2 with memory nan, not 7',
        ),
        ('0,a,1,5,,,3\n', "line 2: '3' is in a cell beyond the last column"),
        ('0,a,1e16,,,\n', "line 2: cpu is '1e16'"),
        ('1700000100000,a,1,,,\n', 'not milliseconds'),
        ('9e99,a,1,,,\n', "line 2: timestamp '9e99'"),
        (
            '0,a,1,,,\n300,a,1,,,\n1700000100,a,1,,,\n',
            'line 4: timestamp 1700000100 is 19675 days after the one before',
        ),
        ('soon,a,1,,,\n', "line 2: timestamp 'soon'"),
        ('-5,a,1,,,\n', "line 2: timestamp '-5'"),
        ('0,,1,,,\n', 'line 2: the instance is empty'),
        (
            '0,a,1,,,\n300,a,1,,,\n600,a,1,,,\n700,a,1,,,\n',
            'line 5: timestamp 700 is 100 s off',
        ),
        ('', 'no sample'),
    ],
)
def test_a_row_that_cannot_be_used_is_named(csv, rows, said):
    assert said in refusal(csv(rows))


@pytest.mark.parametrize(
    ('head', 'said'),
    [
        ('time,instance,cpu\n', "no column 'timestamp'"),
        ('timestamp,cpu\n', "no column 'instance'"),
        ('timestamp,instance,gpu\n', "column 'gpu'"),
        ('timestamp,instance,cpu,timestamp\n', "'timestamp' is there twice"),
        ('timestamp,instance,cpu,cpu\n', "column 'cpu'"),
        ('', 'found nothing'),
    ],
)
def test_a_head_that_cannot_be_used_is_named(csv, head, said):
    assert said in refusal(csv('', head=head))


def test_a_row_too_short_has_no_samples(csv):
    trace = traces.read(csv('0,a,1,2,3,4\n300,a,5\n'))
    assert np.isnan(trace.window.usage[0, 1, 1:]).all()


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / 'bad.csv'
    path.write_bytes(b'timestamp,instance,cpu\n0,\xff\xfe,1\n')
    assert 'not a readable csv' in refusal(path)
