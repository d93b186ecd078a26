"""Which policy an instance gets, and what it makes of a plan."""

import dataclasses
import time

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import pipeline
from predictive_watcher.core import resolving
from predictive_watcher.core import rules
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Match
from predictive_watcher.core.rules import Rule
from tests.fakes import cloud_data as data
from tests.fakes.forecaster import FakeForecaster


RISING = {'cpu': (1.95, 0.01)}  # of 2 vCPUs: surely above 1.8


@dataclasses.dataclass(frozen=True)
class Between:
    """A window of two Unix seconds."""

    first: int
    last: int

    @property
    def longest_s(self):
        return self.last - self.first

    def covers(self, at):
        return self.first <= at <= self.last

    def __str__(self):
        return f'{self.first} to {self.last}'


NOW = Between(data.NOW - 60, data.NOW + 60)
LATER = Between(data.NOW + 60, data.NOW + 120)


def rule(name, settings=None, *, priority=0, **match):
    return Rule(
        name=name,
        match=Match(**match),
        settings=settings or {},
        priority=priority,
    )


def policy_of(rules_, instance=None, **base):
    fleet = data.a_fleet(instance or data.instance('a'))
    return resolving.resolve(rules_, fleet, Policy(**base), data.NOW).of(0)


def decisions(fleet, expected, *given, now=data.NOW, **base):
    proposal = pipeline.propose(
        fleet=fleet,
        window=data.window(fleet),
        forecaster=FakeForecaster(expected),
        leases=(),
        policy=Policy(**base),
        now=now,
        rules=given,
    )
    return {v.instance.id: v.adjustment for v in proposal.verdicts}


# ------------------------------------------------------------------ matching
def test_without_rules_everyone_has_the_policy_of_the_audit():
    assert policy_of([], ceiling=0.8) == Policy(ceiling=0.8)


@pytest.mark.parametrize(
    ('match', 'meets'),
    [
        ({'instance': ('a',)}, True),
        ({'project': ('p',)}, True),
        ({'project': ('q', 'p')}, True),
        ({'project': ('q',)}, False),
        ({'user': ('u*',)}, True),
        ({'image': ('img',)}, True),
        ({'flavor': ('sm?ll',)}, True),
        ({'flavor': ('small.',)}, False),
        ({'host': ('n1',)}, True),
        ({'aggregate': ('ssd',)}, True),
        ({'aggregate': ('hdd',)}, False),
        ({'weight': (1.0, 2.0)}, True),
        ({'weight': (1.5, 2.0)}, False),
        ({'metadata': {'tier': ('gold', 'silver')}}, True),
        ({'metadata': {'tier': ('*',), 'other': ('*',)}}, False),
        ({'during': (NOW,)}, True),
        ({'during': (LATER,)}, False),
        ({'project': ('p',), 'host': ('n2',)}, False),
    ],
)
def test_all_criteria_of_a_rule_have_to_be_met(match, meets):
    one = data.instance(
        'a', user_id='u1', image='img', metadata={'tier': 'gold'}
    )
    fleet = data.a_fleet(
        one,
        nodes=(data.node('n1', aggregates=frozenset({'ssd', 'all'})),),
    )
    own = resolving.resolve(
        [rule('r', {'ceiling': 0.5}, **match)], fleet, Policy(), data.NOW
    )
    assert (own.of(0).ceiling == 0.5) is meets
    assert own.rules_of(0) == (('r',) if meets else ())


def test_a_weight_that_cannot_be_read_is_in_no_range():
    odd = data.instance('a', flavor=data.flavor('odd', 2, 4, weight='heavy'))
    given = [rule('r', {'ceiling': 0.5}, weight=(0.0, 1e9))]
    assert policy_of(given, odd).ceiling == 0.9


# ---------------------------------------------------------------- precedence
STRONGER = [
    rule('window', during=(NOW,)),
    rule('metadata', metadata={'tier': ('gold',)}),
    rule('two keys', metadata={'tier': ('*',), 'b': ('*',)}),
    rule('wide weight', weight=(1.0, float('inf'))),
    rule('weight', weight=(1.0, 2.0)),
    rule('aggregate', aggregate=('ssd',)),
    rule('host', host=('n1',)),
    rule('pattern', flavor=('s*',)),
    rule('longer pattern', flavor=('smal*',)),
    rule('flavor', flavor=('small',)),
    rule('flavor at night', flavor=('small',), during=(NOW,)),
    rule('image', image=('img',)),
    rule('project', project=('p',)),
    rule('project and flavor', project=('p',), flavor=('small',)),
    rule('user', user=('u',)),
    rule('instance', instance=('a',)),
    rule('instance that matters', instance=('a',), priority=1),
]


