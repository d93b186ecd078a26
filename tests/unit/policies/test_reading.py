"""A policy file: what it says, and everything that is wrong with it."""

import pathlib
import re

import hypothesis
from hypothesis import strategies as st
import pytest

from predictive_watcher.core import policy
from predictive_watcher.core import rules
from predictive_watcher.policies import conflicts
from predictive_watcher.policies import reading
from predictive_watcher.policies import settings
from predictive_watcher.policies.times import CronWindow


NOW = 1_790_000_000
SAMPLE = (
    pathlib.Path(__file__).parents[3]
    / 'etc' / 'predictive_watcher' / 'policies.yaml'
)  # fmt: skip


def check(text):
    return reading.check(text.encode(), NOW)


def rule_of(text):
    checked = check(text)
    assert checked.errors == ()
    [rule] = checked.rules
    return rule


def problems(text):
    return [(one.line, str(one)) for one in check(text).problems]


def one_rule(**keys):
    """A file with one rule, one line for each of its keys."""
    lines = '\n'.join(f'    {key}: {value}' for key, value in keys.items())
    return f'rules:\n  - name: r\n{lines}\n'


def setting(text):
    return one_rule(set=f'{{{text}}}')


# -------------------------------------------------------------- what is said
def test_a_rule_is_read_with_its_lines():
    rule = rule_of(
        'timezone: Europe/Berlin\n'
        'rules:\n'
        '  - name: r\n'
        '    priority: 3\n'
        '    match:\n'
        '      project: [a, b*]\n'
        '      weight: {min: 2}\n'
        '      metadata: {tier: gold}\n'
        '      during: {cron: "0 8  * * 1-5", duration: 10h}\n'
        '    set:\n'
        '      ceiling: 0.8\n'
        '      actions: [live_migrate]\n'
        '      budgets:\n'
        '        per_hour: 7\n'
    )
    assert rule.match == rules.Match(
        project=('a', 'b*'),
        weight=(2.0, float('inf')),
        metadata={'tier': ('gold',)},
        during=(
            CronWindow(
                cron='0 8 * * 1-5',
                duration_s=36000,
                timezone='Europe/Berlin',
            ),
        ),
    )
    assert rule.settings == {
        'ceiling': 0.8,
        'allow_resize': False,
        'allow_migrate': True,
        'max_actions_per_hour': 7,
    }
    assert (rule.priority, rule.line) == (3, 3)
    assert rule.lines['ceiling'] == 11
    assert rule.lines['max_actions_per_hour'] == 14


@pytest.mark.parametrize(
    ('given', 'name', 'value'),
    [
        ('weight_factor: 2', 'weight_factor', 2),
        ('risk_threshold: 0.4', 'risk_threshold', 0.4),
        ('release_threshold: 0.2', 'release_threshold', 0.2),
        ('quantile_level: 0.9', 'quantile_level', 0.9),
        ('horizon: 5', 'horizon_s', 300),
        ('max_growth: 2', 'max_growth', 2),
        ('largest_flavor: m1.xl', 'largest_flavor', 'm1.xl'),
        ('application: shop', 'application', 'shop'),
        ('cooldown: 90', 'cooldown_s', 90),
        ('lease_minimum: 1h30m', 'lease_minimum_s', 5400),
        ('lease_duration: 2h', 'lease_duration_s', 7200),
        ('lease_cost: 0', 'lease_cost', 0),
        ('cost_factor: 0', 'cost_factor', 0),
        ('observe_only: true', 'observe_only', True),
        ('observation_time: 2d', 'observation_s', 172800),
        ('budgets: {per_audit: 0}', 'max_actions', 0),
        ('budgets: {per_node: 1}', 'max_actions_per_node', 1),
        (
            'budgets: {per_project_hour: 1}',
            'max_actions_per_project_hour',
            1,
        ),
        (
            'budgets: {per_instance_hour: 1}',
            'max_actions_per_instance_hour',
            1,
        ),
        ('budgets: {per_instance_day: 1}', 'max_actions_per_instance_day', 1),
        ('budgets: {unwatched: 1}', 'max_unwatched_actions', 1),
        ('anomalies: {leak: hold}', 'anomalies.leak', policy.Reaction.HOLD),
    ],
)
def test_each_setting_reaches_the_policy(given, name, value):
    assert rule_of(setting(given)).settings == {name: value}


