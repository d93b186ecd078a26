"""Rules that decide, on a real cloud: each server is there for one of them.

Audits run once each, one after the other (``rules/scenes.py``), on measures
that are there before they begin; each test looks at what one of them found.
Here nothing is done yet.
"""

from novaclient import exceptions as nova_exceptions
import pytest


def test_the_first_audit_acts_once(first):
    done = [n for n in first.verdicts if first.wanted(n)]
    assert len(done) == 1
    assert 'max_unwatched_actions' in first.text('plain')


def test_an_audit_that_observes_has_an_empty_plan(second):
    assert second.wanted('plain')
    assert second.actions == ()


def test_an_audit_of_some_zones_says_nothing_of_the_others(disabled):
    assert {'light', 'heavy'} & set(disabled.verdicts) == set()
    assert {'plain', 'web'} <= set(disabled.verdicts)


def test_who_climbs_gets_the_next_flavor_and_who_is_calm_none(second):
    assert second.reason('plain') == 'violation_expected'
    assert second.wanted('plain')['flavor'] == 'plain.2'
    assert second.reason('calm') == 'low_risk'


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('locked', 'locked'),
        ('optout', 'opted_out'),
        ('stopped', 'not_active'),
        ('silent', 'no_samples'),
        ('unreadable', 'bad_extra_spec'),
        ('watched', 'observed_only'),
        ('closed', 'not_now'),
        ('movable', 'not_allowed'),
        ('capped', 'no_flavor'),
        ('quoted', 'quota'),
        ('aggregate', 'no_node'),
    ],
)
def test_who_must_not_be_touched_is_held(second, name, reason):
    assert second.reason(name) == reason, second.text(name)


def test_a_verdict_says_what_is_in_the_way(second):
    assert 'is larger than plain.1' in second.text('capped')
    assert 'lacks 1 vCPUs of quota' in second.text('quoted')
    assert 'compute1 is in no aggregate with disk=ssd' in (
        second.text('aggregate')
    )
    assert second.verdicts['watched']['rules'] == ['everybody', 'look first']


def test_a_private_flavor_is_for_its_project_only(second):
    assert second.wanted('partner')['flavor'] == 'partner.2'
    assert second.wanted('stranger')['flavor'] == 'partner.4'


def test_a_family_is_not_left_for_a_flavor_that_would_be_nearer(second):
    assert second.wanted('family')['flavor'] == 'own.4'


def test_the_heavier_gets_more_for_the_same_need(second):
    bronze, gold = (
        float(second.wanted(name)['flavor'].removeprefix(f'{name}.'))
        for name in ('bronze', 'gold')
    )
    assert 1 < bronze < gold
    weights = {
        name: second.verdicts[name]['base_weight']
        for name in ('bronze', 'gold', 'percpu', 'plain')
    }
    assert weights == {'bronze': 1, 'gold': 4, 'percpu': 3, 'plain': 1}


def test_a_migration_keeps_to_group_and_zone(second):
    assert second.reason('mover') == 'node_overload_expected'
    assert second.wanted('mover')['to'] == 'compute1'


def test_where_little_may_be_done_the_heaviest_comes_first(short):
    assert [n for n in short.verdicts if short.wanted(n)] == ['gold']
    assert short.reason('bronze') == 'budget'


def test_a_disabled_host_is_no_target(disabled):
    assert disabled.reason('mover') == 'no_node'
    text = disabled.text('mover')
    assert 'compute1 is disabled or down' in text
    assert 'compute2 holds a member of anti-affinity group' in text
    assert 'compute5 holds a member of anti-affinity group' in text
    assert 'compute4 is in zone elsewhere, not main' in text


def test_what_is_waited_for_on_a_node_counts_as_wanted(second):
    assert second.reason('flows') == 'low_risk'
    assert second.reason('waits') == 'violation_expected'
    assert 'cpu saturated' in second.text('waits')
    note = second.verdicts['waits']['note']
    assert 'it waited on compute5 for 25% of the cpu that it wanted' in note


# -------------------------------------------------------------- validators
@pytest.mark.parametrize(
    'specs',
    [
        {'predictive:weight': 'heavy'},
        {'predictive:weight_cpu': '-1'},
        {'predictive:family': 'a b'},
        {'predictive:wieght': '2'},
    ],
)
def test_nova_refuses_extra_specs_that_nobody_can_read(stage, specs):
    flavor = stage.site.nova.flavors.create('bad', 64, 1, 1)
    try:
        with pytest.raises(nova_exceptions.BadRequest) as refused:
            flavor.set_keys(specs)
    finally:
        flavor.delete()
    assert refused.value.code == 400
