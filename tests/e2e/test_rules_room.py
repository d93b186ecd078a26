"""A zone that is nearly sold out: two hosts of two vCPUs."""


def test_where_there_is_no_room_for_the_need_a_part_is_leased(stage, acted):
    assert acted.found.reason('light') == 'violation_expected'
    assert acted.found.wanted('light')['flavor'] == 'light.1.2'
    assert 'there is no room for more' in acted.found.text('light')
    looked_at = ' '.join(acted.found.verdicts['light']['looked_at'])
    assert 'no node for light.3: ' in looked_at
    assert acted.done['light']['state'] == 'SUCCEEDED'


def test_a_lease_ends_early_for_a_heavier_one_without_room(stage, over):
    assert over.found.reason('heavy') == 'no_node'
    assert 'the lease of light ends early for it' in over.found.text('heavy')
    assert over.found.reason('light') == 'room_for_heavier'
    assert over.found.wanted('light')['flavor'] == 'light.1'
    assert over.done['light']['state'] == 'SUCCEEDED'
    assert stage.site.flavor_of('light') == 'light.1'


def test_the_next_audit_gives_the_room_to_the_heavier_one(stage, served):
    assert served.found.reason('heavy') == 'violation_expected'
    assert served.found.wanted('heavy')['room_on'] == 'compute6'
    assert served.done['heavy']['state'] == 'SUCCEEDED'
    assert stage.site.flavor_of('heavy') == 'heavy.2'
    assert stage.site.host_of('heavy') == 'compute6'


def test_who_made_room_is_left_alone_for_a_while(served):
    assert served.found.reason('light') == 'cooldown'
