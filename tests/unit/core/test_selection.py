import itertools

import hypothesis
from hypothesis import strategies
import pytest

from predictive_watcher import exceptions
from predictive_watcher.core import selection
from predictive_watcher.core.selection import Kind


TEXTS = [
    'application=web-shop',
    'application=web-*',
    'application=*',
    'flavor=m1.large',
    'flavor=m1.*',
    'flavor=m?.*',
    'flavor=*',
]
WORDS = strategies.text('ab.*?[]!', min_size=1, max_size=6)


def chosen(texts, **traits):
    selectors = [selection.parse(text) for text in texts]
    return str(
        selection.most_specific(
            selectors, {Kind(kind): value for kind, value in traits.items()}
        )
    )


@pytest.mark.parametrize('given', itertools.islice(
    itertools.permutations(TEXTS), 0, None, 501
))  # fmt: skip
def test_the_most_specific_one_counts_in_whatever_order_they_stand(given):
    left = list(given)
    for expected in TEXTS:
        found = chosen(left, application='web-shop', flavor='m1.large')
        assert found == expected
        left.remove(expected)
    assert chosen(left, application='web-shop', flavor='m1.large') == 'None'


def test_an_instance_without_an_application_has_no_model_of_one():
    assert chosen(TEXTS, flavor='c2.small') == 'flavor=*'
    assert chosen(['application=*'], flavor='c2.small') == 'None'


def test_upper_and_lower_case_differ():
    assert chosen(['flavor=M1.large'], flavor='m1.large') == 'None'


def test_a_name_with_brackets_fits_itself():
    assert chosen(['flavor=big[2]'], flavor='big[2]') == 'flavor=big[2]'


@hypothesis.given(WORDS, WORDS)
def test_of_two_that_fit_the_same_one_counts_both_ways(one, other):
    pair = [f'flavor={one}', f'flavor={other}']
    for name in (one, other, 'ab'):
        assert chosen(pair, flavor=name) == chosen(pair[::-1], flavor=name)


@hypothesis.given(WORDS)
def test_what_is_written_can_be_read(word):
    selector = selection.parse(f'application={word}')
    assert selection.parse(str(selector)) == selector


@pytest.mark.parametrize(
    'text', ['', 'flavor', 'flavor=', '=m1', 'host=a', 'Flavor=m1', 'm1.large']
)
def test_what_names_nobody_is_refused(text):
    with pytest.raises(exceptions.InvalidInput, match='flavor=NAME') as caught:
        selection.parse(text)
    assert repr(text) in str(caught.value)


def test_of_a_segment_the_names_are_known():
    assert selection.parse('segment=night').fits({Kind.SEGMENT: 'night'})
    assert selection.parse('segment=*').fits({Kind.SEGMENT: 'weekend'})
    with pytest.raises(exceptions.InvalidInput, match='night, day, weekend'):
        selection.parse('segment=nights')


def test_a_segment_comes_after_an_application_and_before_a_flavor():
    traits = {'application': 'a', 'segment': 'day', 'flavor': 'm1'}
    texts = ['flavor=m1', 'segment=*', 'application=*']
    assert chosen(texts, **traits) == 'application=*'
    assert chosen(texts[:2], **traits) == 'segment=*'
