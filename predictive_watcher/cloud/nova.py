"""Nova and Placement: the fleet for an audit, one server for an action."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from concurrent import futures
from dataclasses import replace
import datetime
import time
from typing import Any

from openstack import connection as sdk_connection

from predictive_watcher.cloud import history
from predictive_watcher.cloud import moves
from predictive_watcher.cloud import rest as rest_module
from predictive_watcher.cloud import rights
from predictive_watcher.cloud import translate
from predictive_watcher.core import durations
from predictive_watcher.core import fleet


# Up to so many nodes are asked one by one for their servers; more than that,
# and listing the whole cloud takes fewer requests.
FEW_NODES = 8
AT_ONCE = 8  # requests to Placement


class Nova:
    """What audits and actions ask of Nova and Placement.

    Needs an administrator's rights.  Every method raises CloudError, naming
    the call and what the service said.

    :param poll_s: seconds between two looks at a server that changes.
    :param timeout_s: how long a resize or a live migration may take.
    """

    def __init__(
        self,
        connection: sdk_connection.Connection,
        *,
        poll_s: float = 2.0,
        timeout_s: float = 900.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest_module.Rest(connection)
        self._ids: dict[str, str] = {}  # flavor name → id, as last listed
        self._moves = moves.Moves(
            self._rest,
            self.live,
            moves.Patience(
                poll_s=poll_s, timeout_s=timeout_s, sleep=sleep, clock=clock
            ),
        )

    @property
    def requests(self) -> int:
        """How many requests this object has made."""
        return self._rest.count

    def load_fleet(
        self,
        nodes: Collection[str] | None = None,
        scope: Collection[str] | None = None,
    ) -> fleet.Fleet:
        """Nodes, all servers on them, flavors and server groups.

        :param nodes: host names; None: all.
        :param scope: ids of the instances that may be touched; None: all.
            Those that are not on the nodes are left out.
        """
        flavors = self._usable(self._flavors())
        instances = self._instances(nodes)
        known = frozenset(instance.id for instance in instances)
        with rest_module.understood('the list of server groups'):
            groups = tuple(
                translate.group(data)
                for data in self._rest.offsets(
                    '/os-server-groups',
                    'server_groups',
                    {'all_projects': 'True'},
                )
            )
        return fleet.Fleet(
            instances=instances,
            nodes=self._nodes(nodes),
            flavors=flavors,
            scope=known if scope is None else known & frozenset(scope),
            groups=groups,
        )

    def departed(self, since: int) -> tuple[fleet.Instance, ...]:
        """Servers that were deleted since then, as long as Nova still has
        them: until they are archived.

        :param since: Unix seconds.
        """
        moment = datetime.datetime.fromtimestamp(since, datetime.UTC)
        with rest_module.understood('the list of deleted servers'):
            return tuple(
                translate.instance(data, self._ids)
                for data in self._rest.pages(
                    '/servers/detail',
                    'servers',
                    {
                        'all_tenants': 'True',
                        'deleted': 'True',
                        'changes-since': moment.isoformat(),
                    },
                )
            )

    def live(self, server_id: str) -> fleet.Instance | None:
        """The server as it is now; None where it is gone."""
        try:
            data = self._rest.get(f'/servers/{server_id}')['server']
        except rest_module.Refused as error:
            if error.status == 404:
                return None
            raise
        with rest_module.understood(f'server {server_id}'):
            if data['flavor']['original_name'] not in self._ids:
                self._flavors()
            return translate.instance(data, self._ids)

    def flavor(self, flavor_id: str) -> fleet.Flavor | None:
        """The flavor as it is now; None where there is none of this id."""
        return next((f for f in self._flavors() if f.id == flavor_id), None)

    def flavor_named(self, name: str) -> fleet.Flavor | None:
        """The flavor as it is now; None where there is none so called."""
        return next((f for f in self._flavors() if f.name == name), None)

    def node(self, name: str) -> fleet.Node | None:
        """The node as it is now; None where there is none of this name."""
        return next(iter(self._nodes([name])), None)

    def resize(self, server_id: str, flavor_id: str) -> fleet.Instance:
        """Resize, confirm, and wait until it runs with the new flavor.

        :raises CloudError: as soon as Nova refuses, the server is in ERROR,
            or it is back with its old flavor; or when the time is up.
        """
        flavor = self.flavor(flavor_id)
        return self._moves.resize(server_id, flavor_id, flavor)

    def confirm(self, server_id: str) -> fleet.Instance:
        """Confirm a resize that waits for it, and wait until it is done.

        :raises CloudError: as `resize`.
        """
        return self._moves.confirm(server_id)

    def live_migrate(self, server_id: str, node: str) -> fleet.Instance:
        """Live-migrate and wait until it runs on ``node``.

        :raises CloudError: as `resize`.
        """
        return self._moves.live_migrate(server_id, node)

    def abort_live_migration(self, server_id: str) -> bool:
        """Stop a live migration; False where none could be stopped."""
        return self._moves.abort_live_migration(server_id)

    def history(
        self, since: int, known: Collection[str], most: int
    ) -> list[durations.Done]:
        """Resizes and live migrations that were done, see `history.done`."""
        return history.done(self._rest, since, known, most)

    def quotas(self) -> rights.Quotas:
        """What each project may still take, asked when it is looked up."""
        return rights.Quotas(self._rest)

    def image_property(
        self, images: Collection[str], key: str
    ) -> dict[str, str]:
        """A property of images, by their id; who has none is left out."""
        with rest_module.understood('the list of images'):
            return {
                str(image['id']): str(image[key])
                for image in self._rest.images(images)
                if image.get(key)
            }

    def _usable(
        self, flavors: tuple[fleet.Flavor, ...]
    ) -> tuple[fleet.Flavor, ...]:
        """The same flavors, with who may use those that are private."""
        private = [one.id for one in flavors if not one.public]
        found = rights.access(self._rest, private)
        return tuple(
            one if one.public else replace(one, projects=found[one.id])
            for one in flavors
        )

    def _flavors(self) -> tuple[fleet.Flavor, ...]:
        with rest_module.understood('the list of flavors'):
            flavors = tuple(
                translate.flavor(data)
                for data in self._rest.pages(
                    '/flavors/detail', 'flavors', {'is_public': 'None'}
                )
            )
        self._ids = {flavor.name: flavor.id for flavor in flavors}
        return flavors

    def _instances(
        self, nodes: Collection[str] | None
    ) -> tuple[fleet.Instance, ...]:
        with rest_module.understood('the list of servers'):
            everything = tuple(
                translate.instance(data, self._ids)
                for data in self._servers(nodes)
            )
        if nodes is None:
            return everything
        return tuple(i for i in everything if i.node in nodes)

    def _servers(
        self, nodes: Collection[str] | None
    ) -> Iterator[dict[str, Any]]:
        hosts: list[dict[str, str]] = [{}]
        if nodes is not None and len(nodes) <= FEW_NODES:
            hosts = [{'host': node} for node in sorted(nodes)]
        for host in hosts:
            yield from self._rest.pages(
                '/servers/detail', 'servers', {'all_tenants': 'True', **host}
            )

    def _nodes(self, names: Collection[str] | None) -> tuple[fleet.Node, ...]:
        with rest_module.understood('the list of hypervisors'):
            zones = {
                service['host']: service['zone']
                for service in self._rest.get(
                    '/os-services', {'binary': 'nova-compute'}
                )['services']
            }
            listed = self._rest.get('/os-aggregates')['aggregates']
            aggregates = translate.aggregates(listed)
            metadata = translate.aggregate_metadata(listed)
            wanted = [
                data
                for data in self._rest.pages(
                    '/os-hypervisors/detail', 'hypervisors'
                )
                if names is None or data['service']['host'] in names
            ]
            # Placement shows the inventories of one provider at a time
            with futures.ThreadPoolExecutor(AT_ONCE) as pool:
                inventories = pool.map(
                    self._rest.inventories, [data['id'] for data in wanted]
                )
                return tuple(
                    translate.node(
                        data, inventory, zones, aggregates, metadata
                    )
                    for data, inventory in zip(
                        wanted, inventories, strict=True
                    )
                )
