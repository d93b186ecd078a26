"""What keeps the plans from doing harm: brakes, budgets, ways back."""

import dataclasses

import numpy as np
import pytest

from predictive_watcher.core import pipeline
from predictive_watcher.core import reconciling
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.budgets import Spent
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


RISING = {'cpu': (1.95, 0.01)}  # of 2 vCPUs: surely above 1.8
LEASED = data.instance('a', flavor=data.MEDIUM)
CEILING = np.array([0.9])


def propose(
    fleet, expected=None, *, used=None, leases=(), recent=None, now=data.NOW,
    **rules,
):  # fmt: skip
    return pipeline.propose(
        fleet=fleet,
        window=data.window(fleet, used, end=now),
        forecaster=FakeForecaster(expected or {}),
        leases=leases,
        policy=Policy(**rules),
        now=now,
        recent=recent,
    )


def decisions(proposal):
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


def attempt(instance='a', *, ago=600, failed=False, kind=Kind.RESIZE):
    return {
        instance: Attempt(
            instance_id=instance,
            kind=kind,
            at=data.NOW - ago,
            failed=failed,
            text='NoValidHost',
        )
    }


# ------------------------------------------------------------------ cooldown
def test_an_instance_is_left_alone_after_an_action():
    fleet = data.a_fleet(data.instance('a'))
    chosen = decisions(propose(fleet, {'a': RISING}, recent=attempt()))['a']
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.COOLDOWN
    assert 'a resize was done 600 s ago' in chosen.text


def test_what_failed_is_not_tried_at_each_audit():
    fleet = data.a_fleet(data.instance('a'))
    recent = attempt(failed=True)
    chosen = decisions(propose(fleet, {'a': RISING}, recent=recent))['a']
    assert chosen.reason is Reason.COOLDOWN
    assert 'NoValidHost' in chosen.text


def test_after_the_cooldown_it_is_tried_again():
    fleet = data.a_fleet(data.instance('a'))
    recent = attempt(ago=1800, failed=True)
    chosen = decisions(propose(fleet, {'a': RISING}, recent=recent))['a']
    assert isinstance(chosen, Resize)


def test_a_young_lease_does_not_grow_again():
    lease = data.lease('a', since=data.NOW - 900)
    proposal = propose(
        data.a_fleet(LEASED), {'a': {'cpu': (3.95, 0.01)}}, leases=[lease]
    )
    assert decisions(proposal)['a'].reason is Reason.COOLDOWN
    assert proposal.renewals


def test_a_lease_that_failed_to_end_waits_before_the_next_try():
    recent = attempt(failed=True, kind=Kind.RELEASE)
    proposal = propose(
        data.a_fleet(LEASED), leases=[data.lease('a')], recent=recent
    )
    assert decisions(proposal)['a'].reason is Reason.COOLDOWN


def test_a_runaway_grows_at_most_to_the_stated_multiple():
    flavors = tuple(data.flavor(f'f{n}', n, 4) for n in (2, 3, 4, 6, 8, 12))
    by_vcpus = {f.vcpus: f for f in flavors}
    now, lease, grown = data.NOW, None, [2]
    for _ in range(40):
        fleet = data.a_fleet(
            data.instance('a', flavor=by_vcpus[grown[-1]]),
            nodes=(data.node('n1', 32), data.node('n2', 32)),
            flavors=flavors,
        )
        full = 0.999 * grown[-1]
        chosen = decisions(
            propose(
                fleet,
                {'a': {'cpu': (full, 0.001)}},
                used={'a': full},
                leases=[lease] if lease else [],
                now=now,
            )
        )['a']
        if isinstance(chosen, Resize):
            grown.append(chosen.flavor.vcpus)
            lease = data.lease(
                'a',
                origin_flavor_name='f2',
                flavor_name=chosen.flavor.name,
                since=now,
            )
        now += 300
    assert grown == [2, 4, 8]


# -------------------------------------------------------------- no to and fro
def test_24_hours_of_a_nearly_full_pair_of_nodes_move_nobody_to_and_fro():
    rng = np.random.default_rng(3)
    nodes = (data.node('n1', 8), data.node('n2', 8))
    where = {f'i{n}': nodes[n % 2].name for n in range(9)}
    moved: dict[str, list[int]] = {name: [] for name in where}
    last: dict[str, Attempt] = {}
    for step in range(288):
        now = data.NOW + 300 * step
        fleet = data.a_fleet(
            *(data.instance(name, node) for name, node in where.items()),
            nodes=nodes,
        )
        expected = {
            name: {'cpu': (1.44 + rng.normal(0, 0.1), 0.1)} for name in where
        }
        chosen = decisions(propose(fleet, expected, recent=last, now=now))
        for name, action in chosen.items():
            if isinstance(action, Migrate):
                where[name] = action.node
                moved[name].append(step)
                last[name] = Attempt(
                    instance_id=name,
                    kind=Kind.MIGRATE,
                    at=now,
                    failed=False,
                    text='',
                )
    assert max(len(steps) for steps in moved.values()) <= 1


