"""What projects may use: private flavors, and what is left of a quota."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from concurrent import futures
import logging

from predictive_watcher import exceptions
from predictive_watcher.cloud import rest as rest_module
from predictive_watcher.cloud import translate
from predictive_watcher.core import quotas


LOG = logging.getLogger(__name__)
AT_ONCE = 8  # requests


def access(
    rest: rest_module.Rest, flavors: Iterable[str]
) -> dict[str, frozenset[str]]:
    """The projects that may use each of these private flavors, by id.

    A request for each of them; one that is gone meanwhile has none, and one
    of which Nova does not tell counts as nobody's: it is not leased.
    """

    def ask(flavor: str) -> frozenset[str]:
        path = f'/flavors/{flavor}/os-flavor-access'
        try:
            with rest_module.understood(f'the access to flavor {flavor}'):
                found = rest.get(path)['flavor_access']
                return frozenset(one['tenant_id'] for one in found)
        except exceptions.CloudError as error:
            if getattr(error, 'status', None) != 404:
                LOG.warning(
                    'who may use the private flavor %s is not known, it is '
                    'leased to nobody: %s',
                    flavor,
                    error,
                )
            return frozenset()

    ids = sorted(flavors)
    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(ids, pool.map(ask, ids), strict=True))


class Quotas(Mapping[str, quotas.Quota]):
    """What each project may still take, asked when it is looked up.

    One request for each project at risk, once an audit.  Where Nova does not
    tell, nothing is known, and Nova itself checks the resize.
    """

    def __init__(self, rest: rest_module.Rest) -> None:
        self._rest = rest
        self._known: dict[str, quotas.Quota | None] = {}

    def __getitem__(self, project: str) -> quotas.Quota:
        if project not in self._known:
            self._known[project] = self._ask(project)
        found = self._known[project]
        if found is None:
            raise KeyError(project)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name, found in self._known.items() if found)

    def __len__(self) -> int:
        return sum(found is not None for found in self._known.values())

    def _ask(self, project: str) -> quotas.Quota | None:
        try:
            with rest_module.understood(f'the quota of project {project}'):
                answer = self._rest.get('/limits', {'tenant_id': project})
                return translate.quota(answer['limits']['absolute'])
        except exceptions.CloudError as error:
            LOG.warning(
                'the quota of project %s is not known, Nova checks it when '
                'it resizes: %s',
                project,
                error,
            )
            return None
