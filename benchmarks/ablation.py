"""``python -m benchmarks.ablation``: what each condition brings.

Trees learn the 15-minute maximum from all that is known of an instance, and
once more without each group of inputs, from the same rows; both are judged
on instances and a time that neither saw.  Beside that, the network in use is
asked as if it did not know a group, which it was not trained for.  What a
figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys
from typing import Any

import lightgbm
import numpy as np

from benchmarks import boosting
from benchmarks import fields
from benchmarks import groups
from benchmarks import output
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import replay
from predictive_watcher.models import registry
from predictive_watcher.telemetry import traces


_MAX = forecast.TARGETS.index(forecast.Target.MAX900)
_SEED = 5


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.ablation',
        description='Measure what the profile and the runtime conditions '
        'bring to the forecast of the largest use within 15 minutes.',
    )
    add = made.add_argument
    add('--traces', required=True, type=pathlib.Path, metavar='FILE')
    add('--instances', type=kinds.positive, default=100, help='to learn from')
    add(
        '--days',
        type=kinds.positive,
        default=28,
        help='of history before the report',
    )
    add('--report-days', type=kinds.positive, default=7)
    add('--rows', type=kinds.positive, default=40_000, help='to learn from')
    add('--rounds', type=kinds.positive, default=60, help='of boosting')
    add(
        '--stride',
        type=kinds.positive,
        default=6,
        help='judge every K-th step',
    )
    add('--no-network', action='store_true', help='trees only')
    add('--threads', type=kinds.positive, default=1)
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Learn, judge, print, and return the same figures."""
    if arguments.json is not None:
        output.check(arguments.json)
    bar = progress.Bar()
    share = fields.Share(
        instances=arguments.instances,
        history=arguments.days * 288,
        steps=arguments.report_days * 288,
    )
    trace = traces.read(arguments.traces)
    parted = fields.split(trace)
    rng = np.random.default_rng(_SEED)
    learn = groups.drawn(
        *fields.learned(parted, share), arguments.rows, rng, bar.tell
    )
    field = fields.held_out(parted, trace, arguments.stride, share)
    judge = groups.at(field.window, field.limits, field.origins, bar.tell)
    found = {'trees': _trees(learn, judge, arguments, bar)}
    if not arguments.no_network:
        found['network'] = _network(field, bar)
    bar.end()
    facts = {
        'trace': trace.name,
        'learned rows': len(learn.x),
        'judged rows': len(judge.x),
        'judged instances': int(judge.owner.max()) + 1,
    }
    print(f'{facts}\n')
    for name, ratios in found.items():
        print(_table(name, ratios))
    print(
        'host contention: traces hold neither nodes nor steal; python -m '
        'benchmarks.contended makes nodes that are full at times'
    )
    return {**output.facts(), **facts, **_plain(found)}


Ratios = dict[str, dict[str, comparison.Ratio]]  # by group and resource


def _trees(
    learn: groups.Rows,
    judge: groups.Rows,
    arguments: argparse.Namespace,
    bar: progress.Bar,
) -> Ratios:
    settings = boosting.Settings(
        rounds=arguments.rounds, leaves=31, threads=arguments.threads
    )
    drawn = comparison.draw(
        np.random.default_rng(_SEED), int(judge.owner.max()) + 1, 400
    )
    found: Ratios = {}
    for r, resource in enumerate(fleet.RESOURCES):
        whole = _loss(learn, judge, r, groups.columns(''), settings)
        for n, group in enumerate(groups.GROUPS):
            bar.tell(f'{resource} without {group}', n / len(groups.GROUPS))
            if group == 'activity' and resource is fleet.Resource.NETWORK:
                continue  # it would be without itself
            less = _loss(learn, judge, r, groups.columns(group), settings)
            found.setdefault(group, {})[resource] = comparison.ratio(
                whole, less, drawn
            )
    return found


def _loss(
    learn: groups.Rows,
    judge: groups.Rows,
    r: int,
    columns: np.ndarray,
    settings: boosting.Settings,
) -> np.ndarray:
    """The quantile loss of each judged instance, in the units of usage."""
    rows, there = learn.learnable(r), judge.learnable(r)
    parameters = {**settings.parameters(), 'num_threads': settings.threads}
    data = lightgbm.Dataset(
        learn.x[rows][:, columns], learn.z(r)[rows], params=parameters
    )
    x = judge.x[there][:, columns]
    z = [
        lightgbm.train(
            {**parameters, 'objective': 'quantile', 'alpha': level},
            data,
            settings.rounds,
        ).predict(x, num_threads=settings.threads)
        for level in accuracy.SCORED
    ]
    said = judge.in_units(np.sort(np.stack(z, axis=-1), axis=-1), r, there)
    came = judge.came[there, r]
    levels = np.array(accuracy.SCORED)
    miss = came[:, None] - said
    loss = np.maximum(levels * miss, (levels - 1) * miss).sum(axis=1)
    owners = int(judge.owner.max()) + 1
    return np.bincount(judge.owner[there], loss, owners)


def _network(field: fields.Field, bar: progress.Bar) -> Ratios:
    """The network as it is, against itself without knowing a group."""
    model = registry.load(threads=1)

    def asked(group: str) -> accuracy.Outcome:
        return replay.recurrent(
            groups.Without(model, group),
            field.window,
            field.limits,
            field.origins,
            accuracy.CEILING,
            model.card.context,
            lambda done: bar.tell(f'network without {group}', done),
        ).outcome(field.window, field.limits)

    whole = asked('')
    found: Ratios = {}
    for group in groups.GROUPS:
        if not groups.of_network(group).any():
            continue
        ratios = comparison.compare(
            whole, asked(group), np.random.default_rng(_SEED)
        )
        found[group] = {
            resource: ratios[f'{resource}.wql_max900']
            for resource in fleet.RESOURCES
            if f'{resource}.wql_max900' in ratios
            and not (group == 'activity' and resource == 'network')
        }
    return found


def _table(name: str, ratios: Ratios) -> str:
    head = ' '.join(f'{resource:>22}' for resource in fleet.RESOURCES)
    lines = [f'{name}: loss with / without'.ljust(30) + head]
    for group, row in ratios.items():
        cells = [row.get(resource) for resource in fleet.RESOURCES]
        shown = ' '.join(
            f'{"-":>22}'
            if c is None
            else f'{f"{c.value:.3f} [{c.low:.3f}, {c.high:.3f}]":>22}'
            for c in cells
        )
        lines.append(f'{group:30}{shown}')
    return '\n'.join(lines) + '\n'


def _plain(found: dict[str, Ratios]) -> dict[str, Any]:
    return {
        name: {
            group: {
                str(resource): [c.value, c.low, c.high]
                for resource, c in row.items()
            }
            for group, row in ratios.items()
        }
        for name, ratios in found.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: an error; 2: wrong arguments; 130: interrupted."""
    arguments = parser().parse_args(argv)
    return output.command(
        'benchmarks.ablation', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
