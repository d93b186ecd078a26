"""``python -m benchmarks.nodes``: is the sum over instances covered?

Groups of instances stand for nodes: random ones, and ones whose forecasts err
together.  Sums of use 300 and 900 s ahead are compared with their 95 %
quantile, as `core.risk` has it and as `core.joint` corrects it.
"""

import argparse
import pathlib
from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import output
from predictive_watcher.cli import kinds
from predictive_watcher.core import accuracy
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import joint
from predictive_watcher.core import load as load_module
from predictive_watcher.core import replay
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import registry
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split as split_module


_DAY = 288
_WARM, _LEARN = 7 * _DAY, 3 * _DAY  # steps: calibration, and nodes
_STRIDE = 3  # steps between two audits
_HISTORY = 300
_SHOWN = {'300': 0, '900': 2}  # horizons by their index


def groups(
    errors: np.ndarray, size: int, kind: str, rng: np.random.Generator
) -> list[list[int]]:
    """Disjoint groups of rows.

    :param errors: (instances, time), of forecasts before those judged.
    :param kind: ``random``, or ``correlated``: each begun with the pair that
        errs together most and filled with whoever does so with all in it.
    """
    free = list(rng.permutation(len(errors)))
    if kind == 'random':
        return [
            free[i : i + size] for i in range(0, len(free) - size + 1, size)
        ]
    known = np.maximum(np.isfinite(errors).sum(1, keepdims=True), 1)
    mean = np.nansum(errors, 1, keepdims=True) / known
    centred = np.nan_to_num(errors - mean)
    length = np.sqrt((centred**2).sum(1, keepdims=True))
    alike = centred / np.where(length > 0, length, 1)
    alike = alike @ alike.T
    np.fill_diagonal(alike, -np.inf)
    found = []
    while len(free) >= size:
        among = alike[np.ix_(free, free)]
        first = np.unravel_index(np.argmax(among), among.shape)
        group = [free[i] for i in first]
        while len(group) < size:
            rest = [row for row in free if row not in group]
            near = alike[np.ix_(rest, group)].mean(axis=1)
            group.append(rest[int(np.argmax(near))])
        free = [row for row in free if row not in group]
        found.append(group)
    return found


def cover(
    replayed: replay.Replayed,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    nodes: list[list[int]],
    begin: int,
) -> dict[str, np.ndarray]:
    """Whether sums were covered, (audits, nodes, horizons, resources) from
    step ``begin`` on: NaN where one is not known.
    """
    cloud = _cloud(window.instances, nodes)
    names = tuple(node.name for node in cloud.nodes)
    joints = joint.Joints(joint.nothing(names))
    told: dict[str, list[np.ndarray]] = {'normal': [], 'corrected': []}
    for n, origin in enumerate(replayed.origins):
        past = fields.between(window, origin - _HISTORY + 1, origin + 1)
        found = forecast_module.Forecast(
            instances=window.instances, origin=past.end, model='m',
            quantiles=replayed.quantiles[:, n],
        )  # fmt: skip
        plain = load_module.of_forecast(found, past, limits)
        corrected = joints.judged(cloud, plain, past)
        if origin < begin:
            continue
        for name, load in (('normal', plain), ('corrected', corrected)):
            told[name].append(_covered(load, window, nodes, int(origin)))
    return {name: np.array(found) for name, found in told.items()}


def _covered(
    load: load_module.NodeLoad,
    window: usage_module.UsageWindow,
    nodes: list[list[int]],
    origin: int,
) -> np.ndarray:
    out = np.full((len(nodes), 3, load_module.NODE_RESOURCES), np.nan)
    known = np.isfinite(load.mean).all(axis=(0, 2))
    for i, group in enumerate(nodes):
        rows = [row for row in group if known[row]]
        if not rows:
            continue
        mean, deviation = load.sums(rows, extra=np.zeros_like(load.limit))
        for h in range(3):
            used = window.usage[rows, origin + h + 1]
            used = used[:, : load_module.NODE_RESOURCES]
            came = used.sum(axis=0, dtype=float)
            upper = mean[h] + 1.6449 * deviation[h]
            out[i, h] = np.where(np.isfinite(came), came <= upper, np.nan)
    return out


def _cloud(instances: tuple[str, ...], nodes: list[list[int]]) -> fleet.Fleet:
    node_of = {row: f'node{i}' for i, rows in enumerate(nodes) for row in rows}
    flavor = fleet.Flavor(id='f', name='f', vcpus=1, memory_mib=1, disk_gib=1)
    return fleet.Fleet(
        instances=tuple(
            fleet.Instance(
                id=name, name=name, project_id='p', flavor=flavor,
                node=node_of.get(row, ''),
            )
            for row, name in enumerate(instances)
        ),
        nodes=tuple(
            fleet.Node(name=f'node{i}', vcpus=1, memory_mib=1, disk_gib=1)
            for i in range(len(nodes))
        ),
        flavors=(),
        groups=(),
        scope=frozenset(instances),
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Coverage of the sums over groups, on held-out instances and time."""
    trace = traces.read(arguments.traces)
    model = registry.load(arguments.model, threads=1)
    parted = fields.split(trace)
    first = parted.at(split_module.CHOOSE_UNTIL)
    end = min(first + arguments.days * _DAY, parted.length)
    window, limits = parted.part(parted.held, end)
    offset = max(0, first - _WARM - _LEARN)
    window = fields.between(window, offset, end)
    begin = first - offset
    at = np.arange(begin - _LEARN, end - offset - replay.AHEAD, _STRIDE)
    replayed = replay.recurrent(
        model, window, limits, at, accuracy.CEILING, _WARM, calibrated=True
    )
    middle = replayed.quantiles[:, at < begin, 0, 0, 3]
    errors = window.usage[:, at[at < begin] + 1, 0] - middle
    rng = np.random.default_rng(arguments.seed)
    results: dict[str, Any] = {}
    for kind in ('random', 'correlated'):
        nodes = groups(errors, arguments.size, kind, rng)
        for how, found in cover(
            replayed, window, limits, nodes, begin
        ).items():
            results[f'{kind} {how}'] = _figures(found)
    for name, found in results.items():
        print(f'{name:22}', '  '.join(f'{k} {v}' for k, v in found.items()))
    return {'results': results, **output.facts()}


def _figures(found: np.ndarray) -> dict[str, list[float]]:
    """All together, then the lowest and the highest node."""
    told = {}
    for r, resource in enumerate(('cpu', 'memory')):
        for name, h in _SHOWN.items():
            cells = found[:, :, h, r]
            nodes = np.nanmean(cells, axis=0)
            values = (np.nanmean(cells), nodes.min(), nodes.max())
            told[f'{resource}_{name}'] = [round(float(v), 4) for v in values]
    return told


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.nodes', description=__doc__.split('\n')[0]
    )
    parser.add_argument('--traces', type=pathlib.Path, required=True)
    parser.add_argument('--model', type=pathlib.Path)
    parser.add_argument(
        '--size', type=kinds.positive, default=10, help='of a group'
    )
    parser.add_argument('--days', type=kinds.positive, default=7)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--json', type=pathlib.Path)
    arguments = parser.parse_args()
    return output.command(
        'benchmarks.nodes', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    raise SystemExit(main())
