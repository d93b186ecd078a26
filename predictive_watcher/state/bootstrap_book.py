"""How far a bootstrap is: what was planned, and the pages that are done.

In a folder beside the memories of audits, which it leaves when it is done.
"""

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass
import enum
import json
import pathlib
import shutil

from predictive_watcher import exceptions
from predictive_watcher.core import profile
from predictive_watcher.core import remembering
from predictive_watcher.state import cache


_FOLDER = 'bootstrap.parts'
_PLAN = 'plan.json'


class Kind(enum.Enum):
    """What is known of instances."""

    MODEL = 'model'
    PROFILE = 'profile'
    USAGE = 'usage'


Page = Mapping[Kind, remembering.Memory]


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

    def page(self, number: int, plan: Plan) -> Page | None:
        """What was learned of a page; None: it is not done, or damaged."""
        found = {}
        for kind, model in self._kinds(plan).items():
            name = _name(f'page-{number}', kind)
            try:
                memory = cache.read(self._folder, name, model)
            except exceptions.StateError:
                return None
            if memory is None:
                return None
            found[kind] = memory
        return found

    def keep(self, number: int, page: Page) -> None:
        """A page is done.

        :raises StateError: where it cannot be written.
        """
        for kind, memory in page.items():
            cache.write(self._folder, _name(f'page-{number}', kind), memory)

    def finish(self, plan: Plan) -> int:
        """Put all pages where audits find them; how many instances.

        :raises StateError: where a page is missing, or nothing can be
            written.
        """
        count = 0
        for kind, model in self._kinds(plan).items():
            # one kind after the other: together they need twice the memory
            pages = [
                cache.read(self._folder, _name(f'page-{i}', kind), model)
                for i in range(len(plan.pages()))
            ]
            done = [page for page in pages if page is not None]
            if len(done) < len(pages):
                raise exceptions.StateError(
                    f'{self._folder}: {len(pages) - len(done)} of '
                    f'{len(pages)} pages are missing; run it again'
                )
            whole = remembering.joined(done)
            cache.write(self._directory, _name(cache.BOOTSTRAP, kind), whole)
            count = len(whole.instances)
        shutil.rmtree(self._folder, ignore_errors=True)
        return count

    @staticmethod
    def _kinds(plan: Plan) -> dict[Kind, str]:
        """What is kept, and of which identity."""
        return {
            Kind.MODEL: plan.model,
            Kind.PROFILE: profile.IDENTITY,
            Kind.USAGE: plan.source,
        }


def _name(name: str, kind: Kind) -> str:
    match kind:
        case Kind.MODEL:
            return name
        case Kind.PROFILE:
            return cache.profile_name(name)
        case Kind.USAGE:
            return cache.usage_name(name)