@pytest.mark.parametrize('i', range(len(STRONGER) - 1))
def test_the_most_specific_rule_wins(i):
    weak, strong = STRONGER[i], STRONGER[i + 1]
    assert weak.order() < strong.order()


def test_settings_come_one_by_one_from_the_strongest_rule_that_has_them():
    given = [
        rule('all', {'ceiling': 0.8, 'risk_threshold': 0.4}),
        rule('p', {'ceiling': 0.7}, project=('p',)),
    ]
    found = policy_of(given)
    assert (found.ceiling, found.risk_threshold) == (0.7, 0.4)


criteria = st.fixed_dictionaries(
    {},
    optional={
        'project': st.sampled_from([('p',), ('p*',), ('q',)]),
        'flavor': st.sampled_from([('small',), ('*',), ('large', 'small')]),
        'host': st.sampled_from([('n1',), ('n?',)]),
        'weight': st.sampled_from([(0.0, 1.0), (0.5, 9.0)]),
        'metadata': st.sampled_from([{'tier': ('gold',)}, {'x': ('*',)}]),
        'during': st.sampled_from([(NOW,), (LATER,)]),
    },
)
some_rules = st.lists(
    st.tuples(criteria, st.floats(0.1, 1.0), st.integers(0, 2)), max_size=8
).map(
    lambda found: [
        rule(f'r{i}', {'ceiling': ceiling}, priority=priority, **match)
        for i, (match, ceiling, priority) in enumerate(found)
    ]
)


@hypothesis.given(some_rules, st.randoms(use_true_random=False))
@hypothesis.settings(deadline=None)
def test_the_order_of_rules_does_not_matter(given, random):
    shuffled = list(given)
    random.shuffle(shuffled)
    one = data.instance('a', metadata={'tier': 'gold'})
    assert policy_of(given, one) == policy_of(shuffled, one)


@hypothesis.given(some_rules, criteria, criteria)
@hypothesis.settings(deadline=None)
def test_who_asks_for_more_wins(given, less, more):
    wide = rule('wide', **less)
    narrow = rule('narrow', **{**more, **less})
    if set(more) - set(less):
        assert wide.order() < narrow.order()


# ------------------------------------------------------- what a rule may set
def test_a_rule_gives_no_leave_that_the_audit_withholds():
    given = [
        rule(
            'generous',
            {
                'allow_resize': True,
                'max_actions': 99,
                'max_actions_per_node': 99,
                'max_growth': 99.0,
            },
        )
    ]
    base = {'allow_resize': False, 'max_actions': 1}
    assert policy_of(given, **base) == Policy(**base)


def test_thresholds_of_two_rules_still_fit_together():
    given = [
        rule('low', {'risk_threshold': 0.2}),
        rule('high', {'release_threshold': 0.3}, project=('p',)),
    ]
    found = policy_of(given)
    assert found.release_threshold < found.risk_threshold


def test_a_setting_that_no_policy_has_is_named():
    with pytest.raises(exceptions.InvalidInput, match=r'rules r: .*sealing'):
        policy_of([rule('r', {'sealing': 0.5})])


@pytest.mark.parametrize(
    ('settings', 'closed'),
    [
        ({'no_actions_during': (NOW,)}, True),
        ({'no_actions_during': (LATER,)}, False),
        ({'actions_only_during': (LATER,)}, True),
        ({'actions_only_during': (LATER, NOW)}, False),
        ({'actions_only_during': (NOW,), 'no_actions_during': (NOW,)}, True),
    ],
)
def test_windows_close_and_open(settings, closed):
    assert bool(policy_of([rule('r', settings)]).closed) is closed


# ------------------------------------------------------------ in the pipeline
def two(**more):
    return data.a_fleet(
        data.instance('a', project_id='p', **more),
        data.instance('b', project_id='q', **more),
    )


def both(expected):
    return {'a': expected, 'b': expected}


def own_of_b(settings):
    return rule('own', settings, project=('q',))


