"""Clouds of any kind, drawn from a seed, for laws that hold in all."""

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import usage
from tests.fakes import cloud_data as data


SIZES = (2, 3, 4, 8)
FLAVORS = tuple(
    data.flavor(f'{family}{vcpus}', vcpus, 2 * vcpus, weight=weight)
    for family, weight in (('b', '1'), ('g', '4'))
    for vcpus in SIZES
)
_POLICIES = ('affinity', 'anti-affinity')


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What `propose` is told; ``expected`` is for the `FakeForecaster`."""

    fleet: fleet_module.Fleet
    window: usage.UsageWindow
    leases: tuple[leases_module.Lease, ...]
    recent: Mapping[str, leases_module.Attempt]
    expected: Mapping[str, Mapping[str, tuple[float, float]]]


def draw(seed: int, instances: int = 12, nodes: int = 4) -> Cloud:
    """Full and empty nodes, calm and endangered instances, some of which
    nobody may touch, with leases and groups.
    """
    rng = np.random.default_rng(seed)
    servers = tuple(_server(rng, n, nodes) for n in range(instances))
    fleet = fleet_module.Fleet(
        instances=servers,
        nodes=tuple(_node(rng, n) for n in range(nodes)),
        flavors=FLAVORS,
        scope=frozenset(one.id for one in servers if rng.random() < 0.95),
        groups=tuple(_group(rng, n, servers) for n in range(3)),
    )
    expected = {one.id: _expected(rng, one) for one in servers}
    window = data.window(
        fleet, {name: one['cpu'][0] for name, one in expected.items()}
    )
    used = window.usage * rng.normal(1, 0.1, window.usage.shape)
    used[rng.random(instances) < 0.05] = np.nan
    return Cloud(
        fleet=fleet,
        window=dataclasses.replace(window, usage=used.astype(np.float32)),
        leases=tuple(
            _lease(rng, one)
            for one in servers
            if _number(one) > 2 and rng.random() < 0.5
        ),
        recent={
            one.id: _attempt(rng, one)
            for one in servers
            if rng.random() < 0.15
        },
        expected=expected,
    )


def shuffled(cloud: Cloud, seed: int) -> Cloud:
    """The same cloud, as an API might list it at another time."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(cloud.fleet.instances))
    fleet = dataclasses.replace(
        cloud.fleet,
        instances=tuple(cloud.fleet.instances[i] for i in order),
        nodes=tuple(rng.permutation(np.array(cloud.fleet.nodes, object))),
        flavors=tuple(rng.permutation(np.array(cloud.fleet.flavors, object))),
        groups=tuple(rng.permutation(np.array(cloud.fleet.groups, object))),
    )
    window = usage.UsageWindow(
        instances=tuple(one.id for one in fleet.instances),
        start=cloud.window.start,
        step_s=cloud.window.step_s,
        usage=cloud.window.usage[order].copy(),
    )
    return dataclasses.replace(
        cloud, fleet=fleet, window=window, leases=cloud.leases[::-1]
    )


def _number(one: fleet_module.Instance) -> int:
    return one.flavor.vcpus


def _server(
    rng: np.random.Generator, number: int, nodes: int
) -> fleet_module.Instance:
    """One in ten may not be touched, for one reason or another."""
    chance = rng.random()
    odd: dict[str, object] = {}
    if chance < 0.03:
        odd = {'locked': True}
    elif chance < 0.06:
        odd = {'task_state': 'migrating'}
    elif chance < 0.08:
        odd = {'status': 'SHUTOFF'}
    elif chance < 0.1:
        odd = {'metadata': {'predictive:optout': 'true'}}
    return data.instance(
        f'i{number:02d}',
        f'n{rng.integers(nodes)}',
        flavor=FLAVORS[rng.integers(len(FLAVORS))],
        availability_zone=('z0', None)[rng.integers(2)],
        project_id=f'p{rng.integers(3)}',
        **odd,
    )


def _node(rng: np.random.Generator, number: int) -> fleet_module.Node:
    return data.node(
        f'n{number}',
        int(rng.choice([8, 16, 24])),
        memory_mib=int(rng.choice([32768, 65536])),
        cpu_ratio=float(rng.choice([1.5, 2.0, 4.0])),
        enabled=bool(rng.random() < 0.9),
        availability_zone=('z0', 'z1', None)[rng.choice(3, p=[0.7, 0.1, 0.2])],
    )


def _group(
    rng: np.random.Generator,
    number: int,
    servers: tuple[fleet_module.Instance, ...],
) -> fleet_module.ServerGroup:
    """A group that is not violated as the cloud stands."""
    policy = _POLICIES[rng.integers(2)]
    members: list[fleet_module.Instance] = []
    for index in rng.permutation(len(servers))[:6]:
        one = servers[index]
        nodes = {member.node for member in members}
        apart = policy == 'anti-affinity'
        fits = one.node not in nodes if apart else nodes <= {one.node}
        if fits:
            members.append(one)
    return fleet_module.ServerGroup(
        id=f'g{number}',
        policy=policy,
        members=frozenset(one.id for one in members),
    )


def _expected(
    rng: np.random.Generator, one: fleet_module.Instance
) -> Mapping[str, tuple[float, float]]:
    share = rng.choice([rng.uniform(0, 0.7), rng.uniform(0.85, 1.0)])
    return {
        'cpu': (float(share * one.flavor.vcpus), 0.02),
        'memory': (float(rng.uniform(0.1, 0.8)) * one.flavor.memory_mib, 5.0),
    }


def _lease(
    rng: np.random.Generator, one: fleet_module.Instance
) -> leases_module.Lease:
    smaller = one.flavor.name[0] + '2'
    return data.lease(
        one.id,
        project_id=one.project_id,
        origin_flavor_name=smaller,
        flavor_name=one.flavor.name,
        since=data.NOW - int(rng.integers(0, 7200)),
        expires_at=data.NOW + int(rng.integers(-7200, 3600)),
    )


def _attempt(
    rng: np.random.Generator, one: fleet_module.Instance
) -> leases_module.Attempt:
    return leases_module.Attempt(
        instance_id=one.id,
        kind=leases_module.Kind.RESIZE,
        at=data.NOW - int(rng.integers(0, 3600)),
        failed=bool(rng.random() < 0.5),
        text='drawn',
    )
