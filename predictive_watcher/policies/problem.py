"""What is wrong with a policy file, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from predictive_watcher import exceptions


Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong, at a line (from 1) and a path into the data.

    A ``warning`` does not keep the file from being used.
    """

    line: int
    text: str
    path: Path = ()
    warning: bool = False

    def __str__(self) -> str:
        where = told(self.path)
        return f'{where}: {self.text}' if where else self.text


def told(path: Path) -> str:
    """A path as people write it.

    >>> told(('rules', 0, 'set', 'ceiling'))
    'rules[0].set.ceiling'
    """
    parts = [
        f'[{part}]' if isinstance(part, int) else f'.{part}' for part in path
    ]
    return ''.join(parts).removeprefix('.')


def refused(
    file: str, problems: Sequence[Problem]
) -> exceptions.InvalidPolicies:
    """The error of a file that has problems: the first, and how many more."""
    first, more = problems[0], len(problems) - 1
    return exceptions.InvalidPolicies(
        f'{file}:{first.line}: {first}'
        + (f' (and {more} more)' if more else '')
        + f'; "predictive-watcher policy check {file}" tells all'
    )
