"""``python -m benchmarks.planning``: how long making a plan takes.

What a figure means stands in doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
import dataclasses
import pathlib
import resource
import statistics
import sys
import time
from typing import Any

from benchmarks import made_cloud
from benchmarks import output
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import pipeline
from predictive_watcher.core import policy


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked of one plan, beside the size of the cloud.

    Shares are of the instances.
    """

    at_risk: float = 0.05
    leased: float = 0.0
    full: bool = False
    families: int = 2
    max_actions: int = policy.Policy().max_actions


CASES = {
    'default budget': Case(),
    'a budget of 500': Case(max_actions=500),
    'and as many leases': Case(max_actions=500, leased=0.05),
    'and a hundred flavors': Case(max_actions=500, leased=0.05, families=20),
    'a full cloud': Case(max_actions=500, leased=0.05, full=True),
    'a calm cloud': Case(at_risk=0.0),
}


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog='python -m benchmarks.planning',
        description='Measure how long one plan takes, from the forecast to '
        'the verdicts.',
    )
    add = made.add_argument
    add('--instances', type=kinds.positive, default=10_000, metavar='N')
    add('--nodes', type=kinds.positive, default=500, metavar='N')
    add(
        '--rounds',
        type=kinds.positive,
        default=3,
        help='of which the median is',
    )
    add('--seed', type=int, default=0)
    add('--json', type=pathlib.Path, metavar='FILE')
    return made


def measure(case: Case, arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of one plan, the median of some, and what the plan holds."""
    size = arguments.instances
    cloud = made_cloud.make(
        size,
        arguments.nodes,
        at_risk=round(case.at_risk * size),
        leased=round(case.leased * size),
        seed=arguments.seed,
        full=case.full,
        families=case.families,
    )
    rules = policy.Policy(max_actions=case.max_actions)
    seconds, cpu = [], []
    for _ in range(arguments.rounds):
        start, begun = time.perf_counter(), time.process_time()
        proposal = pipeline.propose(
            fleet=cloud.fleet,
            window=cloud.window,
            forecaster=cloud.forecaster,
            leases=cloud.leases,
            policy=rules,
            now=made_cloud.NOW,
        )
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - begun)
    decided = Counter(
        f'{type(v.adjustment).__name__.lower()} {v.adjustment.reason}'
        for v in proposal.verdicts
    )
    return {
        'seconds': round(statistics.median(seconds), 3),
        'rounds': [round(one, 3) for one in seconds],
        'cpu_seconds': round(statistics.median(cpu), 3),
        'decided': dict(sorted(decided.items())),
    }


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All cases; memory is the most that the process ever had."""
    bar = progress.Bar()
    found: dict[str, Any] = {
        **output.facts(),
        'instances': arguments.instances,
        'nodes': arguments.nodes,
        'cases': {},
    }
    for done, (name, case) in enumerate(CASES.items()):
        bar.tell(name, done / len(CASES))
        found['cases'][name] = measure(case, arguments)
    bar.end()
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found['peak_mib'] = round(peak_kib / 1024)
    print(table(found))
    return found


def table(found: dict[str, Any]) -> str:
    """For people: a line for each case."""
    lines = [
        f'{found["instances"]} instances on {found["nodes"]} nodes, at most '
        f'{found["peak_mib"]} MiB',
        '',
    ]
    for name, case in found['cases'].items():
        what = ', '.join(f'{n} {word}' for word, n in case['decided'].items())
        lines.append(
            f'{case["seconds"]:8.2f} s ({case["cpu_seconds"]:.2f} of a '
            f'processor)  {name}: {what}'
        )
    return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and keep."""
    arguments = parser().parse_args(argv)
    if arguments.json is not None:
        output.check(arguments.json)
    return output.command(
        'benchmarks.planning', lambda: run(arguments), arguments.json
    )


if __name__ == '__main__':
    sys.exit(main())
