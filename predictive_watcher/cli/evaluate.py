"""``predictive-watcher evaluate``: how good forecasts are on a trace."""

import argparse
import functools
import pathlib
import time

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.cli import kinds
from predictive_watcher.cli import output as output_module
from predictive_watcher.cli import phases as phases_module
from predictive_watcher.cli import progress
from predictive_watcher.core import accuracy
from predictive_watcher.core import baselines
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import replay
from predictive_watcher.models import registry
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces


_COMPARED = 720  # origins at most, where rivals are asked: they are slow


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command."""
    parser = parsers.add_parser(
        'evaluate',
        help='measure forecasts on a trace',
        description='Go through a trace as if time went by, forecast from '
        'every K-th step with what was known then, and print how good that '
        'was beside simple rivals.',
    )
    parser.add_argument(
        '--traces',
        required=True,
        type=pathlib.Path,
        metavar='FILE',
        help='npz or csv file with usage',
    )
    parser.add_argument(
        '--from',
        dest='begin',
        type=kinds.whole(0),
        default=0,
        metavar='STEP',
        help='first step to forecast from (default: %(default)s); what was '
        'before it is history',
    )
    parser.add_argument(
        '--to',
        dest='end',
        type=kinds.whole(1),
        metavar='STEP',
        help='the step that is the first one not to forecast from (default: '
        'as far as the trace shows what came)',
    )
    parser.add_argument(
        '--stride',
        type=kinds.whole(1),
        default=1,
        metavar='K',
        help='forecast from every K-th step (default: %(default)s)',
    )
    parser.add_argument(
        '--ceiling',
        type=kinds.share,
        default=accuracy.CEILING,
        metavar='C',
        help='the share of the limit whose passing is a violation '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--model',
        type=pathlib.Path,
        metavar='DIR',
        help='folder of the model (default: the one of the package)',
    )
    parser.add_argument(
        '--output',
        type=pathlib.Path,
        metavar='OUT.npz',
        help='write the forecasts to this file',
    )
    parser.add_argument(
        '--no-rivals', action='store_true', help='measure the model only'
    )
    parser.add_argument(
        '--no-calibration',
        action='store_true',
        help='do not correct forecasts by what came of earlier ones',
    )
    parser.add_argument('--threads', type=kinds.whole(1), default=1)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, replay, write, print."""
    output: pathlib.Path | None = arguments.output
    output_module.check('output', output)
    model = registry.load(arguments.model, arguments.threads)
    trace = traces.read(arguments.traces)
    at = _origins(arguments, trace, resample.factor(trace, model.card.step_s))
    phases = phases_module.of(trace, model.card.step_s, at)
    bar = progress.Bar()
    began = time.monotonic()
    ours = [
        replay.recurrent(
            model,
            phase.trace.window,
            phase.trace.limits,
            phase.at,
            arguments.ceiling,
            max(model.card.context, replay.WARM_S // model.card.step_s),
            functools.partial(bar.tell, f'following {model.name}'),
            calibrated=not arguments.no_calibration,
        )
        for phase in phases
    ]
    spent = time.monotonic() - began
    if output is not None:
        _write(output, trace, phases_module.joined(ours, phases, at))
    found = _compared(arguments, phases, ours, at, model.name, bar)
    bar.end()
    print(accuracy.table(found, arguments.ceiling))
    print(
        f'\n{len(trace.window.instances)} instances, {len(at)} origins from '
        f'step {at[0]} to {at[-1]}, followed in {spent:.0f} s'
    )
    if said := resample.said(trace, model.card.step_s):
        print(said)
    if not arguments.no_rivals and len(at) > _COMPARED:
        print(f'compared on {len(_some(at))} of the origins')
    if output is not None:
        print(f'written: {output}')
    return 0


def _origins(
    arguments: argparse.Namespace, trace: traces.Trace, count: int
) -> np.ndarray:
    """Steps of the trace, ``count`` of which are one of the model."""
    ahead = replay.AHEAD * count
    length = trace.window.usage.shape[1]
    end = length if arguments.end is None else arguments.end
    if end > length:
        raise exceptions.InvalidInput(
            f'--to {end}: {arguments.traces} has {length} steps; choose at '
            'most that'
        )
    # a forecast whose truth is beyond the file could not be judged
    at = np.arange(arguments.begin, min(end, length - ahead), arguments.stride)
    if not len(at):
        raise exceptions.InvalidInput(
            f'--from {arguments.begin}: no step from there to {end} is left '
            f'to forecast from; {arguments.traces} has {length} steps, the '
            f'last {ahead} of which are only forecast'
        )
    return at


def _some(at: np.ndarray) -> np.ndarray:
    """Indices of the origins at which rivals are asked."""
    return np.arange(0, len(at), -(-len(at) // _COMPARED))


def _compared(
    arguments: argparse.Namespace,
    phases: list[phases_module.Phase],
    ours: list[replay.Replayed],
    at: np.ndarray,
    name: str,
    bar: progress.Bar,
) -> dict[str, dict[str, float | None]]:
    """Figures by forecaster; the model's own first."""
    if arguments.no_rivals:
        return {name: accuracy.scores([phases_module.outcome(ours, phases)])}
    some = _some(at)
    asked = [phase.only(some) for phase in phases]
    outcome = phases_module.outcome(ours, phases, some)
    found = {name: accuracy.scores([outcome])}
    for rival in baselines.BASELINES:
        theirs = [
            replay.forecaster(
                rival,
                phase.trace.window,
                phase.trace.limits,
                phase.at,
                arguments.ceiling,
                functools.partial(bar.tell, f'asking {rival.name}'),
            )
            for phase in asked
        ]
        outcome = phases_module.outcome(theirs, asked)
        found[rival.name] = accuracy.scores([outcome])
    return found


def _write(
    output: pathlib.Path, trace: traces.Trace, ours: replay.Replayed
) -> None:
    """The forecasts of the trace's own resources, whole or not at all."""
    own = [fleet.RESOURCES.index(r) for r in trace.resources]
    arrays = {
        'quantiles': ours.quantiles[:, :, own],
        'levels': np.array(forecast.LEVELS, np.float32),
        'targets': np.array([str(t) for t in forecast.TARGETS]),
        'origins': ours.origins,
        'risk': ours.risk[:, :, own],
        'ceiling': np.array(ours.ceiling, np.float32),
        'instances': np.array(trace.window.instances),
        'resources': np.array([str(r) for r in trace.resources]),
    }
    output_module.arrays('output', output, arrays)
