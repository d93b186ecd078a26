"""The demonstration: ``python3 tools/demo``.

Installs a private OpenStack, starts it, and lets Watcher with
predictive-watcher prevent violations in it.
"""

import argparse
import os
from pathlib import Path
import sys
import zipfile


if not __package__:  # run as a directory: let the packages be found
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from dataclasses import replace
from typing import Any

from minicloud import environment
from minicloud import plugin
from minicloud.__main__ import add_arguments
from minicloud.__main__ import guarded
from minicloud.__main__ import settings_from
from minicloud.cloud import Cloud
from minicloud.errors import MiniCloudError
from minicloud.progress import BEGAN
from minicloud.progress import elapsed_s
from minicloud.settings import CHECKOUT
from minicloud.settings import Settings
from minicloud.settings import settle


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no whole number of seconds, 1 at least'
        )
    return int(text)


def _parameter(text: str) -> str:
    name, equals, value = text.partition('=')
    if not (name.isidentifier() and equals and value):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not NAME=VALUE, such as risk_threshold=0.6'
        )
    return text


#: Options of the demonstration itself.
_OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {
    ('--traces',): {
        'type': Path,
        'metavar': 'FILE',
        'help': 'replay a recorded load (npz) instead of our own',
    },
    ('--seed',): {
        'type': int,
        'default': 1,
        'help': 'of our own load (default: %(default)s)',
    },
    ('--interval',): {
        'type': _seconds,
        'default': 3,
        'metavar': 'S',
        'help': 'seconds between two runs of the audit (default: %(default)s)',
    },
    ('-p', '--parameter'): {
        'dest': 'parameters',
        'type': _parameter,
        'action': 'append',
        'default': [],
        'metavar': 'NAME=VALUE',
        'help': 'a parameter of the audit',
    },
    ('--result',): {
        'type': Path,
        'default': CHECKOUT / 'demo-result.json',
        'metavar': 'FILE',
        'help': 'where the table goes as JSON (default: %(default)s)',
    },
    ('--keep',): {
        'action': 'store_true',
        'help': 'leave the cloud running at the end',
    },
}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='demo', description=__doc__)
    add_arguments(parser)
    for names, about in _OPTIONS.items():
        parser.add_argument(*names, **about)
    return parser.parse_args()


def _check_traces(path: Path) -> None:
    if not path.is_file():
        raise MiniCloudError(f'there is no file {path}')
    if not zipfile.is_zipfile(path):
        raise MiniCloudError(f'{path} is no npz file')


def _with_plugin(s: Settings) -> Settings:
    """Our options in Watcher's configuration."""
    ours = {
        'clock': 'telemetry',
        'ledger_connection': f'sqlite:///{s.data}/predictive_watcher.sqlite',
        'state_directory': f'{s.data}/predictive_watcher_state',
        'polling_interval': '300',
    }
    return replace(s, watcher={'predictive_watcher': ours})


def main() -> int:
    """Install, go on in the environment, and play."""
    options = _parse()
    if options.traces:
        _check_traces(options.traces)
    if Path(sys.prefix) != settle(options.home, options.run).venv:
        # with what an earlier cloud was made is of no concern to this one
        Cloud(settle(options.home, options.run)).wipe()
    settings = _with_plugin(settings_from(options))
    if Path(sys.prefix) != settings.venv:
        environment.install(settings)
        plugin.install(settings)
        os.environ[BEGAN] = str(elapsed_s())
        sys.stdout.flush()
        words = [str(settings.python), str(Path(__file__).parent)]
        os.execv(settings.python, [*words, *sys.argv[1:]])  # noqa: S606
    from demo.play import play

    return play(options, settings)


if __name__ == '__main__':
    guarded(main)
