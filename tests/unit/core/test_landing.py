"""Nova chooses the host of a resize: what waits for every node to be fit."""

import dataclasses
import itertools

import hypothesis
from hypothesis import strategies as st
import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import pipeline
from predictive_watcher.core import risk as risk_module
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.budgets import Spent
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


#: What one of these uses when its need has passed: 1.5 of its own 2 vCPUs.
BUSY = {'cpu': (1.5, 0.01)}
BIG = data.flavor('big', 16, 16)
HOUR_S = Policy().lease_duration_s


def propose(
    fleet, expected, *, leases=(), now=data.NOW, lead_s=300, spent=None,
    **rules,
):  # fmt: skip
    return pipeline.propose(
        fleet=fleet,
        window=data.window(fleet, end=now),
        forecaster=Later(expected, lead_s),
        leases=leases,
        policy=Policy(**rules),
        now=now,
        spent=spent,
    )


class Later(FakeForecaster):
    """Expects nothing at all before ``lead_s`` is over."""

    def __init__(self, expected, lead_s):
        super().__init__(expected)
        self._lead_s = lead_s

    def forecast(self, window, limits):
        made = super().forecast(window, limits)
        q = made.quantiles.copy()
        for target, horizon_s in enumerate(risk_module.HORIZONS_S):
            if horizon_s < self._lead_s:
                q[:, :, target] = 0.1
        return dataclasses.replace(made, quantiles=q)


def decisions(proposal):
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


def grown(name='a', node='n1', **other):
    return data.instance(name, node, flavor=data.MEDIUM, **other)


def hot(node='n2', **other):
    """Uses 13.5 of the 16 vCPUs of its node: 14.4 is where it is short."""
    return data.instance('hot', node, flavor=BIG, **other)


HOT = {'cpu': (13.5, 0.01)}
THREE = (data.node('n1'), data.node('n2'), data.node('n3'))


def released(
    *instances, nodes=THREE, expected=None, leases=None, groups=(), **other
):
    fleet = data.a_fleet(*instances, nodes=nodes, groups=groups)
    leases = [data.lease('a')] if leases is None else leases
    known = {'a': BUSY, 'hot': HOT, **(expected or {})}
    return decisions(propose(fleet, known, leases=leases, **other))


# ------------------------------------------------------------------ releases
def test_a_release_waits_while_a_node_that_nova_may_choose_would_be_short():
    chosen = released(grown(), hot())['a']
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NOT_CALM
    assert 'n2 would be at risk with it (1.00)' in chosen.text
    assert f'for {2 * HOUR_S} s at most' in chosen.text


def test_a_release_waits_for_nobody_where_all_nodes_are_calm():
    chosen = released(grown(), hot(), expected={'hot': {'cpu': (9.0, 0.01)}})
    assert isinstance(chosen['a'], Release)


def test_a_full_node_is_no_danger_to_those_that_nova_cannot_send_there():
    full = dataclasses.replace(THREE[1], cpu_ratio=1.0)
    cases = {
        'it is their own': {'node': 'n1'},
        'it is disabled': {
            'nodes': (
                THREE[0],
                dataclasses.replace(THREE[1], enabled=False),
                THREE[2],
            )
        },
        'it has no room': {'nodes': (THREE[0], full, THREE[2])},
        'it is in another zone': {
            'nodes': (
                THREE[0],
                dataclasses.replace(THREE[1], availability_zone='far'),
                THREE[2],
            )
        },
    }
    for why, case in cases.items():
        chosen = released(
            grown(availability_zone='near'),
            hot(case.get('node', 'n2')),
            nodes=case.get('nodes', THREE),
        )['a']
        assert isinstance(chosen, Release), why


def test_a_full_node_that_an_anti_affinity_group_forbids_is_no_danger():
    group = fleet_module.ServerGroup(
        id='g', policy='anti-affinity', members=frozenset({'a', 'hot'})
    )
    chosen = released(grown(), hot(), groups=(group,))['a']
    assert isinstance(chosen, Release)


def test_a_stopped_server_without_samples_does_not_make_a_node_full():
    stopped = hot(status='SHUTOFF')
    fleet = data.a_fleet(grown(), stopped, nodes=THREE)
    assert isinstance(decisions(unseen(fleet, 'hot'))['a'], Release)


def test_a_running_server_without_samples_counts_with_its_limit():
    fleet = data.a_fleet(grown(), hot(), nodes=THREE)
    chosen = decisions(unseen(fleet, 'hot'))['a']
    assert chosen.reason is Reason.NOT_CALM


