import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.training import split
from tests.unit.training import made


def source(**other):
    return split.Source(
        **{
            'name': 'made',
            'window': made.window(instances=10, steps=160),
            'limits': made.limits(10),
            **other,
        }
    )


def test_a_trace_is_always_parted_in_the_same_way():
    first, again = split.of(source()), split.of(source())
    assert np.array_equal(first.held, again.held)
    assert len(first.held) == 2
    assert sorted([*first.learn, *first.held]) == list(range(10))


def test_a_part_ends_where_it_is_told_to():
    parted = split.of(source())
    end = parted.at(split.TRAIN_UNTIL)
    assert end == 96
    window, limits = parted.part(parted.held, end)
    assert window.usage.shape == (2, 96, 4)
    assert len(limits) == 2
    names = [parted.source.window.instances[i] for i in parted.held]
    assert list(window.instances) == names


def test_a_trace_of_which_nothing_could_be_held_out_is_refused():
    small = made.window(instances=1)
    with pytest.raises(exceptions.InvalidTrace, match='1 instances'):
        split.of(source(window=small, limits=made.limits(1)))
