"""What happened, step by step, as arrays that anyone can recount."""

from collections.abc import Sequence

import numpy as np

from predictive_watcher.backtest import run
from predictive_watcher.backtest import scene as scene_module
from predictive_watcher.core import fleet


ACTION = np.dtype(
    [
        ('step', np.int64),
        ('instance', np.int64),
        ('kind', 'U8'),
        ('from', 'U32'),
        ('to', 'U32'),
        ('failed', np.bool_),
    ]
)


def of_scene(
    scene: scene_module.Scene, names: Sequence[str], ceiling: float
) -> dict[str, np.ndarray]:
    """What all contenders have in common; ``demand`` (instances, steps,
    resources) is in the units of usage, ``steps`` are those of the replay.
    """
    begin, demand = scene.begin, scene.demand
    return {
        'instances': np.array(demand.instances),
        'resources': np.array([str(r) for r in fleet.RESOURCES]),
        'nodes': np.array([node.name for node in scene.nodes]),
        'capacity': np.array([n.capacity()[:2] for n in scene.nodes]),
        'allocatable': np.array([n.allocatable()[:2] for n in scene.nodes]),
        'weights': scene.weights,
        'own_limits': scene.limits,
        'times': demand.times()[begin:],
        'step_s': np.array(demand.step_s),
        'ceiling': np.array(ceiling),
        'demand': demand.usage[:, begin:],
        'contenders': np.array(names),
    }


def of_contender(lived: run.Lived, *, main: bool) -> dict[str, np.ndarray]:
    """``limits`` (instances, steps, resources), ``node`` (instances, steps),
    an index into ``nodes``, and ``actions``, whose ``step`` is the first one
    that counts with it.  Those of a rival end in ``_NAME``.
    """
    begin = lived.cloud.scene.begin
    found: dict[str, np.ndarray] = {
        'limits': lived.cloud.limits[:, begin:],
        'node': lived.cloud.node[:, begin:],
        'actions': _actions(lived),
    }
    if main:
        return found | {'usage': lived.cloud.usage[:, begin:]}
    return {f'{key}_{lived.name}': array for key, array in found.items()}


def _actions(lived: run.Lived) -> np.ndarray:
    """Flavors (resize, release) or nodes (migrate): from, to."""
    scene = lived.cloud.scene
    rows = []
    for event in lived.cloud.events:
        order = event.order
        flavors = tuple(scene.flavors[i].name for i in event.flavors)
        nodes = tuple(scene.nodes[i].name for i in event.nodes)
        moved = order.kind.value == 'migrate'
        failed = bool(event.failed)
        rows.append(
            (
                event.step - scene.begin,
                order.row,
                order.kind.value,
                *(nodes if moved else flavors),
                failed,
            )
        )
        if event.onward:
            at = event.step - scene.begin
            rows.append((at, order.row, 'migrate', '', nodes[1], False))
    return np.array(rows, ACTION)
