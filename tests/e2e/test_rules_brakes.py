"""What keeps from doing too much: budgets, and what many have in common."""

from tests.e2e.rules import scenes


def test_a_second_audit_finds_the_budget_of_the_hour_used(acted, after):
    done = [a for a in acted.done.values() if a['state'] == 'SUCCEEDED']
    assert len(done) > 4
    assert after.reason('late') == 'budget'
    assert 'max_actions_per_hour = 4 is used up' in after.text('late')


def test_what_most_of_a_node_has_in_common_is_not_resized(storm):
    for name in scenes.STORMY:
        assert storm.reason(name) == 'anomaly', storm.text(name)
    text = storm.text('partner')
    assert 'instances of node compute2 came to be at risk at once' in text
    assert 'for 1800 s more' in text
    assert not storm.acted() & set(scenes.STORMY)


def test_others_are_resized_all_the_same(storm):
    assert storm.reason('gold') == 'violation_expected'
    assert 'gold' in storm.acted()


def test_what_most_of_the_fleet_has_in_common_is_not_resized(flood):
    for name in ('bronze', 'gold', 'percpu', 'friend', 'flows', 'partner'):
        assert flood.reason(name) == 'anomaly', flood.text(name)
        assert 'instances of the fleet came to be at risk at once' in (
            flood.text(name)
        )


def test_no_resize_is_planned_while_the_fleet_is_odd(flood):
    kinds = {action['action_type'] for action in flood.actions}
    assert 'predictive_resize' not in kinds


def test_a_node_is_held_while_it_lasts_whatever_is_said_of_the_fleet(flood):
    assert flood.reason('movable') == 'anomaly', flood.text('movable')
    text = flood.text('movable')
    assert 'instances of node compute2 came to be at risk at once' in text
    assert 'for 900 s more' in text
