"""A training that was interrupted goes on as if it had not been."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.training import checkpoint
from tests.fakes import gnocchi as fake_gnocchi
from tests.unit.training import made


torch = pytest.importorskip('torch')
pytest.importorskip('onnx')

from predictive_watcher.training import course  # noqa: E402
from predictive_watcher.training import dataset  # noqa: E402
from predictive_watcher.training import split  # noqa: E402
from predictive_watcher.training import train  # noqa: E402


SMALL = train.Options(width=12, hidden=8, batch=8, length=12, steps=12)
KEPT = checkpoint.Checkpoint(
    step=3,
    seconds=1.5,
    loss=0.5,
    random=np.random.default_rng(0).bit_generator.state,
    arrays={'net.w': np.arange(3, dtype=np.float32)},
)


class StopAfter:
    """Somebody who wants learning to stop after so many steps."""

    def __init__(self, steps):
        self._left = steps

    def __call__(self):
        self._left -= 1
        return self._left <= 0


@pytest.fixture(scope='module')
def parts():
    series = dataset.follow(made.window(), made.limits())
    return [dataset.Part(series=series, end=120, share=1.0)]


def weights(net):
    return {name: t.numpy() for name, t in net.state_dict().items()}


def interrupted(parts, path, options, steps):
    keeper = checkpoint.Keeper(path, {}, stopped=StopAfter(steps))
    with pytest.raises(checkpoint.Interrupted, match=f'after step {steps}'):
        train.learn(parts, options, keeper=keeper)
    return checkpoint.read(path, {})


@pytest.mark.parametrize('steps', [1, 7, 11])
def test_resumed_it_gives_the_same_weights_bit_for_bit(parts, tmp_path, steps):
    path = tmp_path / checkpoint.FILE
    whole, _ = train.learn(parts, SMALL)
    begun = interrupted(parts, path, SMALL, steps)
    told = []
    net, count = train.learn(
        parts, SMALL, told.append, keeper=checkpoint.Keeper(path, {}, begun)
    )
    assert (count, told[0].step) == (12, steps + 1)
    for name, array in weights(whole).items():
        assert np.array_equal(array, weights(net)[name]), name


def test_what_was_learned_is_kept_until_the_model_is_written(parts, tmp_path):
    path = tmp_path / checkpoint.FILE
    net, _ = train.learn(parts, SMALL, keeper=checkpoint.Keeper(path, {}))
    begun = checkpoint.read(path, {})
    told = []
    again, count = train.learn(
        parts, SMALL, told.append, keeper=checkpoint.Keeper(path, {}, begun)
    )
    assert (count, told) == (12, [])
    assert np.array_equal(weights(net)['center'], weights(again)['center'])


def test_minutes_go_on_counting_where_they_were(parts, tmp_path):
    options = dataclasses.replace(SMALL, minutes=5.0)
    path = tmp_path / checkpoint.FILE
    begun = interrupted(parts, path, options, 2)
    late = dataclasses.replace(begun, seconds=299.9999)
    told = []
    _, count = train.learn(
        parts, options, told.append, keeper=checkpoint.Keeper(path, {}, late)
    )
    assert count <= 3
    assert all(p.seconds_left < 1 for p in told)


def test_a_checkpoint_is_written_now_and_then(tmp_path):
    path, clock = tmp_path / checkpoint.FILE, fake_gnocchi.FakeClock()
    keeper = checkpoint.Keeper(path, {}, every_s=60, clock=clock)
    asked = []

    def now():
        asked.append(clock.now)
        return KEPT

    for _ in range(10):
        clock.sleep(20.0)
        keeper.after_step(now)
    assert asked == [1060.0, 1120.0, 1180.0]
    assert [p.name for p in tmp_path.iterdir()] == [checkpoint.FILE]


def test_what_was_written_is_read_again(tmp_path):
    path = tmp_path / checkpoint.FILE
    checkpoint.write(path, KEPT, {'seed': 1, 'minutes': None, 'xs': (1, 2)})
    found = checkpoint.read(path, {'seed': 1, 'minutes': None, 'xs': (1, 2)})
    assert (found.step, found.seconds, found.loss) == (3, 1.5, 0.5)
    assert found.random == KEPT.random
    assert np.array_equal(found.arrays['net.w'], KEPT.arrays['net.w'])


@pytest.mark.parametrize(
    ('now', 'said'),
    [
        ({'seed': 2, 'steps': 9}, 'with seed = 1, this one has seed = 2'),
        ({'seed': 1, 'steps': 8}, 'with steps = 9, this one has steps = 8'),
        ({'seed': 1}, 'with steps = 9, this one has steps = none'),
        ({'seed': 1, 'steps': 9, 'a': 'b'}, 'a = none, this one has a = b'),
    ],
)
def test_one_of_another_training_is_refused_by_name_and_value(
    tmp_path, now, said
):
    path = tmp_path / checkpoint.FILE
    checkpoint.write(path, KEPT, {'seed': 1, 'steps': 9})
    with pytest.raises(exceptions.InvalidInput, match=said):
        checkpoint.read(path, now)


def test_one_of_other_usage_is_refused_though_the_name_is_the_same(tmp_path):
    def run(window, **keeping):
        source = split.Source(name='made', window=window, limits=made.limits())
        kept = course.Keeping(path=tmp_path / checkpoint.FILE, **keeping)
        course.run([source], SMALL, 'a', '1', '', lambda _: None, keeping=kept)

    with pytest.raises(checkpoint.Interrupted):
        run(made.window(), stopped=lambda: True)
    with pytest.raises(exceptions.InvalidInput, match=r'trace 1 = made \('):
        run(made.window(seed=1), resume=True)


def damaged(path):
    checkpoint.write(path, KEPT, {})
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 255
    path.write_bytes(data)


def cut(path):
    checkpoint.write(path, KEPT, {})
    path.write_bytes(path.read_bytes()[:-100])


def pickled(path):
    with path.open('wb') as file:
        np.savez(file, facts=np.array([{'step': 1}], object))


def another_file(path):
    np.savez(path, usage=np.zeros(3))


@pytest.mark.parametrize(
    'spoil', [damaged, cut, pickled, another_file, lambda _: None]
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, spoil):
    path = tmp_path / checkpoint.FILE
    spoil(path)
    with pytest.raises(exceptions.InvalidInput, match='checkpoint.npz'):
        checkpoint.read(path, {})


def test_one_of_another_size_is_refused_by_the_tensors_name(parts, tmp_path):
    path = tmp_path / checkpoint.FILE
    begun = interrupted(parts, path, SMALL, 2)
    larger = dataclasses.replace(SMALL, width=13)
    with pytest.raises(exceptions.InvalidInput, match=r'inner\.0\.weight'):
        train.learn(parts, larger, keeper=checkpoint.Keeper(path, {}, begun))


def test_one_without_a_random_state_is_refused(parts, tmp_path):
    path = tmp_path / checkpoint.FILE
    begun = interrupted(parts, path, SMALL, 2)
    for broken in ({}, {'bit_generator': 'MT19937'}):
        other = dataclasses.replace(begun, random=broken)
        with pytest.raises(exceptions.InvalidInput, match='random state'):
            train.learn(
                parts, SMALL, keeper=checkpoint.Keeper(path, {}, other)
            )


def test_a_disk_that_is_full_is_said(tmp_path):
    gone = tmp_path / 'gone' / checkpoint.FILE
    with pytest.raises(exceptions.InvalidInput, match='cannot be written'):
        checkpoint.write(gone, KEPT, {})
