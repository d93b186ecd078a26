"""``predictive-watcher bootstrap``: learn from the history, before audits do.

Page by page, so that memory is bounded and an interrupted one goes on.
"""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import pathlib
import sys
import time
from typing import Any
import warnings

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.cli import history as history_options
from predictive_watcher.cli import kinds
from predictive_watcher.cli import progress
from predictive_watcher.core import fleet
from predictive_watcher.core import profiling
from predictive_watcher.core import recent
from predictive_watcher.core import remembering
from predictive_watcher.state import bootstrap_book
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import history


Kind = bootstrap_book.Kind

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
        type=kinds.positive,
        default=7,
        help='how far to read back (default: %(default)s)',
    )
    parser.add_argument(
        '--page',
        type=kinds.positive,
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


def run(arguments: argparse.Namespace) -> int:
    """Read and learn, as far as it has not been done.

    :raises PredictiveWatcherError: where the cloud does not answer, or what
        was learned cannot be kept.
    """
    with warnings.catch_warnings():
        # it takes long, and libraries that we do not choose warn of others
        warnings.simplefilter('ignore')
        from predictive_watcher import subjects
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
        now = int(time.time())
        leases = wiring.ledger(conf).active_leases()
        count = bootstrap(
            source,
            model,
            Fleet(
                limits={
                    one.id: history_options.limits(one) for one in instances
                },
                subjects=subjects.of(conf, instances, leases, now),
            ),
            directory,
            days=arguments.days,
            page=arguments.page,
            now=now,
            tell=bar.tell,
        )
    bar.end()
    print(f'{count} instances are known; audits that remember nothing begin '
          'with that')  # fmt: skip
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The limits (resources,) of each instance, by its id, and who it is."""

    limits: Mapping[str, np.ndarray]
    subjects: Mapping[str, profiling.Subject]


def bootstrap(
    source: base.TelemetrySource,
    model: remembering.Model,
    instances: Fleet,
    directory: pathlib.Path,
    *,
    days: int,
    page: int,
    now: int,
    tell: Callable[[str, float], None],
) -> int:
    """Read and learn, page by page; how many instances are known then.

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
            instances=tuple(sorted(instances.limits)),
        ),
        now - _AGE_S,
    )
    pages = plan.pages()
    for number, names in enumerate(pages):
        tell('learning', number / len(pages))
        if book.page(number, plan) is not None:
            continue
        try:
            page_ = _page(source, model, names, instances, plan)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f'{number} of {len(pages)} pages are kept; run it again to '
                'go on'
            ) from None
        book.keep(number, page_)
    tell('learning', 1.0)
    return book.finish(plan)


def _page(
    source: base.TelemetrySource,
    model: remembering.Model,
    names: Sequence[str],
    instances: Fleet,
    plan: bootstrap_book.Plan,
) -> bootstrap_book.Page:
    found = history.read(source, names, plan.start, plan.end)
    for line in found.missing:
        print(f'predictive-watcher: {line}', file=sys.stderr)
    window = found.window
    unknown = np.full(len(fleet.RESOURCES), np.nan, np.float32)
    limits = np.stack([instances.limits.get(n, unknown) for n in names])
    steps = model.history_s // window.step_s + _SPARE_STEPS
    steps = min(steps, window.usage.shape[1])
    page = {
        Kind.MODEL: remembering.learned(model, window, limits),
        Kind.PROFILE: profiling.learned(window, instances.subjects),
        Kind.USAGE: usage_book.memory_of(
            recent.Recent(source=plan.source, window=window.last(steps))
        ),
    }
    return {
        kind: remembering.without(memory, found.unread)
        for kind, memory in page.items()
    }
