"""The configuration of each service, as data.

A file is ``{section: {option: value}}``. What deserves a comment is why an
option is there; what it does is in the services' own references.
"""

from minicloud.settings import HOST
from minicloud.settings import PASSWORD
from minicloud.settings import REGION
from minicloud.settings import Settings


Options = dict[str, dict[str, object]]


def auth(s: Settings, user: str) -> dict[str, object]:
    """How the service account ``user`` authenticates."""
    return {
        'auth_type': 'password',
        'auth_url': s.auth_url,
        'username': user,
        'password': PASSWORD,
        'project_name': 'service',
        'user_domain_name': 'Default',
        'project_domain_name': 'Default',
        'region_name': REGION,
    }


def _authtoken(s: Settings, user: str) -> dict[str, object]:
    return {
        'www_authenticate_uri': s.auth_url,
        'service_token_roles_required': True,
        **auth(s, user),
    }


def _database(s: Settings, name: str) -> dict[str, object]:
    options: dict[str, object] = {'connection': s.database(name)}
    if s.db == 'sqlite':
        options['sqlite_synchronous'] = False
    return options


def _common() -> dict[str, object]:
    return {'debug': False, 'use_stderr': True}


def _lock(s: Settings) -> dict[str, object]:
    return {'lock_path': s.data / 'lock'}


def keystone(s: Settings) -> Options:
    """Identity."""
    return {
        'DEFAULT': _common(),
        'database': _database(s, 'keystone'),
        'token': {'provider': 'fernet', 'expiration': 86400},
        'fernet_tokens': {'key_repository': s.data / 'fernet'},
        # Bootstrap looks for this one in /etc unless told.
        'fernet_receipts': {'key_repository': s.data / 'fernet'},
        'credential': {'key_repository': s.data / 'cred'},
        'identity': {'password_hash_rounds': 4},
        'cache': {'enabled': True, 'backend': 'dogpile.cache.memory'},
    }


def placement(s: Settings) -> Options:
    """Inventories and allocations."""
    return {
        'DEFAULT': _common(),
        'placement_database': {
            **_database(s, 'placement'),
            'sync_on_startup': False,
        },
        'api': {'auth_strategy': 'keystone'},
        'keystone_authtoken': _authtoken(s, 'placement'),
    }


def glance(s: Settings) -> Options:
    """Images."""
    directory = 'filesystem_store_datadir'
    return {
        'DEFAULT': {
            **_common(),
            'enabled_backends': 'fs:file',
            'enabled_import_methods': '[]',
            'node_staging_uri': f'file://{s.data}/staging',
        },
        'database': _database(s, 'glance'),
        'glance_store': {'default_backend': 'fs'},
        'fs': {directory: s.data / 'images'},
        'os_glance_staging_store': {directory: s.data / 'staging'},
        'os_glance_tasks_store': {directory: s.data / 'tasks'},
        'paste_deploy': {
            'flavor': 'keystone',
            'config_file': s.venv / 'etc/glance/glance-api-paste.ini',
        },
        'keystone_authtoken': _authtoken(s, 'glance'),
        'oslo_concurrency': _lock(s),
    }


def nova(s: Settings) -> Options:
    """Everything of Nova but its databases, which computes must not see."""
    return {
        'DEFAULT': {
            **_common(),
            'transport_url': s.transport,
            'state_path': s.data / 'nova',
            'my_ip': HOST,
            'host': 'controller',
            'osapi_compute_workers': 1,
            'allow_resize_to_same_host': True,
            'reserved_host_memory_mb': 0,
            'instance_usage_audit': False,
            'running_deleted_instance_poll_interval': 0,
            # Hosts are discovered at once, not within the first minute.
            'periodic_fuzzy_delay': 0,
        },
        # Watcher's cluster model listens to these.
        'notifications': {
            'notification_format': 'versioned',
            'notify_on_state_change': 'vm_and_task_state',
        },
        'oslo_messaging_notifications': {'driver': 'messagingv2'},
        'api': {'auth_strategy': 'keystone'},
        'wsgi': {'api_paste_config': s.venv / 'etc/nova/api-paste.ini'},
        'conductor': {'workers': 1},
        'scheduler': {
            'workers': 1,
            'discover_hosts_in_cells_interval': 2,
        },
        'filter_scheduler': {'enabled_filters': _FILTERS},
        'quota': {'cores': -1, 'instances': -1, 'ram': -1},
        'vnc': {'enabled': False},
        'spice': {'enabled': False},
        'upgrade_levels': {'compute': 'auto'},
        'keystone_authtoken': _authtoken(s, 'nova'),
        'oslo_concurrency': _lock(s),
        **_nova_clients(s),
    }