def test_every_setting_has_a_place_in_the_policy():
    names = set(policy.Policy.__dataclass_fields__)
    names |= {rules.CLOSED_DURING, rules.OPEN_DURING}
    assert set(settings.FIELDS.values()) <= names


def test_the_sample_has_no_rules_and_its_comments_are_sound():
    text = SAMPLE.read_text(encoding='utf-8')
    assert check(text).problems == ()
    assert check(text).rules == ()
    shown = re.sub('^# ?', '', text.split('rules: []')[1], flags=re.M)
    shown = shown[shown.index('rules:') :]
    # what is in comments there as well is shown with a value
    shown = re.sub(r'^( +)# ([a-z_]+:)', r'\1\2', shown, flags=re.M)
    checked = check(shown)
    assert checked.problems == ()
    assert len(checked.rules) == 6
    everybody = checked.rules[0].settings
    assert {settings.key_of(n) for n in everybody} >= set(settings.FIELDS)


def test_no_rules_are_no_mistake():
    assert check('rules: []').problems == ()


# -------------------------------------------------------------- what is wrong
@pytest.mark.parametrize(
    ('text', 'line', 'words'),
    [
        ('', 1, 'the file is empty'),
        ('# only a comment\n', 1, 'the file is empty'),
        ('~', 1, 'holds nothing'),
        ('[]', 1, '[] is not a mapping'),
        ('rules:', 1, 'rules: there is nothing'),
        ('timezone: UTC\n', 1, 'rules is missing'),
        ('\nrules: {a: 1}', 2, '{"a": 1} is not a list'),
        ('rules:\n  - 1', 2, 'rules[0]: 1 is not a mapping'),
        ('rules: []\nruels: []', 2, "did you mean 'rules'"),
        ('rules: [', 1, 'this is no YAML'),
        ('rules:\n\t- a', 2, 'this is no YAML'),
        ('rules: []\n---\nrules: []', 2, 'single document'),
        ('rules: &a []', 1, "'a': anchors"),
        ('a: &a [x]\nb: [*a, *a]', 1, 'aliases (*) are not allowed'),
        ('rules: !!python/object/apply:os.system [ls]', 1, 'is not allowed'),
        ('rules: !own []', 1, "tag '!own'"),
        ('? [a]\n: 1', 1, 'a key has to be a word'),
        ('[' * 3000, 1, 'nested too deeply'),
        ('rules: []\n# \x01', 2, 'character 1'),
        ('rules: []\nrules: []', 2, "key 'rules' stands here again"),
        ('timezone: Mars/Olympus\nrules: []', 1, "'Mars/Olympus' is not kn"),
        ('timezone: ../../etc/passwd\nrules: []', 1, 'is not known'),
        (one_rule(), 2, 'set is missing'),
        ('rules:\n  - set: {ceiling: 1}', 2, 'name is missing'),
        (one_rule(set='{}'), 3, '{} is empty'),
        (one_rule(set='{ceiling: 1}', match='{projekt: x}'), 4, "'project'"),
        (setting('cieling: 1'), 3, "did you mean 'ceiling'"),
        (setting('zzz: 1'), 3, 'known are actions, actions_only_during'),
        (setting('ceiling: 1.5'), 3, '1.5 is more than 1.0'),
        (setting('ceiling: 0'), 3, '0 is less than 0.1'),
        (setting('ceiling: high'), 3, '"high" is not a number'),
        (setting('ceiling: true'), 3, 'true is not a number'),
        (setting('ceiling: .nan'), 3, '.nan is not a finite number'),
        (setting('ceiling: -.inf'), 3, '-.inf is not a finite number'),
        (setting('ceiling:'), 3, 'there is nothing, where a number'),
        (setting('weight_factor: 0'), 3, '0 is not more than 0'),
        (setting('horizon: 7'), 3, '7 is not among 5, 10, 15'),
        (setting('quantile_level: 0.94'), 3, '0.94 is not among 0.05'),
        (setting('observe_only: "yes"'), 3, '"yes" is not true or false'),
        (setting('actions: resize'), 3, '"resize" is not a list'),
        (setting('actions: [reboot]'), 3, '"reboot" is not among "resize"'),
        (setting('actions: [resize, resize]'), 3, 'twice'),
        (setting('cooldown: 30 minutes'), 3, 'is not a duration'),
        (setting('cooldown: -1'), 3, '-1 is less than 0'),
        (setting('cooldown: 1.5'), 3, '1.5 is not a whole number or text'),
        (setting('cooldown: 400d'), 3, 'longer than 366 days'),
        (setting('budgets: {per_audit: 1.5}'), 3, 'not a whole number'),
        (setting('budgets: {per_day: 1}'), 3, "'per_day' is not known"),
        (setting('anomalies: {leak: panic}'), 3, '"panic" is not among'),
        (setting('anomalies: {leek: hold}'), 3, 'leek'),
        (setting('largest_flavor: 2026-01-01'), 3, 'put it in quotes'),
        (
            setting('risk_threshold: 0.2, release_threshold: 0.3'),
            3,
            'release_threshold: 0.3 is not below risk_threshold 0.2',
        ),
    ],
)
def test_what_is_wrong_is_told_with_line_and_value(text, line, words):
    found = problems(text)
    assert [one for one in found if one[0] == line and words in one[1]], found


