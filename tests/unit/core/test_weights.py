"""Weights that fall while an instance lives beyond what it was sold."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import weights
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


HOUR = weights.Weighing(half_life_s=3600.0)
GUIDELINE = np.array([[1.8, np.nan, np.nan, np.nan]])
NAN = float('nan')


def window_of(*cpu, end=data.NOW):
    fleet = data.a_fleet(data.instance('a'))
    made = data.window(fleet, steps=len(cpu), end=end)
    used = made.usage.copy()
    used[0, :, 0] = cpu
    return dataclasses.replace(made, usage=used)


def strain(window, weighing=HOUR):
    return weights.strains(window, GUIDELINE, weighing)[0, 0]


def test_whoever_keeps_to_the_guideline_is_not_strained():
    assert strain(window_of(*[1.8] * 12)) == 0.0


def test_after_a_half_life_above_the_guideline_half_of_the_way_is_gone():
    assert strain(window_of(*[1.9] * 12)) == pytest.approx(0.5)
    assert strain(window_of(*[1.9] * 240)) == pytest.approx(1.0, abs=1e-5)


def test_half_of_it_is_forgotten_in_each_half_life():
    assert strain(window_of(*[1.9] * 12, *[0.1] * 12)) == pytest.approx(0.25)


def test_what_nobody_saw_is_no_excess():
    assert strain(window_of(*[NAN] * 12)) == 0.0
    assert strain(window_of(*[1.9] * 12, *[NAN] * 12)) == pytest.approx(0.25)


@hypothesis.settings(deadline=None)
@hypothesis.given(
    st.lists(st.sampled_from([0.5, 1.9, NAN]), min_size=2, max_size=60),
    st.data(),
)
def test_it_does_not_matter_how_often_anyone_looks(cpu, drawn):
    cut = drawn.draw(st.integers(1, len(cpu) - 1))
    whole = window_of(*cpu)
    first = whole.until(int(whole.times()[cut - 1]))
    seen = weights.strains(first, GUIDELINE, HOUR)
    before = {
        one.instance_id: one for one in weights.recorded(first, seen, HOUR)
    }
    after = dataclasses.replace(HOUR, before=before)
    assert strain(whole, after) == pytest.approx(strain(whole), abs=2e-3)


def test_a_strain_that_has_gone_by_is_recorded_as_none():
    calm = window_of(*[0.1] * 12)
    known = {
        'a': weights.Strain(instance_id='a', at=1, share=(1.0, 0.0, 0.0, 0.0))
    }
    weighing = dataclasses.replace(HOUR, before=known)
    seen = weights.strains(calm, GUIDELINE, weighing)
    (kept,) = weights.recorded(calm, seen, weighing)
    assert (kept.at, kept.share) == (calm.end, (0.0,) * 4)
    assert weights.recorded(calm, seen, HOUR) == []


SHARES = st.floats(0.0, 1.0)


@hypothesis.given(SHARES, SHARES, SHARES, st.floats(0.1, 10.0))
def test_a_weight_never_rises_with_the_strain_nor_leaves_its_bounds(
    own, more, other, base
):
    def weight(share):
        return weights.effective(
            np.full((2, 1), base),
            np.array([[share], [other]]),
            ['p', 'p'],
            np.ones((2, 1)),
            0.25,
        )[:, 0]

    less = weight(min(1.0, own + more))
    assert (less <= weight(own) + 1e-12).all()
    assert (less >= 0.25 * base - 1e-12).all()
    assert (weight(own) <= base + 1e-12).all()


def test_the_other_instances_of_a_project_lose_by_its_share():
    found = weights.effective(
        np.full((3, 1), 4.0),
        np.array([[1.0], [0.0], [0.0]]),
        ['p', 'p', 'q'],
        np.array([[1.0], [3.0], [1.0]]),
        0.0,
    )
    assert found[:, 0].tolist() == [0.0, 3.0, 4.0]


# ------------------------------------------------------------- in a proposal
def propose(weighing, *instances, steps=12, used=1.9, leases=(), **specs):
    fleet = data.a_fleet(*instances, flavors=flavors(**specs))
    rising = {one.id: {'cpu': (1.95, 0.01)} for one in instances}
    return pipeline.propose(
        fleet=fleet,
        window=data.window(
            fleet, {one.id: used for one in instances}, steps=steps
        ),
        forecaster=FakeForecaster(rising),
        leases=leases,
        policy=Policy(),
        now=data.NOW,
        weighing=weighing,
    )


def flavors(**specs):
    return tuple(data.flavor(f'f{n}', n, 4, **specs) for n in (2, 3, 4, 6, 8))


def server(name='a', **specs):
    return data.instance(name, flavor=flavors(**specs)[0])


def test_the_weight_of_a_resource_counts_before_that_of_all():
    specs = {'predictive__weight_cpu': '9', 'weight': '1'}
    (verdict,) = propose(None, server(**specs), **specs).verdicts
    assert verdict.weight == verdict.base_weight == 9.0
    assert isinstance(verdict.adjustment, Resize)
    # 2 + 9 x (1.98 - 1.8) vCPUs
    assert verdict.adjustment.flavor.name == 'f4'


@pytest.mark.parametrize('spec', ['weight', 'weight_cpu'])
def test_a_tenant_cannot_raise_a_weight(spec):
    greedy = dataclasses.replace(
        server(), metadata={f'predictive:{spec}': '100'}
    )
    (verdict,) = propose(None, greedy).verdicts
    assert verdict.weight == 1.0


def test_a_strained_instance_gets_less_and_its_verdict_says_from_what():
    specs = {'weight': '8'}
    rested = propose(HOUR, server(**specs), used=0.5, **specs).verdicts[0]
    strained = propose(HOUR, server(**specs), **specs).verdicts[0]
    assert (rested.weight, strained.base_weight) == (8.0, 8.0)
    assert strained.weight == pytest.approx(8 * (1 - 0.75 * 0.5))
    less, more = strained.adjustment, rested.adjustment
    assert less.flavor.vcpus < more.flavor.vcpus
    assert 'weight 5 (of 8)' in less.text
    assert 'weight 8 x need' in more.text


def test_the_guideline_is_that_of_the_own_flavor_not_of_the_lease():
    leased = data.instance('a', flavor=flavors()[2])
    lease = data.lease('a', origin_flavor_name='f2', flavor_name='f4')
    (verdict,) = propose(HOUR, leased, leases=[lease]).verdicts
    assert verdict.weight == pytest.approx(1 - 0.75 * 0.5)
    (verdict,) = propose(HOUR, leased).verdicts
    assert verdict.weight == 1.0


def test_what_is_to_be_recorded_is_in_the_proposal():
    (kept,) = propose(HOUR, server()).strains
    assert kept.instance_id == 'a' and kept.at == data.NOW
    assert kept.share == pytest.approx((0.5, 0.0, 0.0, 0.0))
    assert propose(None, server()).strains == ()
