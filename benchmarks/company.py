"""``python -m benchmarks.company``: is it better not to join one's group?

Made load in which groups surge together, on nodes drawn by lot.  Every few
hours some instances look for another node, as plans do, once knowing the
groups that were learned until then and once not.  Where both choose the same
node nothing can be told; of the others it is counted how often the chosen
node was above its ceiling in the day that followed, with the one who came.
"""

import argparse
from collections.abc import Sequence
import pathlib
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import output
from benchmarks import surges
from predictive_watcher.core import comparison
from predictive_watcher.core import correlation
from predictive_watcher.core import drift
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import load as load_module
from predictive_watcher.core import placement
from predictive_watcher.core import policy as policy_module


_DAY, _HOUR = 288, 12
_LEARN = 10  # days
_WINDOW = _DAY + 16
_CPU = 0
_FOLLOWERS = 3


def cloud(
    limits: np.ndarray, names: tuple[str, ...], nodes: int, vcpus: int,
    rng: np.random.Generator,
) -> fleet_module.Fleet:  # fmt: skip
    """Instances on equal nodes, as many on each, drawn by lot."""
    own = rng.permutation(len(names)) % nodes
    return fleet_module.Fleet(
        instances=tuple(
            fleet_module.Instance(
                id=name,
                name=name,
                project_id='',
                flavor=fleet_module.Flavor(
                    id='f', name='f', vcpus=int(limits[row, _CPU]),
                    memory_mib=1, disk_gib=1,
                ),
                node=f'n{own[row]}',
            )
            for row, name in enumerate(names)
        ),
        nodes=tuple(
            fleet_module.Node(
                name=f'n{k}', vcpus=vcpus, memory_mib=10**6, disk_gib=10**6,
                cpu_ratio=16.0,
            )
            for k in range(nodes)
        ),
        flavors=(),
        groups=(),
        scope=frozenset(names),
    )  # fmt: skip


def chosen(
    site: fleet_module.Fleet,
    load: load_module.NodeLoad,
    row: int,
    moving: np.ndarray | None,
) -> int | None:
    """Index of the node that a plan would send an instance to."""
    rules = policy_module.Policy()
    place = placement.Placement(
        fleet=site, load=load, ceiling=rules.ceiling, moving=moving
    )
    node, _ = place.find(
        row, site.instances[row].flavor, below=rules.release_threshold
    )
    return None if node is None else site.nodes.index(node)


def overloads(
    used: np.ndarray, site: fleet_module.Fleet, row: int, node: int
) -> float:
    """The share of steps in which a node is above its ceiling with one more.

    :param used: vCPUs that came, (instances, steps).
    """
    name = site.nodes[node].name
    there = [k for k, one in enumerate(site.instances) if one.node == name]
    total = used[[*there, row]].sum(axis=0)
    most = policy_module.Policy().ceiling * site.nodes[node].vcpus
    return float((total > most).mean())


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """How often chosen nodes were full, with and without groups known."""
    rng = np.random.default_rng(arguments.seed)
    count = arguments.instances
    window, limits = surges.independent(count, _LEARN + arguments.days, rng)
    # half of all are in groups of four
    made = surges.plant(
        window, limits, rng, leaders=count // 8, followers=_FOLLOWERS
    )
    window, used = made.window, made.window.usage[:, :, _CPU]
    known: correlation.Correlation | None = None
    pairs: list[tuple[float, float]] = []
    moves = same = 0
    for end in range(_WINDOW, used.shape[1] - _DAY, _HOUR):
        past = fields.between(window, end - _WINDOW, end)
        before = known or correlation.nothing(past.instances, past.step_s)
        known = correlation.learned(before, past, limits)
        if end < _LEARN * _DAY or end // _HOUR % arguments.every:
            continue
        names = past.instances
        site = cloud(limits, names, count // 8, arguments.vcpus, rng)
        expected = drift.RIVALS[0].forecast(past, limits)
        load = load_module.of_forecast(expected, past, limits)
        groups = known.group_of(names)
        for row in rng.choice(np.flatnonzero(groups >= 0), arguments.movers):
            with_, without = (
                chosen(site, load, int(row), moving)
                for moving in (groups, None)
            )
            moves += 1
            if with_ is None or without is None or with_ == without:
                same += 1
                continue
            came = used[:, end : end + _DAY]
            pairs.append(
                (
                    overloads(came, site, int(row), with_),
                    overloads(came, site, int(row), without),
                )
            )
    return _told(moves, same, np.array(pairs).reshape(-1, 2), rng)


def _told(
    moves: int, same: int, pairs: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    drawn = comparison.draw(rng, max(len(pairs), 1), comparison.DRAWS)
    found: dict[str, Any] = {'moves': moves, 'same_node': same}
    print(f'{moves} choices, {same} of them the same')
    if len(pairs) and pairs[:, 1].sum() > 0:
        ratio = comparison.ratio(pairs[:, 0], pairs[:, 1], drawn)
        found['overloaded'] = [round(float(v), 4) for v in pairs.mean(axis=0)]
        values = (ratio.value, ratio.low, ratio.high)
        found['ratio'] = [round(float(v), 3) for v in values]
        print(
            'time above the ceiling where they differ, knowing groups and '
            'not: {:.4f} {:.4f}'.format(*found['overloaded']),
            'ratio {:.3f} [{:.3f}, {:.3f}]'.format(*found['ratio']),
        )
    return {'results': found, **output.facts()}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.company',
        description=__doc__.split('\n')[0],
    )
    parser.add_argument('--instances', type=int, default=80)
    parser.add_argument('--vcpus', type=int, default=20, help='of a node')
    parser.add_argument('--days', type=int, default=8)
    parser.add_argument(
        '--every', type=int, default=2, help='hours from choice to choice'
    )
    parser.add_argument('--movers', type=int, default=8)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--json', type=pathlib.Path)
    arguments = parser.parse_args(argv)
    return output.command(
        'benchmarks.company', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    raise SystemExit(main())
