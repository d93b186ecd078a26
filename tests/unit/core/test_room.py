"""Where there is no room for what covers the need, a part is taken."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import quotas
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


FLAVORS = tuple(data.flavor(f'f{n}', n, 4) for n in (8, 10, 12, 16, 24))
FULL = [8.0, 8.0, 8.0, 8.0]  # of 8 vCPUs: 1.5 times as many are wanted
CALM = {'cpu': (7.9, 0.01)}


def verdict(
    room, *, cpu=FULL, expected=CALM, flavors=FLAVORS, quota=None, **rules
):
    """Of an instance whose other node has so many vCPUs."""
    fleet = data.a_fleet(
        data.instance('a', 'n1', flavor=FLAVORS[0]),
        nodes=(data.node('n1', 64), data.node('n2', room)),
        flavors=flavors,
    )
    window = data.window(fleet, steps=len(cpu))
    used = window.usage.copy()
    used[0, :, 0] = cpu
    proposal = pipeline.propose(
        fleet=fleet,
        window=dataclasses.replace(window, usage=used),
        forecaster=FakeForecaster({'a': expected}),
        leases=(),
        policy=Policy(**rules),
        now=data.NOW,
        quotas=quota,
    )
    return proposal.verdicts[0]


def decision(room, **given):
    return verdict(room, **given).adjustment


def test_the_flavor_that_covers_the_need_comes_first():
    # 1.5 x 8 / 0.9 = 13.3 vCPUs
    chosen = decision(64)
    assert isinstance(chosen, Resize) and chosen.flavor.name == 'f16'
    assert 'covers' not in chosen.text


def test_without_room_for_it_the_largest_smaller_one_with_room_serves():
    seen = verdict(14)
    chosen = seen.adjustment
    assert isinstance(chosen, Resize) and chosen.flavor.name == 'f12'
    # 4 of 5.3 vCPUs
    assert 'f12 covers 0.75 of the need' in chosen.text
    assert any('no node for f16: ' in told for told in seen.looked_at)
    # a node at risk is no room: with f12 it would use 11.9 of 13 vCPUs
    assert decision(13).flavor.name == 'f10'


def test_without_room_for_any_it_says_what_would_have_covered_the_need():
    chosen = decision(9)
    assert isinstance(chosen, Hold) and chosen.reason is Reason.NO_NODE
    assert 'no node can take f16' in chosen.text


def test_an_instance_that_is_not_saturated_takes_a_part_as_well():
    # 17.6 vCPUs are expected, and 12 of them are better than 8
    rising = {'cpu': (11.0, 3.0)}
    calm = [2.0, 2.0, 2.0, 7.0]
    whole = decision(64, cpu=calm, expected=rising)
    assert isinstance(whole, Resize) and whole.flavor.name == 'f24'
    chosen = decision(14, cpu=calm, expected=rising)
    assert isinstance(chosen, Resize) and chosen.flavor.name == 'f12'


def test_a_part_that_brings_less_than_it_costs_is_not_taken():
    # with 12 vCPUs the violation is as sure as with 8
    hopeless = {'cpu': (20.0, 0.01)}
    calm = [2.0, 2.0, 2.0, 7.0]
    chosen = decision(14, cpu=calm, expected=hopeless)
    assert isinstance(chosen, Hold) and chosen.reason is Reason.NO_NODE


def test_a_part_must_not_take_anything_away():
    narrow = data.flavor(
        'f12', 12, 4, quota__vif_inbound_average='1',
        quota__vif_outbound_average='1',
    )  # fmt: skip
    flavors = (FLAVORS[0], narrow, FLAVORS[3])
    chosen = decision(14, flavors=flavors)
    assert isinstance(chosen, Hold) and chosen.reason is Reason.NO_NODE


def test_a_quota_that_is_short_leaves_a_part_too():
    left = {'p': quotas.Quota(vcpus=4)}
    chosen = decision(64, quota=left)
    assert isinstance(chosen, Resize) and chosen.flavor.name == 'f12'
    chosen = decision(64, quota={'p': quotas.Quota(vcpus=1)})
    assert isinstance(chosen, Hold) and chosen.reason is Reason.QUOTA
    assert 'for f16 the project lacks' in chosen.text


@hypothesis.settings(deadline=None, max_examples=30, derandomize=True)
@hypothesis.given(st.integers(8, 40))
def test_more_room_never_gets_a_smaller_flavor(room):
    fewer, more = (decision(vcpus) for vcpus in (room, room + 1))
    size = [getattr(d, 'flavor', FLAVORS[0]).vcpus for d in (fewer, more)]
    assert size[0] <= size[1]


@pytest.mark.parametrize('growth', [1.25, 1.5])
def test_a_part_is_bounded_by_what_an_instance_may_grow_to(growth):
    chosen = decision(14, max_growth=growth)
    assert isinstance(chosen, Resize)
    assert chosen.flavor.vcpus <= growth * 8
