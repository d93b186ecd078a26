"""How far a bootstrap is: what was planned, and the pages that are done.

In a folder beside the memories of audits, which it leaves when it is done.
"""

from collections.abc import Sequence
import dataclasses
from dataclasses import dataclass
import json
import pathlib
import shutil

from predictive_watcher import exceptions
from predictive_watcher.core import remembering
from predictive_watcher.state import cache


_FOLDER = 'bootstrap.parts'
_PLAN = 'plan.json'


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be read and learned, the same for each page.

    Times are Unix seconds; ``source`` and ``model`` are identities.
    """

    source: str
    model: str
    start: int
    end: int
    page: int
    instances: tuple[str, ...]

    def pages(self) -> list[tuple[str, ...]]:
        """The instances, page by page."""
        return [
            self.instances[i : i + self.page]
            for i in range(0, len(self.instances), self.page)
        ]


class Book:
    """The pages that were learned of one plan."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._folder = directory / _FOLDER

    def begun(self, wanted: Plan, oldest: int) -> Plan:
        """The plan to go on with: one that was interrupted, or the wanted.

        One that ended before ``oldest``, or was made with another model,
        source or span, is dropped.

        :raises StateError: where nothing can be kept.
        """
        found = self._found()
        if found is not None and (
            (found.source, found.model) == (wanted.source, wanted.model)
            and found.end >= oldest
            and found.end - found.start == wanted.end - wanted.start
        ):
            return found
        try:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(mode=0o750, parents=True)
            path = self._folder / _PLAN
            path.write_text(json.dumps(dataclasses.asdict(wanted)))
        except OSError as error:
            raise exceptions.StateError(
                f'{self._folder}: cannot be written ({error.strerror}); check '
                f'its permissions or {cache.OPTION}'
            ) from error
        return wanted

    def _found(self) -> Plan | None:
        try:
            facts = json.loads((self._folder / _PLAN).read_text())
            facts['instances'] = tuple(facts['instances'])
            return Plan(**facts)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def page(
        self, number: int, plan: Plan
    ) -> tuple[remembering.Memory, remembering.Memory] | None:
        """Memory and usage of a page; None: it is not done, or damaged."""
        name = f'page-{number}'
        try:
            memory = cache.read(self._folder, name, plan.model)
            usage = cache.read(
                self._folder, cache.usage_name(name), plan.source
            )
        except exceptions.StateError:
            return None
        if memory is None or usage is None:
            return None
        return memory, usage

    def keep(
        self,
        number: int,
        memory: remembering.Memory,
        usage: remembering.Memory,
    ) -> None:
        """A page is done.

        :raises StateError: where it cannot be written.
        """
        name = f'page-{number}'
        cache.write(self._folder, name, memory)
        cache.write(self._folder, cache.usage_name(name), usage)

    def finish(self, plan: Plan) -> int:
        """Put all pages where audits find them; how many instances.

        :raises StateError: where a page is missing, or nothing can be
            written.
        """
        pages = [self.page(i, plan) for i in range(len(plan.pages()))]
        done: Sequence[tuple[remembering.Memory, remembering.Memory]]
        done = [page for page in pages if page is not None]
        if len(done) < len(pages):
            raise exceptions.StateError(
                f'{self._folder}: {len(pages) - len(done)} of {len(pages)} '
                'pages are missing or damaged; run it again'
            )
        name = cache.BOOTSTRAP
        memory = remembering.joined([page[0] for page in done])
        usage = remembering.joined([page[1] for page in done])
        cache.write(self._directory, name, memory)
        cache.write(self._directory, cache.usage_name(name), usage)
        shutil.rmtree(self._folder, ignore_errors=True)
        return len(memory.instances)
