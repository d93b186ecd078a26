import argparse

import pytest

from predictive_watcher.cli import kinds


@pytest.mark.parametrize(
    ('kind', 'text', 'why'),
    [
        (kinds.whole(3), '2', '2 is below 3'),
        (kinds.whole(3), '3.5', "'3.5' is not a whole number"),
        (kinds.positive, '0', '0 is not above 0'),
        (kinds.positive, 'x', "'x' is not a whole number"),
        (kinds.number(0, 1), '1', r'1 is not in \[0, 1\)'),
        (kinds.number(0, 1), 'nan', r'nan is not in \[0, 1\)'),
        (kinds.number(0, 1), 'x', "'x' is not a number"),
        (kinds.share, '0', r'0 is not in \(0, 1\]'),
        (kinds.share, 'x', "'x' is not a number"),
    ],
)
def test_what_is_no_such_number_is_refused_with_its_value(kind, text, why):
    with pytest.raises(argparse.ArgumentTypeError, match=why):
        kind(text)


def test_numbers_are_read():
    assert kinds.whole(3)('3') == 3
    assert kinds.positive('1') == 1
    assert kinds.number(0, 1)('0.5') == 0.5
    assert kinds.share('1') == 1.0
