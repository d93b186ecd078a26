"""What is decided, seen from the door of the core."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import pipeline
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


RISING = {'cpu': (1.95, 0.01)}  # of 2 vCPUs: surely above 1.8


def propose(
    fleet, expected=None, *, leases=(), window=None, recent=None, **rules
):
    return pipeline.propose(
        fleet=fleet,
        window=data.window(fleet) if window is None else window,
        forecaster=FakeForecaster(expected or {}),
        leases=leases,
        policy=Policy(**rules),
        now=data.NOW,
        recent=recent,
    )


def verdict(proposal, instance='a'):
    return next(v for v in proposal.verdicts if v.instance.id == instance)


def decision(fleet, expected=None, **other):
    return verdict(propose(fleet, expected, **other)).adjustment


def test_an_instance_about_to_pass_its_limit_is_resized_in_time():
    chosen = decision(data.a_fleet(data.instance('a')), {'a': RISING})
    assert isinstance(chosen, Resize)
    assert chosen.flavor == data.MEDIUM
    assert chosen.reason is Reason.VIOLATION_EXPECTED
    assert chosen.benefit > chosen.cost
    assert chosen.expires_at == data.NOW + Policy().lease_duration_s
    assert 'cpu > 0.9 of 2 vCPUs' in chosen.text


def test_an_instance_without_risk_is_held():
    chosen = decision(data.a_fleet(data.instance('a')))
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.LOW_RISK


@pytest.mark.parametrize(
    ('changed', 'reason'),
    [
        ({'locked': True}, Reason.LOCKED),
        ({'task_state': 'migrating'}, Reason.BUSY),
        ({'status': 'SHUTOFF'}, Reason.NOT_ACTIVE),
        ({'metadata': {'predictive:optout': 'True'}}, Reason.OPTED_OUT),
    ],
)
def test_an_untouchable_instance_is_held_whatever_its_risk(changed, reason):
    fleet = data.a_fleet(data.instance('a', **changed))
    chosen = decision(fleet, {'a': RISING})
    assert isinstance(chosen, Hold)
    assert chosen.reason is reason


@pytest.mark.parametrize('weight', ['heavy', '-1', '0', 'nan', 'inf', ''])
def test_a_weight_that_is_not_a_positive_number_leaves_the_instance_alone(
    weight,
):
    odd = data.flavor('odd', 2, 4, weight=weight)
    fleet = data.a_fleet(data.instance('a', flavor=odd))
    chosen = decision(fleet, {'a': RISING})
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.BAD_EXTRA_SPEC
    assert repr(weight) in chosen.text
    assert 'openstack flavor set' in chosen.text


def test_an_instance_without_samples_is_held_as_unknown():
    fleet = data.a_fleet(data.instance('a'), data.instance('b'))
    window = data.window(fleet)
    used = window.usage.copy()
    used[0] = np.nan
    chosen = decision(
        fleet, {'a': RISING}, window=dataclasses.replace(window, usage=used)
    )
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NO_SAMPLES


def test_an_unknown_resource_is_not_called_low_risk():
    fleet = data.a_fleet(data.instance('a'))
    proposal = pipeline.propose(
        fleet=fleet,
        window=without_cpu(fleet),
        forecaster=FakeForecaster({}),
        leases=(),
        policy=Policy(),
        now=data.NOW,
        missing={'a': 'cpu: no metric'},
    )
    chosen = verdict(proposal).adjustment
    assert chosen.reason is Reason.INCOMPLETE
    assert chosen.text == 'there is no forecast of cpu: cpu: no metric'


def test_a_lease_is_kept_while_a_limited_resource_is_unknown():
    fleet = leased()
    proposal = propose(
        fleet, leases=[data.lease('a')], window=without_cpu(fleet)
    )
    assert verdict(proposal).adjustment.reason is Reason.LEASE_KEPT


def without_cpu(fleet):
    window = data.window(fleet)
    used = window.usage.copy()
    used[:, :, 0] = np.nan
    return dataclasses.replace(window, usage=used)


def test_samples_that_are_too_old_hold_the_instance():
    fleet = data.a_fleet(data.instance('a'))
    window = data.window(fleet, end=data.NOW - 1200)
    chosen = decision(fleet, {'a': RISING}, window=window)
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.STALE_SAMPLES
    assert '1200 s' in chosen.text


def test_a_resource_without_a_limit_is_never_at_risk():
    fleet = data.a_fleet(data.instance('a'))
    seen = verdict(propose(fleet, {'a': {'network': (1e12, 1e6)}}))
    assert seen.risk.tolist()[3] == 0.0
    assert isinstance(seen.adjustment, Hold)


def test_a_network_quota_is_a_limit_and_a_larger_quota_relieves_it():
    narrow = data.flavor(
        'narrow', 2, 4,
        quota__vif_inbound_average='1000',
        quota__vif_outbound_average='1000',
    )  # fmt: skip
    wide = data.flavor(
        'wide', 2, 4,
        quota__vif_inbound_average='4000',
        quota__vif_outbound_average='4000',
    )  # fmt: skip
    fleet = data.a_fleet(
        data.instance('a', flavor=narrow), flavors=(narrow, wide)
    )
    chosen = decision(fleet, {'a': {'network': (2e6, 1e3)}})
    assert isinstance(chosen, Resize)
    assert chosen.flavor == wide


def test_the_heavier_of_two_alike_gets_the_larger_flavor():
    light = [data.flavor(f'l{n}', n, 4, weight='1') for n in (10, 12, 16)]
    heavy = [data.flavor(f'h{n}', n, 4, weight='4') for n in (10, 12, 16)]
    fleet = data.a_fleet(
        data.instance('a', flavor=light[0]),
        data.instance('b', flavor=heavy[0]),
        nodes=(data.node('n1', 64), data.node('n2', 64)),
        flavors=(*light, *heavy),
    )
    proposal = propose(fleet, {i: {'cpu': (9.9, 0.01)} for i in 'ab'})
    assert verdict(proposal, 'a').adjustment.flavor == light[1]
    assert verdict(proposal, 'b').adjustment.flavor == heavy[2]


def test_a_resize_keeps_every_extra_spec_but_the_quotas():
    pinned = data.flavor('pinned', 2, 4, hw__cpu_policy='dedicated')
    fleet = data.a_fleet(data.instance('a', flavor=pinned))
    chosen = decision(fleet, {'a': RISING})
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NO_FLAVOR


def test_a_flavor_with_another_disk_disabled_or_private_is_never_chosen():
    flavors = (
        data.SMALL,
        data.flavor('thin', 4, 8, disk_gib=5),
        data.flavor('thick', 4, 8, disk_gib=20),
        data.flavor('gone', 4, 8, disabled=True),
        dataclasses.replace(data.MEDIUM, name='private', public=False),
    )
    fleet = data.a_fleet(data.instance('a'), flavors=flavors)
    chosen = decision(fleet, {'a': RISING})
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NO_FLAVOR


def test_a_flavor_that_cannot_be_read_is_passed_over():
    odd = data.flavor('odd', 4, 8, quota__disk_total_bytes_sec='much')
    fleet = data.a_fleet(
        data.instance('a'), flavors=(data.SMALL, odd, data.LARGE)
    )
    chosen = decision(fleet, {'a': RISING})
    assert isinstance(chosen, Resize)
    assert chosen.flavor == data.LARGE


def test_no_node_with_room_means_hold_with_each_refusal_named():
    nodes = (data.node('n1'), data.node('n2', 1, cpu_ratio=1.0))
    fleet = data.a_fleet(data.instance('a'), nodes=nodes)
    chosen = decision(fleet, {'a': RISING})
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NO_NODE
    assert 'n2 lacks 3 vCPUs' in chosen.text


def test_a_resize_that_costs_more_than_it_brings_is_not_proposed():
    fleet = data.a_fleet(data.instance('a'))
    chosen = decision(
        fleet, {'a': RISING}, resize_interruption_s=60.0, cost_factor=100.0
    )
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NOT_WORTH_IT


def hot_node(*weights):
    """Eight instances of 2 vCPUs fill the 8 vCPUs of n1."""
    kinds = [data.flavor(f'w{w}', 4, 4, weight=w) for w in weights]
    instances = [
        data.instance(f'i{n}', flavor=kind) for n, kind in enumerate(kinds)
    ]
    fleet = data.a_fleet(
        *instances,
        nodes=(data.node('n1', 8), data.node('n2', 8)),
        flavors=tuple(kinds),
    )
    expected = {one.id: {'cpu': (2.0, 0.05)} for one in instances}
    return fleet, expected


def test_a_node_that_nobody_can_leave_says_so_once():
    full = data.a_fleet(
        *(data.instance(name) for name in 'abcde'),
        nodes=(data.node('n1', 8), data.node('n2', 16, enabled=False)),
    )
    proposal = propose(full, {name: {'cpu': (1.6, 0.05)} for name in 'abcde'})
    held = [v.adjustment for v in proposal.verdicts]
    stuck = [one for one in held if one.reason is Reason.NO_NODE]
    assert len(stuck) == 1
    assert stuck[0].text.startswith('n1: P(sum of its instances > 0.9 of')
    assert 'no node can take it: n2 is disabled or down' in stuck[0].text
    assert {one.reason for one in held} == {Reason.NO_NODE, Reason.LOW_RISK}


def test_a_node_about_to_be_short_loses_its_lightest_instance():
    fleet, expected = hot_node('4', '2', '1', '3')
    proposal = propose(fleet, expected)
    moves = [v for v in proposal.verdicts if isinstance(v.adjustment, Migrate)]
    assert [v.instance.id for v in moves] == ['i2']
    assert moves[0].adjustment.node == 'n2'
    assert moves[0].adjustment.reason is Reason.NODE_OVERLOAD_EXPECTED
    assert proposal.risk_before > 0.9
    assert proposal.risk_after < 0.1


def test_a_migration_never_endangers_its_target():
    fleet, expected = hot_node('1', '1', '1', '1')
    busy = data.instance('busy', 'n2', flavor=data.flavor('big', 8, 8))
    fleet = dataclasses.replace(
        fleet,
        instances=(*fleet.instances, busy),
        scope=fleet.scope | {'busy'},
    )
    proposal = propose(fleet, {**expected, 'busy': {'cpu': (6.5, 0.1)}})
    assert not any(
        isinstance(v.adjustment, Migrate) for v in proposal.verdicts
    )


def test_an_anti_affinity_group_is_not_brought_together():
    fleet, expected = hot_node('1', '9', '9', '9')
    other = data.instance('other', 'n2')
    group = fleet_module.ServerGroup(
        id='g', policy='anti-affinity', members=frozenset({'i0', 'other'})
    )
    fleet = dataclasses.replace(
        fleet, instances=(*fleet.instances, other), groups=(group,)
    )
    moved = [
        v.instance.id
        for v in propose(fleet, expected).verdicts
        if isinstance(v.adjustment, Migrate)
    ]
    assert moved
    assert 'i0' not in moved


def test_a_member_of_an_affinity_group_does_not_move_alone():
    fleet, expected = hot_node('1', '9', '9', '9')
    group = fleet_module.ServerGroup(
        id='g', policy='affinity', members=frozenset({'i0', 'i1'})
    )
    fleet = dataclasses.replace(fleet, groups=(group,))
    moved = [
        v.instance.id
        for v in propose(fleet, expected).verdicts
        if isinstance(v.adjustment, Migrate)
    ]
    assert moved
    assert not {'i0', 'i1'} & set(moved)


def leased(**other):
    return data.a_fleet(data.instance('a', flavor=data.MEDIUM, **other))


def test_a_lease_whose_need_has_passed_is_released():
    chosen = decision(leased(), leases=[data.lease('a')])
    assert isinstance(chosen, Release)
    assert chosen.flavor == data.SMALL


@pytest.mark.parametrize(
    ('vcpus', 'memory_mib', 'released'),
    [(2, 4096, True), (1, 2048, True), (3, 4096, False), (2, 4097, False)],
)
def test_an_origin_that_was_made_anew_and_smaller_is_not_returned_to(
    vcpus, memory_mib, released
):
    # today's small has 2 vCPUs and 4096 MiB
    lease = data.lease('a', origin_vcpus=vcpus, origin_memory_mib=memory_mib)
    chosen = decision(leased(), leases=[lease])
    if released:
        assert isinstance(chosen, Release)
    else:
        assert chosen.reason is Reason.NO_FLAVOR
        assert 'its origin small was made anew with ' in chosen.text
        assert 'instead of' in chosen.text


SPECS = {'trait:CUSTOM_SSD': 'required', 'hw:cpu_policy': 'dedicated'}


@pytest.mark.parametrize(
    ('before', 'today', 'told'),
    [
        (SPECS, SPECS, ''),
        (SPECS, {**SPECS, 'predictive:weight': '4'}, ''),
        ({**SPECS, 'predictive:family': 'gold'}, SPECS, ''),
        (None, SPECS, ''),  # nobody wrote it down
        (
            SPECS,
            {'trait:CUSTOM_SSD': 'required'},
            'hw:cpu_policy=None instead of dedicated',
        ),
        ({}, SPECS, 'trait:CUSTOM_SSD=required instead of None'),
        (
            {'quota:disk_total_bytes_sec': '9000000'},
            {'quota:disk_total_bytes_sec': '8000000'},
            'quota:disk_total_bytes_sec=8000000 instead of 9000000',
        ),
    ],
)
def test_an_origin_that_is_another_by_now_is_not_returned_to(
    before, today, told
):
    origin = dataclasses.replace(data.SMALL, extra_specs=today)
    fleet = dataclasses.replace(leased(), flavors=(origin, data.MEDIUM))
    chosen = decision(fleet, leases=[data.lease('a', origin_specs=before)])
    if told:
        assert chosen.reason is Reason.NO_FLAVOR
        assert 'its origin small was made anew with ' in chosen.text
        assert told in chosen.text
    else:
        assert isinstance(chosen, Release)


@pytest.mark.parametrize(
    ('today', 'told'),
    [
        (None, 'its flavor small is gone: a lease could not end'),
        ({'disabled': True}, 'its flavor small is disabled'),
        ({'extra_specs': SPECS}, 'hw:cpu_policy=dedicated instead of None'),
        ({'disk_gib': 5}, 'other disks'),
        ({'vcpus': 1}, '1 vCPUs instead of 2'),
    ],
)
def test_no_lease_begins_that_could_not_end(today, told):
    others = (data.MEDIUM, data.LARGE)
    if today is not None:
        others += (dataclasses.replace(data.SMALL, **today),)
    fleet = dataclasses.replace(
        data.a_fleet(data.instance('a')), flavors=others
    )
    chosen = decision(fleet, {'a': RISING})
    assert chosen.reason is Reason.NO_FLAVOR
    assert told in chosen.text


def test_a_lease_is_renewed_while_the_need_lasts():
    proposal = propose(
        leased(), {'a': {'cpu': (2.1, 0.05)}}, leases=[data.lease('a')]
    )
    assert verdict(proposal).adjustment.reason is Reason.LEASE_KEPT
    assert proposal.renewals == {'a': data.NOW + Policy().lease_duration_s}


def test_a_lease_is_not_released_before_its_least_time():
    young = data.lease('a', since=data.NOW - 300)
    proposal = propose(leased(), leases=[young])
    assert verdict(proposal).adjustment.reason is Reason.LEASE_KEPT


def test_a_risk_between_the_thresholds_keeps_the_lease_until_it_expires():
    between = {'a': {'cpu': (1.7, 0.08)}}  # P(> 1.8) = .22
    kept = decision(leased(), between, leases=[data.lease('a')])
    assert kept.reason is Reason.LEASE_KEPT
    expired = data.lease('a', expires_at=data.NOW)
    assert isinstance(decision(leased(), between, leases=[expired]), Release)


def test_a_flavor_that_the_owner_changed_is_never_undone():
    fleet = data.a_fleet(data.instance('a', flavor=data.LARGE))
    proposal = propose(fleet, leases=[data.lease('a')])
    assert isinstance(verdict(proposal).adjustment, Hold)
    assert 'changed by its owner' in proposal.leases.lost['a']


def test_a_lease_without_samples_is_kept_as_it_is():
    fleet = leased()
    used = np.full((1, 12, 4), np.nan, np.float32)
    window = dataclasses.replace(data.window(fleet), usage=used)
    proposal = propose(fleet, leases=[data.lease('a')], window=window)
    assert verdict(proposal).adjustment.reason is Reason.NO_SAMPLES
    assert not proposal.renewals
    assert not proposal.leases.lost


def test_the_budget_serves_the_heaviest_first():
    kinds = {
        w: (
            data.flavor(f's{w}', 2, 4, weight=w),
            data.flavor(f'm{w}', 4, 8, weight=w),
        )
        for w in ('1', '2', '4')
    }
    fleet = data.a_fleet(
        *(data.instance(f'i{w}', flavor=k[0]) for w, k in kinds.items()),
        flavors=tuple(f for pair in kinds.values() for f in pair),
    )
    expected = dict.fromkeys(fleet.scope, RISING)
    proposal = propose(fleet, expected, max_actions=1)
    assert isinstance(verdict(proposal, 'i4').adjustment, Resize)
    for other in ('i1', 'i2'):
        chosen = verdict(proposal, other).adjustment
        assert isinstance(chosen, Hold)
        assert chosen.reason is Reason.BUDGET


def test_what_the_audit_does_not_allow_is_named_but_not_done():
    fleet = data.a_fleet(data.instance('a'))
    chosen = decision(fleet, {'a': RISING}, allow_resize=False)
    assert chosen.reason is Reason.NOT_ALLOWED


def test_a_refused_model_is_the_callers_to_explain():
    fleet = data.a_fleet(data.instance('a'))
    with pytest.raises(exceptions.ModelRefused):
        pipeline.propose(
            fleet=fleet,
            window=data.window(fleet),
            forecaster=FakeForecaster(
                {}, error=exceptions.ModelRefused('bad')
            ),
            leases=(),
            policy=Policy(),
            now=data.NOW,
        )


def test_an_empty_fleet_gives_an_empty_proposal():
    fleet = data.a_fleet(nodes=())
    proposal = propose(fleet)
    assert proposal.verdicts == ()
    assert proposal.risk_before == proposal.risk_after == 0.0


def test_what_lies_outside_the_scope_gets_no_verdict():
    fleet = data.a_fleet(data.instance('a'), data.instance('b'))
    fleet = dataclasses.replace(fleet, scope=frozenset({'b'}))
    proposal = propose(fleet, {'a': RISING})
    assert [v.instance.id for v in proposal.verdicts] == ['b']


@hypothesis.given(
    peaks=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=8),
    order=st.randoms(use_true_random=False),
    budget=st.integers(0, 4),
)
@hypothesis.settings(deadline=None, max_examples=60)
def test_a_plan_keeps_its_budget_and_does_not_depend_on_the_order(
    peaks, order, budget
):
    instances = [
        data.instance(f'i{n}', f'n{n % 2 + 1}') for n in range(len(peaks))
    ]
    expected = {
        one.id: {'cpu': (peak, 0.05)}
        for one, peak in zip(instances, peaks, strict=True)
    }
    shuffled = list(instances)
    order.shuffle(shuffled)

    def plan(members):
        fleet = data.a_fleet(
            *members, nodes=(data.node('n1', 4), data.node('n2', 6))
        )
        proposal = propose(fleet, expected, max_actions=budget)
        return {v.instance.id: v.adjustment for v in proposal.verdicts}

    first, second = plan(instances), plan(shuffled)
    assert first == second
    acting = [a for a in first.values() if not isinstance(a, Hold)]
    assert len(acting) <= budget


def test_a_verdict_tells_how_old_the_samples_of_each_resource_are():
    fleet = data.a_fleet(data.instance('a'), data.instance('b'))
    window = data.window(fleet)
    used = window.usage.copy()
    used[0, -3:, 1] = np.nan
    used[0, :, 3] = np.nan
    window = dataclasses.replace(window, usage=used)
    ages = verdict(propose(fleet, window=window)).numbers()
    newest = data.NOW - window.end
    assert ages['cpu']['age_s'] == newest
    assert ages['memory']['age_s'] == newest + 3 * data.STEP_S
    assert ages['network']['age_s'] is None
