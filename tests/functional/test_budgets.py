"""What plans hold of an hour's budget, in a real Watcher."""

from oslo_config import cfg
import pytest
from watcher import objects
from watcher.common import context

from predictive_watcher import wiring
from predictive_watcher.core import budgets
from predictive_watcher.core import claims
from predictive_watcher.core import leases
from predictive_watcher.plugin import giving_back
from tests.functional.harness import loads
from tests.functional.harness.clock import now
from tests.functional.harness.operator import eventually


RISES = loads.ramping(0.6, 1.78)
AUDIT = 'aaaaaaaa-0000-4000-8000-000000000001'


@pytest.fixture
def one_an_hour(policies, ledger):
    """One action within an hour, whatever other tests have done."""
    attempts = ledger.attempts_since(now() - 3600)
    done = budgets.Spent.of(attempts, now()).hour  # confirmations are none
    policies(
        'rules: [{name: a, set: {budgets: '
        f'{{per_hour: {done + 1}, unwatched: 9}}}}}}]'
    )
    yield
    # the rules that were good last would hold for the tests after this one
    policies('rules: []')
    wiring.policies(cfg.CONF).load(now())


def mine(ledger, *uuids):
    return [one for one in ledger.claims(now()) if one.audit in uuids]


def test_a_plan_that_is_only_recommended_takes_nothing(
    watcher, ledger, audit, boot, one_an_hour
):
    boot('ramp', RISES)
    looks, other = audit(), audit()
    plans = [watcher.first_plan(uuid) for uuid in (looks, other)]
    assert [len(watcher.actions(plan['uuid'])) for plan in plans] == [1, 1]
    assert mine(ledger, looks, other) == []


def test_plans_that_are_started_by_hand_stay_within_the_budget(
    watcher, audit, boot, one_an_hour
):
    first = boot('first', RISES)
    plan = watcher.first_plan(audit())
    second = boot('second', RISES)
    first.locked = True  # the plan is about the second one
    watcher.forget_cluster()
    late = watcher.first_plan(audit())
    first.locked = False
    assert watcher.apply(plan['uuid'])['state'] == 'SUCCEEDED'
    assert watcher.apply(late['uuid'])['state'] == 'SUCCEEDED'
    assert first.flavor.name == 'large'
    assert second.flavor.name == 'small'
    told = [one['status_message'] for one in watcher.actions(late['uuid'])]
    assert any('max_actions_per_hour' in (text or '') for text in told)


def test_a_plan_that_starts_by_itself_holds_its_budget(
    watcher, ledger, audit, boot, one_an_hour
):
    ramp = boot('ramp', RISES)
    uuid = audit(auto_trigger=True)
    eventually(
        lambda: watcher.first_plan(uuid)['state'] == 'SUCCEEDED',
        what='the plan is carried out',
    )
    assert ramp.flavor.name == 'large'
    assert [one.instance_id for one in mine(ledger, uuid)] == [ramp.id]


# ------------------------------------------------- what nobody will do
def of(action):
    told = action['input_parameters']
    return claims.Claim(
        audit=told['audit'],
        instance_id=told['resource_id'],
        project_id=told['project_id'],
        kind=leases.Kind.RESIZE,
        at=told['decided_at'],
        until=told['decided_at'] + 900,
    )


@pytest.fixture
def plan(watcher, audit, boot):
    """A plan with one action, and what that one claims."""
    boot('ramp', RISES)
    made = watcher.first_plan(audit())
    [action] = watcher.actions(made['uuid'])
    yield made['uuid'], of(action)
    put(made['uuid'], 'CANCELLED')  # no audit runs beside one that goes on


def put(uuid, state):
    admin = context.make_context(is_admin=True)
    plan = objects.ActionPlan.get_by_uuid(admin, uuid, eager=True)
    plan.state = state
    plan.save()


@pytest.mark.parametrize('state', ['PENDING', 'ONGOING', 'CANCELLING'])
def test_what_waits_in_a_plan_that_was_started_counts(plan, state):
    uuid, claim = plan
    put(uuid, state)
    assert giving_back.over([claim], AUDIT) == frozenset()
    assert giving_back.over([claim], claim.audit) == frozenset()


@pytest.mark.parametrize(
    'state', ['CANCELLED', 'SUPERSEDED', 'DELETED', 'FAILED', 'SUCCEEDED']
)
def test_what_waits_in_a_plan_that_is_over_is_given_back(plan, state):
    uuid, claim = plan
    put(uuid, state)
    assert giving_back.over([claim], AUDIT) == {claim.key}


def test_what_an_audit_has_just_planned_counts_for_all_others(plan):
    _, claim = plan
    assert giving_back.over([claim], AUDIT) == frozenset()
    # which Watcher cancels now
    assert giving_back.over([claim], claim.audit) == {claim.key}


def test_an_action_that_has_ended_is_given_back(watcher, plan):
    uuid, claim = plan
    watcher.apply(uuid)
    put(uuid, 'ONGOING')  # others of it go on
    assert giving_back.over([claim], AUDIT) == {claim.key}


def test_a_plan_that_watcher_does_not_know_yet_counts(plan):
    _, claim = plan
    young = claims.Claim(
        audit=claim.audit, instance_id=claim.instance_id, project_id='p',
        kind=claim.kind, at=claim.at + 1, until=claim.until,
    )  # fmt: skip
    assert giving_back.over([young], AUDIT) == frozenset()
    # of the audit itself there is none that is being made
    assert giving_back.over([young], claim.audit) == {young.key}
