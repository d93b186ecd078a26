"""Kinds of numbers that commands take, for argparse."""

import argparse
from collections.abc import Callable


def _read(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number') from None


def _read_whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a whole number'
        ) from None


def whole(least: int) -> Callable[[str], int]:
    """A whole number of at least ``least``."""

    def kind(text: str) -> int:
        number = _read_whole(text)
        if number < least:
            raise argparse.ArgumentTypeError(f'{text} is below {least}')
        return number

    return kind


def positive(text: str) -> int:
    """A whole number above 0."""
    number = _read_whole(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return number


def number(least: float, below: float) -> Callable[[str], float]:
    """A number in [least, below)."""

    def kind(text: str) -> float:
        value = _read(text)
        if not least <= value < below:
            raise argparse.ArgumentTypeError(
                f'{text} is not in [{least:g}, {below:g})'
            )
        return value

    return kind


def share(text: str) -> float:
    """A number in (0, 1]."""
    value = _read(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not in (0, 1]')
    return value
