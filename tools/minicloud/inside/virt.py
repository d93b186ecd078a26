"""Nova's fake hypervisor with believable hosts.

Node ids are stable across restarts, instances are adopted again after one,
and live migrations and resizes take a while.
"""

import sys
import time
from typing import Any
import uuid

from nova.compute import power_state
import nova.virt
from nova.virt import fake


VCPUS = 16
MEMORY_MIB = 32768
DISK_GB = 1000
LIVE_MIGRATION_S = 1.0
COLD_MIGRATION_S = 1.0


class MiniDriver(fake.FakeDriver):
    """One compute host."""

    vcpus = VCPUS
    memory_mb = MEMORY_MIB
    local_gb = DISK_GB
    capabilities = dict(fake.FakeDriver.capabilities)

    def _node_uuid(self, node: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, node))

    def get_available_resource(self, nodename: str) -> Any:
        """Resources, with the node's stable id."""
        resources = super().get_available_resource(nodename)
        if resources:
            resources['uuid'] = self._node_uuid(nodename)
        return resources

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Our one node, by its id."""
        return {self._node_uuid(n): n for n in self.get_available_nodes()}

    def get_host_uptime(self) -> str:
        """What ``uptime`` would print; upstream raises."""
        return ' 10:00:00 up 1 day,  0:00,  1 user,  load average: 0, 0, 0'

    def get_info(self, instance: Any, use_cache: bool = True) -> Any:
        """State of an instance, known here even after a restart."""
        known = instance.uuid in self.instances
        if not known and instance.host == self._host:
            self.instances[instance.uuid] = fake.FakeInstance(
                instance.name, power_state.RUNNING, instance.uuid
            )
        return super().get_info(instance, use_cache)

    def live_migration(
        self,
        context: Any,
        instance: Any,
        dest: str,
        post_method: Any,
        recover_method: Any,
        block_migration: bool = False,
        migrate_data: Any = None,
    ) -> None:
        """Take a while, then succeed."""
        time.sleep(LIVE_MIGRATION_S)
        post_method(context, instance, dest, block_migration, migrate_data)

    def post_live_migration(
        self,
        context: Any,
        instance: Any,
        block_device_info: Any,
        migrate_data: Any = None,
    ) -> None:
        """Forget the instance at its source."""
        if instance.uuid in self.instances:
            self.destroy(context, instance, None, block_device_info)

    def migrate_disk_and_power_off(self, *args: Any, **kwargs: Any) -> str:
        """Take a while, then succeed."""
        time.sleep(COLD_MIGRATION_S)
        return ''


def install() -> None:
    """Make ``compute_driver = minicloud.MiniDriver`` importable.

    Nova looks for drivers below ``nova.virt`` only.
    """
    module = sys.modules[__name__]
    sys.modules['nova.virt.minicloud'] = module
    nova.virt.minicloud = module
