"""Instances whose usage is cut off at their limit."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import saturation
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


FLAVORS = tuple(data.flavor(f'f{n}', n, 4) for n in (2, 3, 4, 6, 8))
FULL = [0.5, 2.0, 1.97, 2.0]
NAN = float('nan')


def window_of(cpu, flavor=FLAVORS[0], end=data.NOW):
    fleet = data.a_fleet(
        data.instance('a', flavor=flavor),
        nodes=(data.node('n1', 64), data.node('n2', 64)),
        flavors=FLAVORS,
    )
    made = data.window(fleet, steps=len(cpu), end=end)
    used = made.usage.copy()
    used[0, :, 0] = cpu
    return fleet, dataclasses.replace(made, usage=used)


def propose(cpu, flavor=FLAVORS[0], *, leases=(), growths=(), **rules):
    fleet, window = window_of(cpu, flavor)
    limit = flavor.vcpus
    return pipeline.propose(
        fleet=fleet,
        window=window,
        forecaster=FakeForecaster({'a': {'cpu': (0.99 * limit, 0.001)}}),
        leases=leases,
        policy=Policy(**rules),
        now=data.NOW,
        growths=growths,
    )


def decision(*given, **rules):
    return propose(*given, **rules).verdicts[0].adjustment


def is_flat(cpu):
    _, window = window_of(cpu)
    limits = np.array([[2.0, NAN, NAN, NAN]])
    return bool(saturation.saturated(window, limits)[0, 0])


def test_three_samples_at_the_limit_are_flat():
    assert is_flat(FULL)
    assert not is_flat([2.0, 2.0, 1.9])
    assert not is_flat([2.0, NAN, 2.0])
    assert not is_flat([2.0, 2.0])


def test_disk_and_network_may_be_bursts_and_are_never_called_flat():
    _, window = window_of(FULL)
    limits = np.array([[NAN, NAN, 1e6, 1e6]])
    assert not saturation.saturated(window, limits).any()


def test_a_saturated_instance_gets_room_for_what_nobody_sees():
    chosen, calm = decision(FULL), decision([0.5, 0.5, 1.98])
    # 1.5 x 2 vCPUs / 0.9; the forecast alone asks for 2.2
    assert isinstance(chosen, Resize) and chosen.flavor.name == 'f4'
    assert 'cpu saturated' in chosen.text
    assert isinstance(calm, Resize) and calm.flavor.name == 'f3'
    assert 'saturated' not in calm.text


def test_an_instance_that_needs_more_than_may_be_gets_what_may_be():
    chosen = decision(FULL, max_growth=1.5)
    assert isinstance(chosen, Resize) and chosen.flavor.name == 'f3'


def test_where_nothing_larger_is_permitted_it_is_held():
    chosen = decision(FULL, max_growth=1.0)
    assert isinstance(chosen, Hold)
    assert 'f4 is more than 1 times f2' in chosen.text


def growth(ratio, since=0):
    return saturation.Growth(
        instance_id='x',
        since=since,
        flavor_name='f2',
        resource='cpu',
        ratio=ratio,
    )


def test_what_leases_showed_is_asked_for_the_next_time():
    learned = [growth(2.7, since) for since in range(4)]
    assert decision(FULL, growths=learned).flavor.name == 'f6'
    modest = [growth(1.1, since) for since in range(4)]
    assert decision(FULL, growths=modest).flavor.name == 'f3'


def test_one_odd_lease_teaches_nothing():
    assert saturation.factors([growth(9.0)]) == {
        ('f2', 'cpu'): saturation.PRIOR
    }


@hypothesis.given(st.lists(st.floats(0.1, 100.0), min_size=1))
def test_a_factor_is_never_below_one_nor_out_of_reason(ratios):
    (factor,) = saturation.factors(map(growth, ratios)).values()
    assert 1.0 <= factor <= saturation.MOST


def leased(**other):
    return data.lease(
        'a',
        origin_flavor_name='f2',
        flavor_name='f4',
        **{
            'since': data.NOW - 1800,
            'reason': 'violation_expected: P(...), cpu saturated',
            **other,
        },
    )


def test_a_lease_teaches_once_what_it_was_needed_for():
    cpu = [2.0, 2.0, 2.0, 3.1, 3.2, 3.0, 3.9, 3.0]
    proposal = propose(cpu, FLAVORS[2], leases=[leased()])
    (taught,) = proposal.growths
    assert (taught.flavor_name, taught.resource) == ('f2', 'cpu')
    assert (taught.instance_id, taught.since) == ('a', data.NOW - 1800)
    # the three steps after the one in which it was resized
    assert taught.ratio == pytest.approx(1.6)


@pytest.mark.parametrize(
    ('lease', 'cpu'),
    [
        (leased(since=data.NOW - 900), [3.0] * 8),
        (leased(reason='violation_expected: P(...)'), [3.0] * 8),
        (leased(), [3.0, 3.0, 3.0, 3.0, NAN, 3.0, 3.0, 3.0]),
    ],
    ids=['young', 'not saturated', 'a gap'],
)
def test_what_is_not_settled_or_not_known_teaches_nothing(lease, cpu):
    assert propose(cpu, FLAVORS[2], leases=[lease]).growths == []


def test_a_part_that_was_not_enough_does_not_teach_that_little_is_wanted():
    """2.5 of 2 vCPUs were leased, and all of them used: more was wanted."""
    part = data.flavor('part', 5, 4, quota__cpu_quota='50000')
    lease = dataclasses.replace(leased(), flavor_name='part')
    assert propose([2.5] * 8, part, leases=[lease]).growths == []
    (taught,) = propose([2.2] * 8, part, leases=[lease]).growths
    assert taught.ratio == pytest.approx(1.1)
    # above what is asked for at first, it teaches to ask for more
    (taught,) = propose([4.0] * 8, FLAVORS[2], leases=[leased()]).growths
    assert taught.ratio == pytest.approx(2.0)
