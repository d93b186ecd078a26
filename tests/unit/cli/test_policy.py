"""``predictive-watcher policy``: check and explain."""

import json
import pathlib

import pytest

from predictive_watcher.cli import main


GOOD = """\
timezone: Europe/Berlin
rules:
  - name: everybody
    set: {ceiling: 0.8, budgets: {per_hour: 9}}
  - name: databases
    match: {flavor: db.*}
    set:
      actions: [live_migrate]
      no_actions_during: {cron: "0 22 * * *", duration: 8h}
  - name: gold
    match: {metadata: {tier: gold}, aggregate: [ssd], weight: {min: 2}}
    set: {ceiling: 0.7}
"""
FACTS = {
    'id': 'i-1',
    'name': 'shop',
    'flavor': 'db.large',
    'aggregates': ['ssd'],
    'weight': 4,
    'metadata': {'tier': 'gold'},
}


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main.main(['policy', *map(str, arguments)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def file(tmp_path):
    def make(text, name='policies.yaml'):
        path = tmp_path / name
        path.write_text(text, encoding='utf-8')
        return path

    return make


@pytest.fixture
def explain(run, file):
    policies = file(GOOD)

    def call(*arguments, facts=FACTS, instance='shop'):
        path = file(json.dumps(facts), 'facts.json')
        return run(
            'explain', instance, '--facts', path, '--policies', policies,
            *arguments,
        )  # fmt: skip

    return call


# ----------------------------------------------------------------------- check
def test_a_good_file_is_shown_with_the_strongest_rule_first(run, file):
    code, out, err = run('check', file(GOOD))
    assert code == 0
    heads = [
        line.split('. ')[1].split(' (')[0]
        for line in out.splitlines()
        if '. ' in line and '(line' in line
    ]
    assert heads == ['databases', 'gold', 'everybody']
    assert 'if   flavor is db.*' in out
    assert 'no_actions_during = "0 22 * * *" Europe/Berlin for 8h' in out
    assert ':11: warning: rules[2].match.metadata: whoever owns' in err


def test_every_error_is_told_with_file_line_and_value(run, file):
    path = file('rules:\n  - name: a\n    set: {ceiling: 2, horizn: 5}\n')
    code, out, err = run('check', path)
    assert (code, out) == (1, '')
    assert f'{path}:3: rules[0].set.ceiling: 2 is more than 1.0' in err
    assert f"{path}:3: rules[0].set.horizn: 'horizn' is not known" in err
    assert '2 errors' in err


def test_a_file_without_rules_can_be_used(run, file):
    code, out, _ = run('check', file('rules: []'))
    assert code == 0
    assert 'no rules in it' in out


def test_a_file_that_is_not_there_is_named(run, tmp_path):
    code, _, err = run('check', tmp_path / 'nowhere.yaml')
    assert code == 1
    assert 'nowhere.yaml: No such file' in err


# --------------------------------------------------------------------- explain
def test_the_policy_of_an_instance_tells_where_it_is_from(explain):
    code, out, _ = explain('--at', '2026-07-01T12:00+02:00', '--json')
    told = json.loads(out)
    assert code == 0
    assert told['at'] == '2026-07-01T10:00:00+00:00'
    assert [rule['name'] for rule in told['rules']] == [
        'databases',
        'gold',
        'everybody',
    ]
    assert told['policy']['ceiling'] == {
        'value': 0.7,
        'rule': 'gold',
        'line': 12,
    }
    assert told['policy']['actions'] == {
        'value': ['live_migrate'],
        'rule': 'databases',
        'line': 8,
    }
    assert told['policy']['cooldown']['rule'] is None
    assert told['policy']['budgets.per_hour']['line'] == 4
    assert told['policy']['actions_now']['value'] == 'yes'


@pytest.mark.parametrize(
    ('at', 'closed'),
    [
        ('2026-07-01T22:00+02:00', True),
        ('2026-07-01T21:59+02:00', False),
        ('2026-10-25T04:59+01:00', True),
        ('2026-10-25T05:00+01:00', False),
        ('2026-07-01T20:00', True),  # UTC
        ('1782936000', True),
    ],
)
def test_the_policy_depends_on_the_time(explain, at, closed):
    _, out, _ = explain('--at', at, '--json')
    told = json.loads(out)['policy']['actions_now']
    assert told['value'].startswith('no: ') is closed
    assert (told['rule'], told['line']) == ('databases', 9)


def test_people_get_a_table(explain):
    _, out, _ = explain('--at', '1782900000')
    assert 'shop (i-1) at 2026-' in out
    assert '  gold (line 10): aggregate is ssd and weight is 2 or more' in out
    assert any(
        line.split() == ['ceiling', '0.7', 'gold', '(line', '12)']
        for line in out.splitlines()
    )


def test_facts_of_several_instances_are_told_apart(explain):
    facts = [{'id': 'a', 'name': 'web'}, {'id': 'b', 'name': 'web'}]
    code, _, err = explain(facts=facts, instance='web')
    assert code == 1
    assert 'is the name of 2 instances' in err
    assert 'a, b' in err
    code, out, _ = explain('--json', facts=facts, instance='b')
    assert (code, json.loads(out)['instance']) == (0, 'b')


@pytest.mark.parametrize(
    ('facts', 'words'),
    [
        ({'id': 'x'}, "'shop' is neither id nor name"),
        ({'id': 'shop', 'flavour': 'x'}, 'flavour is not known'),
        ({'name': 'shop'}, 'id is missing'),
        (['shop'], "'shop' is not an object"),
        ({'id': 'shop', 'weight': 'heavy'}, "weight 'heavy' is not a number"),
        ({'id': 'shop', 'created_at': 'soon'}, "created_at 'soon' is no time"),
        ({'id': 'shop', 'metadata': 'gold'}, 'shop'),
        ({'id': 'shop', 'created_at': float('inf')}, 'infinity'),
    ],
)
def test_facts_without_a_meaning_are_refused(explain, facts, words):
    code, _, err = explain(facts=facts)
    assert code == 1
    assert words in err


def test_a_time_without_a_meaning_is_refused(explain):
    code, _, err = explain('--at', 'tomorrow')
    assert code == 1
    assert "--at 'tomorrow' is no time" in err


def test_facts_that_are_no_json_are_refused(run, file):
    path = file('{', 'facts.json')
    code, _, err = run('explain', 'x', '--facts', path)
    assert code == 1
    assert 'no JSON' in err


def test_a_broken_file_explains_nothing(run, file):
    facts = file(json.dumps({'id': 'x'}), 'facts.json')
    broken = file('rules: 1')
    code, _, err = run('explain', 'x', '--facts', facts, '--policies', broken)
    assert code == 1
    assert f'{broken}:1: rules: 1 is not a list' in err
    assert pathlib.Path(broken).exists()


@pytest.mark.parametrize(
    'created', [1793491200, '1793491200', '2026-11-01T00:00:00Z']
)
def test_a_creation_may_be_as_nova_shows_it(explain, created):
    code, _, err = explain(facts={**FACTS, 'created_at': created})
    assert (code, err) == (0, '')
