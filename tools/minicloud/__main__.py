"""The command: ``python3 tools/minicloud {install,up,down,ps,wipe}``."""

import argparse
from collections.abc import Callable
from pathlib import Path
import signal
import sys
from typing import Any
from typing import NoReturn


if not __package__:  # run as a directory: let the package be found
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from minicloud import cloud
from minicloud import environment
from minicloud import listing
from minicloud import plugin
from minicloud import settings
from minicloud.errors import MiniCloudError
from minicloud.progress import say


def _install(s: settings.Settings) -> None:
    environment.install(s)


def _up(s: settings.Settings) -> None:
    environment.install(s)
    cloud.Cloud(s).up()


def _down(s: settings.Settings) -> None:
    cloud.Cloud(s).down()
    say('stopped')


def _ps(s: settings.Settings) -> None:
    for line in listing.lines(cloud.Cloud(s).processes):
        sys.stdout.write(line + '\n')


def _wipe(s: settings.Settings) -> None:
    cloud.Cloud(s).wipe()
    say(f'{s.run} is removed')


def _plugin(s: settings.Settings) -> None:
    running = cloud.Cloud(s)
    if plugin.install(s) and running.processes.alive(cloud.WATCHER[0]):
        running.restart(cloud.WATCHER)


COMMANDS: dict[str, tuple[Callable[[settings.Settings], None], str]] = {
    'install': (_install, 'create the private environment'),
    'up': (_up, 'start the cloud, installed first if need be'),
    'plugin': (_plugin, 'install predictive-watcher from this checkout'),
    'ps': (_ps, 'list the processes and their memory'),
    'down': (_down, 'end every process'),
    'wipe': (_wipe, 'the same, and remove the data'),
}


def _port(text: str) -> int:
    most = 65536 - settings.PORT_BLOCK
    if not text.isdecimal() or not 1024 <= int(text) <= most:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no port from 1024 to {most}'
        )
    return int(text)


#: Option: its default's variable, and what argparse has to know.
_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    '--home': (
        'home',
        {'type': Path, 'help': 'environment, snapshots (default: .minicloud)'},
    ),
    '--run': (
        'run',
        {'type': Path, 'help': 'data of one cloud (default: HOME/run)'},
    ),
    '--base-port': (
        'port',
        {
            'type': _port,
            'help': 'first port (default: a free block from 15000)',
        },
    ),
    '--db': (
        'db',
        {
            'choices': settings.DATABASES,
            'help': "SQLite files (default), or the system's MariaDB",
        },
    ),
    '--mq': (
        'mq',
        {
            'choices': settings.BROKERS,
            'help': "the file system (default), or the system's RabbitMQ",
        },
    ),
    '--hosts': (
        'hosts',
        {'type': int, 'help': 'number of hypervisors (default: 3)'},
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options about the place and kind of a cloud."""
    for name, (variable, about) in _OPTIONS.items():
        default = settings.from_environment(variable)
        parser.add_argument(name, default=default, **about)


def settings_from(options: argparse.Namespace) -> settings.Settings:
    """What the options say."""
    names = ('home', 'run', 'base_port', 'db', 'mq', 'hosts')
    return settings.settle(**{n: getattr(options, n) for n in names})


def guarded(main: Callable[[], int]) -> NoReturn:
    """Run a command: errors are one line, an end signal is an interrupt."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    except MiniCloudError as error:
        sys.stderr.write(f'error: {error}\n')
        sys.exit(1)
    except OSError as error:
        sys.stderr.write(f'error: {error}\n')
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        sys.exit(130)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog='minicloud', description=__doc__)
    add_arguments(parser)
    verbs = parser.add_subparsers(dest='command', required=True)
    for name, (_, text) in COMMANDS.items():
        verbs.add_parser(name, help=text)
    options = parser.parse_args()
    COMMANDS[options.command][0](settings_from(options))
    return 0


if __name__ == '__main__':
    guarded(main)