def unseen(fleet, name):
    """A proposal where nothing is known of the use of one instance."""
    window = data.window(fleet)
    used = window.usage.copy()
    used[[one.id for one in fleet.instances].index(name)] = np.nan
    return pipeline.propose(
        fleet=fleet,
        window=dataclasses.replace(window, usage=used),
        forecaster=FakeForecaster({'a': BUSY}),
        leases=[data.lease('a')],
        policy=Policy(),
        now=data.NOW,
    )


def test_until_a_lease_expires_its_release_waits_for_calm_nodes():
    nervous = {'hot': {'cpu': (12.6, 0.15)}}  # P(12.6 + 1.5 > 14.4) = .13
    running = released(grown(), hot(), expected=nervous)['a']
    assert running.reason is Reason.NOT_CALM
    over = [data.lease('a', expires_at=data.NOW)]
    expired = released(grown(), hot(), expected=nervous, leases=over)['a']
    assert isinstance(expired, Release)


def test_a_lease_that_expired_still_spares_a_node_at_risk():
    over = [data.lease('a', expires_at=data.NOW - HOUR_S + 300)]
    chosen = released(grown(), hot(), leases=over)['a']
    assert chosen.reason is Reason.NOT_CALM
    assert 'for 300 s at most' in chosen.text


def test_a_release_waits_no_longer_than_one_lease_after_its_expiry():
    over = [data.lease('a', expires_at=data.NOW - HOUR_S)]
    assert isinstance(released(grown(), hot(), leases=over)['a'], Release)


def test_one_that_came_again_waits_from_when_it_may_end():
    """It goes on for a day after its last need, long after its expiry."""
    day = 86400

    def chosen(since):
        fleet = data.a_fleet(grown(), hot(), nodes=THREE)
        return decisions(
            propose(
                fleet,
                {'a': BUSY, 'hot': HOT},
                leases=[data.lease('a', since=since, expires_at=since + 10)],
                spent=Spent(releases={'a': 1}),
            )
        )['a']

    assert chosen(data.NOW - day).reason is Reason.NOT_CALM
    assert isinstance(chosen(data.NOW - day - HOUR_S), Release)


def test_a_lease_really_ends_beside_a_node_that_never_calms_down():
    lease = data.lease('a', since=data.NOW, expires_at=data.NOW + HOUR_S)
    fleet = data.a_fleet(grown(), hot(), nodes=THREE)
    now = data.NOW
    for _ in range(48):
        expected = {'a': BUSY, 'hot': HOT}
        proposal = propose(fleet, expected, leases=[lease], now=now)
        assert not proposal.renewals
        if isinstance(decisions(proposal)['a'], Release):
            break
        now += 300
    assert now == data.NOW + 2 * HOUR_S


def test_releases_of_one_plan_see_each_others_load():
    # n2 has 14.4 - 11.5 = 2.9 vCPUs left: room for one of them, not for both
    expected = {'b': BUSY, 'hot': {'cpu': (11.5, 0.01)}}
    chosen = released(
        grown(), grown('b'), hot(),
        expected=expected, leases=[data.lease('a'), data.lease('b')],
        max_actions_per_node=9,
    )  # fmt: skip
    assert isinstance(chosen['a'], Release)
    assert chosen['b'].reason is Reason.NOT_CALM


def test_a_release_gives_way_to_what_the_plan_lets_grow():
    # each of the two fits on n2 (3 vCPUs left), not both
    expected = {'hot': {'cpu': (11.4, 0.01)}, 'c': {'cpu': (1.99, 0.001)}}
    chosen = released(
        grown(), data.instance('c'), hot(),
        expected=expected, max_actions_per_node=9,
    )  # fmt: skip
    assert isinstance(chosen['c'], Resize)
    assert chosen['a'].reason is Reason.NOT_CALM


def test_a_release_gives_way_to_a_migration_of_the_same_plan():
    # 7.4 vCPUs are too much for n1; n2 can take 3.9 more: i0, or a beside it
    # were it not for i0; n0 is too small for i0
    nodes = (data.node('n0', 2, cpu_ratio=1.0), data.node('n1', 8), THREE[1])
    crowd = [data.instance(f'i{n}', flavor=data.LARGE) for n in range(2)]
    expected = {
        'a': {'cpu': (0.5, 0.01)},
        'i0': {'cpu': (3.7, 0.01)},
        'i1': {'cpu': (3.7, 0.01)},
        'hot': {'cpu': (10.5, 0.01)},
    }
    alike = {'nodes': nodes, 'expected': expected, 'max_actions_per_node': 9}
    chosen = released(grown(), *crowd, hot(), **alike)
    assert isinstance(chosen['i0'], Migrate)
    assert chosen['a'].reason is Reason.NOT_CALM
    alone = released(grown(), *crowd, hot(), allow_migrate=False, **alike)
    assert isinstance(alone['a'], Release)