@pytest.mark.parametrize(
    ('match', 'words'),
    [
        ('{project: 123}', '123 is not text or a list; put it in quotes'),
        ('{project: no}', 'false is not text or a list; put it in quotes'),
        ('{project: []}', '[] is empty'),
        ('{project: ""}', '"" is empty'),
        ('{flavor: "m1.[a-z]"}', '"m1.[a-z]" is no pattern'),
        ('{flavor: "^m1"}', 'is no pattern'),
        ('{flavor: " m1"}', 'is no pattern'),
        ('{weight: {min: 3, max: 2}}', 'min 3 is more than max 2'),
        ('{weight: {}}', '{} is empty'),
        ('{weight: heavy}', '"heavy" is not a number or a mapping'),
        ('{metadata: {tier: 1}}', '1 is not text'),
        ('{during: {cron: "0 8 * * *"}}', 'duration is missing'),
        ('{during: {cron: "0 25 * * *", duration: 1h}}', 'Bad hour'),
        ('{during: {cron: "0 8 * *", duration: 1h}}', '4 fields'),
        ('{during: {cron: "@daily", duration: 1h}}', '1 fields'),
        ('{during: {cron: "0 0 30 2 *", duration: 1h}}', 'Bad day'),
        ('{during: {cron: "0 8 * * *", duration: 10s}}', 'too short'),
        (
            '{during: {cron: "0 8 * * *", duration: 1h, timezone: Berlin}}',
            "time zone 'Berlin'",
        ),
    ],
)
def test_criteria_without_a_meaning_are_refused(match, words):
    [(line, text)] = problems(one_rule(set='{ceiling: 1}', match=match))
    assert line == 4
    assert words in text


def test_everything_that_is_wrong_is_told_at_once():
    found = check(
        'timezone: Mars\n'
        'rules:\n'
        '  - name: a\n'
        '    match: {projekt: x, during: {cron: x, duration: y}}\n'
        '    set: {ceiling: 2, horizon: 7, cooldown: soon}\n'
        '  - name: a\n'
        '    set: {ceiling: .nan}\n'
    )
    assert [one.line for one in found.problems] == [1, 4, 4, 4, 5, 5, 5, 6, 7]


def test_a_file_that_is_not_utf_8_is_refused_with_its_line():
    [found] = reading.check(b'rules: []\n# \xff\n', NOW).problems
    assert (found.line, 'byte 0xff is not UTF-8' in found.text) == (2, True)


def test_a_file_with_a_byte_order_mark_is_read():
    assert reading.check(b'\xef\xbb\xbfrules: []', NOW).problems == ()


def test_a_file_that_is_too_long_is_not_parsed():
    [found] = reading.check(b'#' * (reading.MOST_BYTES + 1), NOW).problems
    assert 'are the most' in found.text