@pytest.mark.parametrize(
    ('settings', 'reason'),
    [
        ({'risk_threshold': 0.99}, Reason.LOW_RISK),
        ({'ceiling': 1.0}, Reason.LOW_RISK),
        ({'allow_resize': False}, Reason.NOT_ALLOWED),
        ({'observe_only': True}, Reason.OBSERVED_ONLY),
        ({'no_actions_during': (NOW,)}, Reason.NOT_NOW),
        ({'max_growth': 1.0}, Reason.NO_FLAVOR),
        ({'largest_flavor': 'small'}, Reason.NO_FLAVOR),
        ({'largest_flavor': 'forgotten'}, Reason.NO_FLAVOR),
        ({'cost_factor': 1e6}, Reason.NOT_WORTH_IT),
        ({'max_actions': 0}, Reason.BUDGET),
    ],
)
def test_each_instance_is_judged_by_its_own_policy(settings, reason):
    expected = both({'cpu': (1.88, 0.02)})  # P(> 1.8) = .98
    found = decisions(two(), expected, own_of_b(settings))
    assert isinstance(found['a'], Resize)
    assert found['b'].reason is reason


def test_what_is_only_observed_tells_what_would_be_done():
    found = decisions(two(), both(RISING), own_of_b({'observe_only': True}))
    assert 'weight 1 x need' in found['b'].text


def test_a_higher_weight_factor_gets_the_larger_flavor_and_comes_first():
    flavors = tuple(data.flavor(f'f{n}', n, 4) for n in (10, 12, 16))
    fleet = data.a_fleet(
        data.instance('a', project_id='p', flavor=flavors[0]),
        data.instance('b', project_id='q', flavor=flavors[0]),
        nodes=(data.node('n1', 64), data.node('n2', 64)),
        flavors=flavors,
    )
    expected = both({'cpu': (9.9, 0.01)})
    given = own_of_b({'weight_factor': 4.0})
    found = decisions(fleet, expected, given)
    assert found['a'].flavor == flavors[1]
    assert found['b'].flavor == flavors[2]
    found = decisions(fleet, expected, given, max_actions=1)
    assert found['a'].reason is Reason.BUDGET


def test_a_lower_quantile_asks_for_less():
    flavors = tuple(data.flavor(f'f{n}', n, 4) for n in (2, 3, 4, 6))
    fleet = two(flavor=flavors[0])
    fleet = dataclasses.replace(fleet, flavors=flavors)
    expected = both({'cpu': (2.0, 0.5)})
    given = own_of_b({'quantile_level': 0.5})
    found = decisions(fleet, expected, given)
    assert found['b'].flavor.vcpus < found['a'].flavor.vcpus


def test_a_shorter_horizon_sees_no_more_risk():
    fleet = two()
    given = own_of_b({'horizon_s': 300})
    found = decisions(fleet, both(RISING), given)
    assert 'within 15 min' in found['a'].text
    assert 'within 5 min' in found['b'].text


def test_who_may_not_migrate_leaves_it_to_others():
    fleet = data.a_fleet(
        *(data.instance(i, project_id=i) for i in 'abcde'),
        nodes=(data.node('n1', 8), data.node('n2', 16)),
    )
    expected = {i: {'cpu': (1.6, 0.05)} for i in 'abcde'}
    [moved] = moves(decisions(fleet, expected))
    given = rule('stay', {'observe_only': True}, project=(moved,))
    [other] = moves(decisions(fleet, expected, given))
    assert other != moved


def moves(found):
    return [name for name, one in found.items() if isinstance(one, Migrate)]


# -------------------------------------------------------------------- speed
def test_50_rules_for_10_000_instances_take_a_fifth_of_a_second():
    made = tuple(
        data.instance(
            f'i{n}',
            f'n{n % 500}',
            project_id=f'p{n % 700}',
            user_id=f'u{n % 900}',
            flavor=data.FLAVORS[n % 3],
            metadata={'tier': f't{n % 40}', 'own': str(n)},
        )
        for n in range(10_000)
    )
    fleet = data.a_fleet(
        *made, nodes=tuple(data.node(f'n{n}') for n in range(500))
    )
    given = [
        rule(f'r{n}', {'ceiling': 0.5 + n / 100}, **match)
        for n, match in enumerate(
            [
                {'project': (f'p{n}*',)} if n % 3 else {'flavor': ('s*',)}
                for n in range(20)
            ]
            + [{'metadata': {'tier': (f't{n}',)}} for n in range(10)]
            + [{'host': (f'n{n}?',), 'user': ('u1*',)} for n in range(20)]
        )
    ]
    taken = []
    for _ in range(3):
        began = time.process_time()
        own = resolving.resolve(given, fleet, Policy(), data.NOW)
        own.values('ceiling')
        taken.append(time.process_time() - began)
    assert len(np.unique(own.index)) > 100
    assert min(taken) < 0.2


def test_patterns_know_two_signs_only():
    assert rules.fits('a[b]', 'a[b]')
    assert not rules.fits('a[b]', 'ab')
