"""Run one role of the cloud in this process.

Usage: ``python -m minicloud.inside.roles ROLE ETC MESSAGES PORT [ARGUMENT]``

WSGI applications are served by waitress; the other services and the set-up
command ``gnocchi-upgrade`` run their own ``main``.
"""

from collections.abc import Callable
import importlib
import os
from pathlib import Path
import sys
from typing import Any

import setproctitle


#: Role: the module with its WSGI application, its configuration file.
WSGI = {
    'keystone': ('keystone.wsgi.api', 'keystone.conf'),
    'placement': ('placement.wsgi.api', None),
    'glance': ('glance.wsgi.api', 'glance-api.conf'),
    'nova-api': ('nova.wsgi.osapi_compute', None),
    'gnocchi-api': ('gnocchi.wsgi.api', 'gnocchi.conf'),
    'watcher-api': ('watcher.wsgi.api', 'watcher.conf'),
    'neutron': ('minicloud.inside.neutron', None),
}
#: Role: the module and the function to call, its configuration files.
MAINS = {
    'nova-conductor': (
        'nova.cmd.conductor:main',
        ('nova.conf', 'nova-db.conf'),
    ),
    'nova-scheduler': (
        'nova.cmd.scheduler:main',
        ('nova.conf', 'nova-db.conf'),
    ),
    'nova-compute': ('nova.cmd.compute:main', ('nova.conf',)),
    'watcher-decision-engine': (
        'watcher.cmd.eventlet.decisionengine:main',
        ('watcher.conf',),
    ),
    'watcher-applier': (
        'watcher.cmd.eventlet.applier:main',
        ('watcher.conf',),
    ),
    'predictive-watcher-listener': (
        'predictive_watcher.cli.listener:main',
        ('watcher.conf',),
    ),
    'gnocchi-metricd': ('gnocchi.cli.metricd:metricd', ('gnocchi.conf',)),
    'gnocchi-upgrade': ('gnocchi.cli.manage:upgrade', ('gnocchi.conf',)),
}
WAITRESS_THREADS = 6
#: Placement resolves a conflict of two requests by a second transaction
#: within the first, which SQLite waits for until it times out: one request
#: at a time has no conflicts.
PLACEMENT_THREADS = 1


def main(argv: list[str]) -> None:
    """Become the role named on the command line."""
    role, etc, messages, port, *arguments = argv
    os.environ |= {
        'OS_NOVA_CONFIG_DIR': etc,
        'OS_PLACEMENT_CONFIG_DIR': etc,
        'OS_GLANCE_CONFIG_DIR': etc,
        'OS_KEYSTONE_CONFIG_DIR': etc,
        'OS_NOVA_CONFIG_FILES': 'api-paste.ini;nova.conf;nova-db.conf',
    }
    setproctitle.setproctitle('minicloud-' + role)
    _prepare(role, messages)
    if role in WSGI:
        _serve(role, Path(etc), int(port))
    else:
        _run(role, Path(etc), arguments)


def _serve(role: str, etc: Path, port: int) -> None:
    import waitress

    module, file = WSGI[role]
    files = ['--config-file', str(etc / file)] if file else []
    sys.argv = [role, *files]
    waitress.serve(
        importlib.import_module(module).application,
        host='127.0.0.1',
        port=port,
        threads=PLACEMENT_THREADS if role == 'placement' else WAITRESS_THREADS,
        channel_timeout=120,
        # Clients that keep connections alive use up the default of 100,
        # and then nobody is answered any more.
        connection_limit=1000,
        asyncore_use_poll=True,
        _quiet=True,
    )


def _run(role: str, etc: Path, arguments: list[str]) -> None:
    name, _, host = role.partition(':')
    target, names = MAINS[name]
    paths = [etc / n for n in names]
    if host:
        paths.append(etc / f'nova-{host}.conf')
    files = [part for p in paths for part in ('--config-file', str(p))]
    sys.argv = [name, *files, *arguments]
    module, _, function = target.partition(':')
    entry: Callable[[], Any] = getattr(
        importlib.import_module(module), function
    )
    if name == 'nova-compute':
        # Only now: nova.cmd.compute has to be the first to touch eventlet.
        from minicloud.inside import virt

        virt.install()
    sys.exit(entry())


def _prepare(role: str, messages: str) -> None:
    from minicloud.inside import sqlite

    sqlite.install()
    if role.startswith('gnocchi'):
        from minicloud.inside import indexer

        indexer.install()
    elif messages and role.startswith(('nova', 'watcher', 'predictive')):
        from minicloud.inside import broker

        broker.install(Path(messages))


if __name__ == '__main__':
    main(sys.argv[1:])
