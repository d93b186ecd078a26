"""A cloud made for measuring how long planning takes."""

from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import usage


NOW = 1_700_000_100
STEP_S = 300
_STEPS = 288  # a day
_VCPUS = (2, 4, 8, 16, 32)
_LEVELS = np.array(forecast_module.LEVELS)
_ODDS = np.log(_LEVELS / (1 - _LEVELS))


def _flavors(families: int) -> tuple[fleet_module.Flavor, ...]:
    """Families of five sizes; the second has the weight 4, nobody has one of
    the others.
    """
    others = ((f'other{n}', '2') for n in range(families - 2))
    return tuple(
        fleet_module.Flavor(
            id=f'{family}-{vcpus}',
            name=f'{family}.{vcpus}',
            vcpus=vcpus,
            memory_mib=2048 * vcpus,
            disk_gib=20,
            extra_specs={fleet_module.WEIGHT_SPEC: weight},
        )
        for family, weight in (('bronze', '1'), ('gold', '4'), *others)
        for vcpus in _VCPUS
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """All that `propose` is told of it."""

    fleet: fleet_module.Fleet
    window: usage.UsageWindow
    forecaster: 'Foreseen'
    leases: tuple[leases_module.Lease, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """A forecast that is there already: scoring is measured elsewhere.

    ``middle`` and ``spread`` have the shape (instances, resources).
    """

    middle: np.ndarray
    spread: np.ndarray
    name: str = 'foreseen'
    history_s: int = 86400

    def forecast(
        self, window: usage.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """The same logistic distribution for each target."""
        q = self.middle[..., None] + self.spread[..., None] * _ODDS
        q = np.repeat(
            np.maximum(q, 0.0)[:, :, None, :],
            len(forecast_module.TARGETS),
            axis=2,
        )
        return forecast_module.Forecast(
            instances=window.instances,
            origin=window.end,
            model=self.name,
            quantiles=q.astype(np.float32),
        )


def make(
    instances: int,
    nodes: int,
    *,
    at_risk: int,
    leased: int,
    seed: int,
    full: bool = False,
    families: int = 2,
) -> Cloud:
    """A cloud whose load is the same for the same seed.

    :param at_risk: so many instances are about to pass their limit of cpu.
    :param leased: so many others have a lease that they do not need any
        more.
    :param full: they do need it, and no node has room for anybody.
    :param families: of flavors, of five sizes each; two of them are used.
    """
    rng = np.random.default_rng(seed)
    flavors = _flavors(families)
    # the two smallest sizes of each family
    kinds = rng.choice([0, 1, 5, 6], instances, p=[0.45, 0.3, 0.15, 0.1])
    chosen = rng.permutation(instances)
    danger, held = chosen[:at_risk], chosen[at_risk : at_risk + leased]
    kinds[held] += 1  # a lease makes one size more of it
    servers = tuple(
        _server(row, flavors[kind], f'node-{row % nodes:04d}')
        for row, kind in enumerate(kinds)
    )
    limits = np.array([one.flavor.limits() for one in servers])
    share = rng.beta(2, 8, instances) * 0.6
    share[held] = 0.47 if full else 0.1
    share[danger] = rng.uniform(0.9, 0.99, at_risk)
    used = np.nan_to_num(limits) * 0.3
    used[:, 0] = limits[:, 0] * share
    used[:, 2:] = 1e6
    noise = rng.normal(1.0, 0.05, (instances, _STEPS, 4)).astype(np.float32)
    window = usage.UsageWindow(
        instances=tuple(one.id for one in servers),
        start=NOW - (_STEPS - 1) * STEP_S,
        step_s=STEP_S,
        usage=noise * used[:, None, :].astype(np.float32),
    )
    return Cloud(
        fleet=fleet_module.Fleet(
            instances=servers,
            nodes=_full(servers, nodes) if full else _roomy(nodes),
            flavors=flavors,
            scope=frozenset(one.id for one in servers),
            groups=_groups(servers),
        ),
        window=window,
        forecaster=Foreseen(middle=used, spread=0.02 * used),
        leases=tuple(
            _lease(servers[row], flavors[kinds[row] - 1]) for row in held
        ),
    )


def _server(
    row: int, flavor: fleet_module.Flavor, node: str
) -> fleet_module.Instance:
    return fleet_module.Instance(
        id=f'{row:08d}-0000-4000-8000-000000000000',
        name=f'server-{row}',
        project_id=f'project-{row % 97}',
        flavor=flavor,
        node=node,
    )


def _roomy(count: int) -> tuple[fleet_module.Node, ...]:
    return tuple(
        fleet_module.Node(
            name=f'node-{n:04d}',
            vcpus=64,
            memory_mib=524288,
            disk_gib=4000,
            cpu_ratio=4.0,
        )
        for n in range(count)
    )


def _full(
    servers: tuple[fleet_module.Instance, ...], count: int
) -> tuple[fleet_module.Node, ...]:
    """Nodes that have promised all that they have, but for the smallest."""
    return tuple(
        fleet_module.Node(
            name=f'node-{n:04d}',
            vcpus=sum(one.flavor.vcpus for one in servers[n::count])
            + min(_VCPUS),
            memory_mib=524288,
            disk_gib=4000,
        )
        for n in range(count)
    )


def _groups(
    servers: tuple[fleet_module.Instance, ...],
) -> tuple[fleet_module.ServerGroup, ...]:
    """Every twentieth instance has two others that it must not meet."""
    return tuple(
        fleet_module.ServerGroup(
            id=f'group-{row}',
            policy='anti-affinity',
            members=frozenset(one.id for one in servers[row : row + 3]),
        )
        for row in range(0, len(servers), 20)
    )


def _lease(
    server: fleet_module.Instance, origin: fleet_module.Flavor
) -> leases_module.Lease:
    return leases_module.Lease(
        instance_id=server.id,
        instance_name=server.name,
        project_id=server.project_id,
        audit='00000000-0000-4000-8000-000000000000',
        origin_flavor_name=origin.name,
        flavor_name=server.flavor.name,
        pending_flavor_name=None,
        reason='made',
        since=NOW - 7200,
        expires_at=NOW + 3600,
    )