@hypothesis.given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(
            lambda text: f'rules:\n  - name: a\n    set: {text}'.encode()
        ),
    )
)
@hypothesis.settings(deadline=None, max_examples=300)
def test_whatever_a_file_holds_it_is_read_or_refused(content):
    checked = reading.check(content, NOW)
    lines = content.count(b'\n') + content.count(b'\r') + 2
    assert all(1 <= one.line <= lines + 60 for one in checked.problems)


# ------------------------------------------------------------------ conflicts
def two_rules(one, other):
    return (
        'rules:\n'
        f'  - {{name: a, match: {{{one}}}, set: {{ceiling: 0.8}}}}\n'
        f'  - {{name: b, match: {{{other}}}, set: {{ceiling: 0.7}}}}\n'
    )


DAY = 'during: {cron: "0 8 * * *", duration: %s}'
NIGHT = 'during: {cron: "0 20 * * *", duration: %s}'


@pytest.mark.parametrize(
    ('one', 'other', 'meet'),
    [
        ('', '', True),
        ('project: a', 'project: b', False),
        ('project: [a, b]', 'project: [b, c]', True),
        ('project: [a, a]', 'project: a', True),
        ('project: a, flavor: "m1.*"', 'project: a, flavor: "c1.*"', False),
        ('project: a', 'flavor: b', False),  # one is more specific
        ('flavor: "m1.*"', 'flavor: "c1.*"', False),
        ('flavor: "m1.*"', 'flavor: "*xl."', True),
        ('aggregate: a', 'aggregate: b', True),
        ('weight: {min: 1, max: 2}', 'weight: {min: 3, max: 4}', False),
        ('weight: {min: 1, max: 3}', 'weight: {min: 3, max: 5}', True),
        ('metadata: {a: x}', 'metadata: {b: x}', True),
        ('metadata: {a: x}', 'metadata: {a: y}', False),
        (DAY % '12h', NIGHT % '12h', False),
        (DAY % '13h', NIGHT % '13h', True),
    ],
)
def test_rules_of_which_nobody_can_say_which_wins_are_refused(
    one, other, meet
):
    found = check(two_rules(one, other)).errors
    assert bool(found) is meet
    if meet:
        assert found[0].line == 3
        assert "'b' is as specific as 'a' (line 2)" in found[0].text
        assert 'sets ceiling differently' in found[0].text


def test_rules_that_share_several_names_are_told_of_once():
    names = 'project: [a, b, c]'
    assert len(check(two_rules(names, names)).errors) == 1


def test_a_rule_for_each_of_thousands_of_projects_is_soon_read():
    # compared pair by pair they would take minutes
    text = 'rules:\n' + ''.join(
        f'  - {{name: r{n}, match: {{project: p{n}}}, '
        f'set: {{weight_factor: {1 + n % 5}}}}}\n'
        for n in range(2000)
    )
    assert check(text).errors == ()


def test_a_priority_decides_between_rules_that_are_alike():
    text = two_rules('project: a', 'project: a')
    assert problems(text.replace('name: b', 'name: b, priority: 1')) == []


def test_rules_that_set_the_same_or_something_else_are_no_conflict():
    text = two_rules('project: a', 'project: a')
    assert problems(text.replace('0.7', '0.8')) == []
    assert problems(text.replace('ceiling: 0.7', 'horizon: 5')) == []


patterns = st.text('ab*?', min_size=1, max_size=5)


@hypothesis.given(patterns, patterns, st.text('ab', max_size=6))
@hypothesis.settings(deadline=None)
def test_patterns_that_fit_one_text_meet(one, other, text):
    if rules.fits(one, text) and rules.fits(other, text):
        assert conflicts.meet(one, other)


# ------------------------------------------------------------------- warnings
@pytest.mark.parametrize(
    ('given', 'warned'),
    [
        ('weight_factor: 2', True),
        ('weight_factor: 0.5', False),
        ('risk_threshold: 0.3', True),
        ('observe_only: true', False),
    ],
)
def test_what_a_tenant_may_gain_by_metadata_is_a_warning(given, warned):
    checked = check(
        one_rule(match='{metadata: {tier: gold}}', set=f'{{{given}}}')
    )
    assert checked.errors == ()
    assert bool(checked.problems) is warned
