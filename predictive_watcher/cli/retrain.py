"""``predictive-watcher retrain``: a challenger for the model in use.

Reads the recent history, goes on from the champion with all of it but the
last days, lets both forecast those days, and promotes the challenger only
where it is better.  Running audits take the new model up at their next run.
"""

import argparse
from collections.abc import Iterator
import contextlib
import datetime
import fcntl
import json
import os
import pathlib
from typing import Any
import warnings

from predictive_watcher import exceptions
from predictive_watcher.cli import challenger
from predictive_watcher.cli import history
from predictive_watcher.cli import interrupt
from predictive_watcher.cli import progress
from predictive_watcher.models import card
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces
from predictive_watcher.training import split


LOCK = '.retrain.lock'
_DAY_S = 86400


def _days(text: str) -> float:
    number = float(text)
    if not 0 < number < 10000:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return number


def _steps(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text} is below 1')
    return number


def add_parser(
    parsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Declare the command."""
    parser = parsers.add_parser(
        'retrain',
        help='fine-tune the model in use, promote what is better',
        description='Go on from the model in use with recent history, '
        'compare both on the last days, and promote the new one if its '
        'quantile loss is lower. Running audits notice.',
    )
    parser.add_argument(
        '--traces',
        nargs='+',
        type=pathlib.Path,
        default=[],
        metavar='FILE',
        help="usage in these files instead of Gnocchi's history",
    )
    parser.add_argument(
        '--registry',
        type=pathlib.Path,
        metavar='DIR',
        help='folder of models (default: model_directory of the '
        'configuration)',
    )
    parser.add_argument(
        '--days',
        type=_days,
        default=30.0,
        help='days of history to read from Gnocchi, unless --from says '
        '(default: %(default)g)',
    )
    parser.add_argument(
        '--compare-days',
        type=_days,
        default=3.0,
        help='the last days, which are not learned from: both models '
        'forecast them (default: %(default)g)',
    )
    parser.add_argument(
        '--least-gain',
        type=float,
        default=0.0,
        metavar='SHARE',
        help='promote only if the loss is lower by this share (default: '
        '%(default)g)',
    )
    parser.add_argument('--steps', type=_steps, help='of learning')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=_steps, default=1)
    parser.add_argument(
        '--if-asked',
        action='store_true',
        help='do nothing unless drift asks for it ("feedback drift")',
    )
    parser.add_argument('--json', action='store_true')
    history.add_arguments(parser)
    parser.set_defaults(run=run, resume=False)


def run(arguments: argparse.Namespace) -> int:
    """Read, learn, compare, promote or keep, report.

    0: done, whether something was promoted or not.
    """
    history.refuse_keeping(arguments)
    conf = _configuration(arguments)
    folder = _registry(arguments, conf)
    if arguments.if_asked and not _asked(conf):
        print('{}' if arguments.json else 'no drift asks for it')
        return 0
    now = datetime.datetime.now(datetime.UTC)
    bar = progress.Bar()
    with locked(folder), interrupt.requests() as request:
        challenger.clear(folder)
        found = _traces(arguments, int(now.timestamp()), bar)
        report = challenger.challenge(
            arguments, folder, found, now, bar, request
        )
    bar.end()
    _publish(conf, report, now)
    if arguments.json:
        print(json.dumps(report.plain()))
    else:
        print(f'{report.challenger}: {report.why}')
    return 0


def _configuration(arguments: argparse.Namespace) -> Any:
    """Watcher's; None where nothing of it is needed."""
    needed = not arguments.traces or arguments.registry is None
    if not needed and arguments.config_file is None:
        if arguments.if_asked:
            raise exceptions.InvalidInput(
                '--if-asked: drift is in the ledger; name the configuration '
                'of Watcher with --config-file'
            )
        return None
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        from predictive_watcher.cli import site
    return site.configuration(arguments.config_file)


def _registry(arguments: argparse.Namespace, conf: Any) -> pathlib.Path:
    given = arguments.registry
    if given is not None and not given.is_dir():
        raise exceptions.InvalidInput(
            f'--registry {given}: there is no such folder; check the name, '
            'or make the folder first'
        )
    if given is None:
        named = conf.predictive_watcher.model_directory
        if not named:
            raise exceptions.InvalidInput(
                '[predictive_watcher] model_directory is unset: name a '
                'folder of models there, or with --registry'
            )
        given = pathlib.Path(named)
    if (given / card.CARD).exists():
        raise exceptions.InvalidInput(
            f'{given}: it is one model; a folder of models is needed, such '
            'as "predictive-watcher model promote" makes'
        )
    try:
        given.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise exceptions.InvalidInput(
            f'{given}: cannot be made a folder ({error.strerror})'
        ) from None
    return pathlib.Path(given)


def _asked(conf: Any) -> bool:
    from predictive_watcher import wiring

    return any(d.step == 'retrain' for d in wiring.ledger(conf).drifts())


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """One at a time in this folder; the lock ends with its process.

    :raises InvalidInput: where another one runs.
    """
    path = folder / LOCK
    try:
        file = path.open('a+')
    except OSError as error:
        raise exceptions.InvalidInput(
            f'{path}: cannot be written ({error.strerror}); retrain as the '
            'user who owns the folder of models'
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            who = file.read().strip() or 'unknown'
            raise exceptions.InvalidInput(
                f'{path}: another retraining runs (process {who}); wait for '
                'its end'
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _traces(
    arguments: argparse.Namespace, now: int, bar: progress.Bar
) -> list[traces.Trace]:
    if arguments.traces:
        found = [traces.read(path) for path in arguments.traces]
    else:
        if arguments.begin is None:
            arguments.begin = now - int(arguments.days * _DAY_S)
        found = [history.trace(arguments, now, bar.tell)]
    return [resample.to_step(trace, split.STEP_S) for trace in found]


def _publish(
    conf: Any, report: challenger.Report, now: datetime.datetime
) -> None:
    if conf is None:
        return
    import socket

    from predictive_watcher import notifications
    from predictive_watcher import wiring

    told = report.plain()
    payload = {
        name: told[name]
        for name in notifications.PAYLOADS[notifications.Event.MODEL]
        if name in told
    }
    wiring.publisher(conf, socket.gethostname()).publish(
        notifications.Event.MODEL,
        {**payload, 'at': int(now.timestamp())},
    )
