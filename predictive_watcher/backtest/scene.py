"""A cloud made of a trace: its flavors, its nodes, and who begins where."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.backtest import ladder
from predictive_watcher.core import fleet
from predictive_watcher.core import usage as usage_module


_ROOMY_GIB = 1_000_000  # disks are nobody's worry here
_TRIES = 60  # nodes grow by 5 % until everyone fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the simulated cloud is like.

    ``room`` is the share of what nodes can promise that is free at the
    beginning; ``overcommit`` is Placement's ratio for vCPUs, memory's is 1.
    ``age_s`` is how old the newest sample is when an audit sees it;
    ``failures`` the share of actions that fail; ``spread`` the standard
    deviation of the logarithm of an action's duration.
    """

    nodes: int
    overcommit: float = 1.0
    room: float = 0.25
    weights: tuple[float, ...] = (1.0, 2.0, 4.0)
    age_s: int = 210
    failures: float = 0.02
    spread: float = 0.2
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What every contender begins with.

    ``demand`` is what the trace recorded, from before the first audit on;
    ``begin`` is the first step that counts.  ``flavor_of`` and ``node_of``
    are indices into ``flavors`` and ``nodes``, by instance.
    """

    site: Site
    demand: usage_module.UsageWindow
    begin: int
    limits: np.ndarray
    weights: np.ndarray
    flavors: tuple[fleet.Flavor, ...]
    flavor_of: np.ndarray
    nodes: tuple[fleet.Node, ...]
    node_of: np.ndarray


def build(
    demand: usage_module.UsageWindow,
    limits: np.ndarray,
    begin: int,
    site: Site,
) -> Scene:
    """Make the cloud; the same one for the same seed.

    :param limits: (instances, resources) in the units of usage; NaN where
        there is none.
    :raises InvalidTrace: where an instance has no cpu limit.
    """
    rng = np.random.default_rng(site.seed)
    weights = _weights(rng, len(demand.instances), site.weights)
    made = ladder.build(limits, weights)
    index = {flavor.name: i for i, flavor in enumerate(made.flavors)}
    flavor_of = np.array([index[name] for name in made.origins])
    own = [made.flavors[i] for i in flavor_of]
    nodes, node_of = _nodes(own, site)
    return Scene(
        site=site,
        demand=demand,
        begin=begin,
        limits=np.array([flavor.limits() for flavor in own]),
        weights=weights,
        flavors=made.flavors,
        flavor_of=flavor_of,
        nodes=nodes,
        node_of=node_of,
    )


def _weights(
    rng: np.random.Generator, count: int, classes: Sequence[float]
) -> np.ndarray:
    """As many of each class as possible, in an order drawn by lot."""
    repeated = np.resize(np.array(classes, float), count)
    return np.asarray(rng.permutation(repeated))


def _nodes(
    own: Sequence[fleet.Flavor], site: Site
) -> tuple[tuple[fleet.Node, ...], np.ndarray]:
    """Equal nodes that hold all instances and have the room asked for."""
    vcpus = np.array([flavor.vcpus for flavor in own], float)
    memory = np.array([flavor.memory_mib for flavor in own], float)
    share = site.nodes * (1 - site.room)
    # nobody alone fills a node, and the largest one can be promised more
    cores = max(
        vcpus.sum() / share / site.overcommit,
        vcpus.max() * max(1.0, 2.0 / site.overcommit),
    )
    mib = max(memory.sum() / share, 2 * memory.max())
    for _ in range(_TRIES):
        nodes = tuple(
            fleet.Node(
                name=f'node{n + 1}',
                vcpus=math.ceil(cores),
                memory_mib=max(1, math.ceil(mib)),
                disk_gib=_ROOMY_GIB,
                cpu_ratio=site.overcommit,
            )
            for n in range(site.nodes)
        )
        placed = _placed(vcpus, memory, nodes)
        if placed is not None:
            return nodes, placed
        cores, mib = cores * 1.05, mib * 1.05
    raise exceptions.InvalidInput(
        f'--nodes {site.nodes}: {len(own)} instances cannot be placed; '
        'choose fewer nodes'
    )


def _placed(
    vcpus: np.ndarray, memory: np.ndarray, nodes: Sequence[fleet.Node]
) -> np.ndarray | None:
    """The largest first, each to the emptiest node; None: no room."""
    most = np.array([node.allocatable()[:2] for node in nodes])
    used = np.zeros_like(most)
    claims = np.stack([vcpus, memory], axis=1)
    size = (claims / most[0]).max(axis=1)
    found = np.zeros(len(vcpus), int)
    for row in np.argsort(-size, kind='stable'):
        after = used + claims[row]
        fits = (after <= most).all(axis=1)
        if not fits.any():
            return None
        fullness = np.where(fits, (after / most).max(axis=1), np.inf)
        node = int(np.argmin(fullness))
        used[node] += claims[row]
        found[row] = node
    return found
