"""Write the services' configuration files and directories."""

from collections.abc import Mapping
from pathlib import Path
import shutil
import uuid

from minicloud import options
from minicloud.settings import Settings


_FOLDERS = (
    'images',
    'gnocchi',
    'fernet',
    'cred',
    'lock',
    'mq',
    'staging',
    'tasks',
)


def write_all(s: Settings) -> None:
    """Everything the services read, from scratch."""
    s.save()
    for folder in (s.etc, s.log, s.pids, *(s.data / n for n in _FOLDERS)):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (s.data / 'fernet', s.data / 'cred'):
        folder.chmod(0o700)
    for name, content in _files(s).items():
        (s.etc / f'{name}.conf').write_text(render(content))
    _write_paste_files(s)
    for host in s.computes:
        _write_identity(s, host)
    s.openrc.write_text(_openrc(s))


def _files(s: Settings) -> dict[str, options.Options]:
    watcher = options.watcher(s)
    for section, values in s.watcher.items():
        watcher.setdefault(section, {}).update(values)
    return {
        'keystone': options.keystone(s),
        'placement': options.placement(s),
        'glance-api': options.glance(s),
        'nova': options.nova(s),
        'nova-db': options.nova_databases(s),
        'gnocchi': options.gnocchi(s),
        'watcher': watcher,
        'ceilometer': options.ceilometer(s),
        **{f'nova-{h}': options.nova_compute(s, h) for h in s.computes},
    }


def render(content: Mapping[str, Mapping[str, object]]) -> str:
    """The text of a configuration file.

    >>> print(render({'api': {'workers': 1}}), end='')
    [api]
    workers = 1
    """
    lines = []
    for section, values in content.items():
        lines.append(f'[{section}]')
        lines.extend(f'{name} = {value}' for name, value in values.items())
    return '\n'.join(lines) + '\n'


def _write_paste_files(s: Settings) -> None:
    # nova-api looks for it beside nova.conf.
    shutil.copy(s.venv / 'etc/nova/api-paste.ini', s.etc / 'api-paste.ini')
    # Gnocchi's token filter reads gnocchi.conf from the default places,
    # not from our command line, unless its own configuration names it.
    pattern = 'python3*/site-packages/gnocchi/rest/api-paste.ini'
    upstream: Path = next((s.venv / 'lib').glob(pattern))
    project = 'oslo_config_project = gnocchi'
    text = upstream.read_text().replace(
        project, f'{project}\noslo_config_file = {s.etc}/gnocchi.conf'
    )
    (s.etc / 'gnocchi-paste.ini').write_text(text)


def _write_identity(s: Settings, host: str) -> None:
    """A stable node id; without it a restarted compute refuses to run."""
    (s.data / host).mkdir(exist_ok=True)
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, host)
    (s.data / host / 'compute_id').write_text(str(identity))


def _openrc(s: Settings) -> str:
    lines = [f'export {k}={v}' for k, v in s.credentials().items()]
    lines.append(f'export PATH={s.venv}/bin:$PATH')
    return '\n'.join(lines) + '\n'
