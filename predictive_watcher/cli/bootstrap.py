"""``predictive-watcher bootstrap``: learn from the history, before audits do.

Page by page, so that memory is bounded and an interrupted one goes on.
"""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import pathlib
import sys
import time
from typing import Any
import warnings

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.cli import history as history_options
from predictive_watcher.cli import progress
from predictive_watcher.core import fleet
from predictive_watcher.core import recent
from predictive_watcher.core import remembering
from predictive_watcher.core import usage
from predictive_watcher.state import bootstrap_book
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import history


_DAY_S = 86400
_AGE_S = 6 * 3600  # an older one that was interrupted begins anew
_SPARE_STEPS = 12  # of usage, beyond what the model likes to see
_SETTLED_STEPS = 2  # steps that samples may still come to


def add_parser(parsers: Any) -> None:
    """Declare the command."""
    parser = parsers.add_parser(
        'bootstrap',
        help='learn from the history of all instances, before audits do',
        description='Reads days of usage of all instances, page by page, and '
        'learns from them. An audit that remembers nothing yet begins with '
        'that. Interrupted, it goes on when it is run again.',
    )
    parser.add_argument(
        '--days',
        type=_positive,
        default=7,
        help='how far to read back (default: %(default)s)',
    )
    parser.add_argument(
        '--page',
        type=_positive,
        default=1000,
        metavar='N',
        help='instances at once (default: %(default)s)',
    )
    parser.add_argument(
        '--config-file',
        type=pathlib.Path,
        metavar='FILE',
        help='configuration of Watcher with credentials and the section '
        '[predictive_watcher] (default: where Watcher finds its own)',
    )
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return number


def run(arguments: argparse.Namespace) -> int:
    """Read and learn, as far as it has not been done.

    :raises PredictiveWatcherError: where the cloud does not answer, or what
        was learned cannot be kept.
    """
    with warnings.catch_warnings():
        # it takes long, and libraries that we do not choose warn of others
        warnings.simplefilter('ignore')
        from predictive_watcher import wiring
        from predictive_watcher.cli import site
    conf = site.configuration(arguments.config_file)
    directory = wiring.state_directory(conf)
    if directory is None:
        raise exceptions.InvalidConfig(
            '[predictive_watcher] state_directory is empty: audits remember '
            'nothing, and there is no place for what is learned; set it'
        )
    model = wiring.forecaster(conf)
    bar = progress.Bar()
    with site.cloud(conf, history_options.TIMEOUT_S) as (nova, source):
        bar.tell('asking Nova', 0.0)
        instances = nova.load_fleet().instances
        if not instances:
            raise exceptions.CloudError('Nova shows no instance')
        count = bootstrap(
            source,
            model,
            {one.id: history_options.limits(one) for one in instances},
            directory,
            days=arguments.days,
            page=arguments.page,
            now=int(time.time()),
            tell=bar.tell,
        )
    bar.end()
    print(f'{count} instances are known; audits that remember nothing begin '
          'with that')  # fmt: skip
    return 0


def bootstrap(
    source: base.TelemetrySource,
    model: remembering.Model,
    limits: Mapping[str, np.ndarray],
    directory: pathlib.Path,
    *,
    days: int,
    page: int,
    now: int,
    tell: Callable[[str, float], None],
) -> int:
    """Read and learn, page by page; how many instances are known then.

    :param limits: (resources,) of each instance, by its id.
    :param now: Unix seconds.
    :param tell: hears what happens, and the share of it that is done.
    :raises TelemetryError: where usage cannot be read.
    :raises StateError: where what was learned cannot be kept.
    :raises KeyboardInterrupt: with what was kept.
    """
    end = (now // source.step_s - _SETTLED_STEPS) * source.step_s
    book = bootstrap_book.Book(directory)
    plan = book.begun(
        bootstrap_book.Plan(
            source=source.identity,
            model=model.identity,
            start=end - days * _DAY_S + source.step_s,
            end=end,
            page=page,
            instances=tuple(sorted(limits)),
        ),
        now - _AGE_S,
    )
    pages = plan.pages()
    for number, names in enumerate(pages):
        tell('learning', number / len(pages))
        if book.page(number, plan) is not None:
            continue
        try:
            memory, kept = _page(source, model, names, limits, plan)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f'{number} of {len(pages)} pages are kept; run it again to '
                'go on'
            ) from None
        book.keep(number, memory, usage_book.memory_of(kept))
    tell('learning', 1.0)
    return book.finish(plan)


def _page(
    source: base.TelemetrySource,
    model: remembering.Model,
    names: Sequence[str],
    limits: Mapping[str, np.ndarray],
    plan: bootstrap_book.Plan,
) -> tuple[remembering.Memory, recent.Recent]:
    found = history.read(source, names, plan.start, plan.end)
    for line in found.missing:
        print(f'predictive-watcher: {line}', file=sys.stderr)
    unknown = np.full(len(fleet.RESOURCES), np.nan, np.float32)
    window = found.window
    memory = remembering.learned(
        model,
        window,
        np.stack([limits.get(name, unknown) for name in names]),
    )
    there = [row for row, name in enumerate(names) if name not in found.unread]
    steps = model.history_s // window.step_s + 1
    steps = min(steps + _SPARE_STEPS, window.usage.shape[1])
    return remembering.without(memory, found.unread), recent.Recent(
        source=plan.source,
        window=usage.UsageWindow(
            instances=tuple(names[row] for row in there),
            start=window.end - (steps - 1) * window.step_s,
            step_s=window.step_s,
            usage=window.usage[there, -steps:].copy(),
        ),
    )
