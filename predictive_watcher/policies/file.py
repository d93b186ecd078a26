"""The policy file of a site, read again whenever it is asked for."""

import contextlib
from dataclasses import dataclass
from dataclasses import replace
import hashlib
import logging
import os
import pathlib
import threading

from predictive_watcher import exceptions
from predictive_watcher.core.rules import Rule
from predictive_watcher.policies import problem as problem_module
from predictive_watcher.policies import reading
from predictive_watcher.policies.problem import Problem


LOG = logging.getLogger(__name__)
LAST_GOOD = 'policies.last-good.yaml'
NOTHING = 'nothing'  # stands for the file where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The rules in use, and the ``file`` that they should be from.

    ``problem`` says why the file as it is now is not used, '' where it is.
    ``changed`` is true where this was not known before.
    """

    file: str
    rules: tuple[Rule, ...]
    problem: str = ''
    changed: bool = False


class PolicyFile:
    """Reads a file when asked; one that is broken leaves the rules as they
    were.

    What was good last is kept beside the state, so that a service that is
    started again with a broken file goes on with the rules it had.  A file
    that is gone is broken too, where it had rules: whoever deploys it may be
    at it, and those whom a rule protects must not lose it meanwhile.

    :param keep_in: folder for that copy; None: keep none.
    """

    def __init__(
        self, path: pathlib.Path, keep_in: pathlib.Path | None = None
    ) -> None:
        self._path = path
        self._copy = keep_in / LAST_GOOD if keep_in else None
        self._lock = threading.Lock()
        self._digest = ''
        self._loaded: Loaded | None = None

    def load(self, now: int) -> Loaded:
        """The rules in use now.

        :param now: Unix seconds.
        :raises InvalidPolicies: where the file is broken and none was good
            before.
        """
        with self._lock:
            try:
                content = self._content()
            except OSError as error:
                why = f'{self._path} cannot be read: {error.strerror or error}'
                return self._keep(str(error), why, now)
            digest = NOTHING
            if content is not None:
                digest = hashlib.sha256(content).hexdigest()
            if self._loaded is not None and digest == self._digest:
                return replace(self._loaded, changed=False)
            return self._read(content, digest, now)

    def _content(self) -> bytes | None:
        """What the file holds; None where there is no file."""
        try:
            with self._path.open('rb') as file:
                # one byte more tells that it is too long
                return file.read(reading.MOST_BYTES + 1)
        except FileNotFoundError:
            return None

    def _read(self, content: bytes | None, digest: str, now: int) -> Loaded:
        if content is None:
            return self._without_file(digest, now)
        checked = reading.check(content, now)
        if checked.errors:
            error = problem_module.refused(str(self._path), checked.errors)
            return self._keep(digest, str(error), now)
        _log(self._path, checked.problems)
        return self._use(checked.rules, digest, content)

    def _without_file(self, digest: str, now: int) -> Loaded:
        before = self._loaded.rules if self._loaded else self._saved(now)
        if not before:
            return self._use((), digest, None)
        why = (
            f'{self._path} is gone; put it back, or write "rules: []" into it '
            'where no rule is to hold'
        )
        return self._keep(digest, why, now)

    def _use(
        self, rules: tuple[Rule, ...], digest: str, content: bytes | None
    ) -> Loaded:
        LOG.info(
            '%s: %s',
            self._path,
            'there is no such file: the parameters of audits hold for all'
            if content is None
            else f'{len(rules)} rules are in use',
        )
        self._digest, self._loaded = digest, self._made(rules, '', True)
        self._save(content)
        return self._loaded

    def _keep(self, digest: str, why: str, now: int) -> Loaded:
        """Go on with the rules that were good last."""
        before = self._loaded
        rules = self._saved(now) if before is None else before.rules
        if rules is None:
            raise exceptions.InvalidPolicies(
                f'{why}; no rules were in use before, so nothing is done'
            )
        problem = f'{why}; the rules that were good last are in use'
        changed = digest != self._digest
        self._digest = digest
        self._loaded = self._made(rules, problem, changed)
        return self._loaded

    def _made(
        self, rules: tuple[Rule, ...], problem: str, changed: bool
    ) -> Loaded:
        return Loaded(
            file=str(self._path), rules=rules, problem=problem, changed=changed
        )

    def _saved(self, now: int) -> tuple[Rule, ...] | None:
        """The rules of the copy; None where there is none that is good."""
        if self._copy is None:
            return None
        try:
            checked = reading.check(self._copy.read_bytes(), now)
        except OSError:
            return None
        return None if checked.errors else checked.rules

    def _save(self, content: bytes | None) -> None:
        """Keep what is good; a full disk costs the copy only."""
        if self._copy is None:
            return
        if content is None:
            return
        try:
            self._copy.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            made = self._copy.with_suffix(f'.{os.getpid()}')
            try:
                made.write_bytes(content)
                made.replace(self._copy)
            finally:
                with contextlib.suppress(OSError):
                    made.unlink(missing_ok=True)
        except OSError as error:
            LOG.warning('%s is not kept: %s', self._copy, error)


def _log(path: pathlib.Path, problems: tuple[Problem, ...]) -> None:
    for one in problems:
        LOG.warning('%s:%d: %s', path, one.line, one)