LOADS = st.lists(
    st.floats(min_value=0.0, max_value=14.0), min_size=3, max_size=3
)
RELEASED = st.lists(
    st.tuples(
        st.sampled_from(['n1', 'n2', 'n3']),
        st.floats(min_value=0.1, max_value=1.6),
    ),
    min_size=1,
    max_size=4,
)


@hypothesis.given(LOADS, RELEASED)
@hypothesis.settings(max_examples=60, deadline=None)
def test_wherever_nova_lets_releases_land_no_node_comes_to_be_at_risk(
    loads, leased
):
    homes = [data.instance(f'h{n}', f'n{n + 1}', flavor=BIG) for n in range(3)]
    small = [grown(f's{n}', node) for n, (node, _) in enumerate(leased)]
    fleet = data.a_fleet(*homes, *small, nodes=THREE)
    use = {home.id: load for home, load in zip(homes, loads, strict=True)}
    use |= {one.id: cpu for one, (_, cpu) in zip(small, leased, strict=True)}
    proposal = propose(
        fleet,
        {name: {'cpu': (load, 0.001)} for name, load in use.items()},
        leases=[data.lease(one.id) for one in small],
        max_actions=9,
        max_actions_per_node=9,
        allow_resize=False,
        allow_migrate=False,
    )
    goes = [
        one
        for one in small
        if isinstance(decisions(proposal)[one.id], Release)
    ]
    ways = [
        [node.name for node in THREE if node.name != one.node] for one in goes
    ]
    for way in itertools.product(*ways):
        for index, node in enumerate(THREE):
            come = [
                use[one.id]
                for one, target in zip(goes, way, strict=True)
                if target == node.name
            ]
            stay = [
                use[one.id]
                for one in small
                if one.node == node.name and one not in goes
            ]
            if come:
                total = loads[index] + sum(come) + sum(stay)
                assert total < 0.9 * node.vcpus


# ------------------------------------------------------------------ resizes
RISING = {'cpu': (1.99, 0.001)}


def growing(lead_s, *, allow_migrate=False, **other):
    fleet = data.a_fleet(data.instance('a'), hot(), nodes=THREE)
    proposal = propose(
        fleet,
        {'a': RISING, 'hot': HOT},
        lead_s=lead_s,
        allow_migrate=allow_migrate,
        **other,
    )
    return decisions(proposal)['a']


def test_a_resize_is_told_which_nodes_are_unfit_and_where_to_go_on_to():
    chosen = growing(900, allow_migrate=True)
    assert isinstance(chosen, Resize)
    assert chosen.unfit == ('n2',)
    assert chosen.node == 'n3'


def test_a_release_that_waited_too_long_is_told_it_as_well():
    over = [data.lease('a', expires_at=data.NOW - HOUR_S)]
    chosen = released(grown(), hot(), leases=over)['a']
    assert (chosen.unfit, chosen.node) == (('n2',), 'n3')


def test_nobody_is_sent_on_where_live_migration_is_not_allowed():
    assert growing(300).unfit == ()


def test_nobody_is_sent_on_to_a_node_that_is_unfit_itself():
    nodes = (data.node('n1', cpu_ratio=1.0), THREE[1])
    over = [data.lease('a', expires_at=data.NOW - HOUR_S)]
    assert released(grown(), hot(), nodes=nodes, leases=over)['a'].unfit == ()


def test_a_resize_with_time_to_spare_waits_for_fit_nodes():
    chosen = growing(900)
    assert isinstance(chosen, Hold)
    assert chosen.reason is Reason.NOT_CALM
    assert 'n2 would be at risk with it' in chosen.text
    assert 'there are 780 s to wait' in chosen.text


def test_a_resize_that_would_come_too_late_does_not_wait():
    assert isinstance(growing(300), Resize)


def test_how_long_a_resize_can_wait_depends_on_how_long_it_takes():
    assert isinstance(growing(600, resize_duration_s=301), Resize)
    assert isinstance(growing(600, resize_duration_s=300), Hold)


def test_a_resize_waits_for_nobody_where_all_nodes_are_fit():
    fleet = data.a_fleet(data.instance('a'), nodes=THREE)
    proposal = propose(fleet, {'a': RISING}, lead_s=900, allow_migrate=False)
    assert isinstance(decisions(proposal)['a'], Resize)
