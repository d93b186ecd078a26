"""Who belongs together: Nova's soft server groups, and who moves together."""


def test_who_would_rather_be_together_finds_room_there(second):
    assert second.wanted('friend')['room_on'] == 'compute2'
    # whom nothing draws there finds more room elsewhere
    assert second.wanted('plain')['room_on'] != 'compute2'


def test_the_groups_that_an_audit_found_are_listed(stage, together):
    told = stage.asked('group', 'list')
    assert told['audit'] == together
    (group,) = told['groups']
    behind = {m['name']: m['behind_s'] for m in group['members']}
    assert behind == {'web': 0, 'app': 300, 'db': 600}
    text = stage.said_by('group', 'list')
    assert 'web, by up to 10 min' in text


def test_a_group_is_shown_by_one_of_its_members(stage, together):
    told = stage.asked('group', 'show', 'db', '--audit', together)
    ids = {name: stage.site.ids[name] for name in ('web', 'app', 'db')}
    assert {m['instance'] for m in told['members']} == set(ids.values())
    # the hours before they surged, when nothing made them alike, count as well
    assert told['correlation'] > 0.5
    assert told['pairs']
    text = stage.said_by('group', 'show', ids['web'])
    assert f'of audit {together}: 3 instances' in text
    assert 'web is ahead of' in text
