"""Who weighs more is helped earlier."""

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import resolving
from predictive_watcher.core import urgency
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


def begins_at(*weights, **rules):
    fleet = data.a_fleet(
        *(data.instance(f'i{n}') for n in range(len(weights)))
    )
    own = resolving.resolve((), fleet, Policy(**rules), data.NOW)
    found = urgency.begins_at(own, np.array(weights, float))
    return pytest.approx(found.tolist())


def test_by_default_leases_of_all_begin_at_the_risk_threshold():
    assert begins_at(0.5, 1, 4) == [0.5, 0.5, 0.5]
    assert begins_at() == []


def test_leases_begin_earlier_where_that_is_wanted():
    assert begins_at(1, 4, begin_threshold=0.3) == [0.3, 0.3]
    assert begins_at(1, begin_threshold=0.7) == [0.5]


def test_leases_of_the_heavy_begin_earlier():
    assert begins_at(1, 2, 4, weight_urgency=1.0) == [0.5, 0.25, 0.125]
    assert begins_at(4, weight_urgency=0.5, begin_threshold=0.4) == [0.2]


@hypothesis.given(
    st.floats(1e-3, 1e4), st.floats(1.0, 100.0), st.floats(0.0, 1.0)
)
def test_a_higher_weight_never_waits_for_more_risk(weight, times, power):
    fleet = data.a_fleet(data.instance('a'), data.instance('b'))
    own = resolving.resolve((), fleet, Policy(weight_urgency=power), data.NOW)
    low, high = urgency.begins_at(own, np.array([weight * times, weight]))
    assert 0.05 <= low <= high <= 0.5


def proposed(expected, *, lease=False, **rules):
    heavy = [data.flavor(f'h{n}', n, 4, weight='4') for n in (2, 3, 4)]
    fleet = data.a_fleet(
        data.instance('a'),
        data.instance('b', flavor=heavy[1 if lease else 0]),
        flavors=(*data.FLAVORS, *heavy),
    )
    held = data.lease('b', origin_flavor_name='h2', flavor_name='h3')
    found = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(expected),
        leases=[held] if lease else (),
        policy=Policy(cooldown_s=0, lease_minimum_s=0, **rules),
        now=data.NOW,
    )
    return [verdict.adjustment for verdict in found.verdicts]


def test_of_two_alike_only_the_heavier_is_served_yet():
    # a chance of a third to pass 1.8 vCPUs
    climbing = {'cpu': (1.73, 0.1)}
    light, served = proposed(dict.fromkeys('ab', climbing), weight_urgency=0.5)
    assert isinstance(light, Hold) and 'no risk reaches 0.5' in light.text
    assert isinstance(served, Resize)


def test_a_lease_grows_at_the_same_risk_whatever_it_weighs():
    # a chance of a third to pass 2.7 of the 3 vCPUs that it has
    _, kept = proposed(
        {'b': {'cpu': (2.63, 0.1)}}, lease=True, weight_urgency=0.5
    )
    assert kept.reason is Reason.LEASE_KEPT


def test_a_lease_ends_well_below_the_risk_at_which_it_begins():
    # a chance of .065 with 2 vCPUs, and leases begin at .125
    _, kept = proposed(
        {'b': {'cpu': (1.5335, 0.1)}}, lease=True, weight_urgency=1.0
    )
    assert kept.reason is Reason.LEASE_KEPT
    _, ended = proposed({'b': {'cpu': (1.5335, 0.1)}}, lease=True)
    assert isinstance(ended, Release)
