"""A policy file → rules, or all that is wrong with it."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
from dataclasses import dataclass
import functools
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.core import rules
from predictive_watcher.core.policy import Policy
from predictive_watcher.core.rules import Match
from predictive_watcher.core.rules import Rule
from predictive_watcher.policies import conflicts
from predictive_watcher.policies import document
from predictive_watcher.policies import form
from predictive_watcher.policies import settings
from predictive_watcher.policies import times
from predictive_watcher.policies.problem import Path
from predictive_watcher.policies.problem import Problem


MOST_BYTES = 1 << 20
DEFAULT_TIMEZONE = 'UTC'
# gives an instance more than it has by default where it is larger (1) or
# smaller (-1)
_MORE = {
    'weight_factor': 1,
    'risk_threshold': -1,
    'quantile_level': 1,
    'ceiling': -1,
}
_DEFAULT = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a file holds: rules, which are sound only without errors."""

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the file from being used."""
        return tuple(one for one in self.problems if not one.warning)


def check(content: bytes, now: int) -> Checked:
    """Read a file's content; everything that is wrong is told.

    :param now: Unix seconds; windows are compared from then on.
    """
    if len(content) > MOST_BYTES:
        text = f'the file has {len(content)} bytes; {MOST_BYTES} are the most'
        return Checked(rules=(), problems=(Problem(line=1, text=text),))
    read = document.read(content)
    if read.data is None:
        return Checked(rules=(), problems=_sorted(read.problems or _nothing()))
    # what could not be read stands for nothing, which is no second mistake
    unread = {one.path for one in read.problems}
    wrong = [
        one
        for one in form.problems(read.data, read.lines)
        if one.path not in unread
    ]
    maker = _Maker(
        read.data, read.lines, {one.path for one in (*read.problems, *wrong)}
    )
    made = tuple(maker.rules())
    errors = [*read.problems, *wrong, *maker.problems]
    if not errors:
        errors += conflicts.conflicts(made, now)
    return Checked(rules=made, problems=_sorted([*errors, *maker.warnings]))


def _nothing() -> tuple[Problem, ...]:
    text = 'the file holds nothing; write "rules: []" where there are none'
    return (Problem(line=1, text=text),)


def _sorted(found: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(found, key=lambda one: (one.line, str(one))))


class _Maker:
    """Makes rules of what has the right form.

    :param wrong: paths of what has not, and is not looked at again.
    """

    def __init__(
        self, data: Any, lines: Mapping[Path, int], wrong: Collection[Path]
    ) -> None:
        self._data = data
        self._lines = lines
        self._wrong_paths = wrong
        self._timezone = DEFAULT_TIMEZONE
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def rules(self) -> Iterator[Rule]:
        """Every rule that can be made."""
        if {(), ('rules',)} & set(self._wrong_paths):
            return
        given = self._data.get('timezone', DEFAULT_TIMEZONE)
        if self._is_sound(('timezone',)):
            with self._at(('timezone',)):
                times.zone(given)
                self._timezone = given
        first: dict[str, int] = {}
        for i, data in enumerate(self._data['rules']):
            path: Path = ('rules', i)
            if path in self._wrong_paths or not self._is_sound(
                (*path, 'name')
            ):
                continue
            rule = self._rule(data, path)
            if rule.name in first:
                self._wrong(
                    (*path, 'name'),
                    f'{rule.name!r} is the name of the rule in line '
                    f'{first[rule.name]} too; give it another one',
                )
            first.setdefault(rule.name, rule.line)
            yield rule

    def _rule(self, data: Mapping[str, Any], path: Path) -> Rule:
        chosen: dict[str, Any] = {}
        lines: dict[str, int] = {}
        given = self._sound(data, 'set', path)
        for key, value in settings.flat(given):
            at = (*path, 'set', *key.split('.', 1))
            with self._at(at):
                windows = functools.partial(self._windows, path=at)
                found = settings.fields_of(key, value, windows)
                chosen.update(found)
                line = form.line_of(at, self._lines)
                lines.update(dict.fromkeys(found, line))
        self._fits_together(given, (*path, 'set'))
        criteria = self._sound(data, 'match', path)
        match = self._match(criteria, (*path, 'match'))
        if match.metadata:
            self._warn_of_metadata(given, (*path, 'match', 'metadata'))
        return Rule(
            name=data['name'],
            match=match,
            settings=chosen,
            priority=self._priority(data, path),
            line=form.line_of(path, self._lines),
            lines=lines,
        )

    def _is_sound(self, path: Path) -> bool:
        """Whether a value and all in it has the right form."""
        return not any(one[: len(path)] == path for one in self._wrong_paths)

    def _sound(
        self, data: Mapping[str, Any], name: str, path: Path
    ) -> dict[str, Any]:
        """What of a mapping in a rule has the right form."""
        at = (*path, name)
        given = {} if at in self._wrong_paths else data.get(name, {})
        return {
            key: value
            for key, value in given.items()
            if self._is_sound((*at, key))
        }

    def _match(self, data: Mapping[str, Any], path: Path) -> Match:
        found: dict[str, Any] = {
            name: self._patterns(data[name], (*path, name))
            for name in rules.NAMES
            if name in data
        }
        if 'weight' in data:
            found['weight'] = self._weight(data['weight'], (*path, 'weight'))
        if 'metadata' in data:
            found['metadata'] = {
                key: self._patterns(value, (*path, 'metadata', key))
                for key, value in data['metadata'].items()
            }
        if 'during' in data:
            with self._at((*path, 'during')):
                found['during'] = self._windows(
                    data['during'], (*path, 'during')
                )
        return Match(**found)

    def _priority(self, data: Mapping[str, Any], path: Path) -> int:
        sound = self._is_sound((*path, 'priority'))
        return int(data.get('priority', 0)) if sound else 0

    def _patterns(self, given: str | list[str], path: Path) -> tuple[str, ...]:
        patterns = (given,) if isinstance(given, str) else tuple(given)
        for pattern in patterns:
            odd = [sign for sign in '[]{}|^$\\' if sign in pattern]
            if odd or pattern != pattern.strip():
                self._wrong(
                    path,
                    f'{form.show(pattern)} is no pattern: only * (any text) '
                    'and ? (one character) have a meaning, and none of '
                    '[ ] { } | ^ $ \\ or blanks at the ends may stand in it',
                )
        return patterns

    def _weight(
        self, given: float | Mapping[str, float], path: Path
    ) -> tuple[float, float]:
        if not isinstance(given, Mapping):
            return float(given), float(given)
        low, high = given.get('min', 0.0), given.get('max', float('inf'))
        if low > high:
            self._wrong(
                path,
                f'min {low:g} is more than max {high:g}; no weight is in '
                'between',
            )
        return float(low), float(high)

    def _windows(self, given: Any, path: Path) -> tuple[times.CronWindow, ...]:
        several = given if isinstance(given, list) else [given]
        made = []
        for i, one in enumerate(several):
            at = (*path, i) if isinstance(given, list) else path
            lasts_s = 3600  # so that the rest is checked where it has none
            with self._at((*at, 'duration')):
                lasts_s = times.seconds(one['duration'])
            with self._at(at):
                made.append(
                    times.CronWindow(
                        cron=' '.join(one['cron'].split()),
                        duration_s=lasts_s,
                        timezone=one.get('timezone', self._timezone),
                    )
                )
        return tuple(made)

    def _fits_together(self, data: Mapping[str, Any], path: Path) -> None:
        high, low = data.get('risk_threshold'), data.get('release_threshold')
        if high is not None and low is not None and low >= high:
            self._wrong(
                (*path, 'release_threshold'),
                f'{low} is not below risk_threshold {high}: a lease would '
                'end and begin again at the same risk; lower it',
            )

    def _warn_of_metadata(self, data: Mapping[str, Any], path: Path) -> None:
        more = [
            key
            for key, sign in _MORE.items()
            if key in data and sign * (data[key] - getattr(_DEFAULT, key)) > 0
        ]
        if more:
            self.warnings.append(
                Problem(
                    line=form.line_of(path, self._lines),
                    path=path,
                    text='whoever owns a server can write its metadata, and '
                    f'gives it {", ".join(more)} of this rule by that; add '
                    'a criterion that only you decide, such as project',
                    warning=True,
                )
            )

    @contextlib.contextmanager
    def _at(self, path: Path) -> Iterator[None]:
        """Take an error for a problem at a path, and go on."""
        try:
            yield
        except exceptions.InvalidInput as error:
            self._wrong(path, str(error))

    def _wrong(self, path: Path, text: str) -> None:
        line = form.line_of(path, self._lines)
        self.problems.append(Problem(line=line, path=path, text=text))
