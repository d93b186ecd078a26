"""A Gnocchi with metrics of made instances, as Ceilometer leaves them."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent import futures
import contextlib
import pathlib
import shlex
import subprocess
import sys
import time
from typing import Any
import uuid

from keystoneauth1 import adapter
from keystoneauth1 import session as ks_session
from keystoneauth1.identity import v3

from predictive_watcher import exceptions
from predictive_watcher.telemetry import gnocchi
from predictive_watcher.telemetry import measures


STEP_S = 300
STEPS = 20  # of samples: what an audit reads of instances that it knows
POLICY = 'reading-benchmark'
_DEVICES = {
    'instance': '',
    'instance_disk': '-vda',
    'instance_network_interface': '-tap0',
}
_TOOL = pathlib.Path(__file__).parents[1] / 'tools' / 'minicloud'
_WORKERS = 4
_BATCH = 50  # resources in one request with samples
_PATIENCE_S = 3600.0


def names(count: int) -> list[str]:
    """The ids of the made instances, always the same ones."""
    return [
        str(uuid.uuid5(uuid.NAMESPACE_OID, f'reading {i}'))
        for i in range(count)
    ]


def resource(kind: str, instance: str) -> str:
    """The id of what a metric of the instance belongs to."""
    return instance + _DEVICES[kind]


@contextlib.contextmanager
def cloud(home: pathlib.Path) -> Iterator[adapter.Adapter]:
    """The Gnocchi of a mini cloud of our own, which ends with the block.

    :param home: where its environment is, or is to be made.
    :raises InvalidInput: where it does not start.
    """
    run = home.resolve() / 'reading'
    options = ['--home', str(home.resolve()), '--run', str(run)]
    try:
        _minicloud([*options, 'up'])
        credentials = _credentials(run / 'openrc')
        auth = v3.Password(
            **{
                key: credentials[f'OS_{key.upper()}']
                for key in (
                    *('auth_url', 'username', 'password', 'project_name'),
                    *('user_domain_name', 'project_domain_name'),
                )
            }
        )
        session = ks_session.Session(auth=auth)
        yield gnocchi.metric_adapter(session)
        session.session.close()
    finally:
        _minicloud([*options, 'wipe'])


def _minicloud(words: list[str]) -> None:
    found = subprocess.run(  # noqa: S603 - our own tool
        [sys.executable, str(_TOOL), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if found.returncode:
        raise exceptions.InvalidInput(
            f'the mini cloud: {" ".join(found.stderr.split()[-40:])}; try '
            f'"python3 tools/minicloud {shlex.join(words)}"'
        )


def _credentials(file: pathlib.Path) -> dict[str, str]:
    pairs = (
        line.removeprefix('export ').split('=', 1)
        for line in file.read_text().splitlines()
        if '=' in line
    )
    return {key: shlex.split(value)[0] for key, value in pairs}


def fill(
    client: adapter.Adapter,
    instances: Sequence[str],
    end: int,
    tell: Callable[[str, float], None],
) -> None:
    """Resources, metrics and samples of `STEPS` steps that end at ``end``.

    :raises TelemetryError: where Gnocchi refuses.
    """
    _post(
        client,
        'archive_policy',
        {
            'name': POLICY,
            'aggregation_methods': [measures.MEAN, measures.RATE],
            'back_window': 0,
            'definition': [{'granularity': '300s', 'timespan': '7 days'}],
        },
    )
    owners = [(kind, name) for name in instances for kind in _DEVICES]
    with futures.ThreadPoolExecutor(_WORKERS) as pool:
        made = pool.map(lambda owner: _create(client, *owner), owners)
        for done, _ in enumerate(made):
            tell('creating metrics', done / len(owners))
    for i in range(0, len(owners), _BATCH):
        tell('writing samples', i / len(owners))
        _post(
            client,
            'batch/resources/metrics/measures',
            {
                resource(kind, name): {
                    metric: samples(name, metric, end)
                    for metric in _metrics(kind)
                }
                for kind, name in owners[i : i + _BATCH]
            },
        )
    _wait(client, tell)


def _metrics(kind: str) -> list[str]:
    return [
        metric
        for measure in measures.MEASURES
        for metric in measure.metrics
        if measure.resource_type == kind
    ]


def _create(client: adapter.Adapter, kind: str, instance: str) -> None:
    about = {'instance_id': instance, 'name': _DEVICES[kind]}
    if kind == 'instance':
        about = {
            'display_name': instance[:8],
            'flavor_id': '1',
            'flavor_name': 'made',
            'host': 'made',
        }
    body: dict[str, Any] = {
        'id': resource(kind, instance),
        **about,
        'metrics': {
            metric: {'archive_policy_name': POLICY}
            for metric in _metrics(kind)
        },
    }
    _post(client, f'resource/{kind}', body)


def samples(instance: str, metric: str, end: int) -> list[dict[str, Any]]:
    """Steady growth, another one for each instance and metric."""
    per_s = 1 + uuid.uuid5(uuid.UUID(instance), metric).int % 1000
    scale = 1e6 if metric == 'cpu' else 1.0
    return [
        {
            'timestamp': end - (STEPS - step) * STEP_S + 20,
            'value': per_s * scale * (100 if metric == 'memory.usage' else
                                      (step + 1) * STEP_S),
        }
        for step in range(STEPS)
    ]  # fmt: skip


def _post(client: adapter.Adapter, path: str, body: Any) -> None:
    answer = client.post(f'/v1/{path}', json=body, raise_exc=False)
    if answer.status_code >= 300 and answer.status_code != 409:
        raise exceptions.TelemetryError(
            f'Gnocchi answered {answer.status_code} to {path}: '
            f'{answer.text[:200]}'
        )


def _wait(client: adapter.Adapter, tell: Callable[[str, float], None]) -> None:
    """Until all samples can be read."""
    first = 0
    began = time.monotonic()
    while time.monotonic() - began < _PATIENCE_S:
        status = client.get('/v1/status').json()
        waiting = status['storage']['summary']['measures']
        if not waiting:
            return
        first = max(first, waiting)
        tell('aggregating', 1 - waiting / first)
        time.sleep(2)
    raise exceptions.TelemetryError(
        f'Gnocchi did not aggregate the samples within {_PATIENCE_S:g} s; '
        'is gnocchi-metricd alive?'
    )
