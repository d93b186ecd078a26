"""RabbitMQ as message broker, where the file system is not enough."""

from pathlib import Path

from minicloud.settings import HOST
from minicloud.settings import RABBIT_PORT
from minicloud.settings import Settings


_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'


def port_mapper(s: Settings) -> tuple[str, ...]:
    """Erlang's port mapper; started by Rabbit it would escape us."""
    port = s.base_port + RABBIT_PORT + 2
    return ('epmd', '-address', HOST, '-port', str(port))


def rabbit_server(s: Settings) -> tuple[tuple[str, ...], dict[str, str]]:
    """Command line and environment; its files are written."""
    folder = s.data / 'rabbit'
    folder.mkdir(exist_ok=True)
    (folder / 'enabled_plugins').write_text('[].\n')
    (folder / 'rabbitmq.conf').write_text(
        'loopback_users = none\ndisk_free_limit.absolute = 50MB\n'
    )
    return (_SERVER,), _environment(s, folder)


def _environment(s: Settings, folder: Path) -> dict[str, str]:
    port = s.base_port + RABBIT_PORT
    return {
        'HOME': str(folder),
        'RABBITMQ_NODENAME': f'minicloud{s.base_port}@localhost',
        'RABBITMQ_NODE_PORT': str(port),
        'RABBITMQ_NODE_IP_ADDRESS': HOST,
        'RABBITMQ_DIST_PORT': str(port + 1),
        'ERL_EPMD_PORT': str(port + 2),
        'ERL_EPMD_ADDRESS': HOST,
        'RABBITMQ_MNESIA_BASE': str(folder),
        'RABBITMQ_LOG_BASE': str(folder),
        'RABBITMQ_LOGS': '-',
        'RABBITMQ_ENABLED_PLUGINS_FILE': str(folder / 'enabled_plugins'),
        'RABBITMQ_CONFIG_FILE': str(folder / 'rabbitmq.conf'),
        'RABBITMQ_CONF_ENV_FILE': str(folder / 'none'),
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '+S 1:1 +sbwt none',
    }
