"""Builds telemetry, model, state and cloud from the configuration.

In the open, and cheaply: nothing connects or loads before its first use.
What has to outlive one audit (an ONNX session, a database engine) is kept
for each process: Watcher makes a new strategy object at each run, and its
services are made in one process and run in another.
"""

from collections.abc import Callable
from collections.abc import Hashable
import os
import pathlib
import threading
from typing import Any
from typing import cast
from typing import TypeVar
import urllib.parse

from oslo_config import cfg

from predictive_watcher import conf as conf_module
from predictive_watcher import exceptions
from predictive_watcher import notifications
from predictive_watcher.cloud import deadline
from predictive_watcher.cloud import nova
from predictive_watcher.core import selection
from predictive_watcher.models import registry
from predictive_watcher.models import runtime
from predictive_watcher.policies import file as policy_file
from predictive_watcher.state import ledger as ledger_module
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import catalogue
from predictive_watcher.telemetry import circuit
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import measures
from predictive_watcher.telemetry import measuring as measuring_module
from predictive_watcher.telemetry import prometheus


Made = TypeVar('Made')
_made: dict[tuple[Any, ...], Any] = {}
_lock = threading.Lock()


def _once(make: Callable[[], Made], *key: Hashable) -> Made:
    """What ``make`` returns, once in each process for each key."""
    with _lock:
        whole = (os.getpid(), *key)
        if whole not in _made:
            _made[whole] = make()
        return cast(Made, _made[whole])


def _model(
    make: Callable[[], runtime.OnnxForecaster],
    directory: pathlib.Path,
    threads: int,
    champion: registry.Champion | None = None,
) -> runtime.OnnxForecaster:
    """What ``make`` returns, once in each process until the folder changes;
    models from before are not kept.
    """
    where = (os.getpid(), 'model', str(directory), threads)
    changed = registry.changed_at(directory)
    key = (*where, changed, champion)
    with _lock:
        if key not in _made:
            for old in [k for k in _made if k[:4] == where]:
                if old[4] != changed:
                    del _made[old]
            _made[key] = make()
        return cast(runtime.OnnxForecaster, _made[key])


def options(conf: cfg.ConfigOpts) -> Any:
    """The section [predictive_watcher]."""
    conf_module.register_opts(conf)
    return conf.predictive_watcher


def forecaster(conf: cfg.ConfigOpts) -> runtime.OnnxForecaster:
    """The default model; its file is read at the first forecast.

    A model that was replaced in its folder is noticed at the next call.
    """
    given = options(conf).model_directory
    directory = pathlib.Path(given) if given else registry.SHIPPED
    found = registry.champions(directory)
    if found is not None:
        return _champion(conf, directory, found.default)
    threads = options(conf).inference_threads
    return _model(
        lambda: registry.load(directory, threads), directory, threads
    )


def own_forecasters(
    conf: cfg.ConfigOpts,
) -> dict[selection.Selector, runtime.OnnxForecaster | exceptions.ModelError]:
    """The models that some instances have of their own, or what is wrong
    with them.
    """
    given = options(conf).model_directory
    directory = pathlib.Path(given) if given else registry.SHIPPED
    made: dict[
        selection.Selector, runtime.OnnxForecaster | exceptions.ModelError
    ] = {}
    for selector, champion in (
        registry.champions(directory) or registry.NOBODY
    ).own.items():
        try:
            made[selector] = _champion(conf, directory, champion)
        except exceptions.ModelError as error:
            made[selector] = error
    return made


def _champion(
    conf: cfg.ConfigOpts,
    directory: pathlib.Path,
    champion: registry.Champion | None,
) -> runtime.OnnxForecaster:
    """A champion, once in a process: several selectors may share it."""
    threads = options(conf).inference_threads
    return _model(
        lambda: registry.load_champion(directory, champion, threads),
        directory,
        threads,
        champion,
    )


