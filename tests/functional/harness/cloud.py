"""All fake services of one cloud, served together."""

from collections.abc import Iterator
import contextlib

from tests.functional.harness import compute
from tests.functional.harness import compute_api
from tests.functional.harness import identity
from tests.functional.harness import metric
from tests.functional.harness import placement
from tests.functional.harness import web


class FakeCloud:
    """Keystone, Nova, Placement and Gnocchi, none of them real.

    What is behind the URLs can be replaced: Watcher is started once, each
    test gets an empty cloud.
    """

    def __init__(self) -> None:
        self.keystone = identity.FakeKeystone()
        self.reset()

    def reset(self) -> None:
        self.nova = compute_api.FakeNova()
        self.placement = placement.FakePlacement(self.cluster)
        self.gnocchi = metric.FakeGnocchi()

    @property
    def cluster(self) -> compute.Cluster:
        return self.nova.cluster

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Serve all of them; yields the URL of Keystone."""
        with contextlib.ExitStack() as stack:
            urls = {
                name: stack.enter_context(web.serving(self._door(name)))
                for name in ('keystone', 'nova', 'placement', 'gnocchi')
            }
            self._urls = urls
            self.keystone.endpoints = {
                'compute': urls['nova'] + '/v2.1',
                'placement': urls['placement'],
                'metric': urls['gnocchi'],
            }
            yield urls['keystone'] + '/v3'

    def _door(self, name: str) -> web.Application:
        def enter(environ: web.Environ, start: web.Start) -> list[bytes]:
            service = getattr(self, name)
            service.url = self._urls[name]
            return service(environ, start)

        return enter