# ---------------------------------------------------------- leases really end
def test_a_lease_expires_though_audits_go_on():
    between = {'a': {'cpu': (1.7, 0.08)}}  # P(> 1.8) = .22
    lease = data.lease('a', since=data.NOW, expires_at=data.NOW + 3600)
    now = data.NOW
    for _ in range(24):
        proposal = propose(
            data.a_fleet(LEASED), between, leases=[lease], now=now
        )
        if isinstance(decisions(proposal)['a'], Release):
            break
        for expires_at in proposal.renewals.values():
            lease = dataclasses.replace(lease, expires_at=expires_at)
        now += 300
    assert now == data.NOW + 3600


def test_releases_come_before_growth_but_leave_it_half_of_the_budget():
    grown = [data.instance(f'l{n}', flavor=data.MEDIUM) for n in range(4)]
    rising = [data.instance(f'r{n}') for n in range(4)]
    nodes = (data.node('n1', 64), data.node('n2', 64))
    proposal = propose(
        data.a_fleet(*grown, *rising, nodes=nodes),
        {one.id: RISING for one in rising},
        leases=[data.lease(one.id) for one in grown],
        max_actions=4,
        max_actions_per_node=9,
    )
    kinds = [type(action) for action in decisions(proposal).values()]
    assert kinds.count(Release) == 2
    assert kinds.count(Resize) == 2


def test_a_release_needs_no_other_node():
    fleet = data.a_fleet(LEASED, nodes=(data.node('n1'),))
    chosen = decisions(propose(fleet, leases=[data.lease('a')]))['a']
    assert isinstance(chosen, Release)


@pytest.mark.parametrize(
    'origin',
    [
        dataclasses.replace(data.SMALL, disk_gib=40),
        dataclasses.replace(data.SMALL, disabled=True),
        None,
    ],
)
def test_a_lease_whose_origin_cannot_be_returned_to_is_kept(origin):
    flavors = (data.MEDIUM, *([origin] if origin else []))
    fleet = data.a_fleet(LEASED, flavors=flavors)
    chosen = decisions(propose(fleet, leases=[data.lease('a')]))['a']
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NO_FLAVOR
    assert 'origin small' in chosen.text


# ---------------------------------------------------- orders and what came
def test_an_order_that_arrived_unseen_is_noted():
    lease = data.lease('a', flavor_name='small', pending_flavor_name='medium')
    held = reconciling.reconcile([lease], [LEASED], data.NOW)
    assert held.arrived == {'a'}
    assert held.valid['a'].flavor_name == 'medium'
    assert held.valid['a'].pending_flavor_name is None


def test_a_release_that_arrived_unseen_ends_the_lease():
    lease = data.lease('a', pending_flavor_name='small')
    held = reconciling.reconcile([lease], [data.instance('a')], data.NOW)
    assert held.arrived == {'a'}
    assert not held.valid


def test_a_resize_that_nobody_confirmed_is_confirmed():
    waiting = dataclasses.replace(LEASED, status='VERIFY_RESIZE')
    lease = data.lease('a', flavor_name='small', pending_flavor_name='medium')
    chosen = decisions(propose(data.a_fleet(waiting), leases=[lease]))['a']
    assert isinstance(chosen, Confirm)


def test_somebody_elses_unconfirmed_resize_is_not_touched():
    waiting = dataclasses.replace(LEASED, status='VERIFY_RESIZE')
    chosen = decisions(propose(data.a_fleet(waiting)))['a']
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NOT_ACTIVE


def test_a_lease_is_not_lost_while_the_server_is_being_resized():
    resizing = data.instance('a', flavor=data.LARGE, status='VERIFY_RESIZE')
    held = reconciling.reconcile([data.lease('a')], [resizing], data.NOW)
    assert not held.lost
    assert 'a' in held.valid


def test_an_order_that_never_came_is_given_up_when_it_expires():
    lease = data.lease(
        'a',
        flavor_name='small',
        pending_flavor_name='medium',
        expires_at=data.NOW,
    )
    held = reconciling.reconcile([lease], [data.instance('a')], data.NOW)
    assert 'never came' in held.lost['a']