def telemetry(
    conf: cfg.ConfigOpts, session: Any, timeout_s: float | None = None
) -> base.TelemetrySource:
    """The source of usage that is configured.

    :param session: a keystoneauth1 session; region and interface are those
        of Watcher's own sections.
    :param timeout_s: deadline of one reading; None: that of an audit.
    :raises InvalidConfig: where an option does not fit.
    """
    own = options(conf)
    common = {
        'granularity': own.granularity,
        'polling_interval': own.polling_interval,
        'timeout_s': timeout_s or own.telemetry_timeout,
        'page_size': own.telemetry_page_size,
        'circuit': circuit.shared(
            own.telemetry, own.circuit_failures, own.circuit_reset
        ),
        'conditions': measures.beside(
            own.steal_metric,
            own.steal_kind,
            own.activity_metric,
            own.activity_kind,
        ),
    }
    match own.telemetry:
        case 'prometheus':
            return prometheus.PrometheusTelemetry(
                _prometheus(own),
                label=own.prometheus_label,
                place=_place(own.prometheus_url),
                **common,
            )
        case 'aetos':
            section = conf.aetos_client
            return prometheus.AetosTelemetry(
                prometheus.aetos_adapter(
                    session, section.region_name, section.interface
                ),
                label=own.prometheus_label,
                place=section.region_name or '',
                **common,
            )
    section = conf.gnocchi_client
    return gnocchi.GnocchiTelemetry(
        gnocchi.metric_adapter(
            session, section.region_name, section.endpoint_type
        ),
        place=section.region_name or '',
        catalogue=_once(
            catalogue.Catalogue, 'catalogue', section.region_name
        ),
        **common,
    )


def _place(url: str) -> str:
    """A URL without credentials: it goes into files."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl()


def _prometheus(own: Any) -> Any:
    if not own.prometheus_url:
        raise exceptions.InvalidConfig(
            '[predictive_watcher] telemetry is prometheus, but prometheus_url '
            'is not set; name the URL of Prometheus, such as '
            'http://localhost:9090'
        )
    given = (
        own.prometheus_url,
        own.prometheus_username,
        own.prometheus_password,
        own.prometheus_cafile,
    )
    # once, or each audit would leave a socket behind
    return _once(lambda: prometheus.url_adapter(*given), 'prometheus', *given)


def measuring(
    conf: cfg.ConfigOpts, session: Any
) -> measuring_module.Measuring | None:
    """Where metrics are written; None: nowhere.

    :param session: a keystoneauth1 session.
    """
    own = options(conf)
    if not own.publish_metrics:
        return None
    section = conf.gnocchi_client
    client = gnocchi.metric_adapter(
        session, section.region_name, section.endpoint_type
    )
    return measuring_module.Measuring(client, own.metrics_archive_policy)


def cloud(conf: cfg.ConfigOpts, connection: Any) -> nova.Nova:
    """Nova and Placement for one audit, under its deadline.

    :param connection: an openstacksdk connection of the audit's own.
    """
    timeout_s = options(conf).cloud_timeout
    deadline.put_on(connection.session, deadline.Deadline(timeout_s))
    return nova.Nova(connection)


def state_directory(conf: cfg.ConfigOpts) -> pathlib.Path | None:
    """Where audits remember; None: they do not."""
    given = options(conf).state_directory
    return pathlib.Path(given) if given else None


def ledger(conf: cfg.ConfigOpts) -> ledger_module.Ledger:
    """The ledger of leases and settled forecasts."""
    own = options(conf)
    url = own.ledger_connection
    return _once(lambda: ledger_module.Ledger(url), 'ledger', url)


def policies(conf: cfg.ConfigOpts) -> policy_file.PolicyFile:
    """The rules of the site; the file is read at each audit."""
    own = options(conf)
    path, state = own.policy_file, own.state_directory
    return _once(
        lambda: policy_file.PolicyFile(
            pathlib.Path(path), pathlib.Path(state) if state else None
        ),
        'policies',
        path,
        state,
    )


def publisher(conf: cfg.ConfigOpts, host: str) -> notifications.Publisher:
    """Where verdicts are published."""
    return _once(
        lambda: notifications.Publisher(conf, host), 'publisher', id(conf)
    )
