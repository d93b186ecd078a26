"""The cloud that a configuration file of Watcher names."""

from collections.abc import Iterator
import contextlib
import pathlib

from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as ks_session
from openstack import connection as sdk_connection
from oslo_config import cfg
from oslo_log import log
import sqlalchemy

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.cloud import nova
from predictive_watcher.state import ledger as ledger_module
from predictive_watcher.telemetry import base


_COMMON = 'watcher_clients_auth'  # credentials, unless [nova] has its own
_NOVA = 'nova'
# Watcher's own options, which are not registered outside of it
WATCHER_OPTS = {
    'gnocchi_client': [
        cfg.StrOpt('region_name'),
        cfg.StrOpt('endpoint_type', default='public'),
    ],
    'aetos_client': [
        cfg.StrOpt('region_name'),
        cfg.StrOpt('interface', default='public'),
    ],
}


def configuration(
    file: pathlib.Path | None, *, logging: bool = False
) -> cfg.ConfigOpts:
    """The options in ``file``; None: where Watcher looks for its own.

    :param logging: whether to log as the file says, for a service.
    :raises InvalidConfig: where the file is not there or cannot be parsed.
    """
    conf = cfg.ConfigOpts()
    if logging:
        log.register_options(conf)
    given = [] if file is None else ['--config-file', str(file)]
    try:
        conf(given, project='watcher', prog='watcher')
        wiring.options(conf)
        for group, opts in WATCHER_OPTS.items():
            conf.register_opts(opts, group=group)
        for group in (_COMMON, _NOVA):
            loading.register_session_conf_options(conf, group)
            loading.register_auth_conf_options(conf, group)
        loading.register_adapter_conf_options(conf, _NOVA)
        wiring.options(conf).granularity  # noqa: B018 - parsed when read
        if logging:
            log.setup(conf, 'predictive_watcher')
    except (cfg.Error, ValueError, log.LogConfigError) as error:
        raise exceptions.InvalidConfig(
            f'{file or "/etc/watcher/watcher.conf"}: {error}; name the '
            'configuration file of Watcher with --config-file'
        ) from error
    return conf


def ledger(file: pathlib.Path | None) -> ledger_module.Ledger:
    """The ledger to read from; it is not made where there is none yet.

    Made by whoever reads first, it would be theirs, and not Watcher's.

    :raises InvalidConfig: where there is none.
    """
    conf = configuration(file)
    url = sqlalchemy.make_url(wiring.options(conf).ledger_connection)
    name = url.database or ''
    is_file = bool(name) and name != ':memory:'
    is_file = is_file and url.get_backend_name() == 'sqlite'
    if is_file and not pathlib.Path(name).exists():
        raise exceptions.InvalidConfig(
            f'{name}: there is no ledger yet: no audit has run with this '
            'configuration; run one, or name the configuration of Watcher '
            'with --config-file'
        )
    return wiring.ledger(conf)


@contextlib.contextmanager
def cloud(
    conf: cfg.ConfigOpts, timeout_s: float
) -> Iterator[tuple[nova.Nova, base.TelemetrySource]]:
    """Nova and the source of usage with Watcher's credentials.

    :param timeout_s: deadline of one reading of usage.
    :raises InvalidConfig: where there are no credentials.
    """
    with contextlib.ExitStack() as stack:
        common = _session(conf, _COMMON)
        if common is None:
            files = ', '.join(conf.config_file) or 'no configuration file'
            raise exceptions.InvalidConfig(
                f'[{_COMMON}] in {files}: there are no credentials; name the '
                'configuration file of Watcher with --config-file'
            )
        stack.callback(common.session.close)
        own = _session(conf, _NOVA)
        if own is not None:
            stack.callback(own.session.close)
        interfaces = conf.nova.valid_interfaces
        connection = sdk_connection.Connection(
            session=own or common,
            region_name=conf.nova.region_name,
            interface=interfaces[0] if interfaces else 'public',
        )
        source = wiring.telemetry(conf, common, timeout_s)
        yield wiring.cloud(conf, connection), source


def _session(conf: cfg.ConfigOpts, group: str) -> ks_session.Session | None:
    """A session with the credentials of a section; None: it has none."""
    try:
        auth = loading.load_auth_from_conf_options(conf, group)
        if auth is None:
            return None
        return loading.load_session_from_conf_options(conf, group, auth=auth)
    except (ks_exceptions.ClientException, cfg.Error) as error:
        raise exceptions.InvalidConfig(
            f'[{group}]: {error}; mend the credentials there'
        ) from error
