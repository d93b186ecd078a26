"""Who the instances of an audit are, as far as behaviour is concerned."""

from collections.abc import Iterable
from collections.abc import Mapping

from oslo_config import cfg
from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.cloud import zones
from predictive_watcher.core import conditions
from predictive_watcher.core import fleet
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import profiling


LOG = log.getLogger(__name__)


def of(
    conf: cfg.ConfigOpts,
    instances: Iterable[fleet.Instance],
    leases: Iterable[leases_module.Lease],
    now: int,
    applications: Mapping[str, str] | None = None,
) -> dict[str, profiling.Subject]:
    """By instance id.  Kin are those of the application, of the project and
    the own flavor, of the flavor, of the project; local time is the
    project's.

    :param now: Unix seconds.
    :param applications: of `applications.of`; None: nobody's is known.
    """
    own = wiring.options(conf)
    held = {lease.instance_id: lease for lease in leases}
    usual = _zone(own.time_zone, now)
    zone_of = {
        project: _zone(name, now)
        for project, name in own.project_time_zones.items()
    }
    return {
        instance.id: profiling.Subject(
            name=instance.name,
            image=instance.image,
            kin=_kin(
                instance,
                (applications or {}).get(instance.id, ''),
                own_flavor(instance, held.get(instance.id)),
            ),
            zone=zone_of.get(instance.project_id, usual),
        )
        for instance in instances
    }


def _kin(
    instance: fleet.Instance, application: str, flavor: str
) -> tuple[str, ...]:
    project = instance.project_id
    return application, f'{project} {flavor}', flavor, project


def own_flavor(
    instance: fleet.Instance, lease: leases_module.Lease | None
) -> str:
    """The flavor that its owner chose: a lease changes for how long an
    instance has more room, not what it is.
    """
    name = instance.flavor.name
    if lease and name in (lease.flavor_name, lease.pending_flavor_name):
        return lease.origin_flavor_name
    return name


def _zone(name: str, now: int) -> conditions.Zone:
    """The zone; UTC where it is not known: that costs accuracy, no audit."""
    try:
        return zones.zone(name, now)
    except exceptions.InvalidConfig as error:
        LOG.warning('[predictive_watcher] %s; UTC is taken instead', error)
        return conditions.UTC
