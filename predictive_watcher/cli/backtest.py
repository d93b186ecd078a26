"""``predictive-watcher backtest``: what plans would have brought."""

import argparse
import json
import time

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.backtest import scene
from predictive_watcher.backtest import study
from predictive_watcher.cli import backtest_given
from predictive_watcher.cli import backtest_options
from predictive_watcher.cli import history
from predictive_watcher.cli import output
from predictive_watcher.cli import progress
from predictive_watcher.core import usage
from predictive_watcher.models import registry
from predictive_watcher.report import page
from predictive_watcher.report import table
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command."""
    parser = parsers.add_parser(
        'backtest',
        help='replay the past on a simulated cloud, beside rivals',
        description='Lets audits decide about usage of the past on a '
        'simulated cloud, and compares what came of it with nothing, with '
        'reactive rules and with an oracle.',
    )
    backtest_options.add(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, replay, write, print."""
    for option in ('json', 'timeline', 'report'):
        output.check(option, getattr(arguments, option))
    names = backtest_given.rivals(arguments)
    policy = backtest_given.policy(arguments)
    rules = backtest_given.rules(arguments, int(time.time()))
    model = registry.load(arguments.model, arguments.threads)
    bar = progress.Bar()
    began = time.monotonic()
    trace, begin, end = _source(arguments, model.card.step_s, bar)
    window, limits = _part(arguments, trace, begin, end)
    found = study.contest(
        study.prepare(
            demand=window,
            limits=limits,
            begin=begin,
            site=_site(arguments, limits),
            policy=policy,
            model=model,
            stride=arguments.stride,
            tell=bar.tell,
            rules=rules,
        ),
        names,
        bar.tell,
        curve=arguments.curve,
        jobs=arguments.jobs,
    )
    bar.end()
    print(table.text(found.told))
    print(
        f'\n{len(window.instances)} instances, steps {begin} to {end - 1} of '
        f'{trace.name}, replayed in {time.monotonic() - began:.0f} s'
    )
    _write(arguments, trace, found)
    return 0


def _source(
    arguments: argparse.Namespace, step_s: int, bar: progress.Bar
) -> tuple[traces.Trace, int, int]:
    """The usage, and the steps that are replayed."""
    if arguments.gnocchi:
        moments = backtest_given.moments(arguments)
        trace = history.trace(moments, int(time.time()), bar.tell)
        trace = resample.to_step(trace, step_s)
        return trace, 0, int(trace.window.usage.shape[1])
    history.refuse_keeping(arguments)
    trace = resample.to_step(traces.read(arguments.traces), step_s)
    begin, end = backtest_given.steps(
        arguments, int(trace.window.usage.shape[1])
    )
    return trace, begin, end


def _part(
    arguments: argparse.Namespace, trace: traces.Trace, begin: int, end: int
) -> tuple[usage.UsageWindow, np.ndarray]:
    """The instances that can be judged, before the end.

    :raises InvalidTrace: where there is none.
    """
    who = np.arange(len(trace.window.instances))
    if arguments.instances != 'all':
        source = split.Source(
            name=trace.name, window=trace.window, limits=trace.limits
        )
        parts = split.of(source)
        who = parts.held if arguments.instances == 'held-out' else parts.learn
    limited = np.isfinite(trace.limits[who, 0])
    there = np.isfinite(trace.window.usage[who, begin:end, 0]).any(axis=1)
    keep = who[limited & there]
    if not len(keep):
        raise exceptions.InvalidTrace(
            f'{trace.name}: no instance has both a limit of its cpu and a '
            f'sample in steps {begin} to {end - 1}; a trace needs the array '
            'limits[instance, resource]'
        )
    if len(keep) < len(who):
        print(
            f'{len(who) - len(keep)} of {len(who)} instances are left out: '
            f'{(~limited).sum()} have no cpu limit, the others no sample'
        )
    window = trace.window
    return (
        usage.UsageWindow(
            instances=tuple(window.instances[i] for i in keep),
            start=window.start,
            step_s=window.step_s,
            usage=window.usage[keep, :end].copy(),
        ),
        trace.limits[keep],
    )


def _site(arguments: argparse.Namespace, limits: np.ndarray) -> scene.Site:
    nodes = arguments.nodes
    if nodes is None:  # of some 64 vCPUs that may be promised each
        nodes = max(3, round(float(np.ceil(limits[:, 0]).sum()) / 64))
    return scene.Site(
        nodes=nodes,
        overcommit=arguments.overcommit,
        room=arguments.room,
        weights=arguments.weights,
        age_s=arguments.data_age,
        failures=arguments.failures,
        seed=arguments.seed,
    )


def _write(
    arguments: argparse.Namespace, trace: traces.Trace, found: study.Result
) -> None:
    told = {'trace': trace.name, **found.told}
    if arguments.json is not None:
        output.text('json', arguments.json, json.dumps(told, indent=1) + '\n')
    if arguments.timeline is not None:
        output.arrays(
            'timeline', arguments.timeline, found.arrays, compressed=True
        )
    if arguments.report is not None:
        output.text('report', arguments.report, page.text(told))
    written = (arguments.json, arguments.timeline, arguments.report)
    for path in written:
        if path is not None:
            print(f'written: {path}')