def test_the_owners_flavor_is_where_a_new_lease_begins():
    huge = data.flavor('huge', 16, 32)
    fleet = data.a_fleet(
        data.instance('a', flavor=data.LARGE), flavors=(*data.FLAVORS, huge)
    )
    proposal = propose(
        fleet, {'a': {'cpu': (7.95, 0.01)}}, leases=[data.lease('a')]
    )
    assert isinstance(decisions(proposal)['a'], Resize)
    assert 'a' in proposal.leases.lost
    assert 'a' not in proposal.leases.valid


# -------------------------------------------------------- flavors and nodes
def test_a_flavor_that_takes_no_risk_away_is_not_chosen():
    twin = data.flavor('twin', 2, 8)
    fleet = data.a_fleet(data.instance('a'), flavors=(data.SMALL, twin))
    chosen = decisions(propose(fleet, {'a': RISING}, quantile_level=0.5))['a']
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NO_FLAVOR


def test_a_server_older_than_the_weights_may_have_a_weighted_flavor():
    today = tuple(
        data.flavor(name, vcpus, 4 * vcpus, weight='2')
        for name, vcpus in (('small', 2), ('medium', 4))
    )
    old = data.instance('a', flavor=data.flavor('small', 2, 8))
    chosen = decisions(
        propose(data.a_fleet(old, flavors=today), {'a': RISING})
    )['a']
    assert isinstance(chosen, Resize)
    assert chosen.flavor.name == 'medium'


def test_the_heaviest_gets_the_largest_where_nothing_is_large_enough():
    family = tuple(data.flavor(f'f{n}', n, 4, weight='50') for n in (2, 4, 8))
    fleet = data.a_fleet(data.instance('a', flavor=family[0]), flavors=family)
    chosen = decisions(propose(fleet, {'a': RISING}))['a']
    assert isinstance(chosen, Resize)
    assert chosen.flavor == family[2]


def test_who_finds_no_flavor_may_still_be_moved_off_a_full_node():
    family = (data.flavor('only', 2, 4),)
    fleet = data.a_fleet(
        *(data.instance(f'i{n}', flavor=family[0]) for n in range(4)),
        nodes=(data.node('n1', 8), data.node('n2', 8)),
        flavors=family,
    )
    proposal = propose(fleet, dict.fromkeys(fleet.scope, RISING))
    actions = list(decisions(proposal).values())
    assert any(isinstance(action, Migrate) for action in actions)


def test_a_server_on_a_node_that_nova_does_not_list_is_held():
    fleet = data.a_fleet(data.instance('a', 'gone'))
    chosen = decisions(propose(fleet, {'a': RISING}))['a']
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NO_NODE
    assert "'gone'" in chosen.text


def test_what_a_plan_lets_grow_counts_on_the_node_that_takes_it():
    grow = [data.instance(f'i{n}') for n in range(3)]
    fleet = data.a_fleet(*grow, nodes=(data.node('n1', 8), data.node('n2', 5)))
    proposal = propose(
        fleet,
        {one.id: RISING for one in grow},
        max_actions_per_node=9,
    )
    actions = list(decisions(proposal).values())
    assert sum(isinstance(a, Resize) for a in actions) == 2
    assert any(a.reason is Reason.NO_NODE for a in actions)


def test_what_is_reserved_for_the_host_is_no_capacity():
    node = data.node('n', 16, vcpus_reserved=2, memory_reserved_mib=1024)
    assert node.capacity()[:2].tolist() == [14.0, 64512.0]


# ------------------------------------------- the last need of an own flavor
LIMITS = np.array([data.MEDIUM.limits()])  # of the lease


def used(cpu):
    fleet = data.a_fleet(data.instance('a', flavor=data.MEDIUM))
    window = data.window(fleet, steps=len(cpu))
    found = window.usage.copy()
    found[0, :, 0] = cpu
    return fleet, dataclasses.replace(window, usage=found)


def needed_s_ago(cpu):
    _, window = used(cpu)
    found = reconciling.needs(window, {'a': data.SMALL}, LIMITS, CEILING)
    return data.NOW - found['a'][-1] if found else None


def test_the_last_need_is_the_newest_sample_above_the_own_ceiling():
    assert needed_s_ago([1.9, 1.9, 0.5, 0.5]) == 600
    assert needed_s_ago([0.5, 0.5, 0.5, 1.81]) == 0
    assert needed_s_ago([1.8, 1.8, 1.8, np.nan]) is None


