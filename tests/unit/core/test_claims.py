"""What plans hold of budgets before anything is done."""

from collections import Counter
import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from predictive_watcher.core import claims
from predictive_watcher.core import leases
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.budgets import Spent
from predictive_watcher.core.policy import Policy
from tests.fakes import cloud_data as data


def hours(lease, now):
    return Spent.of(claims.under_way((lease,), now), now).hour


def attempt(instance, at, kind=leases.Kind.RESIZE, project=''):
    return leases.Attempt(
        instance_id=instance, kind=kind, at=at, failed=False, text='',
        project_id=project,
    )  # fmt: skip


def claim(instance, at=600, audit='x', project='', **limits):
    return claims.Claim(
        audit=audit, instance_id=instance, project_id=project,
        kind=leases.Kind.RESIZE, at=at, until=at + 900,
        limits={f'max_actions_per_{n}': most for n, most in limits.items()},
    )  # fmt: skip


# ------------------------------------------------------------- what counts
def test_a_resize_under_way_counts_but_one_that_hangs_does_not_for_ever():
    lease = data.lease(
        'a', pending_flavor_name='medium', expires_at=data.NOW + 3600
    )
    assert hours(lease, data.NOW) == 1
    assert hours(lease, data.NOW + 3600) == 1
    assert hours(lease, data.NOW + 2 * 3600) == 0


def test_a_lease_that_has_arrived_is_not_under_way():
    assert hours(data.lease('a', pending_flavor_name=None), data.NOW) == 0


def test_what_is_planned_counts_until_it_is_done():
    plans = [claim('a', 600), claim('b', 600)]
    assert claims.waiting(plans, []) == plans
    # an action is noted with the time of its decision
    done = [attempt('a', 600), attempt('b', 300)]
    assert claims.waiting(plans, done) == plans[1:]
    # whatever the order in which they are told
    done = [attempt('b', 600), attempt('b', 300), attempt('a', 600)]
    assert claims.waiting(plans, done) == []


def test_a_release_that_another_audit_plans_has_ended_no_lease():
    planned = dataclasses.replace(claim('a', 600), kind=leases.Kind.RELEASE)
    found = claims.spent([], [], [planned], 900)
    assert found.hour == 1 and not found.releases
    done = claims.spent(
        [attempt('a', 600, leases.Kind.RELEASE)], [], [], 900
    )
    assert done.hour == 1 and done.releases == {'a': 1}


def test_what_another_audit_planned_and_is_under_way_counts_once():
    lease = data.lease('a', pending_flavor_name='medium', expires_at=9999)
    orders = claims.under_way((lease,), 900)
    found = claims.spent([], orders, [claim('a', 600)], 900)
    assert found.hour == 1 and found.instance_hour == {'a': 1}


def test_only_budgets_that_are_set_are_claimed():
    assert claims.limits_of(Policy()) == {}
    found = claims.limits_of(Policy(max_actions_per_hour=4))
    assert found == {'max_actions_per_hour': 4}


# --------------------------------------------------------------- what fits
def test_what_matters_most_is_served_while_the_budget_lasts():
    wanted = [claim(name, hour=2) for name in 'abc']
    kept, refused = claims.admit(wanted, [], [], 600)
    assert kept == wanted[:2]
    assert list(refused) == ['c']
    assert 'max_actions_per_hour = 2 is used up' in refused['c']


def test_what_others_have_claimed_meanwhile_is_used_up():
    held = [claim('z', audit='y')]
    kept, refused = claims.admit([claim('a', hour=1)], [], held, 600)
    assert (kept, list(refused)) == ([], ['a'])


def test_an_instance_for_which_an_action_waits_is_not_claimed_again():
    held = [claim('a', 300, audit='y')]
    _, refused = claims.admit([claim('a')], [], held, 600)
    assert refused['a'] == 'an action that audit y decided on it still waits'
    kept, _ = claims.admit([claim('a')], [attempt('a', 300)], held, 600)
    assert kept == [claim('a')]


def test_a_budget_keeps_whoever_comes_after():
    """The first of the plan has the smaller budget: it is that of all."""
    wanted = [claim('a', hour=1), claim('b', hour=5)]
    kept, refused = claims.admit(wanted, [], [], 600)
    assert (kept, list(refused)) == (wanted[:1], ['b'])


def test_budgets_of_projects_and_instances_are_their_own():
    begun = [attempt('a', 500, project='p'), attempt('d', -5000, project='p')]
    wanted = [
        claim('a', project='q', instance_hour=1),
        claim('b', project='p', project_hour=1),
        claim('c', project='q', project_hour=1, instance_day=1),
        claim('d', project='r', instance_hour=1, instance_day=1),
    ]
    _, refused = claims.admit(wanted, begun, [], 600)
    names = {who: why.split(' = ')[0] for who, why in refused.items()}
    assert names == {
        'a': 'max_actions_per_instance_hour',
        'b': 'max_actions_per_project_hour',
        'd': 'max_actions_per_instance_day',
    }


LIMIT = st.none() | st.integers(0, 4)
CLAIMS = st.lists(
    st.tuples(
        st.sampled_from('abcdefgh'), st.sampled_from('pq'), LIMIT, LIMIT
    ),
    unique_by=lambda one: one[0],
)  # fmt: skip


@given(CLAIMS, CLAIMS, CLAIMS)
def test_no_budget_is_exceeded_by_whoever_comes(first, second, done):
    def wanted(rows, audit):
        return [
            dataclasses.replace(
                claim(name, audit=audit, project=project),
                limits={
                    name: most
                    for name, most in (
                        ('max_actions_per_hour', hour),
                        ('max_actions_per_project_hour', of_project),
                    )
                    if most is not None
                },
            )
            for name, project, hour, of_project in rows
        ]

    begun = [attempt(name, 100, project=p) for name, p, _, _ in done]
    held, _ = claims.admit(wanted(first, 'x'), begun, [], 600)
    kept, _ = claims.admit(wanted(second, 'y'), begun, held, 600)
    hour, project = len(begun) + len(held), Counter(
        one.project_id for one in [*begun, *held]
    )  # fmt: skip
    for one in kept:
        hour += 1
        project[one.project_id] += 1
        most = one.limits.get('max_actions_per_hour', hour)
        assert hour <= most
        most = one.limits.get('max_actions_per_project_hour', 99)
        assert project[one.project_id] <= most
    assert not {one.instance_id for one in held} & {
        one.instance_id for one in kept
    }


def test_what_brings_most_is_claimed_first_and_holds_claim_nothing():
    from tests.unit.core.test_pipeline import propose

    fleet = data.a_fleet(data.instance('a'), data.instance('b'))
    rising = {'cpu': (1.95, 0.01)}
    proposal = propose(fleet, {'a': rising}, max_actions_per_hour=3)
    found = claims.of_plan(proposal.verdicts, 'x', 600, 1500)
    assert [one.instance_id for one in found] == ['a']
    assert found[0].limits == {'max_actions_per_hour': 3}
    assert (found[0].kind, found[0].until) == (leases.Kind.RESIZE, 1500)
    assert not any(
        isinstance(v.adjustment, Migrate) for v in proposal.verdicts
    )
