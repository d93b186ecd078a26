"""Limits and weights, read off what servers have of their flavors."""

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core import limits
from tests.fakes import cloud_data as data


def server(**specs):
    return data.instance('a', flavor=data.flavor('m', 2, 4, **specs))


def test_copies_of_one_name_have_each_its_own_limits():
    read, _, bad = limits.read(
        [
            server(),
            server(quota__cpu_quota='50000'),
            data.instance('a', flavor=data.flavor('m', 8, 4)),
            server(),
        ]
    )
    assert read[:, 0].tolist() == [2.0, 1.0, 8.0, 2.0]
    assert not bad


def test_copies_of_one_name_have_each_its_own_weight():
    _, weights, _ = limits.read([server(), server(weight='4'), server()])
    assert weights[:, 0].tolist() == [1.0, 4.0, 1.0]


def test_a_quota_that_cannot_be_read_leaves_the_limits_unknown():
    read, weights, bad = limits.read(
        [server(), server(quota__cpu_quota='much'), server()]
    )
    assert np.isnan(read[1]).all() and np.isfinite(read[[0, 2], 0]).all()
    assert weights[1].tolist() == [1.0] * len(fleet.RESOURCES)
    assert list(bad) == [1] and "quota:cpu_quota='much'" in bad[1]


def test_a_weight_that_cannot_be_read_is_one_and_the_limits_are_known():
    read, weights, bad = limits.read([server(weight='heavy')] * 2)
    assert read[:, 0].tolist() == [2.0, 2.0]
    assert (weights == 1).all()
    assert list(bad) == [0, 1]