def test_a_need_that_the_lease_does_not_help_is_none():
    _, window = used([0.5, 0.5])
    usage = window.usage.copy()
    usage[0, 0, 1] = 4000  # MiB of 4096
    window = dataclasses.replace(window, usage=usage)
    more_cpu = np.array([data.flavor('cpu', 4, 4).limits()])
    for limits, last in ((LIMITS, {'a': data.NOW - 300}), (more_cpu, {})):
        found = reconciling.needs(
            window, {'a': data.SMALL}, limits, CEILING
        )
        assert {name: times[-1] for name, times in found.items()} == last


def test_no_lease_no_need():
    _, window = used([1.9])
    assert reconciling.needs(window, {}, LIMITS, CEILING) == {}
    gone = {'b': data.SMALL}
    assert reconciling.needs(window, gone, LIMITS, CEILING) == {}


def needed_now(cpu, memory=None, limits=LIMITS):
    _, window = used(cpu)
    usage = window.usage.copy()
    if memory is not None:
        usage[0, -1, 1] = memory
    window = dataclasses.replace(window, usage=usage)
    found = reconciling.needed_now(window, {'a': data.SMALL}, limits, CEILING)
    return found['a']


def test_a_need_is_there_if_the_newest_sample_shows_it():
    assert needed_now([0.5, 1.9]) is True
    assert needed_now([1.9, 0.5]) is False
    assert needed_now([0.5, 0.5], memory=3900) is True


def test_a_sample_that_is_lacking_tells_of_no_need_and_of_no_end_of_one():
    # memory is there, and MEDIUM offers more of both
    assert needed_now([1.9, np.nan]) is None
    assert needed_now([1.9, np.nan], memory=3900) is True
    # what the lease does not help is not asked
    more_cpu = np.array([data.flavor('cpu', 4, 4).limits()])
    assert needed_now([0.5, 0.5], memory=np.nan, limits=more_cpu) is False


def pauses_s(cpu):
    _, window = used(cpu)
    found = reconciling.needs(window, {'a': data.SMALL}, LIMITS, CEILING)
    return reconciling.pauses_s(
        found.get('a', np.zeros(0)), window.step_s
    ).tolist()


def test_a_pause_is_the_time_until_the_need_came_back():
    assert pauses_s([1.9, 0.5, 0.5, 1.9]) == [600]
    assert pauses_s([1.9, 0.5, 1.9, 0.5, 0.5, 0.5, 1.9, 0.5]) == [300, 900]
    assert pauses_s([1.9, np.nan, 1.9]) == [300]  # not known to be needed
    assert pauses_s([0.5, 1.9, 1.9, 0.5]) == []
    assert pauses_s([0.5, 0.5]) == []


def settled(cpu):
    """Of a lease of two hours that nobody expects to be needed."""
    fleet, window = used(cpu)
    [verdict] = pipeline.propose(
        fleet=fleet,
        window=window,
        forecaster=FakeForecaster({}),
        leases=[data.lease('a', since=data.NOW - 7200)],
        policy=Policy(),
        now=data.NOW,
    ).verdicts
    return verdict.adjustment


@pytest.mark.parametrize(
    ('quiet', 'released'), [(3, False), (7, False), (8, True)]
)
def test_a_lease_waits_twice_as_long_as_its_need_has_paused(quiet, released):
    chosen = settled([1.9, *[0.5] * 4, 1.9, *[0.5] * quiet])
    if released:
        assert isinstance(chosen, Release)
    else:
        assert chosen.reason is Reason.LEASE_KEPT
        assert 'came back after up to 1200 s' in chosen.text
        assert 'gone for 2400 s' in chosen.text


@pytest.mark.parametrize(('pause', 'released'), [(73, True), (72, False)])
def test_what_came_back_after_more_than_six_hours_was_another_need(
    pause, released
):
    # the newest need was an hour ago
    chosen = settled([1.9, *[0.5] * pause, 1.9, *[0.5] * 12])
    assert isinstance(chosen, Release) is released


def again(cpu, since):
    """Of a lease that is not the first one within a day."""
    fleet, window = used(cpu)
    return (
        pipeline.propose(
            fleet=fleet,
            window=window,
            forecaster=FakeForecaster({}),
            leases=[data.lease('a', since=data.NOW - since)],
            policy=Policy(),
            now=data.NOW,
            spent=Spent(releases={'a': 1}),
        )
        .verdicts[0]
        .adjustment
    )


def test_a_lease_that_came_again_waits_a_day_for_the_last_need():
    day = [0.5] * 288
    assert isinstance(again([1.9, *day], since=90000), Release)
    kept = again([1.9, *day[1:]], since=90000)
    assert kept.reason is Reason.LEASE_KEPT
    assert 'until its need has been gone for 86400 s' in kept.text
    assert again(day, since=86000).reason is Reason.LEASE_KEPT
