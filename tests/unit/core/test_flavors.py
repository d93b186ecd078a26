"""Which flavors may be leased, and what is said where none does."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import flavors
from predictive_watcher.core import pipeline
from predictive_watcher.core import quotas
from predictive_watcher.core import shelf
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


NAN = float('nan')
RISING = {'cpu': (1.95, 0.01)}  # of 2 vCPUs


def terms(own=data.SMALL, **other):
    values = {
        'instance': data.instance('a', flavor=own),
        'origin': own,
        'max_growth': 4.0,
    }
    return flavors.Terms(**{**values, **other})


def changed(flavor=data.MEDIUM, **other):
    return dataclasses.replace(flavor, **other)


@pytest.mark.parametrize(
    ('flavor', 'why'),
    [
        (data.SMALL, 'is what it has'),
        (changed(disabled=True), 'is disabled'),
        (changed(public=False), 'is private to other projects'),
        (changed(vcpus=1), 'has 1 vCPUs less'),
        (changed(memory_mib=1024), 'has 3072 MiB less'),
        (changed(disk_gib=20), 'has other disks (20+0 GiB, 0 MiB of swap, '),
        (changed(disk_gib=5), 'has other disks'),
        (changed(swap_mib=512), 'has other disks'),
        (changed(vcpus=9), 'is more than 4 times small'),
        (data.flavor('pinned', 4, 8, hw__cpu_policy='dedicated'), 'has hw:'),
        (data.flavor('ssd', 4, 8, trait__SSD='required'), 'has trait:SSD'),
        (data.flavor('gpu', 4, 8, resources__VGPU='1'), 'has resources:VGPU'),
    ],
)
def test_a_flavor_that_may_not_be_leased_says_why(flavor, why):
    assert flavors.refusal(flavor, terms()).startswith(why)


def test_a_private_flavor_is_for_the_projects_that_may_use_it():
    own = changed(public=False, projects=frozenset({'p'}))
    others = changed(public=False, projects=frozenset({'q'}))
    assert flavors.refusal(own, terms()) is None
    assert flavors.refusal(others, terms()) == 'is private to other projects'


def test_the_family_is_told_by_the_extra_spec_before_the_name():
    gold = data.flavor('x.2', 2, 4, predictive__family='gold')
    mine = data.flavor('y.4', 4, 8, predictive__family='gold')
    other = data.flavor('x.4', 4, 8, predictive__family='iron')
    asked = terms(gold, family_pattern=r'^(\w+)\.')
    assert flavors.refusal(mine, asked) is None
    assert 'predictive:family=iron, not gold' in flavors.refusal(other, asked)


def test_the_family_is_told_by_the_name_where_a_pattern_is_given():
    own = data.flavor('gold.2', 2, 4)
    larger = data.flavor('gold.4', 4, 8), data.flavor('iron.4', 4, 8)
    asked = terms(own, family_pattern=r'^(\w+)\.')
    assert shelf.Shelf(larger).candidates(asked) == [larger[0]]
    assert flavors.refusal(larger[1], asked) == 'is of family iron, not gold'
    assert len(shelf.Shelf(larger).candidates(terms(own))) == 2


def test_a_flavor_whose_name_tells_no_family_keeps_to_none():
    asked = terms(data.flavor('plain', 2, 4), family_pattern=r'^(\w+)\.')
    assert flavors.refusal(data.flavor('gold.4', 4, 8), asked) is None


@pytest.mark.parametrize('pattern', ['(', 'gold', '[a-'])
def test_a_pattern_without_a_group_is_refused(pattern):
    with pytest.raises(exceptions.InvalidInput, match='flavor_family_pattern'):
        Policy(family_pattern=pattern)


def drawn(rng):
    """Some flavor, and the terms of somebody."""
    names = ('gold.2', 'gold.4', 'iron.2', 'iron.8')
    sizes = [int(n) for n in rng.choice([2, 4, 8], 3)]
    made, own, largest = (
        dataclasses.replace(
            data.flavor(str(rng.choice(names)), size, 2 * size),
            public=bool(rng.random() < 0.7),
            projects=frozenset(rng.choice(['p', 'q'], 1).tolist()),
            disabled=bool(rng.random() < 0.1),
            disk_gib=int(rng.choice([10, 10, 20])),
        )
        for size in sizes
    )
    return made, flavors.Terms(
        instance=data.instance(
            'a', flavor=own, project_id=str(rng.choice(['p', 'q']))
        ),
        origin=data.flavor('o', int(rng.choice([1, 2])), 2),
        max_growth=float(rng.choice([2.0, 4.0])),
        largest=largest if rng.random() < 0.3 else None,
        family_pattern=str(rng.choice(['', r'^(\w+)\.'])),
    )


@pytest.mark.parametrize('seed', range(10))
def test_what_was_found_for_one_holds_for_nobody_else(seed):
    rng = np.random.default_rng(seed)
    some = {one.name: one for one, _ in (drawn(rng) for _ in range(12))}
    known = shelf.Shelf(some.values())
    for _ in range(200):
        _, asked = drawn(rng)
        anew = shelf.Shelf(some.values())
        permitted = known.candidates(asked)
        assert permitted == anew.candidates(asked)
        assert {one.name for one in permitted} == {
            name
            for name, one in some.items()
            if flavors.refusal(one, asked) is None
        }
        assert known.looked_at(asked, permitted[:1]) == anew.looked_at(
            asked, permitted[:1]
        )
        assert known.missing(asked, need(5.0)) == anew.missing(
            asked, need(5.0)
        )


# ----------------------------------------------------- what is said of a need
def need(vcpus, memory_mib=4096.0):
    return np.array([vcpus, memory_mib, NAN, NAN])


def test_what_is_missing_names_the_nearest_and_who_would_do():
    off = data.flavor('huge', 8, 16, disabled=True)
    known = shelf.Shelf([data.SMALL, data.MEDIUM, off])
    text = known.missing(terms(max_growth=2.0), need(5.0))
    assert text == (
        'the nearest, medium, lacks 1 vCPUs of cpu; huge is disabled'
    )


def test_where_no_flavor_is_permitted_it_says_so():
    text = shelf.Shelf([data.SMALL]).missing(terms(), need(5.0))
    assert text == 'none is permitted'


def test_a_limit_where_there_was_none_is_no_help():
    limited = data.flavor('io', 4, 8, quota__disk_total_bytes_sec='1000000')
    text = shelf.Shelf([limited]).missing(terms(), need(3.0))
    assert text.startswith('the nearest, io, would leave the risk too high')


def test_disk_and_network_are_limited_by_the_quotas_of_flavors():
    made = [
        data.flavor(f'io{n}', 2, 4, quota__disk_total_bytes_sec=f'{n}000000')
        for n in (1, 2, 4)
    ]
    fleet = data.a_fleet(
        data.instance('a', flavor=made[0]), flavors=tuple(made)
    )
    chosen = propose(fleet, {'a': {'disk': (0.99e6, 1e3)}})['a']
    assert isinstance(chosen, Resize)
    assert chosen.flavor.name == 'io2'


def propose(fleet, expected, quota=None, **rules):
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(expected),
        leases=(),
        policy=Policy(**rules),
        now=data.NOW,
        quotas=quota,
    )
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


def test_a_verdict_without_a_flavor_says_which_resource_is_short():
    fleet = data.a_fleet(data.instance('a'))
    chosen = propose(fleet, {'a': RISING}, max_growth=1.5)['a']
    assert chosen.reason is Reason.NO_FLAVOR
    assert 'medium is more than 1.5 times small' in chosen.text


# ---------------------------------------------------------------------- quota
def test_what_nova_would_refuse_by_its_quota_is_not_asked_for():
    fleet = data.a_fleet(data.instance('a'))
    left = {'p': quotas.Quota(vcpus=1, memory_mib=10**6)}
    chosen = propose(fleet, {'a': RISING}, left)['a']
    assert chosen.reason is Reason.QUOTA
    assert 'for medium the project lacks 1 vCPUs of quota' in chosen.text


def test_a_project_without_a_quota_is_not_limited_by_it():
    fleet = data.a_fleet(data.instance('a'))
    assert isinstance(propose(fleet, {'a': RISING}, {})['a'], Resize)


def test_two_resizes_of_a_plan_share_the_quota_of_their_project():
    fleet = data.a_fleet(data.instance('a'), data.instance('b', 'n2'))
    left = {'p': quotas.Quota(vcpus=3)}
    chosen = propose(fleet, {'a': RISING, 'b': RISING}, left)
    assert isinstance(chosen['a'], Resize)
    assert chosen['b'].reason is Reason.QUOTA


def test_the_quota_of_a_calm_project_is_never_asked():
    class Asked(dict):
        def get(self, key, default=None):
            raise AssertionError(f'{key} was asked')

    fleet = data.a_fleet(data.instance('a'))
    assert propose(fleet, {}, Asked())['a'].reason is Reason.LOW_RISK


def test_a_lease_whose_origin_is_gone_does_not_grow_again():
    used = {'cpu': (3.95, 0.01)}  # of the 4 vCPUs that are leased
    fleet = data.a_fleet(
        data.instance('a', flavor=data.MEDIUM),
        flavors=(data.MEDIUM, data.LARGE),
    )
    (verdict,) = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster({'a': used}),
        leases=(data.lease('a'),),
        policy=Policy(max_growth=2.0),
        now=data.NOW,
    ).verdicts
    assert verdict.adjustment.reason is Reason.NO_FLAVOR
    assert 'small, is gone' in verdict.adjustment.text
