"""A plan sends servers only into aggregates that their flavors ask for."""

import dataclasses

import pytest

from predictive_watcher.core import aggregates
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


@pytest.mark.parametrize(
    ('there', 'wanted', 'fits'),
    [
        ('ssd', 'ssd', True),
        ('ssd', 'SSD', False),
        ('ssd', 's== ssd', True),
        ('ssd', 's!= ssd', False),
        ('ssd', '<or> hdd <or> ssd', True),
        ('ssd', '<or> hdd', False),
        ('fast ssd', '<in> ssd', True),
        ('fast ssd', '<all-in> ssd fast', True),
        ('fast ssd', '<all-in> ssd new', False),
        ('10', '= 8', True),
        ('7', '= 8', False),
        ('8', '== 8.0', True),
        ('8', '<= 8', True),
        ('8', '!= 8', False),
        ('many', '>= 8', False),
        ('b', 's> a', True),
        ('b', 's< a', False),
        ('a', 's>= a', True),
        ('a', 's<= a', True),
    ],
)
def test_a_value_fits_as_novas_scheduler_has_it(there, wanted, fits):
    assert aggregates.fits(there, wanted) is fits


def asking(value='ssd'):
    key = 'aggregate_instance_extra_specs__disk'
    return {
        name: data.flavor(name, vcpus, 4 * vcpus // 2, **{key: value})
        for name, vcpus in (('small', 2), ('medium', 4))
    }


def nodes(*disks):
    """One for each kind of disk; '' is in no aggregate."""
    return tuple(
        dataclasses.replace(
            data.node(f'n{number}', 16),
            aggregate_metadata={'disk': frozenset({disk})} if disk else {},
        )
        for number, disk in enumerate(disks, 1)
    )


def chosen(fleet, expected, **rules):
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(expected),
        leases=(),
        policy=Policy(**rules),
        now=data.NOW,
    )
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


def rising(*disks):
    flavors = asking()
    fleet = data.a_fleet(
        data.instance('a', flavor=flavors['small']),
        nodes=nodes(*disks),
        flavors=tuple(flavors.values()),
    )
    return chosen(fleet, {'a': {'cpu': (1.95, 0.01)}})['a']


def test_a_resize_finds_room_in_the_aggregate_of_its_flavor():
    found = rising('ssd', '', 'hdd', 'ssd')
    assert isinstance(found, Resize)
    assert found.node == 'n4'


def test_a_resize_that_no_aggregate_takes_is_held_and_says_why():
    found = rising('ssd', '', 'hdd')
    assert found.reason is Reason.NO_NODE
    assert 'n2 is in no aggregate with disk=ssd' in found.text


def test_a_migration_stays_in_the_aggregate():
    flavor = asking()['small']
    fleet = data.a_fleet(
        *(data.instance(name, flavor=flavor) for name in 'abcde'),
        nodes=(
            dataclasses.replace(nodes('ssd')[0], vcpus=8),
            *nodes('', '', 'ssd')[1:],
        ),
    )
    found = chosen(fleet, {name: {'cpu': (1.6, 0.05)} for name in 'abcde'})
    moved = [one for one in found.values() if isinstance(one, Migrate)]
    assert [one.node for one in moved] == ['n3']


def test_what_has_no_scope_asks_nothing():
    flavor = data.flavor('plain', 2, 4, hw__cpu_policy='dedicated', ssd='true')
    assert aggregates.asked(flavor) == ()