_FILTERS = (
    'ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,'
    'ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter,'
    'AggregateInstanceExtraSpecsFilter'
)


def _nova_clients(s: Settings) -> Options:
    return {
        'glance': auth(s, 'glance'),
        'placement': auth(s, 'placement'),
        'neutron': auth(s, 'neutron'),
        'service_user': {
            'send_service_user_token': True,
            **auth(s, 'nova'),
        },
        'cinder': {'catalog_info': 'volumev3::publicURL'},
    }


def nova_databases(s: Settings) -> Options:
    """In a file of its own: a compute refuses to start if it sees one."""
    return {
        'api_database': _database(s, 'nova_api'),
        'database': _database(s, 'nova_cell1'),
    }


def nova_compute(s: Settings, host: str) -> Options:
    """One hypervisor."""
    return {
        'DEFAULT': {
            'host': host,
            'state_path': s.data / host,
            'compute_driver': 'minicloud.MiniDriver',
            'initial_cpu_allocation_ratio': 4.0,
            'initial_ram_allocation_ratio': 1.0,
            'initial_disk_allocation_ratio': 1.0,
        },
        'oslo_concurrency': {'lock_path': s.data / host},
    }


def gnocchi(s: Settings) -> Options:
    """Measures."""
    files = {'driver': 'file', 'file_basepath': s.data / 'gnocchi'}
    return {
        'DEFAULT': {
            'debug': False,
            # threads of one process read files three times as slowly as one
            'parallel_operations': 1,
            'coordination_url': f'file://{s.data}/gnocchi-coord',
        },
        'api': {
            'auth_mode': 'keystone',
            'paste_config': s.etc / 'gnocchi-paste.ini',
        },
        'indexer': {'url': s.database('gnocchi')},
        'storage': files,
        'incoming': files,
        'metricd': {
            'workers': 1,
            'metric_processing_delay': 1,
            'metric_cleanup_delay': 300,
        },
        'keystone_authtoken': _authtoken(s, 'gnocchi'),
    }


def watcher(s: Settings) -> Options:
    """The optimizer our plugin lives in."""
    account = auth(s, 'watcher')
    public = {**account, 'valid_interfaces': 'public'}
    return {
        'DEFAULT': {
            **_common(),
            'transport_url': s.transport,
            'host': 'controller',
            'state_path': s.data / 'watcher',
        },
        'api': {'host': HOST, 'port': s.base_port + 5},
        'database': _database(s, 'watcher'),
        'oslo_messaging_notifications': {'driver': 'noop'},
        'keystone_authtoken': _authtoken(s, 'watcher'),
        'watcher_clients_auth': account,
        'keystone': public,
        # looks often, and has the patience of a slow machine
        'nova': {
            **public,
            'migration_interval': 0.5,
            'migration_max_retries': 1200,
        },
        'placement': public,
        'gnocchi_client': {
            'endpoint_type': 'public',
            'region_name': REGION,
        },
        'oslo_concurrency': _lock(s),
        **_watcher_pace(),
    }


def _watcher_pace() -> Options:
    """Seconds where a large cloud has minutes, and no Cinder."""
    return {
        'watcher_datasources': {
            'datasources': 'gnocchi',
            'query_max_retries': 2,
        },
        'collector': {'collector_plugins': 'compute'},
        'watcher_cluster_data_model_collectors.compute': {'period': 30},
        'watcher_applier': {'workers': 1},
        'watcher_decision_engine': {
            'max_audit_workers': 2,
            'check_periodic_interval': 30,
            'continuous_audit_interval': 1,
        },
        # Without it, flavors have no extra specs in the cluster model.
        'compute_model': {'enable_extended_attributes': True},
    }


def ceilometer(s: Settings) -> Options:
    """For ``ceilometer-upgrade`` only: Gnocchi's resource types."""
    return {
        'DEFAULT': {**_common(), 'transport_url': s.transport},
        'service_credentials': auth(s, 'ceilometer'),
    }
